"""Runs a program until its whole process tree has ended, and writes the cost as JSON. After LIMIT seconds it kills the tree.

    python3 -I -S measure.py REPORT LIMIT PROGRAM [ARGUMENT…]

CPU seconds are those of the whole tree: this process adopts orphans (it is a sub-reaper), so it waits for detached processes, in a
session of their own or forked twice, and counts them. The peak is that of the largest single process, whose name comes from sampling.
Bytes read are those of all read calls, from files or not, and include a few kB of our own.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time

PR_SET_CHILD_SUBREAPER = 36
LOOK_SECONDS = 0.05


def descendants(pid):
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children") as file:
                children = file.read().split()
        except OSError:
            continue
        for child in children:
            yield child
            yield from descendants(child)


def peak_of(pid):
    """The most memory the process ever had, in kB, and the name of its program."""
    try:
        with open(f"/proc/{pid}/status") as file:
            peak = next((int(line.split()[1]) for line in file if line.startswith("VmHWM:")), 0)
        return peak, os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return 0, ""


def bytes_read():
    with open("/proc/self/io") as file:
        return int(file.readline().split()[1])


def watch(largest, over):
    while not over.wait(LOOK_SECONDS):
        for pid in descendants(os.getpid()):
            largest[0] = max(largest[0], peak_of(pid))


def kill_after(limit, stopped, over):
    """Kills the process tree again and again, since one that is not dead yet may start another."""
    while not over.wait(LOOK_SECONDS if stopped else limit):
        stopped.append(True)
        for pid in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def main():
    report, limit, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    largest, over = [(0, "")], threading.Event()
    watcher = threading.Thread(target=watch, args=(largest, over))
    read_before = bytes_read()
    begun = time.monotonic()
    child = subprocess.Popen(command)
    watcher.start()
    stopped: list[bool] = []
    killer = threading.Thread(target=kill_after, args=(float(limit), stopped, over))
    killer.start()
    status = child.wait()
    wall = time.monotonic() - begun
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    over.set()
    watcher.join()
    killer.join()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seen, name = largest[0]
    # A child starts with its parent's peak, so the kernel's figure is meaningless below our own.
    peak = used.ru_maxrss if used.ru_maxrss > peak_of("self")[0] else seen
    with open(report, "w") as file:
        json.dump(
            {
                "status": None if stopped else status,
                "wall": wall,
                "cpu": used.ru_utime + used.ru_stime,
                "peakKb": peak,
                "largest": name or os.path.basename(command[0]),
                "bytesRead": bytes_read() - read_before,
            },
            file,
        )


if __name__ == "__main__":
    main()
