"""InternVL (`-HF`) for verl, whose versions 0.7.1 to 0.9.1 don't know it; `variables` in verl_settings.py makes verl load this module in
each of its processes. Two of verl's functions read pictures by a list of families and are given one more:

  * `hf_processor` gives each listed processor the positions of its pictures, and answers None for any other, as for a model without pictures.
    InternVL's positions are those of text.
  * The tokens of a prompt go to vLLM with one token a picture, which vLLM itself expands. Of another family than Qwen's verl hands on the
    expanded ones: vLLM expands the first of them again, and answers another prompt than the one that the actor learns from.
"""

import functools
import sys
from typing import Any

import verl.utils.tokenizer
from transformers import AutoConfig, AutoProcessor

from trainers.verl_settings import is_internvl

# verl's modules that have `hf_processor`, as far as a version has them.
PLACES = ("verl.utils", "verl.utils.tokenizer", "verl.utils.tokenizer.tokenizer")


def _known(usual: Any) -> Any:
    @functools.wraps(usual)
    def hf_processor(name_or_path: str, **how: Any) -> Any:
        processor = AutoProcessor.from_pretrained(name_or_path, **how)
        if not is_internvl(processor):
            return usual(name_or_path, **how)
        processor.config = AutoConfig.from_pretrained(name_or_path, **how)
        return processor

    return hf_processor


def unexpanded(ids: list[int], begin: int, picture: int, end: int) -> list[int]:
    """The prompt with one `picture` token in the place of `begin`, many of them and `end`."""
    kept: list[int] = []
    for token in ids:
        if token == end and kept[-2:] == [begin, picture]:
            kept[-2:] = [picture]
        elif not (token == picture and kept[-2:] == [begin, picture]):
            kept.append(token)
    return kept


def _unexpanding(usual: Any) -> Any:
    @functools.wraps(usual)
    def dedup_image_tokens(prompt_ids: list[int], processor: Any) -> list[int]:
        if not is_internvl(processor):
            return usual(prompt_ids, processor)
        marks = (processor.start_image_token, processor.image_token, processor.end_image_token)
        return unexpanded(list(prompt_ids), *processor.tokenizer.convert_tokens_to_ids(list(marks)))

    return dedup_image_tokens


_hf_processor = _known(verl.utils.tokenizer.hf_processor)
for _place in PLACES:
    if hasattr(sys.modules.get(_place), "hf_processor"):
        vars(sys.modules[_place])["hf_processor"] = _hf_processor
# Imported after that: it imports modules that take `hf_processor` over by its name.
import verl.workers.rollout.utils as rollout_utils  # noqa: E402

rollout_utils.qwen2_5_vl_dedup_image_tokens = _unexpanding(rollout_utils.qwen2_5_vl_dedup_image_tokens)
