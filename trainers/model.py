"""The micro model, and what both families of it share: a Qwen3-VL small enough to train from random weights on one CPU core, saved as a
Hub directory.

The processor class is not Qwen3VLProcessor, which needs a video processor and with it torchvision. DeepseekVLProcessor is
transformers' plain pair of image processor and tokenizer; with the number of image tokens of our one image size, it prepares the
inputs that Qwen3-VL takes (tested: `generate` on them equals our decoder).
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    DeepseekVLProcessor,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.utils import logging

from trainers.job import JobError, gpu_share
from trainers.model_files import load_whole, unloadable
from trainers.tokenizer import IMAGE, VIDEO, VISION_END, VISION_START

# A job reports progress through its events; bars would fill its log.
logging.disable_progress_bar()

# The families of micro models (families.py), by transformers' name of their architecture.
MODEL_TYPES = {"qwen3_vl": "qwen3-vl", "internvl": "internvl"}
PATCH = 8
MERGE = 2
TENSOR_SHARE = 0.95  # of a job's part of a GPU's memory; the rest is CUDA's own (half a gigabyte of a process)
COUNTED_AT_ONCE = 1000  # pictures, since counting copies coloured ones

# The micro model learns one task, so the question carries no information and costs positions: it sees the image alone.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message.role == 'assistant' -%}"
    "{%- if message.content is string -%}{{ message.content }}"
    "{%- else -%}{%- for part in message.content -%}{{ part.text }}{%- endfor -%}{%- endif -%}"
    "{{ '<|im_end|>' }}"
    "{%- elif message.content is not string -%}"
    "{%- for part in message.content -%}{%- if part.type == 'image' -%}"
    "{{ '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- endif -%}{%- endfor -%}"
    "{%- endif -%}"
    "{%- endfor -%}"
)


@dataclass(frozen=True)
class Size:
    """The dimensions of a micro model."""

    width: int
    feed_forward: int
    layers: int
    heads: int
    vision_width: int
    vision_layers: int
    vision_heads: int


SIZES = {
    "nano": Size(width=96, feed_forward=256, layers=3, heads=4, vision_width=64, vision_layers=2, vision_heads=4),
    "micro": Size(width=128, feed_forward=384, layers=4, heads=4, vision_width=96, vision_layers=2, vision_heads=4),
    "small": Size(width=256, feed_forward=768, layers=4, heads=8, vision_width=128, vision_layers=3, vision_heads=4),
}


def build_model(
    size: Size, init: float, tokenizer: PreTrainedTokenizerFast, image_side: int, seed: int
) -> Qwen3VLForConditionalGeneration:
    """A randomly initialised Qwen3-VL for square images of `image_side` pixels; equal arguments give equal weights.

    `init` is the standard deviation of the initial weights.
    """
    require_side(image_side)
    torch.manual_seed(seed)
    model = Qwen3VLForConditionalGeneration(_config(size, init, tokenizer, image_side))
    return model.train()


def require_side(image_side: int) -> None:
    if image_side % (PATCH * MERGE):
        raise JobError(
            f"Images are {image_side} pixels wide; the micro model needs a multiple of {PATCH * MERGE}.",
            f"Render at {max(1, round(image_side / (PATCH * MERGE))) * PATCH * MERGE} pixels.",
        )


def _config(size: Size, init: float, tokenizer: PreTrainedTokenizerFast, image_side: int) -> Qwen3VLConfig:
    head_dim = size.width // size.heads
    # The rotary pairs of a head are divided among time, height and width; time, the axis of text, gets the remainder.
    spatial = head_dim // 2 // 3
    return Qwen3VLConfig(
        text_config=dict(
            vocab_size=len(tokenizer),
            hidden_size=size.width,
            intermediate_size=size.feed_forward,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            num_key_value_heads=size.heads,
            head_dim=head_dim,
            max_position_embeddings=8192,
            rope_parameters=dict(
                rope_type="default",
                rope_theta=10000.0,
                mrope_section=[head_dim // 2 - 2 * spatial, spatial, spatial],
                mrope_interleaved=True,
            ),
            initializer_range=init,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            tie_word_embeddings=True,
        ),
        vision_config=dict(
            depth=size.vision_layers,
            hidden_size=size.vision_width,
            intermediate_size=size.vision_width * 4,
            num_heads=size.vision_heads,
            in_channels=3,
            patch_size=PATCH,
            spatial_merge_size=MERGE,
            temporal_patch_size=1,
            out_hidden_size=size.width,
            num_position_embeddings=(image_side // PATCH) ** 2,
            deepstack_visual_indexes=[0],
            initializer_range=init,
        ),
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
        video_token_id=tokenizer.convert_tokens_to_ids(VIDEO),
        vision_start_token_id=tokenizer.convert_tokens_to_ids(VISION_START),
        vision_end_token_id=tokenizer.convert_tokens_to_ids(VISION_END),
        tie_word_embeddings=True,
    )


def image_statistics(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of red, green and blue over uint8 images (N, height, width, 1 or 3), on the scale 0 to 1."""
    channels = images.shape[3]
    parts = (_histogram(images[start : start + COUNTED_AT_ONCE]) for start in range(0, len(images), COUNTED_AT_ONCE))
    counts = sum(parts, np.zeros((), np.int64))
    levels = np.arange(256) / 255
    mean = counts @ levels / counts.sum(1)
    # Rounding can make the variance of equal pixels negative.
    deviation = np.sqrt((counts @ levels**2 / counts.sum(1) - mean**2).clip(0))
    repeats = 3 // channels
    # A floor under the deviation, since a set of blank pictures would divide by zero.
    rounded = [[round(float(value), 4) for value in values] * repeats for values in (mean, deviation.clip(0.01))]
    return rounded[0], rounded[1]


def _histogram(images: np.ndarray) -> np.ndarray:
    """How many pixels of uint8 images (N, height, width, 1 or 3) have each level, by channel (1 or 3, 256)."""
    rows = images.reshape(-1, *images.shape[2:]) if images.shape[3] == 3 else images.reshape(-1, images.shape[2])
    return np.array(Image.fromarray(rows).histogram()).reshape(images.shape[3], 256)


def build_processor(
    tokenizer: PreTrainedTokenizerFast, image_side: int, mean: list[float], deviation: list[float]
) -> DeepseekVLProcessor:
    """The processor that turns a chat with an image into the model's inputs; `mean` and `deviation` per channel, on the scale 0 to 1."""
    images = Qwen2VLImageProcessorPil(
        patch_size=PATCH,
        merge_size=MERGE,
        temporal_patch_size=1,
        # Bounds on height x width, so equal bounds mean "resize to this size" and our own images pass untouched.
        size={"shortest_edge": image_side**2, "longest_edge": image_side**2},
        image_mean=mean,
        image_std=deviation,
    )
    return DeepseekVLProcessor(
        image_processor=images,
        tokenizer=tokenizer,
        chat_template=CHAT_TEMPLATE,
        num_image_tokens=(image_side // PATCH // MERGE) ** 2,
    )


def bound_responses(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, bound: int) -> None:
    """Sets how the model ends a response, after `bound` tokens at most."""
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        max_new_tokens=bound,
        do_sample=False,
    )


def write(directory: Path, model: PreTrainedModel, processor: DeepseekVLProcessor, card: str) -> None:
    """Writes a directory that `from_pretrained` loads offline."""
    model.save_pretrained(directory)
    processor.save_pretrained(directory)
    (directory / "README.md").write_text(card, encoding="utf-8")


def load(directory: Path) -> tuple[PreTrainedModel, DeepseekVLProcessor]:
    """The model and processor that `write` wrote, in evaluation mode; the model on the GPU if there is one."""
    model = load_whole(AutoModelForImageTextToText, directory).to(device()).eval()
    try:
        return model, AutoProcessor.from_pretrained(directory)
    except Exception as error:
        raise unloadable(error) from None


def family_of(directory: Path) -> str | None:
    """The family of the micro model that `write` wrote to this directory; None for other models: no other program combines these two."""
    names = ("config.json", "model_type"), ("processor_config.json", "processor_class")
    files = [(directory / name, field) for name, field in names]
    kind, processor = (json.loads(file.read_text(encoding="utf-8")).get(field) if file.exists() else None for file, field in files)
    return MODEL_TYPES.get(kind or "") if processor == "DeepseekVLProcessor" else None


def is_micro(directory: Path) -> bool:
    return family_of(directory) is not None


def image_side(model: PreTrainedModel) -> int:
    """The width in pixels of the images that the model was built for."""
    vision = model.config.vision_config
    if model.config.model_type == "internvl":
        return vision.image_size[0]
    return math.isqrt(vision.num_position_embeddings) * vision.patch_size


def device() -> torch.device:
    """The GPU if there is one, set to multiply float32 matrices in TF32, or the CPU. A job with a part of a GPU uses that part of its memory."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    torch.set_float32_matmul_precision("high")
    if gpu_share() < 1:
        # PyTorch keeps what it frees until it meets a limit: without one, a job took what those beside it needed.
        torch.cuda.set_per_process_memory_fraction(gpu_share() * TENSOR_SHARE)
    return torch.device("cuda")
