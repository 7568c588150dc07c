"""A split as the Parquet rows that verl reads.

A row's `ground_truth`, which verl copies into its record of rollouts, is the id of the example; what the scorer needs lies in
`extra_info`. `data_source` names nothing that verl has a reward of its own for, so a reward that is not found is an error.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet as parquet
from PIL import Image

from trainers.data import Split, first_names
from trainers.job import JobError

SOURCE = "pipe"
# verl puts media in place of these, wherever they stand in the text.
PLACEHOLDERS = ("<image>", "<video>", "<audio>")


def write_rows(split: Split, captions: list[str | None] | None, path: Path) -> None:
    """One row an example, in the order of the split. `captions` are those that the surrogate `teacher` compares with."""
    _refuse_placeholders(split)
    rows = [_row(split, index, None if captions is None else captions[index]) for index in range(len(split))]
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema=SCHEMA), path)


_TEXT = pyarrow.string()
SCHEMA = pyarrow.schema({
    "data_source": _TEXT,
    "prompt": pyarrow.list_(pyarrow.struct({"role": _TEXT, "content": _TEXT})),
    "images": pyarrow.list_(pyarrow.struct({"bytes": pyarrow.binary(), "path": _TEXT})),
    "ability": _TEXT,
    "reward_model": pyarrow.struct({"style": _TEXT, "ground_truth": _TEXT}),
    "extra_info": pyarrow.struct(
        {"index": pyarrow.int64(), **{name: _TEXT for name in ("task", "ground_truth", "perception", "caption")}}
    ),
})


def _row(split: Split, index: int, caption: str | None) -> dict[str, Any]:
    columns = {name: split.columns[name][index] for name in ("id", "task", "query", "ground_truth", "perception")}
    return {
        "data_source": SOURCE,
        "prompt": [{"role": "user", "content": f"<image>{columns['query']}"}],
        "images": [{"bytes": _png(split.images[index]), "path": None}],
        "ability": columns["task"],
        "reward_model": {"style": "rule", "ground_truth": columns["id"]},
        "extra_info": {
            "index": index,
            **{name: columns[name] for name in ("task", "ground_truth", "perception")},
            "caption": caption,
        },
    }


def _png(picture: np.ndarray) -> bytes:
    """The picture as `hub_policy.Prompt` shows it: in colour, also where it is grey."""
    file = io.BytesIO()
    Image.fromarray(picture.repeat(3 // picture.shape[2], 2)).save(file, "png")
    return file.getvalue()


def _refuse_placeholders(split: Split) -> None:
    marked = [
        name for name, query in zip(split.columns["id"], split.columns["query"]) if any(mark in query for mark in PLACEHOLDERS)
    ]
    if marked:
        raise JobError(
            f"{len(marked)} questions contain {', '.join(PLACEHOLDERS)}, which verl would replace by media: {first_names(marked)}.",
            "Write the questions without these marks.",
        )


def refuse_long_prompts(lengths: list[int], names: list[str], longest: int) -> None:
    long = [f"{name} ({length} tokens)" for name, length in zip(names, lengths) if length > longest]
    if long:
        raise JobError(
            f"{len(long)} of {len(lengths)} prompts are longer than {longest} tokens, and verl would stop at them: {first_names(long)}.",
            f"Set verl.max_prompt to {max(lengths)} or more.",
        )
