"""Advantages from rewards, within each group of responses to one prompt.

  group-std   A = (R - mean) / (std + 1e-6), as in verl; `std` is `unbiased` (verl, torch.std) or `population` (DeepSeekMath)
  none        A = R - mean: Dr. GRPO (arXiv 2503.20783), which finds that the division favours prompts of little variance
  per_reward  each part is normalised in its group first, then they are added with their weights, then divided by the standard
              deviation over the whole batch, whose mean is 0 by then: GDPO (arXiv 2601.05242). Else the parts are added first, as in GRPO.

With `credit: span` (`span_advantages`) the caption's tokens get α times the advantage of p alone, the others 1-α times that of a alone: at
α = 0.5 half the size of A, beside a divergence that weighs the same.

A group whose rewards are all equal has advantage 0. Everything here is float64: a batch is small.
"""

from dataclasses import dataclass

import numpy as np

from trainers.job import JobError

EPSILON = 1e-6  # verl's
STDS = {"unbiased": 1, "population": 0}


@dataclass(frozen=True)
class Normalization:
    """How rewards become advantages."""

    normalize: str
    std: str
    per_reward: bool

    def check(self) -> None:
        if self.normalize not in ("group-std", "none") or self.std not in STDS:
            raise JobError(f"There is no normalisation {self}.", "Use group-std or none, and unbiased or population.")


def advantages(rewards: list[tuple[float, np.ndarray]], size: int, how: Normalization) -> np.ndarray:
    """Advantages (N,) for weighted rewards, each (N,), in groups of `size` side by side."""
    if not how.per_reward:
        return _in_group(total(rewards), size, how)
    combined = total([(weight, _in_group(reward, size, how)) for weight, reward in rewards if weight])
    return combined / (combined.std(ddof=STDS[how.std]) + EPSILON)


def span_advantages(rewards: list[tuple[float, np.ndarray]], size: int, how: Normalization) -> np.ndarray:
    """Advantages (N, 2) of captions and of the rest, from the weighted rewards p and a: α A(p) and (1-α) A(a), each normalised in its
    group. Our own option: the paper has none."""
    return np.stack([weight * _in_group(reward, size, how) for weight, reward in rewards], 1)


def comparable(rewards: list[tuple[float, np.ndarray]], size: int, how: Normalization) -> np.ndarray:
    """The groups with something to compare (groups,): unequal R, or one unequal part if parts are normalised one by one."""
    compared = [reward for weight, reward in rewards if weight] if how.per_reward else [total(rewards)]
    return np.any([varied(reward, size) for reward in compared], axis=0)


def total(rewards: list[tuple[float, np.ndarray]]) -> np.ndarray:
    return sum((weight * reward for weight, reward in rewards), np.zeros(()))


def _in_group(reward: np.ndarray, size: int, how: Normalization) -> np.ndarray:
    groups = reward.reshape(-1, size)
    centred = groups - groups.mean(1, keepdims=True)
    if how.normalize == "group-std":
        centred = centred / (groups.std(1, ddof=STDS[how.std], keepdims=True) + EPSILON)
    # The mean of equal numbers may differ from them in the last bit, which the division would magnify.
    return np.where(varied(reward, size)[:, None], centred, 0.0).ravel()


def varied(reward: np.ndarray, size: int) -> np.ndarray:
    """The groups with unequal rewards, as a mask (groups,)."""
    groups = reward.reshape(-1, size)
    return groups.max(1) > groups.min(1)
