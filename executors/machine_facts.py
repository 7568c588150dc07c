"""Facts about the compute node that ran a job, as `pipelines/run/machineFacts.ts` has them of this machine."""

import os

SMI_SECONDS = 10
# as Node names them
ARCHITECTURES = {"x86_64": "x64", "aarch64": "arm64"}


def machine_facts(with_gpus):
    system = os.uname()
    release = fields("/etc/os-release", "=")
    facts = {
        "platform": f"{system.sysname.lower()} {ARCHITECTURES.get(system.machine, system.machine)}",
        "os": f"{release.get('ID', 'linux')} {release.get('VERSION_ID', '')}".strip(),
        # without the local version, where people who build their kernels put names
        "kernel": ".".join(system.release.split("-")[0].split(".")[:2]),
        "cpu": " ".join(fields("/proc/cpuinfo", ":").get("model name", "unknown").split()),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{max(1, round(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30))} GB",
    }
    return {**facts, "gpuTable": gpu_table()} if with_gpus else facts


def fields(path, sign):
    """The first value of each name in a file of lines `name = value`; none of a missing file."""
    found: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                name, _, value = line.partition(sign)
                found.setdefault(name.strip(), value.strip().strip('"'))
    except OSError:
        pass
    return found


def gpu_table():
    """A line for each GPU of the job: name, driver. Empty where `nvidia-smi` is missing, fails or takes too long."""
    import subprocess  # jobs without GPUs need it not

    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, timeout=SMI_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
