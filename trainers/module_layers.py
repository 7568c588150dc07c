"""The layers of forward.py by the modules of transformers, for a CPU; few_kernels.py has the same functions for a GPU."""

from torch import Tensor, nn
from transformers.models.qwen3_vl import modeling_qwen3_vl as qwen


def norm(module: nn.Module, hidden: Tensor) -> Tensor:
    return module(hidden)


def see_before(block: nn.Module, hidden: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A layer of the vision tower before its attention: query, key, value (B, heads, patches, d_head)."""
    attention, (batch, count, _) = block.attn, hidden.shape
    qkv = attention.qkv(block.norm1(hidden)).view(batch, count, 3, attention.num_heads, attention.head_dim)
    query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
    query, key = qwen.apply_rotary_pos_emb(query, key, cos, sin, unsqueeze_dim=0)
    return query.to(value.dtype), key.to(value.dtype), value


def see_after(block: nn.Module, hidden: Tensor, mixed: Tensor) -> Tensor:
    """A layer of the vision tower after its attention."""
    hidden = hidden + block.attn.proj(mixed.transpose(1, 2).reshape(hidden.shape))
    return hidden + block.mlp(block.norm2(hidden))


def read_before(layer: nn.Module, hidden: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A text layer before its attention: query, key, value (B, heads, T, d_head)."""
    attention, hidden = layer.self_attn, layer.input_layernorm(hidden)
    shape = (*hidden.shape[:2], -1, attention.head_dim)
    query = attention.q_norm(attention.q_proj(hidden).view(shape)).transpose(1, 2)
    key = attention.k_norm(attention.k_proj(hidden).view(shape)).transpose(1, 2)
    value = attention.v_proj(hidden).view(shape).transpose(1, 2)
    query, key = qwen.apply_rotary_pos_emb(query, key, cos, sin, unsqueeze_dim=0)
    return query.to(value.dtype), key.to(value.dtype), value


def read_after(layer: nn.Module, hidden: Tensor, mixed: Tensor) -> Tensor:
    """A text layer after its attention."""
    hidden = hidden + layer.self_attn.o_proj(mixed.transpose(1, 2).reshape(*hidden.shape[:2], -1))
    return hidden + layer.mlp(layer.post_attention_layernorm(hidden))
