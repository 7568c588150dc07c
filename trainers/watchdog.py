"""Ends a job that makes no more steps: a process that waits for a dead one, a deadlock, a file system that hangs."""

import contextlib
import faulthandler
import sys
import threading
from collections.abc import Callable, Iterator

from trainers.job import Job

START_SECONDS = 6 * 3600  # to the end of the first step: tokenising and loading a large model take long
LEAST_SECONDS = 3600
LONGEST_STEPS = 20
TICK = 1.0


@contextlib.contextmanager
def watchdog(job: Job) -> Iterator[Callable[[], None]]:
    """Gives a function to call after every step. A job that has not called it for an hour, and for 20 times its longest step, fails;
    before its first step it has six hours. Its log says where each thread stood. Ticks are counted, not time: none passes while a
    machine sleeps or the job is stopped."""
    over = threading.Event()
    ticks = 0
    longest: int | None = None  # of the steps after the first, in ticks

    def step() -> None:
        nonlocal ticks, longest
        ticks, longest = 0, 0 if longest is None else max(ticks, longest)

    def bound() -> float:
        return START_SECONDS if longest is None else max(LEAST_SECONDS, LONGEST_STEPS * longest * TICK)

    def watch() -> None:
        nonlocal ticks
        while not over.wait(TICK):
            ticks += 1
            if ticks * TICK > bound():
                faulthandler.dump_traceback(file=sys.stderr)
                job.give_up(
                    f"The training made no step for {ticks * TICK / 60:.0f} minutes.",
                    "The end of its log says where each thread stood; the same command continues from the last checkpoint.",
                )

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield step
    finally:
        over.set()
