"""The trainer's side of the job protocol, version 1.

A job directory holds `job.json` (what to do), `events.jsonl` (what happens, appended line by line) and, once the job has
ended, `result.json`, written atomically and last: whoever reads it knows that everything before it is complete. Exit codes:
0 the result says `ok`; 1 it says `failed`; 143 the job was asked to stop (SIGTERM) and left no result.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROTOCOL = 1
EXIT_TERMINATED = 128 + signal.SIGTERM


class JobError(Exception):
    """A failure that a person can act on: what happened, and what to do next."""

    def __init__(self, message: str, fix: str):
        super().__init__(message)
        self.message = message
        self.fix = fix


@dataclass(frozen=True)
class Outcome:
    """What a finished job reports: a few numbers, and the step it continued from (None when it began at the beginning)."""

    summary: dict[str, Any]
    resumed_from: int | None = None


class Job:
    """One job directory: its description, and the way to tell the outside what is going on."""

    def __init__(self, directory: Path):
        self.directory = directory
        description = json.loads((directory / "job.json").read_text(encoding="utf-8"))
        if description["protocol"] != PROTOCOL:
            raise JobError(
                f"job.json speaks protocol {description['protocol']}; this trainer speaks {PROTOCOL}.",
                "Use the trainers that came with this version of pipe.",
            )
        self.attempt: str = description["attempt"]
        self.params: dict[str, Any] = description["params"]
        self.inputs = {name: Path(path) for name, path in description["inputs"].items()}
        self.output = Path(description["output"])
        self.checkpoints = Path(description["checkpoints"])
        self.scorer: list[str] = description.get("scorer", [])  # the command that starts one, where the stage has rewards
        self.stopping = False
        self._events = open(directory / "events.jsonl", "a", encoding="utf-8")

    def progress(self, done: int, total: int, unit: str) -> None:
        self._event({"event": "progress", "done": done, "total": total, "unit": unit})

    def metrics(self, step: int, values: dict[str, float]) -> None:
        self._event({"event": "metrics", "step": step, "values": values})

    def log(self, level: str, message: str) -> None:
        self._event({"event": "log", "level": level, "message": message})

    def exit_if_stopping(self) -> None:
        """Leave with 143 when SIGTERM has arrived; called where nothing is half written."""
        if self.stopping:
            raise SystemExit(EXIT_TERMINATED)

    def _event(self, event: dict[str, Any]) -> None:
        self._events.write(json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n")
        self._events.flush()


def main(work: Callable[[Job], Outcome], arguments: list[str] | None = None) -> int:
    """Run `work` on the job directory named by the command line and write its result; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1:
        print("usage: python -m trainers.<stage> JOB_DIR", file=sys.stderr)
        return 2
    directory = Path(arguments[0]).resolve()
    attempt = None
    try:
        job = Job(directory)
        attempt = job.attempt
        signal.signal(signal.SIGTERM, lambda *_: setattr(job, "stopping", True))
        outcome = work(job)
    except JobError as error:
        return _fail(directory, attempt, error.message, error.fix)
    except Exception as error:
        traceback.print_exc()
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        message = f"The trainer stopped on an unexpected error. {said}"
        return _fail(directory, attempt, message, "The traceback is in the job's log.")
    _write_result(
        directory,
        {"attempt": attempt, "status": "ok", "summary": outcome.summary, "resumed_from": outcome.resumed_from},
    )
    return 0


def _fail(directory: Path, attempt: str | None, message: str, fix: str) -> int:
    print(f"{message} {fix}", file=sys.stderr)
    _write_result(directory, {"attempt": attempt, "status": "failed", "message": message, "fix": fix})
    return 1


def _write_result(directory: Path, result: dict[str, Any]) -> None:
    text = json.dumps({"protocol": PROTOCOL, **result}, ensure_ascii=False, allow_nan=False)
    write_atomically(directory / "result.json", text.encode("utf-8"))


def write_atomically(path: Path, *content: bytes | memoryview) -> None:
    """Either the whole new file is there or the old state is, also after a crash or a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        for part in content:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
