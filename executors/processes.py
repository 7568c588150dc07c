"""Signals, descriptors and process trees, for supervisor and reapers."""

import ctypes
import json
import os
import signal

PR_SET_CHILD_SUBREAPER = 36
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
WATCHED_SIGNALS = (*STOP_SIGNALS, signal.SIGCHLD)
# Python ignores them, and programs would inherit that.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
# Pause before the next look for processes that were started while others were being killed.
RESCAN_SECONDS = 0.05

libc = ctypes.CDLL(None)


def adopt_orphans():
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wake_on_signals():
    """A descriptor on which each watched signal arrives as one byte, its number."""
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in WATCHED_SIGNALS:
        signal.signal(number, lambda *_: None)
    return readable, writable


def read_available(descriptor):
    """The bytes that can be read now; empty at the end of file and after an error."""
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:
        return b""


def write(descriptor, data):
    """Writes without waiting, and returns whether all of it was written."""
    try:
        return os.write(descriptor, data) == len(data)
    except OSError:
        return False


def answer(**fields):
    # One write of less than PIPE_BUF: lines of different reapers never mix. It fails when the owner is dead.
    write(1, json.dumps(fields).encode() + b"\n")


def children_of_all():
    """pid -> its children, for every process with children. Zombies count: a zombie may have living threads."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(name))
    return children


def send(number, roots, children):
    """Signals the processes in `roots` and all their descendants, parents first, and returns whether any exists."""
    found, todo = False, list(roots)
    for pid in todo:
        todo.extend(children.get(pid, ()))
        try:
            os.kill(pid, number)
            found = True
        except OSError:
            pass
    return found
