"""Answers by the hash of their request, in an append-only file: those from before a crash are read again. A line that the crash cut
short is ignored."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance  # known to type checkers alone

Answer = TypeVar("Answer", bound="DataclassInstance")


class KeptAnswers(Generic[Answer]):
    """`answers` by the hashes of their requests; `form` is their dataclass."""

    def __init__(self, path: Path, form: type[Answer]):
        self.path = path
        self.answers: dict[str, Answer] = {}
        content = path.read_bytes() if path.exists() else b""
        self._torn = not content.endswith(b"\n") and content != b""
        for line in content.splitlines():
            try:
                read = json.loads(line)
                self.answers[read["request"]] = form(**read["answer"])
            except (ValueError, KeyError, TypeError):
                continue

    def add(self, answers: dict[str, Answer]) -> None:
        """Appends answers; they are on disk when this returns."""
        if not answers:
            return
        lines = "".join(json.dumps({"request": key, "answer": asdict(answer)}) + "\n" for key, answer in answers.items())
        with open(self.path, "ab") as file:
            file.write(b"\n" * self._torn + lines.encode())
            file.flush()
            os.fsync(file.fileno())
        self._torn = False
        self.answers |= answers
