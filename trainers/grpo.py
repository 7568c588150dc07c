"""Reinforcement learning by GRPO with a reward for perception: `python -m trainers.grpo JOB_DIR`.

From input `model` (the start, and the reference of the divergence) and the pictures of a split of input `data`. A step: groups of
responses to some prompts are sampled; the one scorer judges them (rewards.py); R = α·p + (1-α)·a becomes advantages within each
group (advantages.py); mini-batches of whole groups descend along the clipped objective (objective.py). Writes a Hub model directory
with `metrics.jsonl` and `rollouts.jsonl.gz`.

The algorithm is GRPO (arXiv 2402.03300) as verl has it, with Dr. GRPO, DAPO and GDPO as options. Departures from verl and from
arXiv 2605.29496, all of them:

  * The models are micro models that see the image alone, or any image-text model of transformers, whose own departures are in
    hub_policy.py; the settings are ours, since we do not know the paper's.
  * Mini-batches are whole groups in the order of sampling; verl cuts the batch anywhere.
  * Advantages are computed in float64, verl's in float32. The group's standard deviation is unbiased by default, as in verl.
  * A divergence may be exact, over the vocabulary (KL(policy ‖ reference), what k3 estimates); verl has estimates only. Policy and
    reference are both taken at the sampling temperature.
  * Dynamic sampling drops groups whose rewards R are all equal, which have no advantages; if each reward is normalised by itself, as in
    GDPO, groups in which every reward is constant. `refill` samples further waves of prompts, up to a bound; a step that needs fewer
    waves leaves the prompts of the others out of this pass over the split. DAPO (arXiv 2503.14476)
    continues until the batch is full, and drops by accuracy, which is its reward; ours is R.
  * Our own options, without a source: α may change linearly over the steps (`alpha_end`), the advantage of p may go to the caption's
    tokens alone and that of a to the others (`credit: span`), and a caption's token may count more (`caption_weight`).
    `ratio: sequence` is GSPO's (arXiv 2507.18071).
  * On a GPU a micro model's attention over text is in float16 and other products in TF32 (forward.py); losses and sums are in float32.
  * No response is masked for its length, there is no overlong penalty, no entropy bonus, and the optimiser is AdamW with betas
    0.9 and 0.95.
  * `prompts: stream` takes each prompt of the split once, in order, and ends with an error if there are too few: only `render` draws
    pictures, so it must draw as many as the run needs.

Random numbers are a function of (seed, step, wave, row, position), batch orders of (seed, step); loop.py resumes runs.
"""

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

from trainers import endpoint, loop
from trainers.advantages import Normalization, advantages, comparable, span_advantages, total
from trainers.card import later_card
from trainers.data import BatchOrder, Split, read_split, split_files
from trainers.job import Job, JobError, Outcome, main
from trainers.learner import Descent, Learner
from trainers.model_files import weight_files
from trainers.objective import Clipping, check_objective
from trainers.policy import load_policy, longest_response
from trainers.recording import packed, rollout_lines
from trainers.rewards import Judge, Judged, judge_for, reward_name
from trainers.sampling import Rollouts, Sampler, joined, rows_of, stacked
from trainers.schedule import Schedule
from trainers.scorer import Scorer
from trainers.streams import stream
from trainers.validation import validation_files, validation_for

COSINE_FLOOR = 0.1
DYNAMIC = ("none", "drop", "refill")
CREDITS = ("response", "span")
SILENCE = 0.5  # the share of steps with nothing to compare from which on a warning is logged


@dataclass(frozen=True)
class Params:
    """The parameters of a run, every one given (defaults are filled in by the stage)."""

    split: str
    prompts: str
    alpha: float
    alpha_end: float | None
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
    credit: str
    dynamic_sampling: dict[str, Any]
    clip_low: float
    clip_high: float
    dual_clip: float | None
    ratio: str
    aggregate: str
    caption_weight: float
    kl: dict[str, Any]
    learning_rate: float
    warmup: int
    schedule: str
    weight_decay: float
    grad_clip: float
    batch: int
    record_every: int
    validate: dict[str, Any] | None
    seed: int

    def check(self) -> None:
        self.normalization.check()
        check_objective(self.kl, self.aggregate, self.ratio)
        for alpha in (self.alpha, self.last_alpha):
            if not 0 <= alpha <= 1:
                raise JobError(f"alpha is {alpha}.", "Use a number from 0 to 1.")
        if self.credit not in CREDITS:
            raise JobError(f"There is no credit `{self.credit}`.", f"Use {', '.join(CREDITS)}.")
        if self.credit == "span" and self.per_reward:
            raise JobError("Span credit normalises each reward separately already.", "Leave out per_reward.")
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
        return Normalization(self.normalize, self.std, self.per_reward or self.credit == "span")

    @property
    def last_alpha(self) -> float:
        return self.alpha if self.alpha_end is None else self.alpha_end

    def alpha_at(self, step: int) -> float:
        """α of a step, numbered from 0: from `alpha` in the first to `alpha_end` in the last, linearly."""
        return self.alpha + (self.last_alpha - self.alpha) * (step / max(1, self.steps - 1))

    def descent(self, longest: int) -> Descent:
        return Descent(
            clipping=Clipping(self.clip_low, self.clip_high, self.dual_clip),
            ratio=self.ratio,
            kl=self.kl,
            aggregate=self.aggregate,
            caption_weight=self.caption_weight,
            minibatches=self.minibatches,
            groups=-(-self.prompts_per_step // self.minibatches),
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
        """The settings that the result depends on. An older training, without `validate`, keeps its identity."""
        settings = endpoint.without_address(asdict(self))
        return settings if self.validate else {name: value for name, value in settings.items() if name != "validate"}


@dataclass(frozen=True)
class Wave:
    """One sampling of a step; `old` (N, T) are the log-probabilities at that time, None if the loss needs none."""

    rollouts: Rollouts
    judged: Judged
    rewards: list[tuple[float, np.ndarray]]
    alive: np.ndarray  # the groups with something to compare (groups,)
    old: Tensor | None


class Trainer(loop.Trainer):
    """The policy, its prompts and its rewards."""

    def __init__(self, params: Params, split: Split, sampler: Sampler, judge: Judge, scorer: Scorer, learner: Learner):
        super().__init__(learner.policy.model, learner.optimizer)
        self.params, self.split = params, split
        self.sampler, self.judge, self.scorer, self.learner = sampler, judge, scorer, learner
        self.order = prompt_order(params, len(split))
        self.times: dict[str, float] = {}  # of the latest step
        self.recorded = bytearray()  # gzip members
        self.closing = b""  # the last step's, recorded only because it is the last: a longer run does not keep them

    def step(self, step: int) -> None:
        """One step, numbered from 0."""
        began, waited = time.monotonic(), self.scorer.waited
        waves = list(self._waves(step))
        sampled = time.monotonic()
        rollouts, advantage, old = self._chosen(waves)
        learned = self.learner.learn(self.params.pace.rate(step), rollouts, advantage, old)
        seconds = time.monotonic() - began
        self.times = {
            "seconds": seconds,
            "sampling_share": (sampled - began) / seconds,
            "scorer_share": (self.scorer.waited - waited) / seconds,
            "rollouts_per_second": sum(len(wave.rollouts) for wave in waves) / seconds,
        }
        self._record(step + 1, waves, advantage, learned)

    def speed(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in self.times.items()}

    def _waves(self, step: int) -> Iterator[Wave]:
        """Samples and judges until there are enough groups to learn from. The scorer works meanwhile: on a GPU from the first responses
        on that have ended, and while old log-probabilities are computed."""
        params, wanted = self.params, self.params.prompts_per_step
        for wave in range(params.waves):
            prompts, random = self.order(step * params.waves + wave), stream("wave", params.seed, step, wave)
            rollouts = self.sampler(prompts, random, on_ended=self.judge.ask_early)
            self.judge.hand(rollouts)
            old = self.learner.before(rollouts)
            judged = self.judge.fetch()
            alpha = params.alpha_at(step)
            rewards = [(alpha, judged.parts[reward_name(params.perception)]), (1 - alpha, judged.parts["outcome"])]
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
        by_span = self.params.credit == "span"
        compute, none = (span_advantages, np.zeros((0, 2))) if by_span else (advantages, np.zeros(0))
        advantage = compute(kept, everything.size, self.params.normalization) if len(rows) else none
        # A dropped group is recorded without an advantage.
        self.advantage = np.full((len(everything), *advantage.shape[1:]), np.nan)
        self.advantage[rows] = advantage
        before = [wave.old for wave in waves if wave.old is not None]
        old = stacked(before)[rows] if before else None
        return everything.only(groups), advantage, old

    def _record(self, number: int, waves: list[Wave], advantage: np.ndarray, learned: dict[str, float]) -> None:
        judged = {name: np.concatenate([wave.judged.parts[name] for wave in waves]) for name in waves[0].judged.parts}
        everything = joined([wave.rollouts for wave in waves])
        reward = np.concatenate([total(wave.rewards) for wave in waves])
        alive = np.concatenate([wave.alive for wave in waves])
        self.record({
            "step": number,
            "reward": mean(reward),
            **{name: mean(values) for name, values in judged.items()},
            "groups": len(everything.prompts),
            "alive": mean(alive),
            "learned_from": len(advantage),
            **({} if self.params.alpha_end is None else {"alpha": self.params.alpha_at(number - 1)}),
            "tokens": mean(everything.lengths.numpy()),
            "finished": mean(everything.finished),
            "learning_rate": self.params.pace.rate(number - 1),
            **learned,
        })
        self.closing = b""
        if number % self.params.record_every and number != self.params.steps:
            return
        reasons = [reason for wave in waves for reason in wave.judged.reasons]
        trained = {"total": reward} | recorded_advantages(self.advantage)
        lines = packed(rollout_lines(everything, Judged(judged, reasons), self.split, number, trained=trained))
        if number % self.params.record_every:
            self.closing = lines
        else:
            self.recorded += lines

    def state(self) -> dict[str, Any]:
        return super().state() | {"recorded": as_tensor(self.recorded), "closing": as_tensor(self.closing)}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self.recorded = bytearray(state["recorded"].numpy().tobytes())
        self.closing = state["closing"].numpy().tobytes()


def recorded_advantages(advantage: np.ndarray) -> dict[str, np.ndarray]:
    """By name: of the response (N,), or from (N, 2) of its caption and of the rest."""
    if advantage.ndim == 1:
        return {"advantage": advantage}
    return {"caption_advantage": advantage[:, 0], "advantage": advantage[:, 1]}


def as_tensor(data: bytes | bytearray) -> Tensor:
    return torch.tensor(np.frombuffer(data, dtype=np.uint8))


def mean(values: np.ndarray | list[float]) -> float:
    return float(np.mean(values))


def prompt_order(params: Params, rows: int):
    """The rows of the split for each sampling: reshuffled every epoch, or each row once."""
    if params.prompts == "split":
        return BatchOrder(rows, params.prompts_per_step, params.seed)
    need = params.steps * params.waves * params.prompts_per_step
    if rows < need:
        raise JobError(
            f"A stream of {params.steps} steps takes {need} prompts; split `{params.split}` has {rows}.",
            f"Render {need} of them, or use `prompts: split`, which repeats them.",
        )
    return lambda sampling: np.arange(sampling * params.prompts_per_step, (sampling + 1) * params.prompts_per_step)


def work(job: Job) -> Outcome:
    params = Params(**job.params)
    params.check()
    job.phase("data")
    split = read_split(job.inputs["data"], params.split, any_size=True)
    job.phase("model")
    policy = load_policy(job.inputs["model"], split, params.batch)
    longest = longest_response(policy, params.max_tokens)
    reference = None if params.kl["kind"] == "none" else load_policy(job.inputs["model"], split, params.batch)
    sampler = Sampler(policy, params.group, params.temperature, longest, job.exit_if_stopping)
    with Scorer(job.scorer) as scorer:
        judge = judge_for(job, params.surrogates, scorer, split, policy)
        trainer = Trainer(params, split, sampler, judge, scorer, Learner(params.descent(longest), policy, reference))
        models = [job.inputs[name] for name in ("model", "captioner", "solver") if name in job.inputs]
        models += job.fan_ins.get("captioners", [])
        files = [*split_files(job.inputs["data"], params.split), *(path for model in models for path in weight_files(model))]
        files += validation_files(job, params.validate, "data")
        # Where α changes until the last step, a run with another number of steps is another run.
        settings = params.settings if params.alpha_end is None else params.settings | {"alpha_until": params.steps}
        identity = loop.run_identity(settings, params.pace, files)
        with validation_for(job, params.validate, "data", policy.on, longest) as validation:
            resumed_from = loop.train(job, trainer, params.steps, identity, validation)
    warn_of_silence(job, trainer.metrics)

    job.phase("output")
    policy.save(job.output, card_of(job.inputs["model"], params.settings, "`trainers/grpo.py` of `pipe`"))
    (job.output / "rollouts.jsonl.gz").write_bytes(bytes(trainer.recorded) + trainer.closing)
    loop.write_metrics(job, trainer)
    return Outcome(trainer.last, resumed_from)


def warn_of_silence(job: Job, metrics: list[dict[str, Any]]) -> None:
    """Warns if few groups had different rewards: no error follows, and the model looks like any other."""
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


def card_of(start: Path, params: dict[str, Any], trainer: str) -> str:
    files = "`metrics.jsonl` has every step, `rollouts.jsonl.gz` the responses and every part of their rewards."
    return later_card(start, "Reinforcement learning", f"It went on by GRPO, {trainer}, with", params, files)


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sys.exit(main(work))
