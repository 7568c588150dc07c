"""The span loss: how much perception and how much reasoning count in a training step.

With the perception span p (the caption) and the reasoning span r (the rest of the response),

    L_p, L_r = mean cross-entropy over the tokens of each span, over the *global* batch (accumulation included)
    L        = λ L_p + (1 - λ) L_r                                                       (arXiv 2605.29496)

  token   λ = n_p / (n_p + n_r), the token-averaged loss of ordinary fine-tuning; n counts the tokens of a span in the batch
  fixed   λ is given
  schedule  λ is a function of the step, straight lines between given points; a point's λ may be `token`, which is the first kind's
  ngdiff  λ_t = ‖g_r‖ / (‖g_p‖ + ‖g_r‖) with g_p, g_r the gradients of L_p and L_r, L2 norms over all trained weights, detached

NGDiff is from arXiv 2410.22086 (unlearning), which descends along g_R/‖g_R‖ - g_F/‖g_F‖. Ours has the plus sign, since both
losses are to fall, and another scale: λ_t g_p + (1 - λ_t) g_r is parallel to g_p/‖g_p‖ + g_r/‖g_r‖ but as long as an ordinary
gradient, so that clipping and the learning rate have the same meaning for all three losses. Norms are taken after accumulation.
Where the weights are divided among processes, the norms are others (hidden_norms.py).

NGDiff has four options, each off unless given. They are our choice, not the paper's:

  gamma      λ_t ‖g_p‖ / ((1 - λ_t) ‖g_r‖) = (r_p / r_r)^gamma with r = L / L(first step), the loss that is left. This is the rule of
             GradNorm (arXiv 1711.02257, eq. 2) solved for two losses in each step instead of learned; gamma 0 is NGDiff, a larger
             one lowers the weight of a span whose loss is nearly gone.
  smoothing  each norm is replaced by its exponential moving average m ← smoothing m + (1 - smoothing) ‖g‖.
  preconditioned  each gradient is divided by the root of AdamW's second moment, weight by weight, before its norm is taken: both spans
             have the same say in the update, not in the gradient. The moments are those of the weighted gradients up to the step before;
             the first step has none. AdaTask (arXiv 2211.15055) gives each task moments of its own in place of shared ones.
  clamp      [low, high] bounds λ_t, after the others.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, overload

import torch
from torch import Tensor
from torch.nn import functional

from trainers.job import JobError


@dataclass(frozen=True)
class Spans:
    """One micro-batch: the logits of the `targets` (B, T), and the tokens of each span as masks (B, T).

    The logits come in two pieces: `head` (B, H, V) up to the end of the longest caption or beyond, `tail` (B, T - H, V) after it, which may
    be empty.
    """

    head: Tensor
    tail: Tensor
    targets: Tensor
    perception: Tensor
    reasoning: Tensor


Number = float | Tensor
Mix = tuple[Number, Number]  # (c, s) of λ = c + s · n_p / (n_p + n_r)
Moments = Callable[[], list[Tensor]]  # AdamW's second moments of the parameters; none before its first step
Sum = Callable[[list[Tensor]], None]  # adds up each tensor over the processes of a training, in place
NO_CLAMP = (0.0, 1.0)
ADAM_EPS = 1e-8  # what AdamW adds to the root of a second moment
SMALLEST = 1e-12  # lower bound of a loss and of its share left, so that ratios stay finite


@dataclass(frozen=True)
class StepLosses:
    """One optimiser step: both losses and the λ used; `norm_p` and `norm_r` are ‖g_p‖ and ‖g_r‖, None if not measured."""

    perception: Number
    reasoning: Number
    weight: Number
    norm_p: Number | None = None
    norm_r: Number | None = None


def check_loss(loss: dict[str, Any]) -> dict[str, Any]:
    """Returns the loss parameter; a loss that does not exist is a JobError."""
    kind = loss.get("kind")
    if kind == "fixed" and 0 <= loss.get("lambda", -1) <= 1 or kind == "token":
        return loss
    if kind == "schedule" and _are_points(loss.get("points", [])):
        return loss
    low, high = loss.get("clamp", NO_CLAMP)
    if kind == "ngdiff" and loss.get("gamma", 0) >= 0 and 0 <= loss.get("smoothing", 0) < 1 and 0 <= low < high <= 1:
        return loss
    raise JobError(
        f"There is no loss {loss}.",
        'Use {"kind": "token"}, {"kind": "fixed", "lambda": 0 to 1}, {"kind": "schedule", "points": [[step, 0 to 1 or "token"], …]} with '
        'steps in order, or {"kind": "ngdiff"}, the last with `gamma` from 0, `smoothing` from 0 to below 1 and `clamp` [low, high] '
        "within 0 to 1 if wanted.",
    )


def _are_points(points: list[tuple[int, float | Literal["token"]]]) -> bool:
    steps = [step for step, _ in points]
    return bool(points) and steps == sorted(steps) and all(weight == "token" or 0 <= weight <= 1 for _, weight in points)


def mix_at(loss: dict[str, Any], step: int) -> Mix | None:
    """λ of a schedule at a step, numbered from 0; None for the other kinds. A step that is named twice is a jump."""
    if loss["kind"] != "schedule":
        return None
    points = [(at, (0.0, 1.0) if weight == "token" else (float(weight), 0.0)) for at, weight in loss["points"]]
    begin, old = next((point for point in reversed(points) if point[0] <= step), points[0])
    end, new = next((point for point in points if point[0] > step), (begin, old))
    share = (step - begin) / (end - begin) if begin <= step < end else 0.0
    return old[0] + share * (new[0] - old[0]), old[1] + share * (new[1] - old[1])


class Balance:
    """λ_t of NGDiff with options. Its memory is one tensor that changes in place, since a CUDA graph replays on its address."""

    def __init__(self, loss: dict[str, Any], device: torch.device):
        self.gamma = loss.get("gamma", 0.0)
        self.smoothing = loss.get("smoothing", 0.0)
        self.low, self.high = loss.get("clamp", NO_CLAMP)
        # L_p and L_r of the first step, then the moving averages of ‖g_p‖ and ‖g_r‖. The averages begin at 0: both are too small by
        # the same factor, which cancels in their ratio.
        self.memory = torch.zeros(4, device=device)

    def __call__(self, losses: Tensor, norms: Tensor) -> Tensor:
        """λ_t from (L_p, L_r) and (‖g_p‖, ‖g_r‖)."""
        first = torch.where(self.memory[:2] > 0, self.memory[:2], losses)
        norm_p, norm_r = means = self.smoothing * self.memory[2:] + (1 - self.smoothing) * norms
        self.memory.copy_(torch.cat([first, means]))
        left_p, left_r = (losses / first.clamp_min(SMALLEST)).clamp_min(SMALLEST)
        return _balance(norm_p, (left_p / left_r) ** self.gamma * norm_r).clamp(self.low, self.high)


def balance_for(loss: dict[str, Any], device: torch.device) -> Balance | None:
    """The rule for λ_t of a loss with options; None without options."""
    return Balance(loss, device) if {"gamma", "smoothing", "preconditioned", "clamp"} & set(loss) else None


def span_losses(spans: Spans, tokens_p: int | Tensor, tokens_r: int | Tensor) -> tuple[Tensor, Tensor]:
    """This micro-batch's share of L_p and L_r: sums over its spans, divided by the spans' tokens in the global batch."""
    captions = spans.head.shape[1]
    head = _cross_entropy(spans.head, spans.targets[:, :captions])
    tail = _cross_entropy(spans.tail, spans.targets[:, captions:])
    sum_p = (head * spans.perception[:, :captions]).sum()
    # The reasoning of a caption shorter than the longest begins in the head.
    sum_r = (head * spans.reasoning[:, :captions]).sum() + (tail * spans.reasoning[:, captions:]).sum()
    return _mean(sum_p, tokens_p), _mean(sum_r, tokens_r)


def _mean(total: Tensor, tokens: int | Tensor) -> Tensor:
    """0 of a span without tokens."""
    return total / (tokens.clamp_min(1) if isinstance(tokens, Tensor) else max(tokens, 1))


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)


def backward(
    loss: dict[str, Any],
    micro_batches: Iterable[Spans],
    tokens_p: int | Tensor,
    tokens_r: int | Tensor,
    parameters: Sequence[Tensor],
    *,
    read: Callable[[Tensor], Number] = float,
    mix: Mix | None = None,
    balance: Balance | None = None,
    moments: Moments = list,
    add_up: Sum = lambda _: None,
    apart: bool = False,
) -> StepLosses:
    """Sets `.grad` of every parameter to one step's gradient. Micro-batches are consumed one at a time, so one graph is in memory.

    `read` turns tensors into numbers; a step that must not wait for the GPU keeps tensors. `mix` is a schedule's at this step. `balance`
    chooses λ_t if NGDiff has options, from norms that `moments` precondition. Where several processes share a step, each brings its own
    micro-batches and the tokens of all; `add_up` makes sums of their parts.
    `apart` measures ‖g_p‖ and ‖g_r‖ for every loss, as NGDiff does anyway.
    """
    weight = _weight(loss, tokens_p / (tokens_p + tokens_r), mix)
    if apart or weight is None:
        return _backward_apart(micro_batches, tokens_p, tokens_r, parameters, read, balance, moments, add_up, weight)
    for parameter in parameters:
        parameter.grad = None
    total_p: Any = 0.0  # both are tensors after the first micro-batch
    total_r: Any = 0.0
    for spans in micro_batches:
        loss_p, loss_r = span_losses(spans, tokens_p, tokens_r)
        (weight * loss_p + (1 - weight) * loss_r).backward()
        total_p, total_r = total_p + loss_p.detach(), total_r + loss_r.detach()
    add_up([total_p, total_r, *(parameter.grad for parameter in parameters if parameter.grad is not None)])
    return StepLosses(read(total_p), read(total_r), weight)


def _weight(loss: dict[str, Any], token_share: Number, mix: Mix | None) -> Number | None:
    """λ of a step; None if the gradients decide."""
    if mix is not None:
        return mix[0] + mix[1] * token_share
    return {"token": token_share, "fixed": loss.get("lambda"), "ngdiff": None}[loss["kind"]]


def _backward_apart(
    micro_batches: Iterable[Spans],
    tokens_p: int | Tensor,
    tokens_r: int | Tensor,
    parameters: Sequence[Tensor],
    read: Callable[[Tensor], Number],
    balance: Balance | None,
    moments: Moments,
    add_up: Sum,
    weight: Number | None,
) -> StepLosses:
    """One forward pass, two backward passes over its graph; without a `weight`, NGDiff's.

    The first backward pass is cheap: the caption comes first and attention is causal, so L_p's graph ends with the caption,
    provided that the forward pass computes the tokens after the caption separately (forward.py does).
    """
    gradients_p: list[Tensor] = []
    gradients_r: list[Tensor] = []
    total_p: Any = 0.0  # both are tensors after the first micro-batch
    total_r: Any = 0.0
    for spans in micro_batches:
        loss_p, loss_r = span_losses(spans, tokens_p, tokens_r)
        # A published model may have weights that no output depends on, such as a vision tower's last layer.
        gradients_p = _add(gradients_p, torch.autograd.grad(loss_p, parameters, retain_graph=True, materialize_grads=True))
        gradients_r = _add(gradients_r, torch.autograd.grad(loss_r, parameters, materialize_grads=True))
        total_p, total_r = total_p + loss_p.detach(), total_r + loss_r.detach()
    add_up([total_p, total_r, *gradients_p, *gradients_r])
    norms = [torch.nn.utils.get_total_norm(gradients) for gradients in (gradients_p, gradients_r)]
    norm_p, norm_r = map(read, norms)
    if weight is None and balance is not None:
        scales = moments()
        felt = [_preconditioned_norm(gradients, scales) for gradients in (gradients_p, gradients_r)] if scales else norms
        weight = read(balance(torch.stack([total_p, total_r]), torch.stack(felt)))
    elif weight is None:
        weight = _balance(norm_p, norm_r)
    for parameter, gradient in zip(parameters, _weigh(gradients_p, gradients_r, weight)):
        parameter.grad = _laid_out_as(parameter, gradient)
    return StepLosses(read(total_p), read(total_r), weight, norm_p, norm_r)


def _preconditioned_norm(gradients: list[Tensor], moments: list[Tensor]) -> Tensor:
    """The bias of the moments is a factor that both spans share, so it is left as it is."""
    return torch.nn.utils.get_total_norm([gradient / (moment.sqrt() + ADAM_EPS) for gradient, moment in zip(gradients, moments)])


@overload
def _balance(norm_p: Tensor, norm_r: Tensor) -> Tensor: ...
@overload
def _balance(norm_p: Number, norm_r: Number) -> Number: ...
def _balance(norm_p: Number, norm_r: Number) -> Number:
    """λ_t of NGDiff. Both gradients vanish only at a perfect fit, where the weight does not matter."""
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


def _laid_out_as(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient with its parameter's strides, which a fused optimiser demands. `.backward()` sees to them, `autograd.grad` does not."""
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


def _add(total: list[Tensor], gradients: tuple[Tensor, ...]) -> list[Tensor]:
    if not total:
        return list(gradients)
    torch._foreach_add_(total, gradients)
    return total
