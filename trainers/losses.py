"""The span loss: how much perception and how much reasoning count in a training step.

With the perception span p (the caption) and the reasoning span r (the rest of the response),

    L_p, L_r = mean cross-entropy over the tokens of each span, over the *global* batch (accumulation included)
    L        = λ L_p + (1 - λ) L_r                                                       (arXiv 2605.29496)

  token   λ = n_p / (n_p + n_r), the token-averaged loss of ordinary fine-tuning; n counts the tokens of a span in the batch
  fixed   λ is given
  ngdiff  λ_t = ‖g_r‖ / (‖g_p‖ + ‖g_r‖) with g_p, g_r the gradients of L_p and L_r, whole-model L2 norms, detached

NGDiff is from arXiv 2410.22086 (unlearning), which descends along g_R/‖g_R‖ - g_F/‖g_F‖. Ours are the plus sign, since both
losses are to fall, and the scale: λ_t g_p + (1 - λ_t) g_r is parallel to g_p/‖g_p‖ + g_r/‖g_r‖ but as long as an ordinary
gradient, so that clipping and the learning rate mean the same for all three losses. Norms are taken after accumulation.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from trainers.job import JobError


@dataclass(frozen=True)
class Spans:
    """One micro-batch: what the model says of the `targets` (B, T), and the tokens of each span as masks (B, T).

    The logits come in two pieces: `head` (B, H, V) up to the end of the longest caption, `tail` (B, T - H, V) after it.
    """

    head: Tensor
    tail: Tensor
    targets: Tensor
    perception: Tensor
    reasoning: Tensor


Number = float | Tensor


@dataclass(frozen=True)
class StepLosses:
    """One optimiser step: both losses and the λ used; `norm_p` and `norm_r` are ‖g_p‖ and ‖g_r‖ where they were measured."""

    perception: Number
    reasoning: Number
    weight: Number
    norm_p: Number | None = None
    norm_r: Number | None = None


def check_loss(loss: dict[str, Any]) -> dict[str, Any]:
    """The loss parameter, or an error that says what it may be."""
    kind = loss.get("kind")
    if kind == "fixed" and 0 <= loss.get("lambda", -1) <= 1 or kind in ("token", "ngdiff"):
        return loss
    raise JobError(
        f"There is no loss {loss}.", 'Use {"kind": "token"}, {"kind": "fixed", "lambda": 0 to 1} or {"kind": "ngdiff"}.'
    )


def span_losses(spans: Spans, tokens_p: int | Tensor, tokens_r: int | Tensor) -> tuple[Tensor, Tensor]:
    """This micro-batch's share of L_p and L_r: sums over its spans, divided by the spans' tokens in the global batch."""
    captions = spans.head.shape[1]
    head = _cross_entropy(spans.head, spans.targets[:, :captions])
    tail = _cross_entropy(spans.tail, spans.targets[:, captions:])
    sum_p = (head * spans.perception[:, :captions]).sum()
    # Where a caption is shorter than the longest, reasoning begins in the head already.
    sum_r = (head * spans.reasoning[:, :captions]).sum() + (tail * spans.reasoning[:, captions:]).sum()
    return sum_p / tokens_p, sum_r / tokens_r


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)


def backward(
    loss: dict[str, Any],
    micro_batches: Iterable[Spans],
    tokens_p: int | Tensor,
    tokens_r: int | Tensor,
    parameters: list[Tensor],
    read: Callable[[Tensor], Number] = float,
) -> StepLosses:
    """Set `.grad` of every parameter to one step's gradient. Micro-batches are consumed one at a time: one graph is alive.

    `read` makes numbers of tensors; where a step must not wait for its results it leaves them what they are.
    """
    if loss["kind"] == "ngdiff":
        return _backward_ngdiff(micro_batches, tokens_p, tokens_r, parameters, read)
    weight = loss["lambda"] if loss["kind"] == "fixed" else tokens_p / (tokens_p + tokens_r)
    for parameter in parameters:
        parameter.grad = None
    total_p = total_r = 0.0
    for spans in micro_batches:
        loss_p, loss_r = span_losses(spans, tokens_p, tokens_r)
        (weight * loss_p + (1 - weight) * loss_r).backward()
        total_p, total_r = total_p + loss_p.detach(), total_r + loss_r.detach()
    return StepLosses(read(total_p), read(total_r), weight)


def _backward_ngdiff(
    micro_batches: Iterable[Spans],
    tokens_p: int | Tensor,
    tokens_r: int | Tensor,
    parameters: list[Tensor],
    read: Callable[[Tensor], Number],
) -> StepLosses:
    """One forward pass, two backward passes over its graph.

    The first of them is the cheap one: the caption comes first and attention is causal, so L_p's graph ends with the caption,
    provided that the forward pass computed what follows the caption separately (forward.py does).
    """
    gradients_p = gradients_r = None
    total_p = total_r = 0.0
    for spans in micro_batches:
        loss_p, loss_r = span_losses(spans, tokens_p, tokens_r)
        gradients_p = _add(gradients_p, torch.autograd.grad(loss_p, parameters, retain_graph=True))
        gradients_r = _add(gradients_r, torch.autograd.grad(loss_r, parameters))
        total_p, total_r = total_p + loss_p.detach(), total_r + loss_r.detach()
    norm_p, norm_r = (read(torch.nn.utils.get_total_norm(gradients)) for gradients in (gradients_p, gradients_r))
    weight = _balance(norm_p, norm_r)
    for parameter, gradient in zip(parameters, _weigh(gradients_p, gradients_r, weight)):
        parameter.grad = gradient
    return StepLosses(read(total_p), read(total_r), weight, norm_p, norm_r)


def _balance(norm_p: Number, norm_r: Number) -> Number:
    """λ_t. Both gradients vanish only at a perfect fit, where any weight will do."""
    both = norm_p + norm_r
    if isinstance(both, Tensor):
        return torch.where(both > 0, norm_r / both, 0.5)
    return norm_r / both if both > 0 else 0.5


def _weigh(gradients_p: list[Tensor], gradients_r: list[Tensor], weight: Number) -> list[Tensor]:
    torch._foreach_mul_(gradients_p, weight)
    if isinstance(weight, Tensor):
        torch._foreach_mul_(gradients_r, 1 - weight)
        torch._foreach_add_(gradients_p, gradients_r)
    else:
        torch._foreach_add_(gradients_p, gradients_r, alpha=1 - weight)
    return gradients_p


def _add(total: list[Tensor] | None, gradients: tuple[Tensor, ...]) -> list[Tensor]:
    if total is None:
        return list(gradients)
    torch._foreach_add_(total, gradients)
    return total
