"""The training loop of `sft` and `grpo`: continue from a checkpoint, step, report, save.

A run continues from the newest checkpoint with the same identity: its parameters (the number of steps only if the schedule depends
on it) and the bytes of its data and models. Trainers draw no random numbers that depend on earlier steps, so a checkpoint holds no
generator state, and on a CPU a resumed run equals an uninterrupted one to the bit.
"""

import json
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch

from trainers import checkpoint
from trainers.job import Job
from trainers.schedule import Schedule
from trainers.validation import Validation

CHECKPOINT_SECONDS = 30.0
FIRST_STEPS = 4  # on a GPU these choose kernels and capture the step
CHECKPOINT_SHARE = 0.1  # of the run time, at most: a large model takes longer to write than a step takes


class Trainer(ABC):
    """A model in training: one step at a time, with all state that a checkpoint needs."""

    report_every = 1  # steps between two lines of metrics

    def __init__(self, model: torch.nn.Module, optimizer: torch.optim.Optimizer):
        self.module, self.optimizer = model, optimizer
        self.last: dict[str, Any] = {}  # metrics of the latest step
        self.metrics: list[dict[str, Any]] = []  # metrics of every `report_every`-th step

    @abstractmethod
    def step(self, step: int) -> Any:
        """Runs one step, numbered from 0, and passes its metrics to `record`."""

    @abstractmethod
    def speed(self) -> dict[str, float]:
        """Timings since the previous call; they are reported but not kept, so that equal runs write equal files."""

    def restart_clock(self) -> None:
        """Leaves the time until now out of the next `speed`."""

    def record(self, values: dict[str, Any]) -> None:
        """Keeps the metrics of a step; `values["step"]` counts from 1."""
        self.last = values
        if values["step"] % self.report_every == 0:
            self.metrics.append(values)

    def settle(self) -> None:
        """Records the steps whose numbers are still on the device."""

    def add(self, values: dict[str, float]) -> None:
        """Adds to the metrics of the latest step, and keeps them."""
        self.settle()
        if self.metrics[-1:] == [self.last]:
            self.metrics.pop()
        self.last = self.last | values
        self.metrics.append(self.last)

    def state(self) -> dict[str, Any]:
        return {
            "model": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "last": self.last,
            "metrics": self.metrics,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.last, self.metrics = state["last"], state["metrics"]


def run_identity(parameters: dict[str, Any], schedule: Schedule, files: list[Path]) -> str:
    """The identity that two runs must share for one to continue the other."""
    if not schedule.looks_at_the_end:
        parameters = {name: value for name, value in parameters.items() if name != "steps"}
    return checkpoint.identity(parameters, files)


def train(job: Job, trainer: Trainer, steps: int, identity: str, validation: Validation | None = None) -> int | None:
    """Runs the steps that are left, and saves at the end and on SIGTERM; returns the step it continued from, None for a new run."""
    job.phase("checkpoints")
    start = _resume(job, trainer, steps, identity)
    if start and validation is not None and validation.is_due(start) and not validation.has_measured(trainer.last):
        trainer.add(validation())  # SIGTERM came before the validation of that step
    job.phase("first steps")
    saved_at, saved_step, pause = time.monotonic(), start, CHECKPOINT_SECONDS
    for step in range(start, steps):
        if step == start + FIRST_STEPS:
            job.phase("steps")
        try:
            trainer.step(step)
        except SystemExit:  # SIGTERM before the step changed anything
            checkpoint.save(job.checkpoints, step, identity, trainer.state())
            raise
        done = step + 1
        due = validation if validation is not None and validation.is_due(done) else None
        is_reported = done % trainer.report_every == 0 or done == steps or due is not None
        speed = trainer.speed() if is_reported else {}
        try:
            if due is not None:
                trainer.add(due())
                trainer.restart_clock()
        except SystemExit:
            checkpoint.save(job.checkpoints, done, identity, trainer.state())
            raise
        if is_reported:
            values = {name: value for name, value in trainer.last.items() if name != "step"}
            job.metrics(done, values | speed)
            job.progress(done, steps, "steps")
        now = time.monotonic()
        if job.stopping or now - saved_at > pause:
            job.phase("checkpoints")
            checkpoint.save(job.checkpoints, done, identity, trainer.state())
            job.phase("steps")
            saved_at, saved_step = time.monotonic(), done
            pause = max(CHECKPOINT_SECONDS, (saved_at - now) / CHECKPOINT_SHARE)
            job.exit_if_stopping()
    job.phase("checkpoints")
    if saved_step != steps:
        checkpoint.save(job.checkpoints, steps, identity, trainer.state())
    return start or None


def _resume(job: Job, trainer: Trainer, steps: int, identity: str) -> int:
    found = checkpoint.load_newest(job.checkpoints, identity, steps, lambda message: job.log("warn", message))
    if found is None:
        return 0
    step, state = found
    trainer.restore(state)
    job.log("info", f"Continuing from the checkpoint of step {step}.")
    return step


def write_metrics(job: Job, trainer: Trainer) -> None:
    """Writes `metrics.jsonl`: the reported steps, and the last."""
    lines = [line for line in trainer.metrics if line["step"] != trainer.last["step"]] + [trainer.last]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (job.output / "metrics.jsonl").write_text(text, encoding="utf-8")
