"""verl's checkpoints, `global_step_N/`, with its rollouts and metrics: what a stopped run continues from.

verl writes the number of a whole checkpoint to a file of its own, last. Its rollouts and metrics of a step come after the checkpoint, so a
run that dies in between has a checkpoint without them; then the one before it counts.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from trainers.job import write_atomically
from trainers.verl_dumps import read_log

TRACKER = "latest_checkpointed_iteration.txt"
IDENTITY = "identity"


@dataclass(frozen=True)
class Checkpoints:
    """The directory of one run, whose `identity` is that of its params, data and models."""

    directory: Path

    @property
    def rollouts(self) -> Path:
        return self.directory / "rollouts"

    def logs(self) -> list[Path]:
        """The logs of all attempts, in order."""
        return sorted((self.directory / "logs").glob("*.jsonl"))

    def new_log(self) -> Path:
        folder = self.directory / "logs"
        folder.mkdir(exist_ok=True)
        return folder / f"{len(self.logs()) + 1:06}.jsonl"

    def path(self, step: int) -> Path:
        return self.directory / f"global_step_{step}"

    def begin(self, identity: str) -> None:
        """Keeps what an earlier attempt at this very run has left; anything else is removed."""
        marker = self.directory / IDENTITY
        if not marker.is_file() or marker.read_text(encoding="utf-8") != identity:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory.mkdir(parents=True)
            write_atomically(marker, identity.encode())

    def latest(self) -> int:
        """The newest whole checkpoint; 0 without one."""
        tracker = self.directory / TRACKER
        text = tracker.read_text(encoding="utf-8").strip() if tracker.is_file() else ""
        return int(text) if text.isdecimal() else 0

    def resumable(self) -> int:
        """The newest step that has a whole checkpoint and, up to it, all rollouts and metrics; 0 without one. Removes the checkpoints that
        were broken off."""
        latest, logged, found = self.latest(), read_log(self.logs()), 0
        for path in self.directory.glob("global_step_*"):
            step = int(re.sub(r"\D", "", path.name))
            if step > latest:
                shutil.rmtree(path)
            elif step > found and all(past in logged and self.dump(past).is_file() for past in range(1, step + 1)):
                found = step
        return found

    def dump(self, step: int) -> Path:
        return self.rollouts / f"{step}.jsonl"
