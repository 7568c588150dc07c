"""One training by our trainer, as a job: `ours.py sft|grpo JOB_DIR`. Prints what `sft.py` and `grpo.py` print."""

import importlib
import json
import sys
import time
from pathlib import Path

import torch
from common import rate_of, report, seconds_since

from trainers.phases import process_age

LEFT_OUT = {"sft": 1, "grpo": 2}  # reports that are left out of the rate


def main(kind: str, directory: str) -> None:
    began = time.monotonic() - process_age()
    from trainers import job as jobs

    curve: list[tuple[float, float]] = []
    rates: list[float] = []  # tokens a second, which count from one report to the next
    steps = 0

    def note(_: jobs.Job, step: int, values: dict[str, float]) -> None:
        """The job's line of metrics, with the time of each."""
        nonlocal steps
        steps = step
        share = values.get("lambda", 0.0)
        seen = share * values["L_p"] + (1 - share) * values["L_r"] if kind == "sft" else values["reward"]
        curve.append((seconds_since(began), seen))
        rates.append(values.get("tokens_per_second", 0.0))

    jobs.Job.metrics = note  # type: ignore[assignment,method-assign]  # a listener in its place
    torch.set_num_threads(json.loads((Path(directory) / "threads.json").read_text()))
    work = importlib.import_module(f"trainers.{kind}").work
    if jobs.main(work, [directory]) != 0:
        sys.exit(1)
    if kind == "sft":
        seen = rates[LEFT_OUT[kind] :]
        rate = {"tokens_per_s": len(seen) / sum(1 / each for each in seen)}
    else:
        params = json.loads((Path(directory) / "job.json").read_text())["params"]
        rate = {"rollouts_per_s": rate_of(curve, LEFT_OUT[kind], params["group"] * params["prompts_per_step"])}
    report(curve=curve, steps=steps, **rate, seconds=seconds_since(began))


if __name__ == "__main__":
    main(*sys.argv[1:])
