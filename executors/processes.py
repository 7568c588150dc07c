"""Signals, descriptors and process trees, as supervisor and reapers need them."""

import ctypes
import json
import os
import signal

PR_SET_CHILD_SUBREAPER = 36
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
WATCHED_SIGNALS = (*STOP_SIGNALS, signal.SIGCHLD)
# Ignored by Python itself, and ignoring is inherited: a trainer must meet them as any program does.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
# How soon to look again for processes that were born while the others were being killed.
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
    """What can be read now; empty at the end of file, which a broken connection is too."""
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:
        return b""


def write(descriptor, data):
    """Says whether all of it could be written, at once."""
    try:
        return os.write(descriptor, data) == len(data)
    except OSError:
        return False


def answer(**fields):
    # One write of less than PIPE_BUF: lines of different reapers never mix. It fails when the owner is gone.
    write(1, json.dumps(fields).encode() + b"\n")


def children_of_all():
    """pid -> its children, for every process that has any. Zombies count: threads may live on in one."""
    children = {}
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
    """Signals the processes in `roots` and all their descendants, parents first, and says whether there were any."""
    found, todo = False, list(roots)
    for pid in todo:
        todo.extend(children.get(pid, ()))
        try:
            os.kill(pid, number)
            found = True
        except OSError:
            pass
    return found
