"""Starts the programs of one `pipe` process and leaves none of them behind, however that process, a job or this
supervisor ends. Standard library only, Python 3.9 or newer, Linux.

    python3 -I -S -X utf8 supervise.py GRACE LEFTOVER_GRACE

One JSON object a line. In: {"id", "argv", "cwd", "env", "log"} starts a job; {"end": id} ends one. Out, first
{"ready": true}, then once a job: {"id", "exit", "signal", "wall", "cpu", "rss"} | {"id", "failed": why} |
{"id", "lost": true}. Seconds and bytes; `exit` is 128 + the number of the signal where there is one.
GRACE is how many seconds a job that is ended has between TERM and KILL, LEFTOVER_GRACE the same for what a program
that ended by itself left running.

The supervisor forks a *reaper* a job. Both adopt orphans ("child subreaper"): a process that forks twice and calls
setsid to get away becomes a child of its job's reaper, and of the supervisor should the reaper be killed.

Who notices what: a reaper reads a control pipe whose other end only the supervisor holds, so "end this job" and "the
supervisor died" look the same, an end of file. The supervisor reads its stdin, which ends when the owner dies. And
every reaper shares the supervisor's stdout, so the owner reads an end of file there only when no job is left.
"""

import ctypes
import gc
import json
import os
import resource
import select
import signal
import sys
import time
import traceback

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


def answer(**fields):
    try:
        # One write of less than PIPE_BUF: lines of different reapers never mix.
        os.write(1, json.dumps(fields).encode() + b"\n")
    except OSError:
        pass  # the owner is gone


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


class Reaper:
    """Runs one program and all it gives birth to, in a process of its own."""

    def __init__(self, request, control, grace, leftover_grace):
        adopt_orphans()
        self.id = request["id"]
        self.grace = grace
        self.leftover_grace = leftover_grace
        self.control = control
        self.wake, _ = wake_on_signals()
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self.status = None
        self.childless = False
        self.started = time.monotonic()
        self.ended = None
        self.program = self.start(request)

    @staticmethod
    def start(request):
        os.chdir(request["cwd"])
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.environ["PATH"] = request["env"].get("PATH", os.defpath)  # where posix_spawnp looks
        return os.posix_spawnp(
            request["argv"][0],
            request["argv"],
            request["env"],
            file_actions=[
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,  # a trainer that signals its own process group must not reach us
            setsigmask=(),
            setsigdef=IGNORED_BY_PYTHON,
        )

    def collect(self):
        """Waits for whatever has ended by now."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self.program:
                    self.status = status
                    self.ended = time.monotonic()
        except ChildProcessError:
            self.childless = True

    def wait_for_end_or_order(self):
        poller = select.poll()
        poller.register(self.control, select.POLLIN)
        poller.register(self.wake, select.POLLIN)
        while self.status is None:
            ready = {descriptor for descriptor, _ in poller.poll()}
            told_to_stop = any(number in STOP_SIGNALS for number in read_available(self.wake))
            self.collect()
            if self.control in ready or told_to_stop:
                return

    def wait_until_childless(self, seconds):
        poller = select.poll()
        poller.register(self.wake, select.POLLIN)
        deadline = time.monotonic() + seconds
        self.collect()
        while not self.childless and (left := deadline - time.monotonic()) > 0:
            poller.poll(left * 1000 + 1)
            read_available(self.wake)
            self.collect()

    def end_tree(self):
        me = os.getpid()
        self.collect()
        if not self.childless:
            children = children_of_all()
            send(signal.SIGTERM, children.get(me, ()), children)
            self.wait_until_childless(self.grace if self.status is None else self.leftover_grace)
        while not self.childless:
            children = children_of_all()
            send(signal.SIGKILL, children.get(me, ()), children)
            self.wait_until_childless(RESCAN_SECONDS)

    def report(self):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        code = os.waitstatus_to_exitcode(self.status)
        answer(
            id=self.id,
            exit=code if code >= 0 else 128 - code,
            signal=signal_name(-code) if code < 0 else None,
            wall=self.ended - self.started,
            cpu=used.ru_utime + used.ru_stime,
            rss=used.ru_maxrss * 1024,
        )


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"  # a real-time signal


def reap(request, supervisor, control, graces):
    try:
        reaper = Reaper(request, control, *graces)
    except OSError as error:
        return answer(id=request["id"], failed=f"{error.strerror}: {error.filename or request['argv'][0]}")
    except ValueError as error:  # a NUL or half a surrogate pair in an argument
        return answer(id=request["id"], failed=str(error))
    reaper.wait_for_end_or_order()
    ended_by_itself = reaper.status is not None
    reaper.end_tree()
    # Else the supervisor died, and nobody asked for the job's end: the owner sees that no answer came.
    if ended_by_itself or os.getppid() == supervisor:
        reaper.report()


class Supervisor:
    def __init__(self, grace, leftover_grace):
        adopt_orphans()
        self.pid = os.getpid()
        self.graces = (grace, leftover_grace)
        self.wake_pipe = wake_on_signals()
        self.reapers = {}  # pid -> (job id, our end of its control pipe)
        self.lost = []  # ids of jobs whose reaper was killed and whose processes are not gone yet
        self.owner_alive = True
        self.unread = b""

    def start(self, request):
        theirs, ours = os.pipe()
        # A signal between the fork and the reaper's own wake pipe would be told to us.
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED_SIGNALS)
        try:
            pid = os.fork()
        except OSError as error:
            os.close(ours)
            answer(id=request["id"], failed=f"fork: {error.strerror}")
        else:
            if pid == 0:
                self.become_reaper(request, theirs, ours)
            self.reapers[pid] = (request["id"], ours)
        os.close(theirs)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def become_reaper(self, request, theirs, ours):
        try:
            # The program's stdin, which it inherits from here.
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            # Every copy of a control pipe's writing end would delay the news of the supervisor's death.
            for descriptor in (ours, *self.wake_pipe, *(control for _, control in self.reapers.values())):
                if descriptor is not None:
                    os.close(descriptor)
            reap(request, self.pid, theirs, self.graces)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(70)

    def end(self, wanted):
        """Ends one job, or all with None."""
        for pid, (job, control) in self.reapers.items():
            if control is not None and wanted in (job, None):
                os.close(control)
                self.reapers[pid] = (job, None)

    def read_requests(self):
        data = read_available(0)
        if not data:
            self.owner_alive = False
            return self.end(None)
        *lines, self.unread = (self.unread + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            self.end(request["end"]) if "end" in request else self.start(request)

    def collect(self):
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
                pid, status = ended
                if pid not in self.reapers:
                    continue  # an orphan of a reaper that was killed
                job, control = self.reapers.pop(pid)
                if control is not None:
                    os.close(control)
                if status != 0:
                    self.lost.append(job)
        except ChildProcessError:
            pass

    def end_orphans(self):
        """Whatever is our child and no reaper belonged to a job whose reaper was killed."""
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
        poller.register(0, select.POLLIN)
        poller.register(self.wake_pipe[0], select.POLLIN)
        answer(ready=True)
        while self.owner_alive or self.reapers or self.lost:
            ready = {descriptor for descriptor, _ in poller.poll(RESCAN_SECONDS * 1000 if self.lost else None)}
            if any(number in STOP_SIGNALS for number in read_available(self.wake_pipe[0])):
                self.owner_alive = False
                self.end(None)
            self.collect()
            self.end_orphans()
            if 0 in ready and self.owner_alive:
                self.read_requests()
            if not self.owner_alive and 0 in ready:
                poller.unregister(0)


if __name__ == "__main__":
    # Forked children share our pages until somebody writes to them, and a collection writes to all.
    gc.disable()
    gc.freeze()
    Supervisor(*(float(argument) for argument in sys.argv[1:])).serve()
