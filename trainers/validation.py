"""Accuracy on held-out pictures during a training: `a`, `a_p` and `a_r` after every n-th step, in its metrics as `val_a` and so on.

They are measured as `generate` and `score` do at the end: greedy responses, from the picture and from p* given too, judged by the one
scorer. Where captions alone are learned, responses are as long as captions, and `a_p` is measured alone. Nothing random is drawn and no
weight changes, so a training takes the same steps with and without it.
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

    def __init__(self, policy: Policy, split: Split, decoder: Decoding, scorer: Scorer, every: int, of_captions: bool):
        self.policy, self.split, self.decoder, self.scorer, self.every = policy, split, decoder, scorer, every
        self.of_captions = of_captions

    def is_due(self, step: int) -> bool:
        """Steps count from 1."""
        return step % self.every == 0

    def has_measured(self, metrics: dict[str, Any]) -> bool:
        return "val_a_p" in metrics

    def __call__(self) -> dict[str, float]:
        self.scorer.ask(self._questions("end-to-end", False))
        if self.of_captions:
            return {"val_a_p": _share(self._verdicts(), "perception")}
        self.scorer.ask(self._questions("counterfactual", True))
        free, given = self._verdicts(), self._verdicts()
        return {"val_a": _share(free, "outcome"), "val_a_p": _share(free, "perception"), "val_a_r": _share(given, "outcome")}

    def _verdicts(self) -> list[dict[str, float]]:
        return [oracle_parts(verdict) for verdict in self.scorer.answers()]

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


def _share(verdicts: list[dict[str, float]], part: str) -> float:
    return float(np.mean([verdict[part] for verdict in verdicts]))


@contextlib.contextmanager
def validation_for(
    job: Job, options: dict[str, Any] | None, data: str, policy_on: Callable[[Split], Policy], longest: int, of_captions: bool = False
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
        yield Validation(policy, split, policy.decoder(longest, job.exit_if_stopping), scorer, options["every"], of_captions)


def validation_files(job: Job, options: dict[str, Any] | None, data: str) -> list[Path]:
    """The files that a validation reads."""
    return [] if options is None else split_files(job.inputs[data], options["split"])
