"""NGDiff's norms where no process has a whole gradient: those of the last hidden states, in place of those of the weights.

    h      = the input of the output layer (B, T, D), which are the last hidden states
    ‖g_p‖² = Σ ‖∂L_p/∂h‖² over the micro-batches of a step, in all processes; ‖g_r‖² likewise                     (losses.py: L, λ)
    λ_t    = ‖g_r‖ / (‖g_p‖ + ‖g_r‖), with the options of losses.py

This is our choice, and a departure from NGDiff (arXiv 2410.22086), whose norms are those of the weights' gradients. λ_t is then known
before the backward pass through the layers, which stays one pass with one gradient of each weight. h is the nearest to the weights that
is whole in a process: each weight below the output layer learns of a loss by ∂L/∂h alone, its gradient being Jᵀ ∂L/∂h. The gradients
of the logits know nothing of the model, and have V numbers a token in place of D. It differs from the norms of the weights in two ways:

  * J is left out, and so is the output layer: equal norms of h's gradients need not be equal norms of the weights' gradients.
  * Each token has an h of its own, so its square adds to the norm. Gradients of a weight are added up over the tokens as vectors,
    and n tokens that pull the same way weigh √n times as much there as here. A short span has a larger norm here than a long one.

A step takes one more forward pass, since the norms of all its micro-batches come first.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from transformers import PreTrainedModel

from trainers.losses import Spans, Sum, span_losses


def hidden_norms(
    micro_batches: Iterable[tuple[Spans, Tensor]], tokens_p: int, tokens_r: int, add_up: Sum = lambda _: None
) -> tuple[Tensor, Tensor]:
    """(L_p, L_r) and (‖∂L_p/∂h‖, ‖∂L_r/∂h‖) of a step. A micro-batch comes with its h, which its logits were computed from.

    `add_up` makes sums of the parts of several processes. No weight gets a gradient.
    """
    totals = squares = torch.zeros(2)
    for spans, hidden in micro_batches:
        parts = span_losses(spans, tokens_p, tokens_r)
        gradients = [torch.autograd.grad(part, hidden, retain_graph=True)[0] for part in parts]
        totals = totals.to(hidden.device) + torch.stack(parts).detach()
        squares = squares.to(hidden.device) + torch.stack([gradient.float().square().sum() for gradient in gradients])
        # Else this micro-batch's graph stays in memory beside the next one's.
        del spans, hidden, parts, gradients
    add_up([totals, squares])
    return totals, squares.sqrt()


def with_hidden(model: PreTrainedModel, spans: Callable[[], Spans]) -> tuple[Spans, Tensor]:
    """Calls `spans`, a forward pass of the model, and returns its h as well."""
    seen: list[Tensor] = []
    hook = model.get_output_embeddings().register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    try:
        return spans(), seen[0]
    finally:
        hook.remove()
