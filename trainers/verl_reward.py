"""The reward that verl's workers call: R = α·p + (1-α)·a, judged by `pipe score`.

verl loads this file by its path in every reward worker. Each worker starts one scorer and keeps it; calls come from several threads,
and take turns. `settings` is a JSON file with the scorer's command, α and the name of p (`reward_name` of rewards.py).
"""

import json
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from trainers.rewards import agreement_parts
from trainers.scorer import Scorer, oracle_parts
from trainers.surrogates import TEACHER


@dataclass(frozen=True)
class Judge:
    """The scorer of this process, α, and the name of p."""

    scorer: Scorer
    turn: threading.Lock
    alpha: float
    perception: str

    def __call__(self, example: dict[str, Any], response: str) -> dict[str, float]:
        """The reward `score` and its parts."""
        about = {name: example[name] for name in ("task", "ground_truth")} | {"response": response, "mode": "end-to-end"}
        compared = [example["perception"]] if example.get("caption") is None else [example["perception"], example["caption"]]
        with self.turn:
            self.scorer.ask([about | {"perception": perception} for perception in compared])
            oracle, *teacher = self.scorer.answers()
        parts = oracle_parts(oracle)
        agreement = agreement_parts(TEACHER, teacher[0] if teacher else {})
        if self.perception in agreement:
            parts |= agreement
        return {"score": self.alpha * parts[self.perception] + (1 - self.alpha) * parts["outcome"]} | parts


@lru_cache(maxsize=1)
def _judge(settings: str) -> Judge:
    with open(settings, encoding="utf-8") as file:
        read = json.load(file)
    return Judge(Scorer(read["scorer"]), threading.Lock(), read["alpha"], read["perception"])


_starting = threading.Lock()


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any], settings: str, **_: Any  # noqa: ARG001
) -> dict[str, float]:
    """verl's signature; `extra_info` is that of verl_rows.py."""
    with _starting:
        judge = _judge(settings)
    return judge(extra_info, solution_str)
