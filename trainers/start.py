"""The model that `sft` begins with: a new one of random weights, or the input `model`, a micro model or any other image-text model."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DeepseekVLProcessor, PreTrainedModel, Qwen3VLForConditionalGeneration

from trainers import hub_forward
from trainers.data import Responses, Split, encode_responses, first_names
from trainers.families import AT_ONCE, FAMILIES, Family
from trainers.families import Forward as MicroForward
from trainers.hub_policy import HubPolicy
from trainers.job import JobError
from trainers.micro_policy import blank_picture, pixels_of
from trainers.model import SIZES, bound_responses, family_of, image_side, image_statistics, load, write
from trainers.model_files import weight_files
from trainers.policy import Policy
from trainers.tokenizer import train_tokenizer


Forward = MicroForward | hub_forward.HubForward


@dataclass(frozen=True)
class Start:
    """A model before its training, with the transcripts as its tokens."""

    model: PreTrainedModel
    responses: Responses
    shown: Tensor  # what `forward` is shown of each transcript's picture, one row a transcript
    forward: Callable[[], Forward]  # called when the model is on its device
    policy: Callable[[Split], Policy]  # the model in training with the pictures of a split
    save: Callable[[Path, str], None]  # to a directory, with a card


def takes_any_size(directory: Path | None) -> bool:
    """True if the pictures may differ in size: a micro model's may not."""
    return directory is not None and family_of(directory) is None


def start_files(directory: Path | None) -> list[Path]:
    """The files of the input `model` that a training depends on."""
    if directory is None:
        return []
    if not takes_any_size(directory):
        return weight_files(directory)
    return sorted(path for path in directory.rglob("*") if path.is_file() and path.suffix != ".md")


def new_start(model: dict[str, Any], seed: int, split: Split, is_blank: bool) -> Start:
    """Random weights, with the words of the split's responses as its vocabulary and its pixels' mean and spread."""
    family, side = FAMILIES[model["family"]], _square_side(split)
    tokenizer = train_tokenizer(split.words)
    processor = family.build_processor(tokenizer, side, *image_statistics(split.images))
    made = family.build_model(SIZES[model["size"]], model["init"], tokenizer, side, seed)
    return _micro_start(family, made, processor, split, is_blank)


def earlier_start(directory: Path, split: Split, is_blank: bool) -> Start:
    """The model in this directory. A micro model's words and pictures must be such as it was made for."""
    family = family_of(directory)
    if family is None:
        return _hub_start(directory, split, is_blank)
    side = _square_side(split)
    model, processor = load(directory)
    _require_size(side, image_side(model))
    start = _micro_start(FAMILIES[family], model.train(), processor, split, is_blank)
    _require_known(split, start.responses, processor.tokenizer.unk_token_id)
    return start


def _micro_start(family: Family, model: PreTrainedModel, processor: DeepseekVLProcessor, split: Split, is_blank: bool) -> Start:
    see = _blank(model, processor) if is_blank else lambda pictures: pictures
    responses = encode_responses(processor.tokenizer, split)
    bound_responses(model, processor.tokenizer, responses.bound)
    return Start(
        model,
        responses,
        torch.from_numpy(see(split).images),
        lambda: family.forward(model, processor, split.images.shape[1]),
        lambda pictures: family.policy(model, processor, see(pictures)),
        lambda directory, card: write(directory, model, processor, card),
    )


def _hub_start(directory: Path, split: Split, is_blank: bool) -> Start:
    policy = HubPolicy(directory, split, AT_ONCE)
    if is_blank:
        raise _no_blank(policy.model)
    responses = hub_forward.encode_responses(policy, split)
    return Start(
        policy.model, responses, torch.arange(len(split)), lambda: hub_forward.HubForward(policy), policy.on, policy.save
    )


def _blank(model: PreTrainedModel, processor: DeepseekVLProcessor) -> Callable[[Split], Split]:
    """The split with the blank picture in every row."""
    if not isinstance(model, Qwen3VLForConditionalGeneration):
        raise _no_blank(model)
    blank = blank_picture(pixels_of(processor), image_side(model)).numpy()
    # One channel is enough where all are equal. The model decides, not the split: grey pictures may continue one made for colour.
    channels = 1 if (blank == blank[..., :1]).all() else 3
    return lambda split: replace(split, images=np.repeat(blank[..., :channels], len(split), 0))


def _no_blank(model: PreTrainedModel) -> JobError:
    return JobError(
        f"`pictures: blank` does not suit {type(model).__name__}: blind-solve asks it by its question alone, without a blank picture.",
        "Use `pictures: blank` with a micro model of family qwen3-vl.",
    )


def _square_side(split: Split) -> int:
    height, width = split.images.shape[1:3]
    if height != width:
        raise JobError(f"Images are {width}x{height}; the micro model takes square ones.", "Render square images.")
    return width


def _require_size(side: int, known: int) -> None:
    if side != known:
        raise JobError(f"Images are {side}x{side}; the input `model` was trained on {known}x{known}.", f"Render at {known} pixels.")


def _require_known(split: Split, responses: Responses, unknown: int) -> None:
    """Checks that no response of the split holds the token of unknown words."""
    names = [split.columns["id"][row] for row in np.flatnonzero((responses.tokens == unknown).any(1))]
    if names:
        raise JobError(
            f"{len(names)} of {len(split)} responses hold words that the input `model` does not know: {first_names(names)}.",
            "Train both on transcripts of one task and teacher, the first on enough of them.",
        )
