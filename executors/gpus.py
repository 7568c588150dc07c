"""The GPUs of this machine, by `nvidia-smi`. Run as a program it prints how many may be leased, as {"count": number,
"why": sentence or null}.
"""

import contextlib
import json
import os
import select
import signal
import time

RETRY_SECONDS = 0.1
# A driver in trouble never answers.
PATIENCE_SECONDS = 60
SHOWN_CHARACTERS = 200
# An idle GPU shows the memory of driver and display (an H200: none), a computing process several hundred MiB for its
# context alone (an H200: 612). In a container the processes of others are hidden, and only their memory shows.
IDLE_MIB = 500
# The server of CUDA's Multi-Process Service stays on a GPU between its clients, which are listed as processes of their own.
MPS_SERVER = "nvidia-cuda-mps-server"


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
        """The devices that a job can see of it, by uuid; each has its slots."""
        return self.slices if self.partitioned else [self.uuid]


def nvidia_smi(pause, *arguments):
    """Its output. `pause(seconds, descriptor)` waits for input there, and raises where the job is no longer wanted."""
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
            f"nvidia-smi, which lists the GPUs, cannot be run: {error.strerror}",
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
        reported = (text.strip().splitlines() or [f"it ended with status {status}"])[0][:SHOWN_CHARACTERS]
        raise Unavailable(f"nvidia-smi failed: {reported}", "repair the NVIDIA driver until `nvidia-smi` works")
    return text


def read_to_end(child, readable, pause):
    deadline = time.monotonic() + PATIENCE_SECONDS
    output = b""
    while time.monotonic() < deadline:
        pause(RETRY_SECONDS, readable)
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(readable, 1 << 16):
                output += piece
            # Its end of the pipe is closed: it has ended or is about to.
            _, status = os.waitpid(child, 0)
            return output.decode(errors="replace"), os.waitstatus_to_exitcode(status)
    os.kill(child, signal.SIGKILL)
    raise Unavailable(
        f"nvidia-smi did not answer within {PATIENCE_SECONDS} seconds",
        "look in `dmesg` for errors of the NVIDIA driver",
    )


def rows(text):
    return [[field.strip() for field in line.split(",")] for line in text.splitlines()]


def mebibytes(field):
    """GPUs that share the machine's memory report `[N/A]`."""
    try:
        return float(field)
    except ValueError:
        return 0


def list_gpus(pause):
    """All GPUs of the machine, in the order of their indexes. (`nvidia-smi` reports no use of a MIG device.)"""
    form = "--format=csv,noheader,nounits"
    listed = rows(nvidia_smi(pause, "--query-gpu=index,uuid,memory.used,mig.mode.current", form))
    # A row is [uuid, pid, name].
    processes = rows(nvidia_smi(pause, "--query-compute-apps=gpu_uuid,pid,process_name", form))
    busy = {row[0] for row in processes if os.path.basename(row[-1]) != MPS_SERVER}
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
    """The lines of a GPU's MIG devices follow its own; all end in `(UUID: …)`."""
    by_uuid = {gpu.uuid: gpu for gpu in gpus}
    current = None
    for line in text.splitlines():
        uuid = line.rpartition("UUID: ")[2].rstrip(") ")
        if uuid.startswith("MIG-") and current is not None:
            current.slices.append(uuid)
        else:
            current = by_uuid.get(uuid)


def visible_units(gpus, visible):
    """The units that CUDA_VISIBLE_DEVICES leaves, as CUDA reads it: an entry that names nothing ends the list.

    Indexes are those of nvidia-smi; CUDA itself counts so only with CUDA_DEVICE_ORDER=PCI_BUS_ID, but both orders are
    the same on a machine with GPUs of one kind, as most are.
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
    """The units that a job for `count` GPUs may get."""
    units = visible_units(gpus, visible)
    if count > 1:
        # A program can use one MIG device and no more.
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


def count_visible():
    def pause(seconds, descriptor):
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        poller.poll(seconds * 1000)

    try:
        gpus = list_gpus(pause)
    except Unavailable as error:
        return {"count": 0, "why": error.why}
    return {"count": len(visible_units(gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))), "why": None}


if __name__ == "__main__":
    print(json.dumps(count_visible()))
