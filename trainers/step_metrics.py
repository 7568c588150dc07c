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
    loss_p, loss_r, weight = float(done.perception), float(done.reasoning), float(done.weight)
    share_p, share_r = weight * loss_p, (1 - weight) * loss_r
    values = {
        "step": number,
        "L_p": loss_p,
        **({"L_r": loss_r} if tokens_r else {}),
        "lambda": weight,
        "token_share_p": tokens_p / (tokens_p + tokens_r),
        "loss_share_p": _share(share_p, share_r),
        "grad_norm": norm,
    }
    if done.norm_p is None or done.norm_r is None:
        return values
    norm_p, norm_r = float(done.norm_p), float(done.norm_r)
    pull_p, pull_r = weight * norm_p, (1 - weight) * norm_r
    return values | {"grad_share_p": _share(pull_p, pull_r), "grad_norm_p": norm_p, "grad_norm_r": norm_r}


def _share(part: float, rest: float) -> float:
    """One half where both are 0, as of a span that is learned by heart when λ is 1."""
    return part / (part + rest) if part + rest > 0 else 0.5
