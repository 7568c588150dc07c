"""The micro model of a second family: InternVL as of InternVL3.5 (a vision transformer, four patches joined to one token, a projector of
two layers, a Qwen3) in the sizes of model.py, trained from random weights.

It runs through transformers' own `model.forward`; the lean pass of forward.py is Qwen3-VL's alone. Prompt, vocabulary and chat template are
those of the other micro model, and so is the processor class, which needs no part for videos. Pictures are one tile.
"""

import torch
from torch import Tensor, nn
from transformers import DeepseekVLProcessor, InternVLConfig, InternVLForConditionalGeneration, PreTrainedTokenizerFast
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from trainers.forward import Pixels
from trainers.model import CHAT_TEMPLATE, MERGE, PATCH, Size, require_side
from trainers.tokenizer import IMAGE, VISION_END, VISION_START


def build_model(
    size: Size, init: float, tokenizer: PreTrainedTokenizerFast, image_side: int, seed: int
) -> InternVLForConditionalGeneration:
    """A randomly initialised InternVL for square images of `image_side` pixels; equal arguments give equal weights."""
    require_side(image_side)
    torch.manual_seed(seed)
    return InternVLForConditionalGeneration(_config(size, init, tokenizer, image_side)).train()


def _config(size: Size, init: float, tokenizer: PreTrainedTokenizerFast, image_side: int) -> InternVLConfig:
    return InternVLConfig(
        text_config=dict(
            model_type="qwen3",
            vocab_size=len(tokenizer),
            hidden_size=size.width,
            intermediate_size=size.feed_forward,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            num_key_value_heads=size.heads,
            head_dim=size.width // size.heads,
            max_position_embeddings=8192,
            rope_parameters=dict(rope_type="default", rope_theta=10000.0),
            initializer_range=init,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            tie_word_embeddings=True,
        ),
        vision_config=dict(
            hidden_size=size.vision_width,
            intermediate_size=size.vision_width * 4,
            num_hidden_layers=size.vision_layers,
            num_attention_heads=size.vision_heads,
            attention_bias=True,
            image_size=image_side,
            patch_size=PATCH,
            initializer_range=init,
        ),
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
        image_seq_length=_image_tokens(image_side),
        downsample_ratio=1 / MERGE,
        tie_word_embeddings=True,
    )


def build_processor(
    tokenizer: PreTrainedTokenizerFast, image_side: int, mean: list[float], deviation: list[float]
) -> DeepseekVLProcessor:
    """The processor that turns a chat with an image into the model's inputs; `mean` and `deviation` per channel, on the scale 0 to 1."""
    # InternVL's own image processor also counts tiles, for a processor class that needs torchvision.
    images = CLIPImageProcessorPil(
        size={"height": image_side, "width": image_side}, do_center_crop=False, image_mean=mean, image_std=deviation
    )
    # This model takes no types of tokens, which Qwen3-VL finds its images by.
    tokenizer.init_kwargs["return_mm_token_type_ids"] = False
    return DeepseekVLProcessor(
        image_processor=images, tokenizer=tokenizer, chat_template=CHAT_TEMPLATE, num_image_tokens=_image_tokens(image_side)
    )


def _image_tokens(image_side: int) -> int:
    return (image_side // PATCH // MERGE) ** 2


class PlainForward:
    """The model in training: what forward.py's `Batched` is for Qwen3-VL."""

    has_fixed_shapes = False  # `model.forward` asks for numbers, which a CUDA graph can't

    def __init__(self, model: InternVLForConditionalGeneration, image_side: int, pixels: Pixels, tokenizer: PreTrainedTokenizerFast):
        self.model = model
        self.device = model.device
        self.visual = nn.ModuleList([model.model.vision_tower, model.model.multi_modal_projector])
        self.text = model.model.language_model
        self.mean = torch.tensor(pixels.mean, device=self.device)
        self.deviation = torch.tensor(pixels.deviation, device=self.device)
        words = [VISION_START, *[IMAGE] * _image_tokens(image_side), VISION_END]
        self.prompt = torch.tensor([tokenizer.convert_tokens_to_ids(words)], device=self.device)

    def pixels(self, images: Tensor) -> Tensor:
        """uint8 (B, height, width, 1 or 3) -> normalised (B, 3, height, width)."""
        return ((images.to(self.device).float() / 255 - self.mean) / self.deviation).permute(0, 3, 1, 2)

    def logits(self, images: Tensor, tokens: Tensor, head: int, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Teacher forcing: the logits of the first `head` response tokens (B, head, V) and of the others (B, T - head, V).

        Padding is on the right and attention causal, so no mask is needed, and `lengths` would save nothing.
        """
        prompt = self.prompt.expand(len(images), -1)
        said = self.model(
            input_ids=torch.cat([prompt, tokens[:, :-1]], 1),
            pixel_values=self.pixels(images),
            use_cache=False,
            logits_to_keep=tokens.shape[1],
        ).logits
        return said[:, :head], said[:, head:]
