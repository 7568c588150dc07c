"""Starts the programs of one `pipe` process and leaves none of them behind, however that process, a job or this
supervisor ends. Standard library only, Python 3.9 or newer, Linux.

    python3 -I -S -X utf8 supervise.py GRACE LEFTOVER_GRACE LEASES
    PYTHON supervise.py GRACE LEFTOVER_GRACE LEASES PRELOAD

One JSON object a line. In: {"id", "argv", "cwd", "env", "log", "gpus"} starts a job; {"end": id} ends one. Out, first
{"ready": true}, then once a job: {"id", "exit", "signal", "wall", "cpu", "rss"} | {"id", "failed": why, "fix"} |
{"id", "lost": true}. Seconds and bytes; `exit` is 128 + the number of the signal after a signal; `fix` may be null.
A job with `gpus`, a number of them or a share of one, leases them (`gpu_lease.py`) before its program begins:
{"id", "waiting": why} reports that it waits for them, whenever the reason changes, and {"id", "started": true} that it
has them. `wall` counts from then.
GRACE is the time in seconds between TERM and KILL for a job that is ended, LEFTOVER_GRACE the same for the processes
that a program leaves running when it ends by itself; LEASES is the directory of the locks on GPUs.
PRELOAD is a Python file of imports to run first; every job then is PYTHON's `-m MODULE` and is forked instead of started
(`preloading.py`).

The supervisor forks *reapers*. Each runs one job at a time, and the next when no process of the last one is left; there
are as many as there were ever jobs at once, since a fork costs more than a job. All adopt orphans ("child subreaper"):
a process that forks twice and calls setsid becomes a child of its job's reaper, or of the supervisor if the reaper is
killed.

How each notices the others' end: a reaper gets its jobs through a control pipe whose other end only the supervisor
holds, so "end this job" and "the supervisor died" are both an end of file, which ends the reaper too. The supervisor
reads its stdin, which ends when the owner dies. Every reaper shares the supervisor's stdout, so the owner reads an end
of file there only when no job is left.
"""

import gc
import json
import os
import select
import signal
import sys

# Python in isolated mode (-I) leaves out the directory of the program.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from processes import (
    RESCAN_SECONDS,
    STOP_SIGNALS,
    WATCHED_SIGNALS,
    adopt_orphans,
    answer,
    children_of_all,
    read_available,
    send,
    wake_on_signals,
    write,
)
from reaper import PID_BYTES, Reaper

class Supervisor:
    def __init__(self, grace, leftover_grace, leases, preload=None):
        adopt_orphans()
        self.pid = os.getpid()
        self.graces = (float(grace), float(leftover_grace))
        self.leases = leases
        self.preloaded = preload is not None
        self.wake_pipe = wake_on_signals()
        self.vacancies, self.vacancies_end = os.pipe()  # reapers without a job write their pids
        os.set_blocking(self.vacancies, False)
        self.reapers = {}  # pid -> (job id or None, our end of its control pipe or None)
        self.vacant = []  # pids
        self.lost = []  # ids of jobs whose reaper was killed and whose processes still exist
        self.owner_alive = True
        self.unread = b""

    def start(self, request, line):
        while self.vacant:
            pid = self.vacant.pop()
            _, control = self.reapers[pid]
            if write(control, line + b"\n"):
                self.reapers[pid] = (request["id"], control)
                return
            # The line is longer than the pipe, or the reaper was killed. A reaper ignores a part of a line.
            os.close(control)
            self.reapers[pid] = (None, None)
        self.fork(request)

    def fork(self, request):
        theirs, ours = os.pipe()
        os.set_blocking(ours, False)
        # Before the reaper has its own wake pipe, its signals would be written to ours.
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED_SIGNALS)
        try:
            pid = os.fork()
        except OSError as error:
            os.close(ours)
            answer(id=request["id"], failed=f"fork: {error.strerror}", fix=None)
        else:
            if pid == 0:
                self.become_reaper(request, theirs, ours)
            self.reapers[pid] = (request["id"], ours)
        os.close(theirs)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def become_reaper(self, request, theirs, ours):
        try:
            # The stdin that programs inherit.
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            # Every copy of a control pipe's writing end would delay the news of the supervisor's death.
            controls = (control for _, control in self.reapers.values())
            for descriptor in (nothing, ours, self.vacancies, *self.wake_pipe, *controls):
                if descriptor is not None:
                    os.close(descriptor)
            Reaper(self.pid, theirs, self.vacancies_end, self.graces, self.leases, self.preloaded).serve(request)
            os._exit(0)
        except BaseException:
            import traceback  # loads slower than a job runs

            traceback.print_exc()
        finally:
            os._exit(70)

    def end(self, job_id):
        """Ends one job, or all with None, and the reapers with them."""
        for pid, (job, control) in self.reapers.items():
            if control is not None and job_id in (job, None):
                os.close(control)
                self.reapers[pid] = (job, None)

    def end_all(self):
        self.owner_alive = False
        self.vacant.clear()
        self.end(None)

    def read_requests(self):
        data = read_available(0)
        if not data:
            self.end_all()
            return
        *lines, self.unread = (self.unread + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            self.end(request["end"]) if "end" in request else self.start(request, line)

    def collect(self):
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
                pid, status = ended
                if pid not in self.reapers:
                    continue  # an orphan whose reaper was killed
                job, control = self.reapers.pop(pid)
                if control is not None:
                    os.close(control)
                if pid in self.vacant:
                    self.vacant.remove(pid)
                if status != 0 and job is not None:
                    self.lost.append(job)
        except ChildProcessError:
            pass

    def read_vacancies(self):
        """After `collect`: a dead reaper's pid must not stand for a new reaper with the same pid."""
        data = read_available(self.vacancies)
        for start in range(0, len(data), PID_BYTES):
            pid = int.from_bytes(data[start : start + PID_BYTES], sys.byteorder)
            _, control = self.reapers.get(pid, (None, None))
            if control is not None:
                self.reapers[pid] = (None, control)
                self.vacant.append(pid)

    def end_orphans(self):
        """Kills our children that are no reapers: they belong to jobs whose reaper was killed."""
        if not self.lost:
            return
        children = children_of_all()
        orphans = [pid for pid in children.get(os.getpid(), ()) if pid not in self.reapers]
        if send(signal.SIGKILL, orphans, children):
            return
        for job in self.lost:
            answer(id=job, lost=True)
        self.lost.clear()

    def serve(self):
        poller = select.poll()
        for descriptor in (0, self.wake_pipe[0], self.vacancies):
            poller.register(descriptor, select.POLLIN)
        answer(ready=True)
        while self.owner_alive or self.reapers or self.lost:
            ready = {descriptor for descriptor, _ in poller.poll(RESCAN_SECONDS * 1000 if self.lost else None)}
            if self.wake_pipe[0] in ready:
                if any(number in STOP_SIGNALS for number in read_available(self.wake_pipe[0])):
                    self.end_all()
                self.collect()
            self.read_vacancies()
            self.end_orphans()
            if 0 in ready and self.owner_alive:
                self.read_requests()
            if not self.owner_alive and 0 in ready:
                poller.unregister(0)


if __name__ == "__main__":
    # Forked children share our pages until somebody writes to them, and a collection writes to all.
    gc.disable()
    for file in sys.argv[4:]:
        import preloading  # loads slower than a job runs

        preloading.preload(file)
    gc.freeze()
    Supervisor(*sys.argv[1:]).serve()
