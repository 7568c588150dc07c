"""verl as a child process: it is watched, stopped with everything that it started, and its failure gets a name."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from trainers.job import Job, JobError

POLL_SECONDS = 0.2
GRACE_SECONDS = 20
LAST_LINES = 40
LAST_BYTES = 200_000

# Patterns of verl's last words, each with its cause and what to do.
CAUSES = (
    (
        r"CUDA out of memory|OutOfMemoryError: CUDA|less than desired GPU memory utilization",
        "The GPU's memory was too small.",
        "Lower batch or verl.gpu_memory, or set verl.offload: true.",
    ),
    (
        r"No available memory for the cache blocks|larger than the available KV cache memory",
        "vLLM's share of the GPU's memory had no room for keys and values.",
        "Raise verl.gpu_memory or verl.tensor_parallel, or lower verl.max_prompt or max_tokens.",
    ),
    (
        r"max_model_len \(\d+\) should be less than or equal to",
        "A prompt with its response may be longer than the model's context.",
        "Lower verl.max_prompt or max_tokens.",
    ),
    (
        r"ray\.exceptions\.OutOfMemoryError|due to the node running low on memory",
        "The machine's memory was too small.",
        "Give the node more memory.",
    ),
    (
        r"split_with_sizes expects split_sizes to sum exactly",
        "All prompts of a batch with their responses had the same length, which verl 0.9.1 cannot batch.",
        "Use questions of different lengths, more responses a step, or a model that ends its responses by itself.",
    ),
    (r"No space left on device", "The disk is full.", "Make room; the same command continues from the last checkpoint."),
    (
        r"Unsupported CPU attention configuration",
        "vLLM on a processor does not support the model's head_dim.",
        "Use a model with a head_dim of 32 or more.",
    ),
    (r"Address already in use", "A port that verl chose was taken.", "Run the same command again."),
)


class MetricsFollower:
    """Reads the whole lines that verl's file logger has added since the last call."""

    def __init__(self, path: Path):
        self._path, self._offset = path, 0

    def read(self) -> list[tuple[int, dict[str, float | None]]]:
        if not self._path.exists():
            return []
        with open(self._path, "rb") as file:
            file.seek(self._offset)
            added = file.read()
        whole = added[: added.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [(entry["step"], entry["data"]) for entry in map(json.loads, whole.splitlines())]


def run(
    job: Job, command: list[str], variables: dict[str, str], log: Path, watch: Callable[[], bool], patience_seconds: float
) -> None:
    """Runs the command to its end; the log begins with it. `watch` is called again and again, and says whether the run has got further;
    without that for `patience_seconds` the run is ended."""
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"} | variables
    log.write_text(f"{shlex.join(command)}\n", encoding="utf-8")
    with open(log, "ab") as words:
        child = subprocess.Popen(command, cwd=job.directory, env=environment, stdout=words, stderr=words, start_new_session=True)
    try:
        last = time.monotonic()
        while child.poll() is None:
            time.sleep(POLL_SECONDS)
            job.exit_if_stopping()
            if watch():
                last = time.monotonic()
            if time.monotonic() - last > patience_seconds:
                message = f"verl has not finished a step for {patience_seconds / 60:g} minutes."
                raise _failure(log, message, "Look in the job's log, or raise verl.patience_minutes.")
        watch()
    finally:
        end(child)
    if child.returncode != 0:
        raise _failure(log, f"verl ended with exit code {child.returncode}.", "The end of verl's output is in the job's log.")


def end(child: subprocess.Popen) -> None:
    """Ends the process group: first by SIGTERM, so that Ray can clear up."""
    for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, None)):
        try:
            os.killpg(child.pid, number)
            child.wait(seconds)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    child.wait()


def _failure(log: Path, message: str, fix: str) -> JobError:
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - LAST_BYTES))
        words = file.read().decode(errors="replace")
    print("\n".join(words.splitlines()[-LAST_LINES:]), file=sys.stderr, flush=True)
    return explain(words, message, fix)


def explain(words: str, message: str, fix: str) -> JobError:
    for pattern, cause, remedy in CAUSES:
        if re.search(pattern, words):
            return JobError(f"{message} {cause}", remedy)
    return JobError(message, fix)
