"""The metrics of a step of supervised fine-tuning, for every trainer."""

import math
from typing import Any

from trainers.job import JobError
from trainers.losses import StepLosses


def require_finite(number: int, done: StepLosses) -> None:
    """`number` counts steps from 1."""
    if not (math.isfinite(done.perception) and math.isfinite(done.reasoning)):
        raise JobError(
            f"The loss was not finite at step {number} (L_p {done.perception}, L_r {done.reasoning}).",
            "Lower learning_rate, or raise warmup.",
        )


def step_metrics(number: int, done: StepLosses, tokens_p: int, tokens_r: int, norm: float) -> dict[str, Any]:
    """Shares of perception are of the tokens, of the weighted loss and, where measured, of the weighted gradients' norms."""
    share_p, share_r = done.weight * done.perception, (1 - done.weight) * done.reasoning
    values = {
        "step": number,
        "L_p": done.perception,
        "L_r": done.reasoning,
        "lambda": done.weight,
        "token_share_p": tokens_p / (tokens_p + tokens_r),
        "loss_share_p": share_p / (share_p + share_r),
        "grad_norm": norm,
    }
    if done.norm_p is None:
        return values
    pull_p, pull_r = done.weight * done.norm_p, (1 - done.weight) * done.norm_r
    share = pull_p / (pull_p + pull_r) if pull_p + pull_r > 0 else 0.5
    return values | {"grad_share_p": share, "grad_norm_p": done.norm_p, "grad_norm_r": done.norm_r}
