"""The process that runs jobs for `supervise.py`, whose header tells what it does and why."""

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

# A reaper without a job writes its pid, in so many bytes.
PID_BYTES = 4

class NotStarted(Exception):
    def __init__(self, why, fix=None):
        super().__init__(why)
        self.why = why
        self.fix = fix


class Reaper:
    """Runs programs, one after the other, and all they give birth to, in a process of its own."""

    def __init__(self, supervisor, control, vacancies, graces, leases):
        adopt_orphans()
        self.supervisor = supervisor
        self.control = control
        self.vacancies = vacancies
        self.grace, self.leftover_grace = graces
        self.leases = leases
        self.wake, _ = wake_on_signals()
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self.told_to_stop = False
        self.news = self.poller(self.wake)
        self.news_and_orders = self.poller(self.wake, self.control)

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
        """None when there will be no other."""
        write(self.vacancies, os.getpid().to_bytes(PID_BYTES, sys.byteorder))
        line = b""
        while not line.endswith(b"\n"):
            if self.wait(self.news_and_orders):
                data = read_available(self.control)
                if not data:
                    return None
                line += data
        # A signal ends a job, not its reaper: a request in the pipe would be lost unnoticed.
        self.told_to_stop = False
        return json.loads(line)

    def wait(self, poller, seconds=None):
        """Waits for whatever the poller waits for, and says whether there is an order."""
        ready = {descriptor for descriptor, _ in poller.poll(None if seconds is None else seconds * 1000 + 1)}
        if self.wake in ready and any(number in STOP_SIGNALS for number in read_available(self.wake)):
            self.told_to_stop = True
        return self.control in ready

    def run(self, request):
        self.id = request["id"]
        self.program = self.status = failure = None
        self.childless = False
        self.cpu = self.rss = 0
        leased = []
        try:
            if request["gpus"] > 0:
                leased = self.lease(request)
            self.start(request)
        except NotStarted as error:
            failure = error
        except OSError as error:
            failure = NotStarted(f"{error.strerror}: {error.filename or request['argv'][0]}")
        except ValueError as error:  # a NUL or half a surrogate pair in an argument
            failure = NotStarted(str(error))
        else:
            self.wait_for_end_or_order()
        ended_by_itself = self.status is not None
        self.end_tree()
        for lock in leased:
            os.close(lock)
        # Else the supervisor died, and nobody asked for the job's end: the owner sees that no answer came.
        if ended_by_itself or os.getppid() == self.supervisor:
            self.report(failure)

    def lease(self, request):
        """The descriptors that hold the GPUs, or the share of one, of which the request's environment then tells."""
        import gpu_lease  # most runs never need it

        try:
            leased = gpu_lease.lease(
                request["gpus"],
                request["env"].get("CUDA_VISIBLE_DEVICES"),
                self.leases,
                self.pause,
                lambda why: answer(id=self.id, waiting=why),
            )
        except gpu_lease.Unavailable as error:
            raise NotStarted(error.why, error.fix) from None
        locks = [lock for slots in leased.values() for lock in slots]
        for lock in locks:
            os.set_inheritable(lock, True)
        request["env"].update(CUDA_VISIBLE_DEVICES=",".join(leased), CUDA_DEVICE_ORDER="PCI_BUS_ID")
        answer(id=self.id, started=True)
        return locks

    def pause(self, seconds, *descriptors):
        """Waits for input, as long as the job is wanted."""
        if self.wait(self.poller(self.wake, self.control, *descriptors), seconds) or self.told_to_stop:
            raise NotStarted("it was ended while it waited for GPUs")

    def start(self, request):
        os.chdir(request["cwd"])
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.environ["PATH"] = request["env"].get("PATH", os.defpath)  # where posix_spawnp looks
        self.started = time.monotonic()
        try:
            self.program = os.posix_spawnp(
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
        finally:
            os.close(log)

    def collect(self):
        """Waits for whatever has ended by now."""
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

    def wait_for_end_or_order(self):
        while self.status is None:
            ordered = self.wait(self.news_and_orders)
            self.collect()
            if ordered or self.told_to_stop:
                return

    def wait_until_childless(self, seconds):
        deadline = time.monotonic() + seconds
        self.collect()
        while not self.childless and (left := deadline - time.monotonic()) > 0:
            self.wait(self.news, left)
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
            return answer(id=self.id, failed=failure.why, fix=failure.fix)
        code = os.waitstatus_to_exitcode(self.status)
        answer(
            id=self.id,
            exit=code if code >= 0 else 128 - code,
            signal=signal_name(-code) if code < 0 else None,
            wall=self.ended - self.started,
            cpu=self.cpu,
            rss=self.rss * 1024,
        )


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"  # a real-time signal
