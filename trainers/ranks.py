"""One training in several processes of one machine. The job's process starts them, watches them and speaks for them.

Each is `python -m MODULE --rank NUMBER JOB_DIR`, and the first (rank 0) has the job's events. They meet at a file of the job's directory,
which needs no port, and talk through NCCL between GPUs, else through gloo. What each came to lies in `rank-<number>.json`. When one fails,
the others wait for it in vain, so they are ended. The message is that of the first to fail.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed

from trainers import job as jobs
from trainers.job import EXIT_TERMINATED, Job, JobError, Outcome, result_of, stop_on_sigterm, write_result

RENDEZVOUS = "rendezvous"
GRACE_SECONDS = 10  # in which those that wait for a dead process may notice by themselves
FOREVER = timedelta(days=30)  # of waiting for each other: rank 0 may tokenise for an hour, and dead processes are noticed here


def rank() -> int:
    """The number of this process in its training, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def add_up(tensors: list[Tensor]) -> None:
    """Makes each tensor its sum over the processes."""
    for tensor in tensors if distributed.is_initialized() else ():
        whole = tensor.contiguous()
        distributed.all_reduce(whole)
        if whole is not tensor:
            tensor.copy_(whole)


def any_of(flag: bool, device: torch.device) -> bool:
    """True in all processes if it is in one; returns when all have called."""
    count = torch.tensor(float(flag), device=device)
    add_up([count])
    return bool(count > 0)


def from_first(value: Any) -> Any:
    """The value that rank 0 has."""
    if not distributed.is_initialized():
        return value
    values = [value]
    distributed.broadcast_object_list(values)
    return values[0]


def run(job: Job, module: str, count: int) -> Outcome:
    """Runs the job in `count` processes of the module, whose `__main__` calls `main`; returns what rank 0 came to."""
    for old in [*job.directory.glob("rank-*.json"), job.directory / RENDEZVOUS]:
        old.unlink(missing_ok=True)
    with _processes(job.directory, module, count) as processes:
        codes = _wait(job, processes)
    harmless = (0, EXIT_TERMINATED, -signal.SIGTERM)
    failed = {number: code for number, code in enumerate(codes) if code is not None and code not in harmless}
    if failed:
        raise _failure(job.directory, failed, count)
    if any(codes):
        raise SystemExit(EXIT_TERMINATED)
    done = json.loads(_result(job.directory, 0).read_text(encoding="utf-8"))
    return Outcome(done["summary"], done["resumed_from"])


@contextlib.contextmanager
def _processes(directory: Path, module: str, count: int) -> Iterator[list[subprocess.Popen]]:
    # gloo would look this machine up by its host name, which need not resolve.
    common = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "GLOO_SOCKET_IFNAME": "lo", **os.environ}
    started = []
    for number in map(str, range(count)):
        command = [sys.executable, "-m", module, "--rank", number, str(directory)]
        started.append(subprocess.Popen(command, env=common | {"RANK": number, "LOCAL_RANK": number}))
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def _wait(job: Job, processes: list[subprocess.Popen]) -> list[int | None]:
    """The exit codes; None of a process that still waits for one that has failed."""
    is_stopping, failed_at = False, None
    while None in (codes := [process.poll() for process in processes]):
        if job.stopping and not is_stopping:
            is_stopping = True
            for process in processes:
                process.terminate()
        if failed_at is None and any(codes):
            failed_at = time.monotonic()
        if failed_at is not None and not is_stopping and time.monotonic() - failed_at > GRACE_SECONDS:
            break
        time.sleep(0.1)
    return codes


def _failure(directory: Path, failed: dict[int, int], count: int) -> JobError:
    """`failed` has the exit codes by the numbers of their processes."""
    silent = [number for number in failed if not _result(directory, number).exists()]
    if silent:
        code = failed[silent[0]]
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return JobError(
            f"Process {silent[0] + 1} of {count} ended by {how} without a word.",
            "See the end of the job's log. SIGKILL often means that the machine ran out of memory.",
        )
    first = min((_result(directory, number) for number in failed), key=lambda path: path.stat().st_mtime_ns)
    said = json.loads(first.read_text(encoding="utf-8"))
    return JobError(said["message"], said["fix"])


def _result(directory: Path, number: int) -> Path:
    return directory / f"rank-{number}.json"


def main(work: Callable[[Job], Outcome]) -> int:
    """As `job.main`, of a module that may be one of several processes."""
    if sys.argv[1:2] != ["--rank"]:
        return jobs.main(work)
    try:
        code = _member(work, int(sys.argv[2]), Path(sys.argv[3]))
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    sys.stdout.flush()
    os._exit(code)  # a failed process would wait for the others at the end of Python, and they for it


def _member(work: Callable[[Job], Outcome], number: int, directory: Path) -> int:
    job = Job(directory, is_silent=number > 0)
    job.result = _result(directory, number)
    stop_on_sigterm(job)
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(number)
    distributed.init_process_group(
        "nccl" if on_gpu else "gloo",
        init_method=f"file://{directory / RENDEZVOUS}",
        rank=number,
        world_size=int(os.environ["WORLD_SIZE"]),
        timeout=FOREVER,
    )
    result = result_of(lambda: work(job))
    write_result(job.result, result)
    return 0 if result["status"] == "ok" else 1
