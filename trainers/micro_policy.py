"""A model made by `sft` as a policy: it sees the picture alone, its vocabulary is whole words, and forward.py runs it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import DeepseekVLProcessor, PreTrainedModel, Qwen3VLForConditionalGeneration

from trainers.data import Split
from trainers.decode import Decoder
from trainers.forward import Batched, Pixels
from trainers.job import JobError
from trainers.model import image_side, load, write
from trainers.tokenizer import encode

MICRO = 100e6  # weights; the smallest published Qwen3-VL has twenty times as many


class MicroPolicy:
    """A micro model with the pictures of a split, which have the size that it was trained on."""

    has_fixed_shapes = True

    def __init__(self, model: Qwen3VLForConditionalGeneration, processor: DeepseekVLProcessor, split: Split):
        self.model, self.processor = model, processor
        self.device = self.model.device
        self.tokenizer = self.processor.tokenizer
        side = image_side(self.model)
        _require_size(split, side)
        # A GPU holds the whole split: copying some pictures to it at every pass would make it wait.
        self.images = torch.from_numpy(split.images).to(self.device)
        self.batched = Batched(self.model, side, pixels_of(self.processor))
        added = self.tokenizer.backend_tokenizer.get_added_tokens_decoder()
        special = {index for index, token in added.items() if token.special}
        words = self.tokenizer.convert_ids_to_tokens(range(len(self.tokenizer)))
        # The vocabulary is whole words and splitting is lossless, so text is the concatenation of words.
        self.words = ["" if index in special else word for index, word in enumerate(words)]

    @classmethod
    def load(cls, directory: Path, split: Split) -> "MicroPolicy":
        return cls(*load(directory), split)

    def on(self, split: Split) -> "MicroPolicy":
        return MicroPolicy(self.model, self.processor, split)

    @property
    def ends(self) -> tuple[int, ...]:
        return (self.model.generation_config.eos_token_id,)

    @property
    def unknown(self) -> int:
        return self.tokenizer.unk_token_id

    @property
    def longest(self) -> int:
        return self.model.generation_config.max_new_tokens

    @property
    def description(self) -> str:
        return describe(self.model)

    def prompts(self, rows: np.ndarray) -> Tensor:
        return self.images[rows]

    def prompts_without_pictures(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """A blank picture: a micro model has no prompt of text alone."""
        return blank_picture(pixels_of(self.processor), image_side(self.model)), torch.zeros(len(rows), dtype=torch.long)

    def decoder(self, longest: int, between: Callable[[], None] = lambda: None) -> Decoder:
        return Decoder(self.batched, longest, between)

    def logits(self, rows: np.ndarray | Tensor, group: Tensor, tokens: Tensor) -> Tensor:
        return self.batched.logits_of_groups(self.images[rows], group, tokens)

    def encode(self, texts: list[str]) -> list[list[int]]:
        return encode(self.tokenizer, texts)

    def text(self, ids: list[int]) -> str:
        return "".join(map(self.words.__getitem__, ids))

    def save(self, directory: Path, card: str) -> None:
        write(directory, self.model, self.processor, card)


def blank_picture(pixels: Pixels, side: int) -> Tensor:
    """Every pixel the mean of the training pictures, so 0 once normalised: (1, side, side, 3)."""
    mean = (torch.tensor(pixels.mean, dtype=torch.float32) * 255).round().to(torch.uint8)
    return mean.expand(1, side, side, 3).contiguous()


def pixels_of(processor: DeepseekVLProcessor) -> Pixels:
    return Pixels(processor.image_processor.image_mean, processor.image_processor.image_std)


def describe(model: PreTrainedModel) -> str:
    """The model in words, with its number of weights; below `MICRO` weights it is a micro model."""
    weights = sum(weight.numel() for weight in model.parameters())
    kind = "MICRO Qwen3-VL trained from scratch" if weights < MICRO else "Qwen3-VL"
    return f"{kind}, {weights / 1e6:.2f} M weights"


def _require_size(split: Split, side: int) -> None:
    odd = {image.shape[:2] for image in split.images} - {(side, side)}
    if odd:
        height, width = min(odd)
        raise JobError(
            f"Images are {width}x{height}; the model was trained on {side}x{side}.",
            "Render the test images at the size of the training images.",
        )
