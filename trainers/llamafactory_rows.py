"""Transcripts as LLaMA-Factory reads them, and whether it reads them as the model's own processor does.

LLaMA-Factory builds a prompt from a template of its own, not from the model's chat template, and cuts what is longer than
`cutoff_len` without a word. `generate` and `grpo` ask by the chat template. So every row is tokenised here first, by the
processor with its picture; LLaMA-Factory's tokens must be the same, all of them.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from trainers import hub_policy
from trainers.data import Split, first_names
from trainers.hub_policy import Prompt
from trainers.job import JobError
from trainers.tokenizer import TAGS

DATASET = "pipe"
SHOWN_TOKENS = 40
OTHER_TEMPLATE = "Name in llamafactory.template the template of this model's family, such as qwen3_vl_nothink or intern_vl."


def load_processor(directory: Path) -> Any:
    """The model's processor, with the caption's tags as plain tokens: added where the model does not have them."""
    processor = hub_policy.load_processor(directory)
    processor.tokenizer.add_tokens(TAGS)
    return processor


def encode_chats(processor: Any, split: Split) -> list[np.ndarray]:
    """Token ids of every prompt and response, by the processor with the picture."""
    return [_encode_chat(processor, split, row) for row in range(len(split))]


def _encode_chat(processor: Any, split: Split, row: int) -> np.ndarray:
    answer = {"role": "assistant", "content": [{"type": "text", "text": split.columns["response"][row]}]}
    chat = [*Prompt(split.columns["query"][row], split.images[row]).chat, answer]
    ids = processor.apply_chat_template(chat, tokenize=True, return_dict=True)["input_ids"]
    return np.array(ids).reshape(-1)


def refuse_truncation(encoded: list[np.ndarray], split: Split, longest: int) -> None:
    long = [f"{name} ({len(ids)} tokens)" for name, ids in zip(split.columns["id"], encoded) if len(ids) > longest]
    if long:
        raise JobError(
            f"{len(long)} of {len(split)} transcripts are longer than {longest} tokens with their prompts, and would be cut: "
            f"{first_names(long)}.",
            f"Set llamafactory.longest to {max(map(len, encoded))} or more.",
        )


def write_rows(split: Split, processor: Any, directory: Path) -> None:
    """The rows in file order, their pictures beside them."""
    gap = gap_after_picture(processor, split)
    (directory / "images").mkdir(parents=True, exist_ok=True)
    with open(directory / "rows.jsonl", "w", encoding="utf-8") as file:
        for row in range(len(split)):
            picture, text = Prompt(split.columns["query"][row], split.images[row]).chat[0]["content"]
            name = f"images/{row}.png"
            picture["image"].save(directory / name)
            turns = [("user", f"<image>{gap}{text['text']}"), ("assistant", split.columns["response"][row])]
            messages = [{"role": role, "content": content} for role, content in turns]
            file.write(json.dumps({"messages": messages, "images": [name]}, ensure_ascii=False) + "\n")
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant", "system_tag": "system"}
    columns = {"messages": "messages", "images": "images"}
    form = {"file_name": "rows.jsonl", "formatting": "sharegpt", "columns": columns, "tags": tags}
    (directory / "dataset_info.json").write_text(json.dumps({DATASET: form}), encoding="utf-8")


def gap_after_picture(processor: Any, split: Split) -> str:
    """The text that the chat template writes between picture and text: InternVL's a line break, Qwen's nothing."""
    before = rendered_prompt(processor, split).rpartition(split.columns["query"][0])[0]
    return before[len(before.rstrip()) :]


def default_system(processor: Any, split: Split, usual: str) -> str:
    """The text of LLaMA-Factory's template if the model's chat template has it, too; else none."""
    return usual if usual in rendered_prompt(processor, split) else ""


def rendered_prompt(processor: Any, split: Split) -> str:
    return processor.apply_chat_template(Prompt(split.columns["query"][0], split.images[0]).chat, tokenize=False)


def require_same_tokens(dataset: Any, encoded: list[np.ndarray], split: Split, processor: Any, template: str) -> None:
    """As many rows out as in, each with the processor's tokens, and its response alone to be learned."""
    if len(dataset) != len(encoded):
        raise JobError(
            f"LLaMA-Factory read {len(dataset)} of {len(encoded)} transcripts.",
            "Look in the job's log for the rows that it dropped.",
        )
    tokenizer = processor.tokenizer
    for row, ids in enumerate(encoded):
        read, labels = dataset[row]["input_ids"], dataset[row]["labels"]
        response = tokenizer.decode([label for label in labels if label != -100])
        if np.array_equal(read, ids) and response.startswith(split.columns["response"][row]):
            continue
        raise JobError(
            f"LLaMA-Factory's template {template} gives other tokens than the model's chat template, first for transcript "
            f"{split.columns['id'][row]}: {tokenizer.decode(read[:SHOWN_TOKENS])!r}, not {tokenizer.decode(ids[:SHOWN_TOKENS])!r}.",
            OTHER_TEMPLATE,
        )
