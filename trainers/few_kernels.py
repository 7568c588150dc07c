"""The layers of forward.py in few kernels, for a GPU.

A kernel on a micro model takes about as long to begin as to run, and between products a GPU mostly moves activations: uncompiled, the
modules of transformers start about 1,900 kernels in a training step. Here the linear maps of one input are one product, and what lies
between two products is one kernel (layer_kernels.py). A sum is left open until the next norm, which reads it anyway: layers hand on
`hidden` and what is to be `added`. This works for the layers that model.py makes, and no others come here (policy.py): they have as many
keys and values as queries, no bias in the text model's maps, and one epsilon for its norms. The numbers are those of the modules up to
rounding (tested). A CPU runs the modules themselves (module_layers.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl import modeling_qwen3_vl as qwen

from trainers import layer_operations

Maps = tuple[nn.Linear | nn.Conv3d, ...]  # linear maps of one input; a convolution whose stride is its kernel is one, too


@cache
def operations_for(device: torch.device) -> ModuleType:
    """layer_kernels.py; layer_operations.py on a CPU, and where Triton can't build a kernel."""
    if device.type == "cpu":
        return layer_operations
    try:
        from trainers import layer_kernels
    except ImportError:  # Triton is missing
        return layer_operations
    return layer_kernels if layer_kernels.can_build(device) else layer_operations


class FewKernels:
    """The functions of module_layers.py, and `heads_of` for decoding."""

    def __init__(self, device: torch.device):
        self.operations = operations_for(device)
        self.copies: dict[Maps, tuple[Tensor, Tensor | None]] = {}

    @contextmanager
    def copied(self, model: Qwen3VLForConditionalGeneration) -> Iterator[None]:
        """Under autocast, converts the weights of all products at once to its type. Autocast alone would convert each at every use, and
        its gradient back, by a kernel of its own."""
        kind = model.device.type
        if torch.is_autocast_enabled(kind):
            self.copies = _copies(_all_maps(model), torch.get_autocast_dtype(kind))
        try:
            yield
        finally:
            self.copies = {}

    def linear(self, hidden: Tensor, *maps: nn.Linear | nn.Conv3d) -> Tensor:
        """The outputs of linear maps, side by side."""
        if maps in self.copies:
            return functional.linear(hidden, *self.copies[maps])
        weights = [each.weight.flatten(1) for each in maps]
        return functional.linear(hidden, torch.cat(weights) if len(maps) > 1 else weights[0], maps[0].bias)

    def norm(self, module: qwen.Qwen3VLTextRMSNorm, hidden: Tensor, added: Tensor | None) -> Tensor:
        """The norm of the text model at its end."""
        return self.operations.add_norm(hidden, added, module.weight, None, module.variance_epsilon)[1]

    def see_before(
        self, block: qwen.Qwen3VLVisionBlock, hidden: Tensor, added: Tensor | None, cos: Tensor, sin: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A layer of the vision tower before its attention: the sum, and query, key, value (B, heads, patches, d_head)."""
        attention = block.attn
        hidden, normed = self._layer_norm(block.norm1, hidden, added)
        together = self.linear(normed, attention.qkv).unflatten(-1, (3 * attention.num_heads, attention.head_dim))
        return hidden, *self.operations.heads(together, cos, sin, None, 0.0)

    def see_after(self, block: qwen.Qwen3VLVisionBlock, hidden: Tensor, mixed: Tensor) -> tuple[Tensor, Tensor]:
        """A layer of the vision tower after its attention."""
        added = self.linear(mixed.transpose(1, 2).reshape(hidden.shape), block.attn.proj)
        hidden, normed = self._layer_norm(block.norm2, hidden, added)
        return hidden, self.linear(block.mlp.act_fn(self.linear(normed, block.mlp.linear_fc1)), block.mlp.linear_fc2)

    def merge(self, merger: qwen.Qwen3VLVisionPatchMerger, hidden: Tensor, added: Tensor | None) -> tuple[Tensor, Tensor]:
        """The sum, and the features (B, image tokens, d) of each four patches joined."""
        joined = (len(hidden), -1, merger.hidden_size)
        if merger.use_postshuffle_norm:
            total, normed = self._layer_norm(merger.norm, hidden.view(joined), None if added is None else added.view(joined))
        else:
            total, normed = self._layer_norm(merger.norm, hidden, added)
        features = self.linear(merger.act_fn(self.linear(normed.view(joined), merger.linear_fc1)), merger.linear_fc2)
        return total.view(hidden.shape), features

    def read_before(
        self, layer: qwen.Qwen3VLTextDecoderLayer, hidden: Tensor, added: Tensor | None, cos: Tensor, sin: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A text layer before its attention: the sum, and query, key, value (B, heads, T, d_head)."""
        hidden, together = self.heads_of(layer, hidden, added)
        attention = layer.self_attn
        scales = attention.q_norm.weight, attention.k_norm.weight
        return hidden, *self.operations.heads(together, cos, sin, scales, attention.q_norm.variance_epsilon)

    def heads_of(self, layer: qwen.Qwen3VLTextDecoderLayer, hidden: Tensor, added: Tensor | None) -> tuple[Tensor, Tensor]:
        """The sum, and the queries, keys and values of a text layer, before any norm (B, T, 3 heads, d_head)."""
        attention, norm = layer.self_attn, layer.input_layernorm
        hidden, normed = self.operations.add_norm(hidden, added, norm.weight, None, norm.variance_epsilon)
        together = self.linear(normed, attention.q_proj, attention.k_proj, attention.v_proj)
        return hidden, together.unflatten(-1, (-1, attention.head_dim))

    def read_after(self, layer: qwen.Qwen3VLTextDecoderLayer, hidden: Tensor, mixed: Tensor) -> tuple[Tensor, Tensor]:
        """A text layer after its attention."""
        mlp, norm = layer.mlp, layer.post_attention_layernorm
        added = self.linear(mixed.transpose(1, 2).reshape(*hidden.shape[:2], -1), layer.self_attn.o_proj)
        hidden, normed = self.operations.add_norm(hidden, added, norm.weight, None, norm.variance_epsilon)
        return hidden, self.linear(self.operations.gate(self.linear(normed, mlp.gate_proj, mlp.up_proj)), mlp.down_proj)

    def add_features(self, hidden: Tensor, added: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Adds features (B, image tokens, d) at the positions of the image, which follow the first."""
        after = hidden.shape[1] - 1 - features.shape[1]
        return hidden, added + functional.pad(features, (0, 0, 1, after))

    def _layer_norm(self, norm: nn.LayerNorm, hidden: Tensor, added: Tensor | None) -> tuple[Tensor, Tensor]:
        return self.operations.add_norm(hidden, added, norm.weight, norm.bias, norm.eps)


def _all_maps(model: Qwen3VLForConditionalGeneration) -> Iterator[Maps]:
    """The maps that are one product, of all products."""
    visual, text = model.model.visual, model.model.language_model
    yield (visual.patch_embed.proj,)
    for block in visual.blocks:
        yield from ((each,) for each in (block.attn.qkv, block.attn.proj, block.mlp.linear_fc1, block.mlp.linear_fc2))
    for merger in (visual.merger, *visual.deepstack_merger_list):
        yield from ((merger.linear_fc1,), (merger.linear_fc2,))
    for layer in text.layers:
        attention, mlp = layer.self_attn, layer.mlp
        yield attention.q_proj, attention.k_proj, attention.v_proj
        yield from ((attention.o_proj,), (mlp.gate_proj, mlp.up_proj), (mlp.down_proj,))
    yield (model.lm_head,)


def _copies(all_maps: Iterator[Maps], kind: torch.dtype) -> dict[Maps, tuple[Tensor, Tensor | None]]:
    """The weight and the bias of each product, as parts of one tensor."""
    products = [(maps, [each.weight for each in maps], [each.bias for each in maps if each.bias is not None]) for maps in all_maps]
    numbers = [one.flatten() for _, *both in products for some in both for one in some]
    sizes = [sum(one.numel() for one in some) for _, *both in products for some in both]
    parts = iter(torch.cat(numbers).to(kind).split(sizes))
    copies = {}
    for maps, weights, biases in products:
        weight, bias = next(parts), next(parts)
        if not weights[0].requires_grad:  # a frozen tower needs no backward pass
            weight, bias = weight.detach(), bias.detach()
        copies[maps] = weight.view(-1, weights[0][0].numel()), bias if biases else None
    return copies
