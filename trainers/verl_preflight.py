"""Checks by verl's own code before a run: its configuration, the reward function that it finds, its rows and its prompts."""

import importlib.metadata
import re
from pathlib import Path
from typing import Any

from trainers.data import Split
from trainers.hub_policy import Prompt
from trainers.job import JobError
from trainers.verl_rows import SOURCE, refuse_long_prompts
from trainers.verl_settings import is_added, is_idefics3

OLDEST = (0, 7, 1)
SEEDS_VLLM = (0, 9, 0)
COMPARED = 8  # prompts whose tokens are compared
UPGRADE = "Install verl 0.9.1, or leave out PIPE_PYTHON_VERL: then `pipe` builds its own environment."

OTHER_SIDES = "verl resizes pictures: render ones whose sides are multiples of twice the model's patch size, at least four times that."


def require_version() -> str:
    try:
        version = importlib.metadata.version("verl")
    except importlib.metadata.PackageNotFoundError:
        raise JobError("This Python has no verl.", UPGRADE) from None
    if numbers(version) < OLDEST:
        raise JobError(f"verl {version} is older than {'.'.join(map(str, OLDEST))}.", UPGRADE)
    return version


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


def prompt_ids(processor: Any, split: Split, row: int) -> list[int]:
    """The prompt of a row as `generate` asks it."""
    chat = Prompt(split.columns["query"][row], split.images[row]).chat
    ids = processor.apply_chat_template(chat, tokenize=True, return_dict=True, add_generation_prompt=True)["input_ids"]
    return list(ids[0]) if isinstance(ids[0], list) else list(ids)


def refuse_long(processor: Any, split: Split, longest: int) -> None:
    refuse_long_prompts([len(prompt_ids(processor, split, row)) for row in range(len(split))], split.columns["id"], longest)


def check(overrides: list[str], processor: Any, split: Split, model: Path) -> None:
    config = composed(overrides)
    check_processor(processor, model)
    check_reward(config, split)
    check_rows(config, processor, split)


def composed(overrides: list[str]) -> Any:
    """verl's configuration; an override that it does not know is an error."""
    from hydra import compose, initialize_config_module
    from hydra.errors import HydraException

    try:
        with initialize_config_module("verl.trainer.config", version_base=None):
            return compose("ppo_trainer", overrides=[text for text in overrides if not text.startswith("hydra.")])
    except HydraException as error:
        said = " ".join(str(error).split())[:300]
        raise JobError(f"verl {importlib.metadata.version('verl')} does not take our settings: {said}", UPGRADE) from None


def check_reward(config: Any, split: Split) -> None:
    """verl must find our function, and the function must judge a response of the data."""
    from verl.trainer.ppo.reward import get_custom_reward_fn

    function = get_custom_reward_fn(config)
    if function is None:
        raise JobError("verl does not find our reward function, and would use one of its own.", UPGRADE)
    example = {name: split.columns[name][0] for name in ("task", "ground_truth", "perception")} | {"caption": None}
    judged = function(data_source=SOURCE, solution_str="", ground_truth=split.columns["id"][0], extra_info=example)
    if not isinstance(judged, dict) or "score" not in judged:
        raise JobError(f"verl's reward function gave {judged!r}.", UPGRADE)


def check_processor(processor: Any, model: Path) -> None:
    """verl must read pictures by the model's processor: for one that it does not know it goes on without any, and stops minutes later."""
    if is_added(processor):
        import trainers.verl_families  # noqa: F401  # as verl's own processes do
    from verl.utils import hf_processor

    if type(hf_processor(str(model))) is not type(processor):
        raise JobError(
            f"verl {importlib.metadata.version('verl')} does not know the {type(processor).__name__} of this model.",
            "Use a model of the families that verl knows, such as Qwen3-VL, or trainer: pipe.",
        )


def check_rows(config: Any, processor: Any, split: Split) -> None:
    """As many rows out as in, and the same tokens as those that `generate` asks with."""
    from qwen_vl_utils import process_vision_info
    from verl.utils.dataset.rl_dataset import RLHFDataset

    dataset = RLHFDataset([config.data.train_files], processor.tokenizer, config.data, processor)
    if len(dataset) != len(split):
        raise JobError(f"verl read {len(dataset)} of {len(split)} prompts.", "Look in the job's log for the rows that it dropped.")
    for row in range(min(COMPARED, len(split))):
        chat = dataset[row]["raw_prompt"]
        pictures, _ = process_vision_info(chat, image_patch_size=config.data.image_patch_size)
        # An Idefics3 has as many tokens for a picture of any size, so tokens don't tell that verl resized it.
        if is_idefics3(processor) and pictures[0].size != split.images[row].shape[1::-1]:
            sides = "{} × {}".format(*pictures[0].size)
            raise JobError(f"verl asks {split.columns['id'][row]} with a picture of {sides} pixels.", OTHER_SIDES)
        text = processor.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        ids, expected = processor(text=[text], images=pictures)["input_ids"][0], prompt_ids(processor, split, row)
        if list(ids) != expected:
            raise JobError(
                f"verl asks {split.columns['id'][row]} with {len(ids)} tokens, `generate` with {len(expected)}.", OTHER_SIDES
            )
