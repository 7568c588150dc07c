"""Accuracy on held-out pictures during a training: `a`, `a_p` and `a_r` after every n-th step, in its metrics as `val_a` and so on.

They are measured as `generate` and `score` do at the end: greedy responses, from the picture and from p* given too, judged by the one
scorer. Nothing random is drawn and no weight changes, so a training takes the same steps with and without it.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from trainers.data import Split, read_split, split_files
from trainers.job import Job
from trainers.policy import Decoding, Policy
from trainers.sampling import force, responses
from trainers.scorer import Scorer, oracle_parts

AT_ONCE = 250  # responses, as `generate` has by default


class Validation:
    """The pictures and the scorer; a call measures the weights of that moment."""

    def __init__(self, policy: Policy, split: Split, decoder: Decoding, scorer: Scorer, every: int):
        self.policy, self.split, self.decoder, self.scorer, self.every = policy, split, decoder, scorer, every

    def is_due(self, step: int) -> bool:
        """Steps count from 1."""
        return step % self.every == 0

    def has_measured(self, metrics: dict[str, Any]) -> bool:
        return "val_a" in metrics

    def __call__(self) -> dict[str, float]:
        for mode, is_given in (("end-to-end", False), ("counterfactual", True)):
            self.scorer.ask(self._questions(mode, is_given))
        free, given = ([oracle_parts(verdict) for verdict in self.scorer.answers()] for _ in range(2))
        measured = {"val_a": (free, "outcome"), "val_a_p": (free, "perception"), "val_a_r": (given, "outcome")}
        return {name: float(np.mean([parts[part] for parts in judged])) for name, (judged, part) in measured.items()}

    def _questions(self, mode: str, is_given: bool) -> list[dict[str, Any]]:
        columns = {name: self.split.columns[name] for name in ("task", "ground_truth", "perception")}
        truths = [dict(zip(columns, values)) for values in zip(*columns.values())]
        return [truth | {"response": text, "mode": mode} for truth, text in zip(truths, self._texts(is_given))]

    def _texts(self, is_given: bool) -> Iterator[str]:
        for start in range(0, len(self.split), AT_ONCE):
            rows = np.arange(start, min(start + AT_ONCE, len(self.split)))
            captions = [self.split.columns["perception"][row] for row in rows] if is_given else None
            forced = None if captions is None else force(self.policy, captions)
            yield from responses(self.policy, self.decoder(self.policy.prompts(rows), None, forced), captions, forced)


@contextlib.contextmanager
def validation_for(
    job: Job, options: dict[str, Any] | None, data: str, policy_on: Callable[[Split], Policy], longest: int
) -> Iterator[Validation | None]:
    """The validation that the stage's param `validate` asks for, on input `data`; None where it asks for none.

    `policy_on` gives the model in training with the pictures of a split, `longest` bounds the tokens of a response.
    """
    if options is None:
        yield None
        return
    split = read_split(job.inputs[data], options["split"], options["limit"], any_size=True)
    policy = policy_on(split)
    with Scorer(job.scorer) as scorer:
        yield Validation(policy, split, policy.decoder(longest, job.exit_if_stopping), scorer, options["every"])


def validation_files(job: Job, options: dict[str, Any] | None, data: str) -> list[Path]:
    """The files that a validation reads."""
    return [] if options is None else split_files(job.inputs[data], options["split"])
