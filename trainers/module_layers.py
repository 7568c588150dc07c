"""The layers of forward.py by the modules of transformers, for a CPU; few_kernels.py has the same functions for a GPU."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl import modeling_qwen3_vl as qwen


def copied(_: Qwen3VLForConditionalGeneration) -> AbstractContextManager[None]:
    """Modules take their weights as they are."""
    return nullcontext()


def linear(hidden: Tensor, module: nn.Linear | nn.Conv3d) -> Tensor:
    """A linear map; a convolution whose stride is its kernel is one of each patch."""
    return functional.linear(hidden, module.weight.flatten(1), module.bias)


def norm(module: qwen.Qwen3VLTextRMSNorm, hidden: Tensor, added: Tensor | None) -> Tensor:
    return module(_sum(hidden, added))


def see_before(
    block: qwen.Qwen3VLVisionBlock, hidden: Tensor, added: Tensor | None, cos: Tensor, sin: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A layer of the vision tower before its attention: the sum, and query, key, value (B, heads, patches, d_head)."""
    hidden = _sum(hidden, added)
    attention, (batch, count, _) = block.attn, hidden.shape
    qkv = attention.qkv(block.norm1(hidden)).view(batch, count, 3, attention.num_heads, attention.head_dim)
    query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
    query, key = qwen.apply_rotary_pos_emb(query, key, cos, sin, unsqueeze_dim=0)
    return hidden, query.to(value.dtype), key.to(value.dtype), value


def see_after(block: qwen.Qwen3VLVisionBlock, hidden: Tensor, mixed: Tensor) -> tuple[Tensor, Tensor]:
    """A layer of the vision tower after its attention."""
    hidden = hidden + block.attn.proj(mixed.transpose(1, 2).reshape(hidden.shape))
    return hidden, block.mlp(block.norm2(hidden))


def merge(merger: qwen.Qwen3VLVisionPatchMerger, hidden: Tensor, added: Tensor | None) -> tuple[Tensor, Tensor]:
    """The sum, and the features (B, image tokens, d) of each four patches joined."""
    hidden = _sum(hidden, added)
    features = merger(hidden.flatten(0, 1))
    return hidden, features.view(len(hidden), -1, features.shape[1])


def read_before(
    layer: qwen.Qwen3VLTextDecoderLayer, hidden: Tensor, added: Tensor | None, cos: Tensor, sin: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A text layer before its attention: the sum, and query, key, value (B, heads, T, d_head)."""
    hidden = _sum(hidden, added)
    attention, normed = layer.self_attn, layer.input_layernorm(hidden)
    shape = (*normed.shape[:2], -1, attention.head_dim)
    query = attention.q_norm(attention.q_proj(normed).view(shape)).transpose(1, 2)
    key = attention.k_norm(attention.k_proj(normed).view(shape)).transpose(1, 2)
    value = attention.v_proj(normed).view(shape).transpose(1, 2)
    query, key = qwen.apply_rotary_pos_emb(query, key, cos, sin, unsqueeze_dim=0)
    return hidden, query.to(value.dtype), key.to(value.dtype), value


def read_after(layer: qwen.Qwen3VLTextDecoderLayer, hidden: Tensor, mixed: Tensor) -> tuple[Tensor, Tensor]:
    """A text layer after its attention."""
    hidden = hidden + layer.self_attn.o_proj(mixed.transpose(1, 2).reshape(*hidden.shape[:2], -1))
    return hidden, layer.mlp(layer.post_attention_layernorm(hidden))


def add_features(hidden: Tensor, added: Tensor | None, features: Tensor) -> tuple[Tensor, None]:
    """Adds features (B, image tokens, d) at the positions of the image, which follow the first."""
    hidden, end = _sum(hidden, added), 1 + features.shape[1]
    return torch.cat([hidden[:, :1], hidden[:, 1:end] + features, hidden[:, end:]], 1), None


def _sum(hidden: Tensor, added: Tensor | None) -> Tensor:
    return hidden if added is None else hidden + added
