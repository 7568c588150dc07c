"""The trainer's side of the job protocol, version 1.

A job directory holds `job.json` (what to do), `events.jsonl` (what happens, appended line by line) and, once the job has
ended, `result.json`, written atomically and last: if it exists, the output is complete. Exit codes: 0 the result is `ok`;
1 it is `failed`; 143 SIGTERM stopped the job, which left no result.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from trainers.phases import Phases

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
    """The report of a finished job: a few numbers, and the step it continued from (None when it began at the beginning)."""

    summary: dict[str, Any]
    resumed_from: int | None = None


class Job:
    """One job directory: reads its description and appends to its events."""

    def __init__(self, directory: Path, is_silent: bool = False):
        self.directory = directory
        self.result = directory / "result.json"
        description = json.loads((directory / "job.json").read_text(encoding="utf-8"))
        if description["protocol"] != PROTOCOL:
            raise JobError(
                f"job.json speaks protocol {description['protocol']}; this trainer speaks {PROTOCOL}.",
                "Use the trainers that came with this version of pipe.",
            )
        self.attempt: str = description["attempt"]
        self.params: dict[str, Any] = description["params"]
        given = description["inputs"]
        self.inputs = {name: Path(path) for name, path in given.items() if isinstance(path, str)}
        self.fan_ins = {name: [Path(path) for path in paths] for name, paths in given.items() if isinstance(paths, list)}
        self.output = Path(description["output"])
        self.checkpoints = Path(description["checkpoints"])
        self.scorer: list[str] = description.get("scorer", [])  # the command that starts the scorer; empty for a stage without rewards
        self.stopping = False
        self.phases = Phases(directory / "job.json")
        self._events = open(os.devnull if is_silent else directory / "events.jsonl", "a", encoding="utf-8")

    def progress(self, done: int, total: int, unit: str) -> None:
        self._event({"event": "progress", "done": done, "total": total, "unit": unit})

    def metrics(self, step: int, values: dict[str, float]) -> None:
        self._event({"event": "metrics", "step": step, "values": values})

    def log(self, level: str, message: str) -> None:
        self._event({"event": "log", "level": level, "message": message})

    def phase(self, name: str) -> None:
        """Begins a phase of the work, whose seconds its result and its log report."""
        self.phases.begin(name)

    def exit_if_stopping(self) -> None:
        """Exits with 143 after SIGTERM; called only where no file is half written."""
        if self.stopping:
            raise SystemExit(EXIT_TERMINATED)

    def give_up(self, message: str, fix: str) -> NoReturn:
        """Fails and ends this process at once, from whatever thread."""
        write_result(self.result, {"attempt": self.attempt, **_failed(message, fix)})
        os._exit(1)

    def _event(self, event: dict[str, Any]) -> None:
        self._events.write(json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n")
        self._events.flush()


def gpu_share() -> float:
    """The part of a GPU that this job has (executors/environment.ts); 1 with whole ones, and outside of pipe."""
    return float(os.environ.get("PIPE_GPU_SHARE", "1"))


def main(work: Callable[[Job], Outcome], arguments: list[str] | None = None) -> int:
    """Runs `work` on the job directory named on the command line and writes its result; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1:
        print("usage: python -m trainers.<stage> JOB_DIR", file=sys.stderr)
        return 2
    directory = Path(arguments[0]).resolve()
    attempt, seconds = None, {}

    def run() -> Outcome:
        nonlocal attempt, seconds
        job = Job(directory)
        attempt = job.attempt
        stop_on_sigterm(job)
        outcome = work(job)
        seconds = job.phases.end()
        print("seconds:", ", ".join(f"{name} {value:g}" for name, value in seconds.items()))
        return outcome

    result = result_of(run)
    if result["status"] == "ok":
        result["seconds"] = seconds
    write_result(directory / "result.json", {"attempt": attempt, **result})
    return 0 if result["status"] == "ok" else 1


def stop_on_sigterm(job: Job) -> None:
    signal.signal(signal.SIGTERM, lambda *_: setattr(job, "stopping", True))


def result_of(run: Callable[[], Outcome]) -> dict[str, Any]:
    """The outcome of `run` as a job's result says it. Failures are printed as well."""
    try:
        outcome = run()
    except JobError as error:
        return _failed(error.message, error.fix)
    except Exception as error:
        traceback.print_exc()
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        if ran_out_of_memory(error):
            return _failed(f"The job ran out of memory. {said}", "Lower `batch`, the rows that are worked on at once, or use a larger machine or share of a GPU.")
        if ran_out_of_disk(error):
            return _failed(f"The disk is full. {said}", "Make room; the same command continues from the last checkpoint.")
        return _failed(f"The trainer stopped on an unexpected error. {said}", "The traceback is in the job's log.")
    return {"status": "ok", "summary": outcome.summary, "resumed_from": outcome.resumed_from}


def ran_out_of_memory(error: Exception) -> bool:
    """PyTorch's errors are known by name and text, since this module does not import PyTorch; on a processor it raises a RuntimeError."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)


def ran_out_of_disk(error: Exception) -> bool:
    """Judged by the text: libraries in other languages raise it in exceptions of their own."""
    return any(said in str(error) for said in ("No space left on device", "Disk quota exceeded"))


def _failed(message: str, fix: str) -> dict[str, Any]:
    print(f"{message} {fix}", file=sys.stderr)
    return {"status": "failed", "message": message, "fix": fix}


def write_result(path: Path, result: dict[str, Any]) -> None:
    text = json.dumps({"protocol": PROTOCOL, **result}, ensure_ascii=False, allow_nan=False)
    write_atomically(path, text.encode("utf-8"))


def write_atomically(path: Path, *content: bytes | memoryview) -> None:
    """Writes a file whole or not at all, also across a crash or a power cut."""
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
