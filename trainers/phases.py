"""The seconds that a job spends in each of its phases, from the writing of job.json on."""

import os
import time
from pathlib import Path


class Phases:
    """The current phase and the seconds of every phase. A phase may begin again; it then adds to its seconds.

    Two phases lie before this program's first line: `waiting`, from the writing of job.json to the start of this process (for
    imports in advance, a GPU, or a cluster's queue), and `imports`, from there on.
    """

    def __init__(self, job_file: Path):
        age = process_age()
        waited = time.time() - age - job_file.stat().st_mtime
        self.seconds = {"waiting": max(0.0, waited)}
        self.name, self.since = "imports", time.monotonic() - age

    def begin(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[self.name] = self.seconds.get(self.name, 0.0) + now - self.since
        self.name, self.since = name, now

    def end(self) -> dict[str, float]:
        self.begin(self.name)
        return {name: round(seconds, 2) for name, seconds in self.seconds.items()}


def process_age() -> float:
    """Seconds since this process was started or forked, in steps of 10 ms."""
    with open("/proc/self/stat", encoding="utf-8") as file:
        # The second field is the program's name, which may have blanks.
        ticks = int(file.read().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
