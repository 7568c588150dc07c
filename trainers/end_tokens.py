"""The tokens that end a response of an image-text model of transformers: one rule for training, decoding and serving.

A model may name several in its generation settings, and the first need not be the one that ends a turn: Gemma 3 names `<eos>` before
`<end_of_turn>`, Llama 3 `<|end_of_text|>` before `<|eot_id|>`. A response ends at any of them, and training teaches the one that the chat
template writes, which comes first here. It counts as an end where the settings lack it, too: a model never stops at a token that it was
not taught, and never unlearns one that it was.
"""

import json
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from transformers import AutoConfig, GenerationConfig

from trainers.job import JobError

ANSWER = "An answer of pipe."  # found again in the rendered chat, so no template may have it


def ends_of(generation: GenerationConfig, processor: Any) -> tuple[int, ...]:
    """The end tokens: the chat template's, the generation settings' in their order, the tokenizer's."""
    named = named_ends(generation.eos_token_id)
    known = [end for end in [_written_end(processor, named), *named, processor.tokenizer.eos_token_id] if end is not None]
    if not known:
        raise JobError("The model has no token to end a response with.", "Set `eos_token_id` in its generation_config.json.")
    return tuple(dict.fromkeys(known))


def named_ends(eos: int | list[int] | None) -> list[int]:
    """`eos_token_id` of generation settings as a list."""
    return eos if isinstance(eos, list) else [] if eos is None else [eos]


def _written_end(processor: Any, named: list[int]) -> int | None:
    """The named end, or else the first special token, that the chat template writes between a response and the next question; None without
    either. GLM-4V closes no turn: its responses end with the mark of the next one."""
    _, found, after = _chat(processor).rpartition(ANSWER)
    tokenizer = processor.tokenizer
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    ids = tokenizer(after, add_special_tokens=False)["input_ids"] if found else []
    return next((token for known in (named, special) for token in ids if token in known), None)


def _chat(processor: Any) -> str:
    """A question, the answer and another question as the chat template writes them; empty if it refuses them. Some templates take the words
    of an assistant as a string only."""
    question = {"role": "user", "content": [{"type": "text", "text": "?"}]}
    for words in ([{"type": "text", "text": ANSWER}], ANSWER):
        try:
            return processor.apply_chat_template([question, {"role": "assistant", "content": words}, question], tokenize=False)
        except (TypeError, TemplateError):
            continue
    return ""


def name_ends(directory: Path, processor: Any) -> None:
    """Names the end tokens in the generation settings of a model directory, for servers that read those alone. The other settings, such as
    a temperature, are the advice of whoever made the model: they stay, and pipe reads none of them."""
    path, ends = directory / "generation_config.json", ends_of(generation_settings(directory), processor)
    settings = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if not set(ends) <= set(named_ends(settings.get("eos_token_id"))):
        path.write_text(json.dumps(settings | {"eos_token_id": list(ends)}, indent=2) + "\n", encoding="utf-8")


def generation_settings(directory: Path) -> GenerationConfig:
    """The generation settings of a model directory: its file of them, or else what its configuration says."""
    if (directory / "generation_config.json").exists():
        return GenerationConfig.from_pretrained(directory)
    return GenerationConfig.from_model_config(AutoConfig.from_pretrained(directory))
