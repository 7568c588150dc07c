"""A lean forward pass of Qwen3-VL for batches of images of one size, with prompts of an image alone.

Modules and weights are the model's own, and the logits equal those of `model.forward` (tested). The pass leaves out the bookkeeping
for images of many sizes anywhere in the text, which takes most of the time at micro size. Each shortcut, and why it changes nothing:

  * Vision attention runs over (B, patches) at once. `model.forward` loops over images, which may differ in size.
  * Position tables (interpolated patch positions, rotary angles) are computed once: they depend on the image size alone.
  * One permutation cuts images into patches, in the image processor's layout for images that need no resizing.
  * Image features are placed by position, without a search for the image tokens: the prompt is always
    <|vision_start|>, the image, <|vision_end|>. Deepstack features are added at the same fixed positions.
  * There is no padding mask. Padding is on the right, attention is causal, and the loss masks the predictions at padding. Given the
    lengths of the responses, the layers leave padding out.
  * Text is computed in pieces, each attending to the keys and values of the earlier ones, as with a cache in decoding. In training
    the caption's graph then ends with the caption (losses.py); where its gradient is not wanted by itself, one piece is faster on a GPU.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention.bias import causal_lower_right
from transformers import Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl import modeling_qwen3_vl as qwen

from trainers import module_layers
from trainers.few_kernels import FewKernels

KeysValues = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Pixels:
    """The normalisation of pixels: (value / 255 - mean) / deviation, per channel."""

    mean: list[float]
    deviation: list[float]


class Batched:
    """A Qwen3-VL and its constant tables for square images of `image_side` pixels, on the model's device."""

    has_fixed_shapes = True  # so that a CUDA graph can hold it

    def __init__(self, model: Qwen3VLForConditionalGeneration, image_side: int, pixels: Pixels):
        self.model = model
        self.visual = model.model.visual
        self.text = model.model.language_model
        self.device = model.device
        self.patch = self.visual.patch_size
        self.merge = self.visual.spatial_merge_size
        self.side = image_side // self.patch
        self.image_tokens = (self.side // self.merge) ** 2
        self.mean = torch.tensor(pixels.mean, device=self.device)
        self.deviation = torch.tensor(pixels.deviation, device=self.device)
        self._make_vision_tables()
        self._make_text_tables()
        self.kernels = FewKernels(self.device) if self.device.type == "cuda" else module_layers

    @property
    def prompt_length(self) -> int:
        """Positions before the response: the image and its two marks."""
        return self.image_tokens + 2

    def _make_vision_tables(self) -> None:
        visual, grid = self.visual, torch.tensor([[1, self.side, self.side]])
        index, weight = qwen.get_vision_interpolation_indices_and_weights(
            grid,
            num_grid_per_side=visual.num_grid_per_side,
            mode=visual.interpolation_mode,
            align_corners=visual.interpolation_align_corners,
            spatial_merge_size=self.merge,
            kwargs={},
        )
        self.position_index = index.to(self.device)
        self.position_weight = weight.to(self.device)[:, :, None]
        places = qwen.get_vision_position_ids(grid, self.merge, kwargs={}).to(self.device)
        cos, sin = visual.rotary_pos_emb(torch.zeros(1, device=self.device), places)
        self.vision_rotary = cos, sin

    def _make_text_tables(self) -> None:
        config = self.model.config
        prompt = [config.vision_start_token_id, *[config.image_token_id] * self.image_tokens, config.vision_end_token_id]
        prompt_ids = torch.tensor([prompt], device=self.device)
        self.mark_ids = prompt_ids[:, [0, -1]]
        grid = torch.tensor([[1, self.side, self.side]], device=self.device)
        is_image = (prompt_ids == config.image_token_id).int()
        positions, _ = self.model.model.get_rope_index(prompt_ids, mm_token_type_ids=is_image, image_grid_thw=grid)
        first = int(positions.max()) + 1
        response = torch.arange(first, first + config.text_config.max_position_embeddings, device=self.device)
        positions = torch.cat([positions[:, 0], response.expand(3, -1)], 1)
        cos, sin = self.text.rotary_emb(torch.zeros(1, device=self.device), positions[:, None])
        self.text_rotary = cos[0], sin[0]

    def patches(self, images: Tensor) -> Tensor:
        """uint8 (B, height, width, 1 or 3) -> normalised patches (B, patches, 3 * patch * patch), merged 2x2 blocks together.

        A grey image's one channel stands for all three, as the image processor's conversion to RGB would have it.
        """
        values = (images.to(self.device).float() / 255 - self.mean) / self.deviation
        blocks, merge, patch = self.side // self.merge, self.merge, self.patch
        values = values.view(-1, blocks, merge, patch, blocks, merge, patch, 3).permute(0, 1, 4, 2, 5, 7, 3, 6)
        return values.reshape(len(images), self.side**2, 3 * patch * patch)

    def prompt(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Embedded prompt (B, P, d), and the deepstack features (B, image tokens, d) for the first text layers."""
        features, deepstack = self._see(self.patches(images))
        marks = self.text.embed_tokens(self.mark_ids).expand(len(images), -1, -1)
        return torch.cat([marks[:, :1], features, marks[:, 1:]], 1), deepstack

    def _see(self, patches: Tensor) -> tuple[Tensor, list[Tensor]]:
        visual, kernels = self.visual, self.kernels
        hidden = kernels.linear(patches, visual.patch_embed.proj)
        hidden = hidden + (visual.pos_embed(self.position_index) * self.position_weight).sum(1)
        added, deepstack = None, []
        for index, block in enumerate(visual.blocks):
            hidden, query, key, value = kernels.see_before(block, hidden, added, *self.vision_rotary)
            hidden, added = kernels.see_after(block, hidden, functional.scaled_dot_product_attention(query, key, value))
            if index in visual.deepstack_visual_indexes:
                merger = visual.deepstack_merger_list[visual.deepstack_visual_indexes.index(index)]
                hidden, features = kernels.merge(merger, hidden, added)
                added = None
                deepstack.append(features)
        return kernels.merge(visual.merger, hidden, added)[1], deepstack

    def read(
        self, hidden: Tensor, start: int, remember: Callable[[int, Tensor, Tensor], tuple[Tensor, Tensor]], deepstack: list[Tensor]
    ) -> Tensor:
        """Text layers over embedded positions `start`, `start + 1`, … (B, T, d) -> final hidden states (B, T, d).

        `remember(layer, key, value)` takes the new keys and values (B, heads, T, d_head) and answers with all up to now.
        """
        end = start + hidden.shape[1]

        def mix(layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            return _attend(query, *remember(layer, key, value))

        rotary = self.text_rotary[0][start:end], self.text_rotary[1][start:end]
        return self.layers(hidden, rotary, mix, deepstack)

    def layers(
        self,
        hidden: Tensor,
        rotary: tuple[Tensor, Tensor],
        mix: Callable[[int, Tensor, Tensor, Tensor], Tensor],
        deepstack: list[Tensor],
    ) -> Tensor:
        """Text layers over (B, T, d); `mix(layer, query, key, value)` is the attention, over the keys and values that it chooses."""
        added = None  # what the next layer adds to `hidden` first
        for index, layer in enumerate(self.text.layers):
            hidden, query, key, value = self.kernels.read_before(layer, hidden, added, *rotary)
            hidden, added = self.kernels.read_after(layer, hidden, mix(index, query, key, value))
            if index < len(deepstack):
                hidden, added = self.kernels.add_features(hidden, added, deepstack[index])
        return self.kernels.norm(self.text.norm, hidden, added)

    def logits(self, images: Tensor, tokens: Tensor, head: int, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Teacher forcing: the logits of the first `head` response tokens (B, head, V) and of the others (B, T - head, V).

        `images` uint8 (B, height, width, 1 or 3); `tokens` (B, T), padded on the right; 1 <= head <= T. With the responses' `lengths`
        (B,), the others' logits are computed at words alone; at padding they are 0.
        """
        with self.kernels.copied(self.model):
            return self._logits(images, tokens, head, lengths)

    def _logits(self, images: Tensor, tokens: Tensor, head: int, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        prompt, deepstack = self.prompt(images)
        words = self.text.embed_tokens(tokens[:, :-1])
        past: KeysValues = []

        def keep(_: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
            past.append((key, value))
            return key, value

        def extend(layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
            return torch.cat([past[layer][0], key], 2), torch.cat([past[layer][1], value], 2)

        first = self.read(torch.cat([prompt, words[:, : head - 1]], 1), 0, keep, deepstack)
        if head == tokens.shape[1]:
            whole = self._output_layer(first[:, self.prompt_length - 1 :])
            return whole, whole.new_empty(len(whole), 0, whole.shape[2])
        said, start = words[:, head - 1 :], self.prompt_length + head - 1
        if lengths is None:
            rest = self._output_layer(self.read(said, start, extend, []))
        else:
            rest = self._logits_without_padding(said, start, extend, lengths - head)
        return self._output_layer(first[:, self.prompt_length - 1 :]), rest

    def _output_layer(self, hidden: Tensor) -> Tensor:
        """Logits (…, V) of final hidden states (…, d)."""
        return self.kernels.linear(hidden, self.model.lm_head)

    def _logits_without_padding(
        self, words: Tensor, start: int, remember: Callable[[int, Tensor, Tensor], tuple[Tensor, Tensor]], lengths: Tensor
    ) -> Tensor:
        """Logits (B, W, V) of embedded words (B, W, d) from position `start` on, in rows as long as `lengths`.

        The layers take the N words of all rows as one row (1, N, d); attention alone sees padded rows.
        """
        batch, width, _ = words.shape
        real = (torch.arange(width, device=words.device) < lengths[:, None]).flatten().nonzero()[:, 0]

        def padded(rows: Tensor) -> Tensor:
            return rows.new_zeros(batch * width, rows.shape[1]).index_copy(0, real, rows).view(batch, width, -1)

        def mix(layer: int, *packed: Tensor) -> Tensor:
            heads = packed[0].shape[1]
            query, key, value = (padded(each[0].transpose(0, 1).flatten(1)).unflatten(2, (heads, -1)).transpose(1, 2) for each in packed)
            mixed = _attend(query, *remember(layer, key, value)).transpose(1, 2).flatten(0, 1)
            return mixed.index_select(0, real).transpose(0, 1)[None]

        rotary = self.text_rotary[0][start + real % width], self.text_rotary[1][start + real % width]
        hidden = self.layers(words.flatten(0, 1).index_select(0, real)[None], rotary, mix, [])
        return padded(self._output_layer(hidden[0]))

    def logits_of_groups(self, images: Tensor, group: Tensor, tokens: Tensor) -> Tensor:
        """Teacher forcing for responses that share images: the logits of every token (N, T) -> (N, T, V).

        `group` (N,) says which of the `images` a response is about: each is looked at once, and its prompt read once.
        """
        prompt, deepstack = self.prompt(images)
        past: KeysValues = []

        def share(_: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
            past.append((key[group], value[group]))
            return key, value

        def extend(layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
            return torch.cat([past[layer][0], key], 2), torch.cat([past[layer][1], value], 2)

        last = self.read(prompt, 0, share, deepstack)[:, -1:]
        if tokens.shape[1] == 1:  # responses of one token need the prompt alone
            return self.model.lm_head(last[group])
        rest = self.read(self.text.embed_tokens(tokens[:, :-1]), self.prompt_length, extend, [])
        return self.model.lm_head(torch.cat([last[group], rest], 1))


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Causal attention of the newest positions (B, heads, new, d_head) to all up to now (B, heads, seen, d_head)."""
    new, seen = query.shape[2], key.shape[2]
    if query.device.type == "cuda" and new > 1:
        # Without a mask the kernels skip what is not seen. Those for float32 take six times as long as those for float16, which has as many
        # digits as TF32, in which a GPU multiplies matrices (model.py).
        short = query.dtype if query.dtype != torch.float32 else torch.float16
        mask = causal_lower_right(new, seen)
        return functional.scaled_dot_product_attention(query.to(short), key.to(short), value.to(short), attn_mask=mask).to(query.dtype)
    if new == seen:
        return functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    if new == 1:
        return functional.scaled_dot_product_attention(query, key, value)
    visible = torch.ones(new, seen, dtype=torch.bool, device=query.device).tril(seen - new)
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=visible)
