"""Leases GPUs, or a share of one, to a job, among all `pipe` processes and users of a machine. `reaper.py` loads it when
a job asks for GPUs.

Each GPU has eight slots: a job that asks for 0.25 gets two slots of one GPU, a job that asks for 2 all slots of two. A
slot is leased by an exclusive flock on a file named after the GPU and the slot. The kernel drops it with the last
descriptor, so kill -9 leaves nothing to clean up. The job's reaper holds one, and the program and whatever it starts
inherit it: if reaper, supervisor and owner are killed at once, the survivors keep the lease. (A process that closes
descriptors it does not know, as the children of Python's `subprocess` do, does not. `nvidia-smi` shows those, and
processes without any lease.) A share is an agreement: nothing holds a job to its part of the GPU's memory and time.

Everything is taken under one more lock, the allocator's, and all or nothing: nobody holds a GPU while waiting for
another, so there is no deadlock. There is no queue: a job for few GPUs may overtake a job for many.
"""

import contextlib
import fcntl
import math
import os
import time

from gpus import RETRY_SECONDS, Unavailable, amount, candidates, list_gpus

ALLOCATOR = "allocator"
SLOTS = 8
# An answer of nvidia-smi is used for so long: it may take a second of CPU, and no other job is served meanwhile.
FRESH_SECONDS = 3
# Choosing takes as long as nvidia-smi does; a job that waits longer for its turn is told why.
TURN_SECONDS = 5

OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Locks:
    """The directory of the lock files. Every user may add one, and remove only their own; nothing is written."""

    def __init__(self, path):
        self.path = path
        mask = os.umask(0)
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, 0o1777)
            self.descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise self.unusable(path, error) from None
        finally:
            os.umask(mask)

    def close(self):
        os.close(self.descriptor)

    @staticmethod
    def unusable(path, error):
        return Unavailable(
            f"GPUs are leased by locks, and {path} cannot be used: {error.strerror}",
            f"remove {path} (it may be another user's): `pipe` makes it again, for all users",
        )

    def open(self, name):
        while True:
            # First without O_CREAT: Linux refuses that for another user's file in a directory like /tmp.
            with contextlib.suppress(FileNotFoundError):
                return os.open(name, OPEN, dir_fd=self.descriptor)
            mask = os.umask(0)
            try:
                return os.open(name, OPEN | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=self.descriptor)
            except FileExistsError:
                continue
            finally:
                os.umask(mask)

    def take(self, name):
        """A descriptor that holds the lock, or None while another process does."""
        name = name.replace("/", "_")  # with old drivers the uuids of MIG devices have slashes
        while True:
            try:
                lock = self.open(name)
            except OSError as error:
                raise self.unusable(os.path.join(self.path, name), error) from None
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return None
            if os.fstat(lock).st_nlink > 0:
                return lock
            os.close(lock)  # the file was removed between the two calls


class Allocation:
    """The wait of one job for its GPUs."""

    def __init__(self, count, visible, locks, pause):
        self.count = math.ceil(count)
        self.slots = int(min(count, 1) * SLOTS)  # of each
        self.locks = locks
        self.pause = pause
        self.refresh()
        self.units = candidates(count, self.gpus, visible)

    def refresh(self):
        self.gpus = list_gpus(self.pause)
        self.refreshed = time.monotonic()

    def idle(self):
        if time.monotonic() - self.refreshed > FRESH_SECONDS:
            self.refresh()
        return {unit for gpu in self.gpus if gpu.idle for unit in gpu.units()}

    def attempt(self):
        """The units it got, with the descriptors of their slots, or none; and why it must wait, if it had its turn."""
        turn = self.locks.take(ALLOCATOR)
        if turn is None:
            return {}, None
        free: dict[str, list[int]] = {}
        got: dict[str, list[int]] = {}
        try:
            for unit in self.units:
                free[unit] = []
                for slot in range(SLOTS):
                    lock = self.locks.take(f"{unit}.{slot}")
                    if lock is not None:
                        free[unit].append(lock)
            units, why = self.choose({unit: len(locks) for unit, locks in free.items()})
            got = {unit: free[unit][: self.slots] for unit in units}
            return got, why
        finally:
            for unit, locks in free.items():
                for lock in locks[len(got.get(unit, ())) :]:
                    os.close(lock)
            os.close(turn)

    def choose(self, free):
        """The units to take, or none and why, from the number of free slots of each.

        A share joins the fullest unit that has room for it, so that others stay whole. Only units without a lease must
        be idle by nvidia-smi: on the others our own jobs would look like processes without a lease. So a process that
        comes without a lease beside a job of ours goes unnoticed until our last job there has ended.
        """
        shared = sorted((unit for unit in free if self.slots <= free[unit] < SLOTS), key=free.get)
        unused = [unit for unit in free if free[unit] == SLOTS]
        leased = len(free) - len(shared) - len(unused)
        if len(shared) + len(unused) < self.count:
            self.refreshed = -math.inf  # the answer says nothing of the GPUs that will be free when a lease ends
            return [], self.busy(leased, 0)
        usable = shared or [unit for unit in unused if unit in self.idle()]
        if len(usable) < self.count:
            return [], self.busy(leased, len(unused) - len(usable))
        return usable[: self.count], None

    def busy(self, leased, occupied):
        total = len(self.units)
        how = "leased" if self.slots == SLOTS else "too full"
        if leased == total:
            return f"the only one is {how}" if total == 1 else f"all {total} are {how}"
        counts = [(leased, how), (occupied, "in use by a process without a lease")]
        return f"of {total}, " + " and ".join(f"{n} {are(n)} {how}" for n, how in counts if n > 0)


def are(number):
    return "is" if number == 1 else "are"


def lease(count, visible, path, pause, report):
    """Waits for GPUs, and reports why whenever that changes: their uuids, each with the descriptors of its slots.

    `visible` is CUDA_VISIBLE_DEVICES or None, `path` the directory of the locks, `pause` as in `gpus.nvidia_smi`.
    """
    locks = Locks(path)
    try:
        allocation = Allocation(count, visible, locks, pause)
        reported = None
        last_turn = time.monotonic()
        while True:
            got, why = allocation.attempt()
            if got:
                return got
            if why is not None:
                last_turn = time.monotonic()
            elif time.monotonic() - last_turn > TURN_SECONDS:
                why = "another job has been choosing for long"
            if why not in (None, reported):
                report(f"waiting for {amount(count)}: {why}")
                reported = why
            pause(RETRY_SECONDS)
    finally:
        locks.close()
