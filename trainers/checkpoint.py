"""Checkpoints of a training run: written atomically, checked when read; a run continues from the newest intact one.

A file is `step-<number>.pt`: the SHA-256 of the rest, then a torch archive of the state. While it runs, a training keeps the newest two,
so that a damaged one costs the steps since the one before it.
"""

import hashlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from trainers.job import write_atomically

KEPT = 2
_DIGEST_BYTES = hashlib.sha256().digest_size


def identity(parameters: dict[str, Any], files: list[Path]) -> str:
    """The identity of a run: a hash of its parameters and of the files that it reads."""
    digests = []
    for path in files:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return hashlib.sha256(json.dumps([parameters, digests], sort_keys=True).encode()).hexdigest()


def save(directory: Path, step: int, run: str, state: dict[str, Any]) -> None:
    """Writes the state after `step` steps of the run with the identity `run`, and deletes older checkpoints beyond KEPT."""
    buffer = io.BytesIO()
    torch.save({"identity": run, "step": step, "state": state}, buffer)
    payload = buffer.getbuffer()  # no copy: the state of a large model may take half of the memory
    for unfinished in directory.glob(".step-*.tmp"):  # left by a run that was killed while it wrote
        unfinished.unlink()
    write_atomically(directory / _name(step), hashlib.sha256(payload).digest(), payload)
    # Later checkpoints belong to a longer run, which may continue from them.
    behind = [path for path in _files(directory) if path.name <= _name(step)]
    for old in behind[KEPT:]:
        old.unlink()


def load_newest(
    directory: Path, run: str, last_step: int, warn: Callable[[str], None]
) -> tuple[int, dict[str, Any]] | None:
    """(step, state) of the newest intact checkpoint of this run up to `last_step`; None without one."""
    for path in _files(directory):
        content = memoryview(path.read_bytes())
        payload = content[_DIGEST_BYTES:]
        if hashlib.sha256(payload).digest() != content[:_DIGEST_BYTES]:
            warn(f"Checkpoint {path.name} is damaged and was ignored.")
            continue
        saved = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
        if saved["identity"] == run and saved["step"] <= last_step:
            return saved["step"], saved["state"]
    return None


def _name(step: int) -> str:
    return f"step-{step:08d}.pt"


def _files(directory: Path) -> list[Path]:
    """The checkpoint files, newest first."""
    return sorted((path for path in directory.iterdir() if re.fullmatch(r"step-\d{8}\.pt", path.name)), reverse=True)
