"""The metrics of a step of supervised fine-tuning, for every trainer."""

import math
from typing import Any

from trainers.job import JobError
from trainers.losses import StepLosses


def require_finite(number: int, done: StepLosses, norm: float) -> None:
    """Fails if a loss or the gradient's `norm` is not finite: its step would make every weight NaN. `number` counts steps from 1."""
    numbers = {"L_p": done.perception, "L_r": done.reasoning, "gradient norm": norm}
    if not all(map(math.isfinite, numbers.values())):
        said = ", ".join(f"{name} {value}" for name, value in numbers.items())
        raise JobError(f"Step {number} was not finite: {said}.", "Lower learning_rate, or raise warmup.")


def step_metrics(number: int, done: StepLosses, tokens_p: int, tokens_r: int, norm: float) -> dict[str, Any]:
    """Shares of perception are of the tokens, of the weighted loss and, where measured, of the weighted gradients' norms. L_r is left out
    where captions alone are learned."""
    share_p, share_r = done.weight * done.perception, (1 - done.weight) * done.reasoning
    values = {
        "step": number,
        "L_p": done.perception,
        **({"L_r": done.reasoning} if tokens_r else {}),
        "lambda": done.weight,
        "token_share_p": tokens_p / (tokens_p + tokens_r),
        "loss_share_p": _share(share_p, share_r),
        "grad_norm": norm,
    }
    if done.norm_p is None:
        return values
    pull_p, pull_r = done.weight * done.norm_p, (1 - done.weight) * done.norm_r
    return values | {"grad_share_p": _share(pull_p, pull_r), "grad_norm_p": done.norm_p, "grad_norm_r": done.norm_r}


def _share(part: float, rest: float) -> float:
    """One half where both are 0, as of a span that is learned by heart when λ is 1."""
    return part / (part + rest) if part + rest > 0 else 0.5
