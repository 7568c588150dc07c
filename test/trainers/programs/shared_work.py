"""The work of two processes that only add a number, with the ends that such a training may take: for test_ranks.py."""

import os
import signal
import sys
import time

import torch

from trainers import ranks
from trainers.job import Job, JobError, Outcome


def work(job: Job) -> Outcome:
    end = job.params["end"]
    if ranks.rank() == 1 and end == "fails":
        raise JobError("The second process failed.", "Mend it.")
    if ranks.rank() == 1 and end == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    total = torch.tensor(float(ranks.rank() + 1))
    ranks.add_up([total])
    job.metrics(1, {"sum": float(total)})
    while end == "stops" and not ranks.any_of(job.stopping, total.device):
        time.sleep(0.05)
    job.stopping = True
    job.exit_if_stopping()
    raise AssertionError("stopping")


if __name__ == "__main__":
    sys.exit(ranks.main(work))
