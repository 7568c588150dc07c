"""One training by our trainer, as a job: `ours.py sft|grpo JOB_DIR`. Prints what `sft.py` and `grpo.py` print."""

import importlib
import json
import sys
import time
from pathlib import Path

import torch
from common import report

from trainers.phases import process_age

LEFT_OUT = {"sft": 1, "grpo": 2}  # reports that are left out of the rate
RATE = {"sft": "tokens_per_second", "grpo": "rollouts_per_second"}


def main(kind: str, directory: str) -> None:
    began = time.monotonic() - process_age()
    from trainers import job as jobs

    curve: list[tuple[float, float]] = []
    rates: list[float] = []

    def note(self: jobs.Job, step: int, values: dict[str, float]) -> None:
        """The job's line of metrics, with the time of each."""
        share = values.get("lambda", 0.0)
        seen = share * values["L_p"] + (1 - share) * values["L_r"] if kind == "sft" else values["reward"]
        curve.append((time.monotonic() - began, seen))
        rates.append(values[RATE[kind]])

    jobs.Job.metrics = note
    torch.set_num_threads(json.loads((Path(directory) / "threads.json").read_text()))
    work = importlib.import_module(f"trainers.{kind}").work
    if jobs.main(work, [directory]) != 0:
        sys.exit(1)
    seen = rates[LEFT_OUT[kind] :]
    rate = len(seen) / sum(1 / each for each in seen)
    report(curve=curve, **{RATE[kind].replace("_per_second", "_per_s"): rate}, seconds=time.monotonic() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
