"""Reinforcement learning by GRPO with a reward for perception: `python -m trainers.grpo JOB_DIR`.

From input `model` (the start, and the reference of the divergence) and the pictures of a split of input `data`. A step: groups of
responses to some prompts are sampled; the one scorer judges them (rewards.py); R = α·p + (1-α)·a becomes advantages within each
group (advantages.py); mini-batches of whole groups descend along the clipped objective (objective.py). Writes a Hub model directory
with `metrics.jsonl` and `rollouts.jsonl.gz`.

The algorithm is GRPO (arXiv 2402.03300) as verl has it, with Dr. GRPO, DAPO and GDPO as options. Departures from verl and from
arXiv 2605.29496, all of them:

  * The models are micro models that see the image alone, or any image-text model of transformers, whose own departures are in
    hub_policy.py; the settings are ours, since the paper's are not known to us.
  * Mini-batches are whole groups in the order in which they were sampled; verl cuts the batch anywhere.
  * Advantages come from the mean reward in float64, the group's standard deviation being verl's unbiased one by default.
  * A divergence may be exact, over the vocabulary (KL(policy ‖ reference), what k3 estimates); verl has estimates only. Policy and
    reference are both taken at the sampling temperature.
  * Dynamic sampling drops groups whose rewards R are all equal, which have no advantages; where each reward is normalised apart, as in
    GDPO, those in which each is. To refill, further waves of prompts are sampled, up to a bound. DAPO (arXiv 2503.14476) goes on until
    the batch is full, and drops by accuracy, its reward, where ours is R.
  * No response is masked for its length, there is no overlong penalty, no entropy bonus, and the optimiser is AdamW with betas
    0.9 and 0.95.
  * `prompts: stream` takes each prompt of the split once, in order, and ends with an error where there are too few: fresh pictures
    are as many as `render` was asked for, since an image is drawn there and nowhere else.

Nothing random is drawn but by numbers that follow from (seed, step, wave, row, position) and orders that follow from (seed, step), so
there is no generator state to save, and on a CPU a resumed run equals an uninterrupted one to the bit. A run continues from the
newest checkpoint of the same identity: parameters (steps only if the schedule looks at them), data, and models.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers import checkpoint, endpoint
from trainers.advantages import Normalization, advantages, comparable, total
from trainers.data import BatchOrder, Split, read_split, split_files
from trainers.job import Job, JobError, Outcome, main
from trainers.learner import Descent, Learner, rows_of
from trainers.model_files import weight_files
from trainers.objective import Clipping, check_objective
from trainers.policy import load_policy, longest_response
from trainers.recording import packed, rollout_lines
from trainers.rewards import Judge, Judged, judge_for, reward_name
from trainers.sampling import Rollouts, Sampler, joined, stacked
from trainers.schedule import Schedule
from trainers.scorer import Scorer

CHECKPOINT_SECONDS = 30
CHECKPOINT_SHARE = 0.1  # of the time, at most: a large model's takes longer to write than a step
COSINE_FLOOR = 0.1
DYNAMIC = ("none", "drop", "refill")
SILENCE = 0.5  # the share of steps without anything to compare from which on a person is told


@dataclass(frozen=True)
class Params:
    """The parameters of a run, every one given (defaults are filled in by the stage)."""

    split: str
    prompts: str
    alpha: float
    perception: str | dict[str, str]
    captioner: dict[str, Any] | None
    solver: dict[str, Any] | None
    group: int
    prompts_per_step: int
    steps: int
    minibatches: int
    epochs: int
    temperature: float
    max_tokens: int | None
    normalize: str
    std: str
    per_reward: bool
    dynamic_sampling: dict[str, Any]
    clip_low: float
    clip_high: float
    dual_clip: float | None
    aggregate: str
    kl: dict[str, Any]
    learning_rate: float
    warmup: int
    schedule: str
    weight_decay: float
    grad_clip: float
    batch: int
    record_every: int
    seed: int

    def check(self) -> None:
        self.normalization.check()
        check_objective(self.kl, self.aggregate)
        if not 0 <= self.alpha <= 1:
            raise JobError(f"alpha is {self.alpha}.", "Use a number from 0 to 1.")
        self.pace.check()
        if self.dynamic_sampling.get("kind") not in DYNAMIC:
            raise JobError(f"There is no dynamic sampling {self.dynamic_sampling}.", f"Use kind {', '.join(DYNAMIC)}.")
        if self.minibatches > self.prompts_per_step:
            raise JobError(
                f"{self.prompts_per_step} prompts a step can't be cut into {self.minibatches} mini-batches of whole groups.",
                "Lower minibatches, or raise prompts_per_step.",
            )

    @property
    def normalization(self) -> Normalization:
        return Normalization(self.normalize, self.std, self.per_reward)

    def descent(self, longest: int) -> Descent:
        return Descent(
            clipping=Clipping(self.clip_low, self.clip_high, self.dual_clip),
            kl=self.kl,
            aggregate=self.aggregate,
            minibatches=self.minibatches,
            epochs=self.epochs,
            temperature=self.temperature,
            longest=longest,
            grad_clip=self.grad_clip,
            weight_decay=self.weight_decay,
            batch=self.batch,
        )

    @property
    def surrogates(self) -> tuple[str, ...]:
        return () if isinstance(self.perception, str) else (self.perception["surrogate"],)

    @property
    def waves(self) -> int:
        """How often a step may sample."""
        return self.dynamic_sampling["waves"] if self.dynamic_sampling["kind"] == "refill" else 1

    @property
    def pace(self) -> Schedule:
        return Schedule(self.schedule, self.learning_rate, self.warmup, self.steps, COSINE_FLOOR)

    @property
    def settings(self) -> dict[str, Any]:
        """What the result depends on."""
        return endpoint.without_address(asdict(self))

    @property
    def without_horizon(self) -> dict[str, Any]:
        """What two runs must share for one to continue the other."""
        values = self.settings
        return values if self.pace.looks_at_the_end else {name: value for name, value in values.items() if name != "steps"}


@dataclass(frozen=True)
class Wave:
    """What one sampling of a step gave; `old` (N, T) are the log-probabilities at that time, None where nobody needs them."""

    rollouts: Rollouts
    judged: Judged
    rewards: list[tuple[float, np.ndarray]]
    alive: np.ndarray  # which groups have something to compare (groups,)
    old: Tensor | None


class Trainer:
    """Everything that one step needs, and the state that a checkpoint holds."""

    def __init__(self, params: Params, split: Split, sampler: Sampler, judge: Judge, learner: Learner):
        self.params, self.split = params, split
        self.sampler, self.judge, self.learner = sampler, judge, learner
        self.order = prompt_order(params, len(split))
        self.last: dict[str, Any] = {}  # what is known of the latest step
        self.metrics: list[dict[str, Any]] = []  # and of every step
        self.recorded = bytearray()  # gzip members
        self.closing = b""  # the last step's, kept only because it is the last: a longer run goes on without them

    def step(self, step: int) -> dict[str, float]:
        """One step, numbered from 0; returns where its time went, in seconds."""
        began = time.monotonic()
        waves = list(self._waves(step))
        sampled = time.monotonic()
        rollouts, advantage, old = self._chosen(waves)
        learned = self.learner.learn(self.params.pace.rate(step), rollouts, advantage, old)
        ended = time.monotonic()
        self._record(step + 1, waves, advantage, learned)
        return {"seconds": ended - began, "sampling": sampled - began, "rollouts": sum(len(wave.rollouts) for wave in waves)}

    def _waves(self, step: int) -> Iterator[Wave]:
        """Sample and judge until there are enough groups to learn from; the scorer works while old log-probabilities are computed."""
        params, wanted = self.params, self.params.prompts_per_step
        for wave in range(params.waves):
            rollouts = self.sampler(self.order(step * params.waves + wave), [params.seed, step, wave])
            self.judge.hand(rollouts)
            old = self.learner.before(rollouts)
            judged = self.judge.fetch()
            rewards = [(params.alpha, judged.parts[reward_name(params.perception)]), (1 - params.alpha, judged.parts["outcome"])]
            alive = comparable(rewards, rollouts.size, params.normalization)
            yield Wave(rollouts, judged, rewards, alive, old)
            wanted -= int(alive.sum())
            if wanted <= 0:
                return

    def _chosen(self, waves: list[Wave]) -> tuple[Rollouts, np.ndarray, Tensor | None]:
        """The groups to learn from with their advantages, in the order of sampling; dropped ones are left out."""
        everything = joined([wave.rollouts for wave in waves])
        rewards = [
            (weight, np.concatenate([wave.rewards[index][1] for wave in waves])) for index, (weight, _) in enumerate(waves[0].rewards)
        ]
        groups = np.arange(len(everything.prompts))
        if self.params.dynamic_sampling["kind"] != "none":
            groups = groups[np.concatenate([wave.alive for wave in waves])][: self.params.prompts_per_step]
        rows = rows_of(groups, everything.size)
        kept = [(weight, reward[rows]) for weight, reward in rewards]
        advantage = advantages(kept, everything.size, self.params.normalization) if len(rows) else np.zeros(0)
        # A dropped group is recorded without an advantage.
        self.advantage = np.full(len(everything), np.nan)
        self.advantage[rows] = advantage
        old = None if waves[0].old is None else stacked([wave.old for wave in waves])[rows]
        return everything.only(groups), advantage, old

    def _record(self, number: int, waves: list[Wave], advantage: np.ndarray, learned: dict[str, float]) -> None:
        judged = {name: np.concatenate([wave.judged.parts[name] for wave in waves]) for name in waves[0].judged.parts}
        everything = joined([wave.rollouts for wave in waves])
        reward = np.concatenate([total(wave.rewards) for wave in waves])
        alive = np.concatenate([wave.alive for wave in waves])
        self.last = {
            "step": number,
            "reward": mean(reward),
            **{name: mean(values) for name, values in judged.items()},
            "groups": len(everything.prompts),
            "alive": mean(alive),
            "learned_from": len(advantage),
            "tokens": mean(everything.lengths.numpy()),
            "finished": mean(everything.finished),
            "learning_rate": self.params.pace.rate(number - 1),
            **learned,
        }
        self.metrics.append(self.last)
        self.closing = b""
        if number % self.params.record_every and number != self.params.steps:
            return
        reasons = [reason for wave in waves for reason in wave.judged.reasons]
        trained = {"total": reward, "advantage": self.advantage}
        lines = packed(rollout_lines(everything, Judged(judged, reasons), self.split, number, trained=trained))
        if number % self.params.record_every:
            self.closing = lines
        else:
            self.recorded += lines

    def state(self) -> dict[str, Any]:
        return {
            "model": self.learner.policy.model.state_dict(),
            "optimizer": self.learner.optimizer.state_dict(),
            "last": self.last,
            "metrics": self.metrics,
            "recorded": as_tensor(self.recorded),
            "closing": as_tensor(self.closing),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.learner.policy.model.load_state_dict(state["model"])
        self.learner.optimizer.load_state_dict(state["optimizer"])
        self.last, self.metrics = state["last"], state["metrics"]
        self.recorded = bytearray(state["recorded"].numpy().tobytes())
        self.closing = state["closing"].numpy().tobytes()


def as_tensor(data: bytes | bytearray) -> Tensor:
    return torch.tensor(np.frombuffer(data, dtype=np.uint8))


def mean(values: np.ndarray | list[float]) -> float:
    return float(np.mean(values))


def prompt_order(params: Params, rows: int):
    """Which rows of the split a sampling sees: reshuffled every time around, or each once."""
    if params.prompts == "split":
        return BatchOrder(rows, params.prompts_per_step, params.seed)
    need = params.steps * params.waves * params.prompts_per_step
    if rows < need:
        raise JobError(
            f"A stream of {params.steps} steps takes {need} prompts; split `{params.split}` has {rows}.",
            f"Render {need} of them, or use `prompts: split`, which goes around.",
        )
    return lambda sampling: np.arange(sampling * params.prompts_per_step, (sampling + 1) * params.prompts_per_step)


def work(job: Job) -> Outcome:
    params = Params(**job.params)
    params.check()
    split = read_split(job.inputs["data"], params.split, any_size=True)
    policy = load_policy(job.inputs["model"], split, params.batch)
    longest = longest_response(policy, params.max_tokens)
    reference = None if params.kl["kind"] == "none" else load_policy(job.inputs["model"], split, params.batch)
    sampler = Sampler(policy, params.group, params.temperature, longest, job.exit_if_stopping)
    with Scorer(job.scorer) as scorer:
        judge = judge_for(job, params.surrogates, scorer, split, policy)
        trainer = Trainer(params, split, sampler, judge, Learner(params.descent(longest), policy, reference))
        models = [job.inputs[name] for name in ("model", "captioner", "solver") if name in job.inputs]
        files = [*split_files(job.inputs["data"], params.split), *(path for model in models for path in weight_files(model))]
        identity = checkpoint.identity(params.without_horizon, files)
        resumed = checkpoint.load_newest(job.checkpoints, identity, params.steps, lambda message: job.log("warn", message))
        start = 0
        if resumed:
            start, state = resumed
            trainer.restore(state)
            job.log("info", f"Continuing from the checkpoint of step {start}.")
        train(job, trainer, scorer, identity, start)
    warn_of_silence(job, trainer.metrics)

    policy.save(job.output, card(job.inputs["model"], params))
    (job.output / "rollouts.jsonl.gz").write_bytes(bytes(trainer.recorded) + trainer.closing)
    lines = "".join(json.dumps(line) + "\n" for line in trainer.metrics)
    (job.output / "metrics.jsonl").write_text(lines, encoding="utf-8")
    return Outcome(trainer.last, start or None)


def train(job: Job, trainer: Trainer, scorer: Scorer, identity: str, start: int) -> None:
    """Steps `start` to the last; leaves a checkpoint behind at the end, and on the way out when told to stop."""
    steps = trainer.params.steps
    saved_at, saved_step, pause = time.monotonic(), start, CHECKPOINT_SECONDS
    for step in range(start, steps):
        waited = scorer.waited
        try:
            spent = trainer.step(step)
        except SystemExit:  # told to stop while it sampled, when nothing had changed yet
            checkpoint.save(job.checkpoints, step, identity, trainer.state())
            raise
        done = step + 1
        values = {name: value for name, value in trainer.last.items() if name != "step"}
        times = {
            "seconds": spent["seconds"],
            "sampling_share": spent["sampling"] / spent["seconds"],
            "scorer_share": (scorer.waited - waited) / spent["seconds"],
            "rollouts_per_second": spent["rollouts"] / spent["seconds"],
        }
        job.metrics(done, values | {name: round(value, 4) for name, value in times.items()})
        job.progress(done, steps, "steps")
        now = time.monotonic()
        if job.stopping or now - saved_at > pause:
            checkpoint.save(job.checkpoints, done, identity, trainer.state())
            saved_at, saved_step = time.monotonic(), done
            pause = max(CHECKPOINT_SECONDS, (saved_at - now) / CHECKPOINT_SHARE)
            job.exit_if_stopping()
    if saved_step != steps:
        checkpoint.save(job.checkpoints, steps, identity, trainer.state())


def warn_of_silence(job: Job, metrics: list[dict[str, Any]]) -> None:
    """Where rewards had little to say, no error tells, and the model looks like any other."""
    silent = sum(line["alive"] == 0 for line in metrics)
    share = silent / len(metrics)
    if share < SILENCE:
        return
    nothing = " Its rewards have taught this model nothing." if silent == len(metrics) else ""
    job.log(
        "warn",
        f"In {silent} of {len(metrics)} steps ({share:.0%}) no group had rewards that differ, so there was nothing to compare.{nothing} "
        f"The mean reward of all steps is {mean([line['reward'] for line in metrics]):.2f}: try easier prompts where it is low, harder ones "
        "where it is high, a larger group, or a higher temperature.",
    )


def card(start: Path, params: Params) -> str:
    """The card of the start, and what was done to it since."""
    settings = json.dumps(params.settings, indent=2, ensure_ascii=False)
    readme = start / "README.md"
    before = readme.read_text(encoding="utf-8").rstrip() if readme.exists() else "A model that came without a card."
    return f"""{before}

# Reinforcement learning

What stands above is of the model this one started from. It went on by GRPO, `trainers/grpo.py` of `pipe`, with

```json
{settings}
```

`metrics.jsonl` has every step, `rollouts.jsonl.gz` the responses and every part of their rewards.
"""


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sys.exit(main(work))
