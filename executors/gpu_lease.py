"""Gives a job GPUs for itself, or a share of one, among all `pipe` processes and users of a machine. `reaper.py` loads
it when a job asks for GPUs; run as a program it prints how many may be leased, as {"count": number, "why": sentence or
null}.

Each GPU has eight slots: a job that asks for 0.25 gets two slots of one GPU, a job that asks for 2 all slots of two. A
slot is leased by an exclusive flock on a file named after the GPU and the slot. The kernel drops it with the last
descriptor, so it needs no clean-up after kill -9 of anybody. The job's reaper holds one, and the program and whatever
it starts inherit it: should reaper, supervisor and owner be killed at once, the survivors keep the lease. (A process
that closes descriptors it does not know, as Python's `subprocess` makes its children do, does not; that is what the
look at `nvidia-smi` below is for, which also sees those who know nothing of leases.) A share is an agreement: nothing
holds a job to its part of the GPU's memory and time.

Everything is taken under one more lock, the allocator's, and all or nothing: nobody holds a GPU while waiting for
another, so nobody waits for ever for one who waits. There is no queue: who wants few GPUs may overtake who wants many.
"""

import contextlib
import fcntl
import json
import math
import os
import select
import signal
import time

ALLOCATOR = "allocator"
SLOTS = 8
RETRY_SECONDS = 0.1
# How long what nvidia-smi said is taken for true: it may take a second of CPU, and nobody else is served meanwhile.
FRESH_SECONDS = 3
# Choosing takes as long as nvidia-smi does; who waits longer for a turn is told why.
TURN_SECONDS = 5
# A driver in trouble never answers.
PATIENCE_SECONDS = 60
SHOWN_CHARACTERS = 200
# An idle GPU shows what driver and display keep (an H200: nothing), a process that computes several hundred MiB for its
# context alone (an H200: 612). In a container the processes of others are hidden, and their memory is all that is seen.
IDLE_MIB = 500

OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Unavailable(Exception):
    """No GPUs for this job, however long it waits."""

    def __init__(self, why, fix):
        super().__init__(why)
        self.why = why
        self.fix = fix


class Gpu:
    def __init__(self, index, uuid, idle, partitioned):
        self.index = index
        self.uuid = uuid
        self.idle = idle
        self.partitioned = partitioned
        self.slices = []  # MIG devices, by uuid

    def units(self):
        """What a job can see of it, by uuid; each has its slots."""
        return self.slices if self.partitioned else [self.uuid]


def nvidia_smi(pause, *arguments):
    """What it prints. `pause(seconds, descriptor)` waits for input there; it raises where nobody wants it any more."""
    readable, writable = os.pipe()
    try:
        child = os.posix_spawnp(
            "nvidia-smi",
            ["nvidia-smi", *arguments],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, writable, 1), (os.POSIX_SPAWN_DUP2, writable, 2)],
        )
    except OSError as error:
        os.close(readable)
        raise Unavailable(
            f"nvidia-smi, which knows the GPUs, cannot be run: {error.strerror}",
            "run it on a machine with NVIDIA GPUs and their driver, or let the stage ask for no GPU",
        ) from None
    finally:
        os.close(writable)
    os.set_blocking(readable, False)
    try:
        text, status = read_to_end(child, readable, pause)
    finally:
        os.close(readable)
    if status != 0:
        said = (text.strip().splitlines() or [f"it ended with status {status}"])[0][:SHOWN_CHARACTERS]
        raise Unavailable(f"nvidia-smi failed: {said}", "mend the NVIDIA driver until `nvidia-smi` works")
    return text


def read_to_end(child, readable, pause):
    deadline = time.monotonic() + PATIENCE_SECONDS
    output = b""
    while time.monotonic() < deadline:
        pause(RETRY_SECONDS, readable)
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(readable, 1 << 16):
                output += piece
            # its end of the pipe is closed: it is gone, or about to be
            _, status = os.waitpid(child, 0)
            return output.decode(errors="replace"), os.waitstatus_to_exitcode(status)
    os.kill(child, signal.SIGKILL)
    raise Unavailable(
        f"nvidia-smi did not answer within {PATIENCE_SECONDS} seconds",
        "see in `dmesg` what the NVIDIA driver is stuck at",
    )


def rows(text):
    return [[field.strip() for field in line.split(",")] for line in text.splitlines()]


def mebibytes(field):
    """GPUs that share the machine's memory say `[N/A]`."""
    try:
        return float(field)
    except ValueError:
        return 0


def look(pause):
    """All GPUs of the machine, in the order of their indexes. (Of a MIG device nobody can say whether it is idle.)"""
    form = "--format=csv,noheader,nounits"
    listed = rows(nvidia_smi(pause, "--query-gpu=index,uuid,memory.used,mig.mode.current", form))
    busy = {uuid for uuid, *_ in rows(nvidia_smi(pause, "--query-compute-apps=gpu_uuid,pid", form))}
    gpus = [
        Gpu(
            int(index),
            uuid,
            idle="Enabled" in rest or (uuid not in busy and mebibytes(used) <= IDLE_MIB),
            partitioned="Enabled" in rest,
        )
        for index, uuid, used, *rest in (row for row in listed if len(row) > 2 and row[0].isdecimal())
    ]
    if any(gpu.partitioned for gpu in gpus):
        find_slices(gpus, nvidia_smi(pause, "-L"))
    return gpus


def find_slices(gpus, text):
    """Below the line of a GPU stand those of its MIG devices; all end in `(UUID: …)`."""
    by_uuid = {gpu.uuid: gpu for gpu in gpus}
    current = None
    for line in text.splitlines():
        uuid = line.rpartition("UUID: ")[2].rstrip(") ")
        if uuid.startswith("MIG-") and current is not None:
            current.slices.append(uuid)
        else:
            current = by_uuid.get(uuid)


def allowed(gpus, visible):
    """The units that CUDA_VISIBLE_DEVICES leaves, as CUDA reads it: an entry that names nothing ends the list.

    Indexes are taken as nvidia-smi's; CUDA itself counts so only with CUDA_DEVICE_ORDER=PCI_BUS_ID, but on a machine
    with GPUs of one kind, which most are, both orders are the same.
    """
    everything = [unit for gpu in gpus for unit in gpu.units()]
    if visible is None:
        return everything
    chosen = []
    for entry in (entry.strip() for entry in visible.split(",")):
        named = units_named(entry, gpus, everything)
        if not named:
            break
        chosen += [unit for unit in named if unit not in chosen]
    return chosen


def units_named(entry, gpus, everything):
    if entry.isdecimal():
        return [unit for gpu in gpus if gpu.index == int(entry) for unit in gpu.units()]
    if not entry.startswith(("GPU-", "MIG-")):
        return []
    for names in ([gpu.uuid for gpu in gpus], everything):
        found = [name for name in names if name.startswith(entry)]
        if len(found) == 1:
            return next((gpu.units() for gpu in gpus if gpu.uuid == found[0]), found)
    return []


def candidates(count, gpus, visible):
    units = allowed(gpus, visible)
    if count > 1:
        # a program can use one MIG device and no more
        units = [unit for unit in units if not unit.startswith("MIG-")]
    if len(units) < count:
        limit = "" if visible is None else f", and CUDA_VISIBLE_DEVICES is `{visible}`"
        raise Unavailable(
            f"it asks for {amount(count)}, and may use {len(units)}: this machine has {amount(len(gpus))}{limit}",
            "let the stage ask for fewer, or run it where there are more",
        )
    return units


def amount(count):
    if 0 < count < 1:
        return f"{count} of a GPU"
    return f"{count} GPU" if count == 1 else f"{count} GPUs"


class Locks:
    """The directory of the lock files. Every user may add one, and remove none but their own; nothing is written."""

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
            f"remove {path} (it may be another user's): `pipe` makes it anew, for all users",
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
        """A descriptor that holds the lock, or None while somebody else does."""
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
            os.close(lock)  # somebody swept old files between the two calls


class Allocation:
    """The wait of one job for its GPUs."""

    def __init__(self, count, visible, locks, pause):
        self.count = math.ceil(count)
        self.slots = int(min(count, 1) * SLOTS)  # of each
        self.locks = locks
        self.pause = pause
        self.see()
        self.units = candidates(count, self.gpus, visible)

    def see(self):
        self.gpus = look(self.pause)
        self.seen = time.monotonic()

    def idle(self):
        if time.monotonic() - self.seen > FRESH_SECONDS:
            self.see()
        return {unit for gpu in self.gpus if gpu.idle for unit in gpu.units()}

    def attempt(self):
        """The units it got, with the descriptors of their slots, or none; and why it must wait, if it had its turn."""
        turn = self.locks.take(ALLOCATOR)
        if turn is None:
            return {}, None
        free, got = {}, {}
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
        """The units to take, or none and why, by how many slots of each are free.

        A share joins the fullest unit that has room for it, so that others stay whole. nvidia-smi is asked only about
        units of which nothing is leased: on the others our own jobs would look like somebody's without a lease. So
        whoever comes without one beside a job of ours goes unnoticed there until the last of ours has left.
        """
        shared = sorted((unit for unit in free if self.slots <= free[unit] < SLOTS), key=free.get)
        unused = [unit for unit in free if free[unit] == SLOTS]
        leased = len(free) - len(shared) - len(unused)
        if len(shared) + len(unused) < self.count:
            self.seen = -math.inf  # it tells nothing of what will be free when a lease ends
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
        counts = [(leased, how), (occupied, "in use by somebody without a lease")]
        return f"of {total}, " + " and ".join(f"{n} {are(n)} {how}" for n, how in counts if n > 0)


def are(number):
    return "is" if number == 1 else "are"


def lease(count, visible, path, pause, tell):
    """Waits for GPUs, telling why when that changes: their uuids, each with the descriptors that hold its slots.

    `visible` is CUDA_VISIBLE_DEVICES or None, `path` the directory of the locks, `pause` as in `nvidia_smi`.
    """
    locks = Locks(path)
    try:
        allocation = Allocation(count, visible, locks, pause)
        told = None
        last_turn = time.monotonic()
        while True:
            got, why = allocation.attempt()
            if got:
                return got
            if why is not None:
                last_turn = time.monotonic()
            elif time.monotonic() - last_turn > TURN_SECONDS:
                why = "another job has been choosing for long"
            if why not in (None, told):
                tell(f"waiting for {amount(count)}: {why}")
                told = why
            pause(RETRY_SECONDS)
    finally:
        locks.close()


def count_allowed():
    def pause(seconds, descriptor):
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        poller.poll(seconds * 1000)

    try:
        gpus = look(pause)
    except Unavailable as error:
        return {"count": 0, "why": error.why}
    return {"count": len(allowed(gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))), "why": None}


if __name__ == "__main__":
    print(json.dumps(count_allowed()))
