"""What GRPO descends along: the clipped policy loss, the divergence from the reference, and how tokens are weighed."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainers.job import JobError

FARTHEST = 20.0  # verl's bound on log ratios, so that their exponential is finite


@dataclass(frozen=True)
class Clipping:
    """1 - low … 1 + high bound the ratio; `dual`, if any, bounds the loss of a negative advantage from above (arXiv 1912.09729).

    0.2, 0.2 and 3.0 are verl's; 0.28 above is DAPO's clip-higher (arXiv 2503.14476).
    """

    low: float
    high: float
    dual: float | None


def policy_loss(new: Tensor, old: Tensor, advantage: Tensor, clipping: Clipping) -> Tensor:
    """Loss of every token (N, T) by its log-probability now and when it was sampled; `advantage` (N,)."""
    ratio = (new - old).clamp(-FARTHEST, FARTHEST).exp()
    advantage = advantage[:, None]
    plain = -advantage * ratio
    clipped = -advantage * ratio.clamp(1 - clipping.low, 1 + clipping.high)
    loss = torch.maximum(plain, clipped)
    if clipping.dual is None:
        return loss
    return torch.where(advantage < 0, torch.minimum(loss, -advantage * clipping.dual), loss)


def k3(new: Tensor, reference: Tensor) -> Tensor:
    """Schulman's estimate of KL(policy ‖ reference) from the sampled tokens' log-probabilities: never negative; bounds as in verl."""
    distance = (reference - new).clamp(-FARTHEST, FARTHEST)
    return (distance.exp() - distance - 1).clamp(-10, 10)


def exact_kl(new: Tensor, reference: Tensor) -> Tensor:
    """KL(policy ‖ reference) at every position, over the vocabulary: what k3 estimates, without its noise. Both (N, T, V) log-probabilities."""
    return (new.exp() * (new - reference)).sum(-1)


KL_KINDS = ("none", "k3", "exact")
AGGREGATES = ("token-mean", "sequence-mean", "constant")


def check_objective(kl: dict[str, Any], aggregate: str) -> None:
    if kl.get("kind") not in KL_KINDS:
        raise JobError(f"There is no divergence {kl}.", f"Use kind {', '.join(KL_KINDS)}.")
    if aggregate not in AGGREGATES:
        raise JobError(f"There is no aggregation `{aggregate}`.", f"Use {', '.join(AGGREGATES)}.")


def token_weights(lengths: Tensor, aggregate: str, longest: int) -> Tensor:
    """What each token of a response counts in the loss of a mini-batch (N,).

    token-mean     every token of the mini-batch the same: DAPO and verl's default
    sequence-mean  every response the same, its tokens shared out: the first GRPO (arXiv 2402.03300)
    constant       every token the same, by the same number in every mini-batch, the longest response: Dr. GRPO
    """
    rows = len(lengths)
    if aggregate == "token-mean":
        return torch.full((rows,), 1 / int(lengths.sum()), device=lengths.device)
    if aggregate == "sequence-mean":
        return 1 / (rows * lengths.float())
    return torch.full((rows,), 1 / (rows * longest), device=lengths.device)
