"""verl's record of a run as ours: its dumps of rollouts, `N.jsonl` for step N, and the lines of its file logger.

A dump has the texts and rewards of a step, without verdicts and without token ids. So the responses are judged again by the one scorer,
which must give the rewards that verl trained with; advantages are computed again too; tokens are counted by tokenizing the text,
which may differ by a few from what the model wrote. Whether a response was cut off is not in the record.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainers.advantages import Normalization, advantages, total, varied
from trainers.data import Split
from trainers.job import JobError
from trainers.recording import rollout_lines
from trainers.rewards import Judge, Judged
from trainers.sampling import Rollouts

# verl's rewards are float32.
SAME = 1e-5
METRICS = {
    "reward": "critic/score/mean",
    "loss": "actor/pg_loss",
    "clipped": "actor/pg_clipfrac",
    "grad_norm": "actor/grad_norm",
    "learning_rate": "actor/lr",
    "kl": "actor/kl_loss",
    "tokens": "response_length/mean",
    "cut": "response_length/clip_ratio",
    "sampler_difference": "training/rollout_probs_diff_mean",
}


@dataclass(frozen=True)
class Step:
    """One step's responses (N,), groups side by side: `rows` of the split, texts, and the rewards that verl gave."""

    rows: np.ndarray
    texts: list[str]
    scores: np.ndarray


def read_dump(path: Path, group: int, prompts: int, row_of: dict[str, int]) -> Step:
    """A step's dump, its groups ordered by their row of the split; a step has each prompt once."""
    found: dict[int, list[tuple[str, float]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        found.setdefault(row_of[entry["gts"]], []).append((entry["output"], float(entry["score"])))
    sizes = {len(responses) for responses in found.values()}
    if sizes != {group} or len(found) != prompts:
        raise JobError(
            f"verl's record {path.name} has {len(found)} prompts with {sorted(sizes)} responses, not {prompts} with {group}.",
            "Look in the job's log for responses that failed, then run the same command again.",
        )
    responses = [(row, *each) for row in sorted(found) for each in found[row]]
    places, texts, scores = zip(*responses)
    return Step(np.array(places), list(texts), np.array(scores))


def as_rollouts(step: Step, group: int, count: Callable[[str], int]) -> Rollouts:
    """The step as the judge takes it; token ids are unknown, their number is counted."""
    lengths = torch.tensor([count(text) for text in step.texts])
    unknown = torch.zeros(len(step.texts), 0, dtype=torch.long)
    return Rollouts(
        step.rows[::group], group, unknown, lengths, torch.zeros_like(lengths), np.zeros(len(step.texts), bool), step.texts
    )


@dataclass(frozen=True)
class Rewards:
    """R = α·p + (1-α)·a, and how it becomes advantages."""

    alpha: float
    perception: str
    normalization: Normalization

    def weighted(self, judged: Judged) -> list[tuple[float, np.ndarray]]:
        return [(self.alpha, judged.parts[self.perception]), (1 - self.alpha, judged.parts["outcome"])]


def judge_step(step: Step, rollouts: Rollouts, number: int, rewards: Rewards, judge: Judge) -> Judged:
    """The verdicts. If verl trained with other rewards, it did not use our reward function as it should have."""
    judge.hand(rollouts)
    judged = judge.fetch()
    ours = total(rewards.weighted(judged))
    worst = int(np.argmax(np.abs(ours - step.scores)))
    if abs(ours[worst] - step.scores[worst]) > SAME:
        raise JobError(
            f"verl gave a response of step {number} the reward {step.scores[worst]:.6f}, `pipe score` gives {ours[worst]:.6f}.",
            "Look in the job's log for what verl says about its reward function.",
        )
    return judged


def step_lines(step: int, rollouts: Rollouts, judged: Judged, rewards: Rewards, split: Split) -> Iterator[dict[str, Any]]:
    """Lines of `rollouts.jsonl` without `finished`, which is unknown."""
    weighted = rewards.weighted(judged)
    trained = {"total": total(weighted), "advantage": advantages(weighted, rollouts.size, rewards.normalization)}
    for line in rollout_lines(rollouts, judged, split, step, trained=trained):
        yield {name: value for name, value in line.items() if name != "finished"}


def step_metrics(step: int, rollouts: Rollouts, judged: Judged, rewards: Rewards, logged: dict[str, float | None]) -> dict[str, Any]:
    reward = total(rewards.weighted(judged))
    return {
        **shown(step, logged),
        "step": step,
        "reward": float(reward.mean()),
        **{name: float(values.mean()) for name, values in judged.parts.items()},
        "groups": len(rollouts.prompts),
        "alive": float(varied(reward, rollouts.size).mean()),
    }


def shown(step: int, logged: dict[str, float | None]) -> dict[str, float]:
    """The metrics of verl that we keep, by our names. Its log has null for what is not finite."""
    kept = {name: logged[theirs] for name, theirs in METRICS.items() if theirs in logged}
    broken = [METRICS[name] for name, value in kept.items() if value is None]
    if broken:
        raise JobError(f"verl's {broken[0]} was not finite at step {step}.", "Lower learning_rate, or raise warmup.")
    return {name: float(value) for name, value in kept.items() if value is not None}


def read_log(paths: list[Path]) -> dict[int, dict[str, float | None]]:
    """Metrics by step, from the logs of all attempts in order: a later attempt repeats the steps after its checkpoint."""
    found: dict[int, dict[str, float | None]] = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # the last line of an attempt that was killed
            if "training/global_step" in entry["data"]:
                found[int(entry["step"])] = entry["data"]
    return found
