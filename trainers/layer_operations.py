"""The functions of layer_kernels.py in torch's operations, for where Triton can't build its kernels.

The numbers are the same up to rounding (tested).
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


def add_norm(hidden: Tensor, added: Tensor | None, weight: Tensor, bias: Tensor | None, epsilon: float) -> tuple[Tensor, Tensor]:
    """The sum of `hidden` (…, d) and `added`, and its norm: the root-mean-square norm; where there is a `bias`, LayerNorm."""
    hidden = hidden if added is None else hidden + added
    if bias is None:
        return hidden, functional.rms_norm(hidden, weight.shape, weight, epsilon)
    return hidden, functional.layer_norm(hidden, weight.shape, weight, bias, epsilon)


def heads(
    together: Tensor, cos: Tensor, sin: Tensor, scales: tuple[Tensor, Tensor] | None, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key, value (B, heads, T, d_head) of the products `together` (B, T, 3 heads, d_head). Query and key are turned by their
    positions' angles (T, d_head); where there are `scales` (d_head,) of the two, after the root-mean-square norm.

    Halves are split off, not sliced: the gradient of a slice fills up with zeros, which are then added.
    """
    count = together.shape[2] // 3
    query_key, value = together.split((2 * count, count), 2)
    query_key = query_key.float()
    if scales is not None:
        scale = torch.cat([each.expand(count, -1) for each in scales])
        query_key = HeadNorm.apply(query_key, epsilon) * scale
    query, key = Rotation.apply(query_key, cos[:, None], sin[:, None]).to(value.dtype).chunk(2, 2)
    return query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)


def gate(gate_up: Tensor) -> Tensor:
    """silu(gate) · up (…, d) of both side by side (…, 2 d)."""
    given, up = gate_up.chunk(2, -1)
    return functional.silu(given) * up


class HeadNorm(torch.autograd.Function):
    """The root-mean-square norm of heads (…, d_head), without weights.

    torch's kernel has a block of threads for each row, most of which 24 or 32 numbers leave idle.
    """

    @staticmethod
    def forward(context, values: Tensor, epsilon: float) -> Tensor:
        size = values.shape[-1]
        inverse = torch.linalg.vector_norm(values, dim=-1, keepdim=True).square_().div_(size).add_(epsilon).rsqrt_()
        normed = values * inverse
        context.save_for_backward(normed, inverse)
        return normed

    @staticmethod
    @once_differentiable
    def backward(context, gradient: Tensor) -> tuple[Tensor, None]:
        normed, inverse = context.saved_tensors
        along = (gradient * normed).mean(-1, keepdim=True)
        return torch.addcmul(gradient, normed, along, value=-1).mul_(inverse), None


class Rotation(torch.autograd.Function):
    """The rotary embedding: each pair of numbers (the first half of the last dimension and the second) is turned by an angle."""

    @staticmethod
    def forward(context, values: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        context.save_for_backward(cos, sin)
        return _rotate(values, cos, sin, 1)

    @staticmethod
    @once_differentiable
    def backward(context, gradient: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = context.saved_tensors
        return _rotate(gradient, cos, sin, -1), None, None


def _rotate(values: Tensor, cos: Tensor, sin: Tensor, direction: int) -> Tensor:
    """Turned by the angle, or back; `cos` and `sin` have the same numbers in both halves."""
    half = values.shape[-1] // 2
    turned = values * cos
    turned[..., :half].addcmul_(values[..., half:], sin[..., :half], value=-direction)
    turned[..., half:].addcmul_(values[..., :half], sin[..., half:], value=direction)
    return turned
