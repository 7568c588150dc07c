"""A model that writes responses to the pictures of a split, with what it takes to turn tokens into text and back."""

from pathlib import Path

from transformers import DeepseekVLProcessor, PreTrainedModel

from trainers.data import Split
from trainers.forward import Batched, Pixels
from trainers.job import JobError
from trainers.model import image_side, load

MICRO = 100e6  # weights; the smallest published Qwen3-VL has twenty times as many


class Policy:
    """A saved model, made ready for images of the one size it was trained on."""

    def __init__(self, directory: Path, split: Split):
        self.model, self.processor = load(directory)
        self.tokenizer = self.processor.tokenizer
        side = image_side(self.model)
        _require_size(split, side)
        self.batched = Batched(self.model, side, pixels_of(self.processor))
        added = self.tokenizer.backend_tokenizer.get_added_tokens_decoder()
        special = {index for index, token in added.items() if token.special}
        words = self.tokenizer.convert_ids_to_tokens(range(len(self.tokenizer)))
        # The vocabulary is of whole words and the split lossless, so that text is words side by side.
        self.words = ["" if index in special else word for index, word in enumerate(words)]

    @property
    def end(self) -> int:
        return self.model.generation_config.eos_token_id

    @property
    def longest(self) -> int:
        """The most tokens that it writes unless told otherwise."""
        return self.model.generation_config.max_new_tokens

    def text(self, ids: list[int]) -> str:
        """What the tokens say, special ones left out."""
        return "".join(map(self.words.__getitem__, ids))


def pixels_of(processor: DeepseekVLProcessor) -> Pixels:
    return Pixels(processor.image_processor.image_mean, processor.image_processor.image_std)


def describe(model: PreTrainedModel) -> str:
    """The model in words; the weights are counted, and below `MICRO` it is called a micro model."""
    weights = sum(weight.numel() for weight in model.parameters())
    kind = "MICRO Qwen3-VL trained from scratch" if weights < MICRO else "Qwen3-VL"
    return f"{kind}, {weights / 1e6:.2f} M weights"


def _require_size(split: Split, side: int) -> None:
    height, width = split.images.shape[1:3]
    if (height, width) != (side, side):
        raise JobError(
            f"Images are {width}x{height}; the model was trained on {side}x{side}.",
            "Render the test images at the size of the training images.",
        )
