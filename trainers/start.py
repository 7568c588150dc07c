"""The model that `sft` begins with: a new one of random weights, or a micro model that an earlier training made."""

from pathlib import Path
from typing import Any

import numpy as np
from transformers import DeepseekVLProcessor, PreTrainedModel

from trainers.data import Responses, Split, first_names
from trainers.families import FAMILIES, Family
from trainers.job import JobError
from trainers.model import SIZES, family_of, image_side, image_statistics, load
from trainers.model_files import require_whole
from trainers.tokenizer import train_tokenizer

Start = tuple[Family, PreTrainedModel, DeepseekVLProcessor]


def new_start(model: dict[str, Any], seed: int, split: Split, side: int) -> Start:
    """Random weights, with the words of the split's responses as its vocabulary and its pixels' mean and spread."""
    family = FAMILIES[model["family"]]
    tokenizer = train_tokenizer(split.words)
    processor = family.build_processor(tokenizer, side, *image_statistics(split.images))
    return family, family.build_model(SIZES[model["size"]], model["init"], tokenizer, side, seed), processor


def earlier_start(directory: Path, split: Split, side: int) -> Start:
    """The model in this directory. Pictures must have the size that it was made for."""
    require_whole(directory)
    family = family_of(directory)
    if family is None:
        raise JobError(
            "The input `model` is no micro model, and this trainer trains no other.", "Set `trainer: llamafactory`, or use a model that `sft` made."
        )
    model, processor = load(directory)
    _require_size(side, image_side(model))
    return FAMILIES[family], model.train(), processor


def _require_size(side: int, known: int) -> None:
    if side != known:
        raise JobError(f"Images are {side}x{side}; the input `model` was trained on {known}x{known}.", f"Render at {known} pixels.")


def require_known(split: Split, responses: Responses, unknown: int) -> None:
    """Checks that no response of the split holds the token of unknown words."""
    names = [split.columns["id"][row] for row in np.flatnonzero((responses.tokens == unknown).any(1))]
    if names:
        raise JobError(
            f"{len(names)} of {len(split)} responses hold words that the input `model` does not know: {first_names(names)}.",
            "Train both on transcripts of one task and teacher, the first on enough of them.",
        )
