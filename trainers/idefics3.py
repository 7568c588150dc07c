"""An image-text model around a pretrained language model: Idefics3, the architecture of SmolVLM, whose vision tower and connector are new.

The tower has a size of model.py and random weights, as a micro model's; four patches are joined to one token, and pictures are one
square tile of `pixels`. Words, weights and precision of the text are the language model's own. Departures from SmolVLM, all of them:

  * The chat template is ChatML as the language model knows it, without a system turn; SmolVLM ends turns with a token of its own.
  * Given a data set, pixels have its mean and spread. With SmolVLM's .5 and .5, drawings on light paper are off
    centre, and a language model learned to ignore them (experiments/gpu/sft-smollm2-pilot.yaml).
  * Tokens without a meaning in the text (marks of a picture and the caption's tags) begin as the mean of the known ones.
"""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3Processor,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

from trainers.job import JobError
from trainers.model import MERGE, PATCH, SIZES, require_side
from trainers.model_files import load_whole, unloadable
from trainers.tokenizer import TAGS
from trainers.vocabulary import give_rows

Statistics = tuple[list[float], list[float]]  # mean and standard deviation of red, green and blue, on the scale 0 to 1

IMAGE = "<image>"
GLOBAL = "<global-img>"  # before a picture that is one tile
TURN, END = "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{%- for message in messages -%}{{ '<|im_start|>' + message.role + '\n' }}"
    "{%- if message.content is string -%}{{ message.content }}"
    "{%- else -%}{%- for part in message.content -%}"
    "{%- if part.type == 'image' -%}{{ '<image>' }}{%- else -%}{{ part.text }}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}{{ '<|im_end|>\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)


def around(
    text_directory: Path, vision: dict[str, Any], statistics: Statistics
) -> tuple[Idefics3ForConditionalGeneration, Idefics3Processor, int]:
    """The model, its processor, and how many tokens the vocabulary gained; `vision` has `size`, `pixels` and `seed`."""
    require_side(vision["pixels"])
    _require_blind(text_directory)
    text = load_whole(AutoModelForCausalLM, text_directory, dtype="auto", use_safetensors=True)
    tokenizer = _chat_tokenizer(text_directory)
    known = len(tokenizer)
    processor = build_processor(tokenizer, vision["pixels"], statistics)
    tokenizer.add_tokens(TAGS)
    give_rows(text, tokenizer, known)
    _require_plain_head(text)
    model = build_model(text, tokenizer, vision)
    _require_same_logits(text, model)
    return model, processor, len(tokenizer) - known


def build_model(text: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, vision: dict[str, Any]) -> Idefics3ForConditionalGeneration:
    """Equal arguments give equal weights."""
    size = SIZES[vision["size"]]
    torch.manual_seed(vision["seed"])
    config = Idefics3Config(
        text_config=text.config,
        vision_config=dict(
            hidden_size=size.vision_width,
            intermediate_size=size.vision_width * 4,
            num_hidden_layers=size.vision_layers,
            num_attention_heads=size.vision_heads,
            image_size=vision["pixels"],
            patch_size=PATCH,
        ),
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
        scale_factor=MERGE,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=text.config.tie_word_embeddings,
    )
    # Else the path of the language model is saved, and equal inputs give different files in different places.
    config.text_config._name_or_path = ""
    model = Idefics3ForConditionalGeneration(config).to(text.dtype)
    model.model.text_model.load_state_dict(text.base_model.state_dict())
    model.lm_head.load_state_dict(text.get_output_embeddings().state_dict())
    model.generation_config = GenerationConfig(eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    return model


def build_processor(tokenizer: PreTrainedTokenizerBase, pixels: int, statistics: Statistics) -> Idefics3Processor:
    """Adds the marks of a picture to the tokenizer's vocabulary."""
    tokenizer.add_tokens([GLOBAL], special_tokens=True)
    mean, deviation = statistics
    images = Idefics3ImageProcessorPil(
        do_resize=False,
        do_image_splitting=False,
        max_image_size={"longest_edge": pixels},
        size={"longest_edge": pixels},
        image_mean=mean,
        image_std=deviation,
    )
    return Idefics3Processor(images, tokenizer, image_seq_len=(pixels // PATCH // MERGE) ** 2, chat_template=CHAT_TEMPLATE)


def _require_blind(directory: Path) -> None:
    if "vision_config" in json.loads((directory / "config.json").read_text(encoding="utf-8")):
        raise JobError("The input `model` has a vision tower.", "Leave `vision` out, or use a language model.")


def _require_plain_head(text: PreTrainedModel) -> None:
    if not hasattr(text.base_model, "embed_tokens") or text.get_output_embeddings().bias is not None:
        raise _unfitting(text)


@torch.no_grad()
def _require_same_logits(text: PreTrainedModel, model: Idefics3ForConditionalGeneration) -> None:
    """Idefics3 has no step after the output layer, such as a scale of the logits; without pictures both models must agree."""
    words = torch.arange(8)[None]
    before, after = text.eval()(input_ids=words).logits, model.eval()(input_ids=words).logits
    if not torch.allclose(before.float(), after.float(), rtol=0.02, atol=0.02 * float(before.abs().max())):
        raise _unfitting(text)


def _unfitting(text: PreTrainedModel) -> JobError:
    return JobError(
        f"As the text of an Idefics3, a {type(text).__name__} would compute other logits than by itself.",
        "Use a language model whose output layer is a plain linear map, such as SmolLM2-135M-Instruct or Qwen3-0.6B.",
    )


def _chat_tokenizer(directory: Path) -> PreTrainedTokenizerBase:
    try:
        tokenizer = AutoTokenizer.from_pretrained(directory)
    except Exception as error:
        raise unloadable(error, AutoModelForCausalLM) from None
    missing = [word for word in (TURN, END) if word not in tokenizer.get_vocab()]
    if missing:
        raise JobError(
            f"The language model has no token {' and '.join(missing)}, by which its turns of a chat would begin and end.",
            "Use one that was trained on chats in this form, such as SmolLM2-135M-Instruct or Qwen3-0.6B.",
        )
    # A response ends with the token that ends a turn; files that were made from GGUF name other tokens.
    tokenizer.eos_token = END
    tokenizer.pad_token = tokenizer.pad_token or END
    return tokenizer
