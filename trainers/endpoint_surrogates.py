"""Endpoints as a surrogate's models: the captioner transcribes the pictures, the solver answers from captions alone.

Both get the data set's question, which describes the form of a caption and of an answer, and a sentence that names the part to do. They
see no truth. The artifact holds every response: `captions.jsonl.gz`, `solutions.jsonl.gz`.
"""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from trainers.data import split_files
from trainers.asker import Asker
from trainers.endpoint import Answer, Endpoint, Question
from trainers.job import Job
from trainers.sampling import Rollouts, caption_of
from trainers.tokenizer import CAPTION_CLOSE, CAPTION_OPEN

TRANSCRIBE = f"Do the first part only: write the caption of this picture between {CAPTION_OPEN} and {CAPTION_CLOSE}, then stop."
SOLVE = "You are not shown the picture. Somebody who saw it wrote the caption below. Go on from there: reason, then answer."


def transcribed(job: Job) -> list[str | None]:
    """The caption of the endpoint `captioner` for each picture of the split, each asked for once; None if it wrote none."""
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
        self._write()  # the answers from before the checkpoint that the job continues from

    def __call__(self, rollouts: Rollouts) -> list[str | None]:
        """The solver's response from each rollout's caption; None without a caption."""
        captions = [caption_of(text) for text in rollouts.texts]
        questions = {
            (row, caption): Question(caption, f"{self._queries[row]}\n\n{SOLVE}\n\n{CAPTION_OPEN}{caption}{CAPTION_CLOSE}")
            for row, caption in zip(rollouts.rows.tolist(), captions)
            if caption is not None
        }
        answers = dict(zip(questions, self._asker(list(questions.values()))))
        self._write()
        return [
            None if caption is None else f"{CAPTION_OPEN}{caption}{CAPTION_CLOSE}\n{answers[row, caption].text}"
            for row, caption in zip(rollouts.rows.tolist(), captions)
        ]

    def _write(self) -> None:
        """Appends the new answers, sorted: they arrive in any order."""
        kept = self._asker.kept.answers
        fresh = sorted((answer.about, key) for key, answer in kept.items() if key not in self._written)
        _append(self._path, ({"caption": caption, **_said(kept[key])} for caption, key in fresh))
        self._written |= kept.keys()


def _columns(job: Job, *names: str) -> list[list[Any]]:
    """These columns of the job's rows, in order."""
    tables = [parquet.read_table(path, columns=list(names)) for path in split_files(job.inputs["data"], job.params["split"])]
    return [[value for table in tables for value in table.column(name).to_pylist()][: job.params.get("limit")] for name in names]


def _said(answer: Answer) -> dict[str, Any]:
    return {"response": answer.text, "finish_reason": answer.finish_reason, "model": answer.model}


def _append(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Appends a gzip member without a time stamp: equal lines give equal bytes."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    if text:
        with path.open("ab") as file:
            file.write(gzip.compress(text.encode(), mtime=0))
