"""The process that runs jobs for `supervise.py`, whose header describes both."""

import json
import os
import select
import signal
import sys
import time

from processes import (
    IGNORED_BY_PYTHON,
    RESCAN_SECONDS,
    STOP_SIGNALS,
    adopt_orphans,
    answer,
    children_of_all,
    read_available,
    send,
    wake_on_signals,
    write,
)

# The pid that a reaper without a job writes.
PID_BYTES = 4


class NotStarted(Exception):
    def __init__(self, why, fix=None):
        super().__init__(why)
        self.why = why
        self.fix = fix


class Reaper:
    """Runs programs one after the other, each with all its descendants."""

    def __init__(self, supervisor, control, vacancies, graces, leases, preloaded):
        adopt_orphans()
        self.supervisor = supervisor
        self.control = control
        self.vacancies = vacancies
        self.grace, self.leftover_grace = graces
        self.leases = leases
        self.preloaded = preloaded
        self.wake, self.wake_end = wake_on_signals()
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self.stopping = False
        self.signals = self.poller(self.wake)
        self.signals_and_control = self.poller(self.wake, self.control)

    @staticmethod
    def poller(*descriptors):
        poller = select.poll()
        for descriptor in descriptors:
            poller.register(descriptor, select.POLLIN)
        return poller

    def serve(self, request):
        while request is not None:
            self.run(request)
            request = self.next_request()

    def next_request(self):
        """None when the control pipe has ended."""
        write(self.vacancies, os.getpid().to_bytes(PID_BYTES, sys.byteorder))
        line = b""
        while not line.endswith(b"\n"):
            if self.wait(self.signals_and_control):
                data = read_available(self.control)
                if not data:
                    return None
                line += data
        # A signal ends a job, not its reaper: a request in the pipe would be lost.
        self.stopping = False
        return json.loads(line)

    def wait(self, poller, seconds=None):
        """Waits for the poller, and returns whether the control pipe has input."""
        ready = {descriptor for descriptor, _ in poller.poll(None if seconds is None else seconds * 1000 + 1)}
        if self.wake in ready and any(number in STOP_SIGNALS for number in read_available(self.wake)):
            self.stopping = True
        return self.control in ready

    def run(self, request):
        self.id = request["id"]
        self.program = self.status = failure = None
        self.childless = False
        self.cpu, self.rss = 0.0, 0
        leased = []
        try:
            if request["gpus"] > 0:
                leased = self.lease(request)
            self.start(request)
        except NotStarted as error:
            failure = error
        except OSError as error:
            failure = NotStarted(f"{error.strerror}: {error.filename or request['argv'][0]}")
        except ValueError as error:  # an argument with a NUL or half a surrogate pair
            failure = NotStarted(str(error))
        else:
            self.wait_for_end_or_request()
        ended_by_itself = self.status is not None
        self.end_tree()
        for lock in leased:
            os.close(lock)
        # If the supervisor died, no one asked for the job's end: the owner notices the missing answer.
        if ended_by_itself or os.getppid() == self.supervisor:
            self.report(failure)

    def lease(self, request):
        """The descriptors that hold the GPUs, or the share of one; the request's environment then names them."""
        import gpu_lease  # most runs never need them
        import gpus

        try:
            leased = gpu_lease.lease(
                request["gpus"],
                request["env"].get("CUDA_VISIBLE_DEVICES"),
                self.leases,
                self.pause,
                lambda why: answer(id=self.id, waiting=why),
            )
        except gpus.Unavailable as error:
            raise NotStarted(error.why, error.fix) from None
        locks = [lock for slots in leased.values() for lock in slots]
        for lock in locks:
            os.set_inheritable(lock, True)
        request["env"].update(CUDA_VISIBLE_DEVICES=",".join(leased), CUDA_DEVICE_ORDER="PCI_BUS_ID")
        answer(id=self.id, started=True)
        return locks

    def pause(self, seconds, *descriptors):
        """Waits for input; raises when the job is to end."""
        if self.wait(self.poller(self.wake, self.control, *descriptors), seconds) or self.stopping:
            raise NotStarted("it was ended while waiting for GPUs")

    def start(self, request):
        os.chdir(request["cwd"])
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.environ["PATH"] = request["env"].get("PATH", os.defpath)  # where posix_spawnp looks
        self.started = time.monotonic()
        try:
            self.program = self.fork(request, log) if self.preloaded else self.spawn(request, log)
        finally:
            os.close(log)

    def fork(self, request, log):
        import preloading

        return preloading.fork(request, log, (self.control, self.vacancies, self.wake, self.wake_end))

    @staticmethod
    def spawn(request, log):
        return os.posix_spawnp(
            request["argv"][0],
            request["argv"],
            request["env"],
            file_actions=[
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,  # a trainer may signal its own process group
            setsigmask=(),
            setsigdef=IGNORED_BY_PYTHON,
        )

    def collect(self):
        """Reaps the children that have ended."""
        try:
            while not self.childless:
                pid, status, used = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return
                self.cpu += used.ru_utime + used.ru_stime
                self.rss = max(self.rss, used.ru_maxrss)
                if pid == self.program:
                    self.status = status
                    self.ended = time.monotonic()
        except ChildProcessError:
            self.childless = True

    def wait_for_end_or_request(self):
        while self.status is None:
            requested = self.wait(self.signals_and_control)
            self.collect()
            if requested or self.stopping:
                return

    def wait_until_childless(self, seconds):
        deadline = time.monotonic() + seconds
        self.collect()
        while not self.childless and (left := deadline - time.monotonic()) > 0:
            self.wait(self.signals, left)
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

    def report(self, failure):
        if failure is not None:
            answer(id=self.id, failed=failure.why, fix=failure.fix)
        else:
            answer(id=self.id, **self.end())

    def end(self):
        assert self.status is not None  # the program has started, and no child is left
        code = os.waitstatus_to_exitcode(self.status)
        return {
            "exit": code if code >= 0 else 128 - code,
            "signal": signal_name(-code) if code < 0 else None,
            "wall": self.ended - self.started,
            "cpu": self.cpu,
            "rss": self.rss * 1024,
        }


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"  # a real-time signal
