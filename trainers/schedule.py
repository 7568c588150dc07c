"""The learning rate of every step."""

import math
from dataclasses import dataclass

from trainers.job import JobError

SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up to the peak at step `warmup`, which multiplies the kind's rate: constant, or half a cosine over all steps, warm-up
    included, whose end, `floor` times the peak, lies one step after the last."""

    kind: str
    peak: float
    warmup: int
    steps: int
    floor: float

    def check(self) -> None:
        if self.kind not in SCHEDULES:
            raise JobError(f"There is no schedule `{self.kind}`.", "Use `constant` or `cosine`.")

    @property
    def looks_at_the_end(self) -> bool:
        """True if each step depends on the number of steps, so that a longer training can't continue a shorter one."""
        return self.kind == "cosine"

    def rate(self, step: int) -> float:
        """The learning rate of step 0, 1, …"""
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        if self.kind == "constant":
            return self.peak * warm
        falling = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.peak * warm * (self.floor + (1 - self.floor) * falling)
