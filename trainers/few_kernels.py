"""The layers of forward.py in few kernels, for a GPU.

A kernel on a micro model takes about as long to begin as to run, so a step's time is their number: uncompiled, the modules of
transformers start about 1,900 in a training step. Here a norm is one kernel, the linear maps of one input are one product, and query and
key are normalised and turned together. That takes the text layers of model.py: as many keys and values as queries, maps without a bias,
one epsilon. The numbers are those of the modules up to rounding (tested). A CPU runs the modules themselves (module_layers.py).
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional


def norm(module: nn.Module, hidden: Tensor) -> Tensor:
    """The root-mean-square norm of a module of transformers, which computes it in eight kernels."""
    return functional.rms_norm(hidden, module.weight.shape, module.weight, module.variance_epsilon)


def see_before(block: nn.Module, hidden: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A layer of the vision tower before its attention: query, key, value (B, heads, patches, d_head)."""
    attention = block.attn
    heads = attention.qkv(block.norm1(hidden)).unflatten(-1, (3 * attention.num_heads, attention.head_dim))
    query_key, value = heads.split((2 * attention.num_heads, attention.num_heads), 2)
    return _turned(query_key.float(), value, cos, sin)


def read_before(layer: nn.Module, hidden: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A text layer before its attention: query, key, value (B, heads, T, d_head)."""
    attention, heads = layer.self_attn, heads_of(layer, hidden)
    count = heads.shape[2] // 3
    query_key, value = heads.split((2 * count, count), 2)
    scale = torch.cat([each.weight.expand(count, -1) for each in (attention.q_norm, attention.k_norm)])
    small = attention.q_norm.variance_epsilon
    normed = HeadNorm.apply(query_key.float(), small) * scale
    return _turned(normed, value, cos, sin)


def heads_of(layer: nn.Module, hidden: Tensor) -> Tensor:
    """The queries, keys and values of a text layer, before any norm (B, T, 3 heads, d_head)."""
    attention = layer.self_attn
    maps = attention.q_proj, attention.k_proj, attention.v_proj
    return _together(norm(layer.input_layernorm, hidden), *maps).unflatten(-1, (-1, attention.head_dim))


def read_after(layer: nn.Module, hidden: Tensor, mixed: Tensor) -> Tensor:
    """A text layer after its attention."""
    hidden = hidden + layer.self_attn.o_proj(mixed.transpose(1, 2).reshape(*hidden.shape[:2], -1))
    mlp = layer.mlp
    gate, up = _together(norm(layer.post_attention_layernorm, hidden), mlp.gate_proj, mlp.up_proj).chunk(2, -1)
    return hidden + mlp.down_proj(mlp.act_fn(gate) * up)


def _together(hidden: Tensor, *maps: nn.Linear) -> Tensor:
    """The outputs of linear maps without a bias, side by side."""
    return functional.linear(hidden, torch.cat([each.weight for each in maps]))


def _turned(query_key: Tensor, value: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Query and key (B, T, 2 count, d_head) turned by their positions' angles (T, d_head), and the value (B, T, count, d_head).

    Halves are split off, not sliced: the gradient of a slice fills up with zeros, which are then added.
    """
    query, key = Rotation.apply(query_key, cos[:, None], sin[:, None]).to(value.dtype).chunk(2, 2)
    return query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)


class HeadNorm(torch.autograd.Function):
    """The root-mean-square norm of heads (…, d_head), without weights.

    torch's kernel has a block of threads for each row, most of which 24 or 32 numbers leave idle.
    """

    @staticmethod
    def forward(context, values: Tensor, small: float) -> Tensor:
        size = values.shape[-1]
        inverse = torch.linalg.vector_norm(values, dim=-1, keepdim=True).square_().div_(size).add_(small).rsqrt_()
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
        return _rotate(gradient, *context.saved_tensors, -1), None, None


def _rotate(values: Tensor, cos: Tensor, sin: Tensor, direction: int) -> Tensor:
    """Turned by the angle, or back; `cos` and `sin` have the same numbers in both halves."""
    half = values.shape[-1] // 2
    turned = values * cos
    turned[..., :half].addcmul_(values[..., half:], sin[..., :half], value=-direction)
    turned[..., half:].addcmul_(values[..., :half], sin[..., half:], value=direction)
    return turned
