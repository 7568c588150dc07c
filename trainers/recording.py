"""Rollouts as lines of JSON in gzip members, which concatenate to one gzip file."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from trainers.data import Split
from trainers.rewards import Judged
from trainers.sampling import Rollouts

DIGITS = 6


def rollout_lines(
    rollouts: Rollouts,
    judged: Judged,
    split: Split,
    step: int,
    first_group: int = 0,
    mode: str = "end-to-end",
    trained: dict[str, np.ndarray] | None = None,
) -> Iterator[dict[str, Any]]:
    """One line a response, as `kinds/Rollouts.ts` has it. `trained` has `total`, `advantage` and perhaps `caption_advantage` (N,) of
    rollouts learned from."""
    of_captions = None if trained is None else trained.get("caption_advantage")
    totals = {} if trained is None else {"total": trained["total"]}
    parts = {name: values for name, values in judged.parts.items() if name != "consistent"} | totals
    for index, row in enumerate(rollouts.rows.tolist()):
        verdict = {name: bool(judged.parts[name][index]) for name in ("outcome", "perception", "consistent")}
        yield {
            "id": split.columns["id"][row],
            "group": first_group + index // rollouts.size,
            "step": step,
            "sample": index % rollouts.size,
            "mode": mode,
            "response": rollouts.texts[index],
            "tokens": int(rollouts.lengths[index] - rollouts.given[index]),
            "finished": bool(rollouts.finished[index]),
            **verdict,
            "perception_f1": _short(judged.parts["perception_f1"][index]),
            "reason": judged.reasons[index],
            "rewards": {name: _short(values[index]) for name, values in parts.items()},
            "advantage": None if trained is None else _short(trained["advantage"][index]),
            **({} if of_captions is None else {"caption_advantage": _short(of_captions[index])}),
        }


def _short(value: float) -> float | int | None:
    """A number in few characters; NaN, such as the advantage of a dropped group, becomes null."""
    if np.isnan(value):
        return None
    return int(value) if value == int(value) else round(float(value), DIGITS)


def packed(lines: Iterator[dict[str, Any]]) -> bytes:
    """A gzip member without a time stamp: equal lines give equal bytes."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    return gzip.compress(text.encode(), compresslevel=6, mtime=0)
