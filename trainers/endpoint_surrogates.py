"""Endpoints in the places of a surrogate's models: who transcribes the pictures, and who solves from captions alone.

Both get the question as the data set has it, which says what a caption and an answer look like, and a sentence that says which part
of it to do. No truth is looked at. The artifact has every word that was said: `captions.jsonl.gz`, `solutions.jsonl.gz`.
"""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from trainers.data import split_files
from trainers.endpoint import Answer, Asker, Endpoint, Question
from trainers.job import Job
from trainers.sampling import Rollouts, caption_of
from trainers.tokenizer import CAPTION_CLOSE, CAPTION_OPEN

TRANSCRIBE = f"Do the first part only: write the caption of this picture between {CAPTION_OPEN} and {CAPTION_CLOSE}, then stop."
SOLVE = "You are not shown the picture. Somebody who saw it wrote the caption below. Go on from there: reason, then answer."


def transcribed(job: Job) -> list[str | None]:
    """What the endpoint `captioner` sees on every picture of the split, each asked about once; None where it wrote no caption."""
    ids, queries, pictures = _columns(job, "id", "query", "image")
    asker = Asker(Endpoint(**job.params["captioner"]), "captioner", job.checkpoints / "captions.jsonl", job, progress=True)
    answers = asker([Question(row, f"{query}\n\n{TRANSCRIBE}", picture["bytes"]) for row, query, picture in zip(ids, queries, pictures)])
    captions = [caption_of(answer.text) for answer in answers]
    without = [answer for answer, caption in zip(answers, captions) if caption is None]
    if without:
        cut = sum(answer.finish_reason == "length" for answer in without)
        job.log("warn", f"{len(without)} of {len(answers)} answers have no caption, {cut} of them cut at max_tokens: nobody can agree with them.")
    lines = ({"id": row, "caption": caption, **_said(answer)} for row, caption, answer in zip(ids, captions, answers))
    _append(job.output / "captions.jsonl.gz", lines)
    return captions


class EndpointSolver:
    """Asks the endpoint `solver` for the answer to each caption, without its picture."""

    def __init__(self, job: Job):
        self._asker = Asker(Endpoint(**job.params["solver"]), "solver", job.checkpoints / "solutions.jsonl", job)
        (self._queries,) = _columns(job, "query")
        self._written: set[str] = set()
        self._path = job.output / "solutions.jsonl.gz"
        self._write()  # what was said before a checkpoint that the job goes on from

    def __call__(self, rollouts: Rollouts) -> list[str | None]:
        """The response that each one's caption leads to; None where it has none."""
        captions = [caption_of(text) for text in rollouts.texts]
        asked = {
            (row, caption): Question(caption, f"{self._queries[row]}\n\n{SOLVE}\n\n{CAPTION_OPEN}{caption}{CAPTION_CLOSE}")
            for row, caption in zip(rollouts.rows.tolist(), captions)
            if caption is not None
        }
        answers = dict(zip(asked, self._asker(list(asked.values()))))
        self._write()
        return [
            None if caption is None else f"{CAPTION_OPEN}{caption}{CAPTION_CLOSE}\n{answers[row, caption].text}"
            for row, caption in zip(rollouts.rows.tolist(), captions)
        ]

    def _write(self) -> None:
        """What is new since, in an order of its own: answers come in any."""
        kept = self._asker.kept.answers
        fresh = sorted((answer.about, key) for key, answer in kept.items() if key not in self._written)
        _append(self._path, ({"caption": caption, **_said(kept[key])} for caption, key in fresh))
        self._written |= kept.keys()


def _columns(job: Job, *names: str) -> list[list[Any]]:
    """Of the rows that the job works on, in order."""
    tables = [parquet.read_table(path, columns=list(names)) for path in split_files(job.inputs["data"], job.params["split"])]
    return [[value for table in tables for value in table.column(name).to_pylist()][: job.params.get("limit")] for name in names]


def _said(answer: Answer) -> dict[str, Any]:
    return {"response": answer.text, "finish_reason": answer.finish_reason, "model": answer.model}


def _append(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    """One more gzip member, the same bytes for the same lines at any time."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    if text:
        with path.open("ab") as file:
            file.write(gzip.compress(text.encode(), mtime=0))
