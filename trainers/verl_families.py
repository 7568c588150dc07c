"""Families for verl, whose versions 0.7.1 to 0.9.1 don't know them: InternVL (`-HF`), and Idefics3 with one tile a picture, as `prepare`
makes it. `variables` in verl_settings.py makes verl load this module in each of its processes. Two of verl's functions read pictures by
a list of families and are given more:

  * `hf_processor` gives each listed processor the positions of its pictures, and answers None for any other, as for a model without pictures.
    The positions of these families are those of text.
  * The tokens of a prompt go to vLLM with one token a picture, which vLLM itself expands. Of another family than Qwen's verl hands on the
    expanded ones: vLLM expands the first of them again, and answers another prompt than the one that the actor learns from.
"""

import functools
import sys
from typing import Any

import verl.utils.tokenizer
from transformers import AutoConfig, AutoProcessor

from trainers.verl_settings import is_added, is_internvl, is_idefics3

# verl's modules that have `hf_processor`, as far as a version has them.
PLACES = ("verl.utils", "verl.utils.tokenizer", "verl.utils.tokenizer.tokenizer")


def _known(usual: Any) -> Any:
    @functools.wraps(usual)
    def hf_processor(name_or_path: str, **how: Any) -> Any:
        processor = AutoProcessor.from_pretrained(name_or_path, **how)
        if not is_added(processor):
            return usual(name_or_path, **how)
        processor.config = AutoConfig.from_pretrained(name_or_path, **how)
        if is_idefics3(processor):
            # Both are verl's expectations: it resizes pictures to multiples of the patches, and asks for pixels without words.
            processor.image_processor.patch_size = processor.config.vision_config.patch_size
            processor.prepare_inputs_layout = functools.partial(_with_mark, processor)
        return processor

    return hf_processor


def _with_mark(processor: Any, images: Any = None, text: Any = None, **how: Any) -> Any:
    """verl asks for the pixels by a text that has lost the picture's token, and Idefics3 gives none then."""
    if images is not None and text is not None and processor.image_token not in "".join(text):
        text = [processor.image_token + one for one in ([text] if isinstance(text, str) else text)]
    return type(processor).prepare_inputs_layout(processor, images=images, text=text, **how)


def unexpanded(ids: list[int], begin: list[int], picture: int, end: int) -> list[int]:
    """The prompt with one `picture` token in the place of `begin`, many of them and `end`."""
    kept: list[int] = []
    opened = [*begin, picture]
    for token in ids:
        is_inside = kept[-len(opened) :] == opened
        if token == end and is_inside:
            kept[-len(opened) :] = [picture]
        elif not (token == picture and is_inside):
            kept.append(token)
    return kept


def _unexpanding(usual: Any) -> Any:
    @functools.wraps(usual)
    def dedup_image_tokens(prompt_ids: list[int], processor: Any) -> list[int]:
        if is_internvl(processor):
            begin, end = [processor.start_image_token], processor.end_image_token
        elif is_idefics3(processor):
            begin, end = [processor.fake_image_token, processor.global_image_tag], processor.fake_image_token
        else:
            return usual(prompt_ids, processor)
        ids = processor.tokenizer.convert_tokens_to_ids
        return unexpanded(list(prompt_ids), ids(begin), ids(processor.image_token), ids(end))

    return dedup_image_tokens


_hf_processor = _known(verl.utils.tokenizer.hf_processor)
for _place in PLACES:
    if hasattr(sys.modules.get(_place), "hf_processor"):
        vars(sys.modules[_place])["hf_processor"] = _hf_processor
# Imported after that: it imports modules that take `hf_processor` over by its name.
import verl.workers.rollout.utils as rollout_utils  # noqa: E402

rollout_utils.qwen2_5_vl_dedup_image_tokens = _unexpanding(rollout_utils.qwen2_5_vl_dedup_image_tokens)
