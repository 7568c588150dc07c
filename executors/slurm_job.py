"""Runs one job on a compute node: `slurm_job.py NAME DIRECTORY`, started by the script of a Slurm job array.

The directory holds `program.json` (what to run) and `submission.json` (who submitted it; see `Submission.ts`). The job writes
`heartbeat` there when it starts and every few seconds, and `end.json`, atomically and last, when no process of it is left.
These files are the truth; Slurm only says whether to go on waiting for them. A job whose submission was given up, so that
`submission.json` is gone or names another, ends without running anything; so does one that Slurm restarted, since its first
run may still be at work on a node that lost contact.

A job of several nodes runs this program on the first, which starts the job's program on each by `srun`.
"""

import json
import os
import signal
import socket
import stat
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine_facts import machine_facts
from reaper import Reaper

HEARTBEAT_SECONDS = 5
END_BYTES = 4096
# what a job leaves in its own directory, beside folders
JOB_FILES = ("events.jsonl", "log", "result.json")


class NodeReaper(Reaper):
    """A reaper whose answer is a file, since its owner may be dead."""

    failure = None

    def __init__(self, graces):
        # nobody writes to this pipe: only signals and the program's end wake the reaper
        control, self.never_written = os.pipe()
        super().__init__(os.getppid(), control, None, graces, None, False)

    def report(self, failure):
        self.failure = failure


def write_atomically(path, content):
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


class EndFile:
    """`end.json`, whose room is taken at the start: a job that fills the disk can still say how it ended."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "end.json")
        self.temporary = f"{self.path}.{os.getpid()}.tmp"
        self.file = open(self.temporary, "wb")
        self.file.write(bytes(END_BYTES))
        self.file.flush()

    def write(self, content):
        self.file.seek(0)
        self.file.write(json.dumps(content).encode())
        self.file.truncate()
        self.file.flush()
        os.fsync(self.file.fileno())
        os.replace(self.temporary, self.path)


def left_files(directory):
    """The number and bytes of the files that the job left. Who reads `end.json` waits until it sees as many."""
    found = []
    for folder, _, names in os.walk(directory):
        found += [os.path.join(folder, name) for name in names if folder != directory or name in JOB_FILES]
    sizes = []
    for path in found:
        try:
            each = os.lstat(path)
        except PermissionError:
            continue  # below a folder that may be listed and not entered: whoever reads `end.json` does not see it either
        if stat.S_ISREG(each.st_mode):
            sizes.append(each.st_size)
    return {"files": len(sizes), "bytes": sum(sizes)}


def is_current(name):
    try:
        with open("submission.json") as file:
            return json.load(file)["name"] == name
    except FileNotFoundError:
        return False


def beat(directory, stopped):
    """Touches the heartbeat; its content says where the job runs."""
    path = os.path.join(directory, "heartbeat")
    node = os.environ.get("SLURMD_NODENAME") or socket.gethostname()
    write_atomically(path, {"job": os.environ.get("SLURM_JOB_ID"), "node": node})
    while not stopped.wait(HEARTBEAT_SECONDS):
        try:
            os.utime(path)
        except OSError:
            pass  # a full or silent file system: the next beat may come through


def environment_of(program):
    """Takes secrets, GPUs and the place of temporary files from this process, the rest from the program."""
    own = {name: os.environ[name] for name in (*program["secrets"], "TMPDIR") if name in os.environ}
    gpus = {name: os.environ[name] for name in ("CUDA_VISIBLE_DEVICES",) if name in os.environ}
    return {**program["environment"], **own, **(gpus if program["gpus"] > 0 else {"CUDA_VISIBLE_DEVICES": ""})}


def rendezvous(nodes):
    """Variables by which the processes of a job of several nodes find each other, named as torchrun does."""
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    return {"MASTER_ADDR": socket.gethostname(), "MASTER_PORT": str(port), "NNODES": str(nodes)}


def on_each_node(program):
    """The command and environment that run the program on each node; NODE_RANK differs, 0 is the first node."""
    nodes, cpus = program["nodes"], program["cpus"]
    slurm = {name: value for name, value in os.environ.items() if name.startswith("SLURM")}
    srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", f"--cpus-per-task={cpus}"]
    # a rank that fails would leave the others waiting for it
    srun += ["--kill-on-bad-exit=1", "--input=none", "--quiet"]
    ranked = ["sh", "-c", 'NODE_RANK=$SLURM_PROCID exec "$@"', "sh", *program["command"]]
    return [*srun, *ranked], {**environment_of(program), **slurm, **rendezvous(nodes)}


def main(name, directory):
    os.chdir(directory)
    if not is_current(name) or int(os.environ.get("SLURM_RESTART_COUNT", "0")) > 0:
        return
    end_file = EndFile(directory)
    with open("program.json") as file:
        program = json.load(file)
    stopped = threading.Event()
    # before the reaper begins to wait for signals, whose handling belongs to the main thread
    heart = threading.Thread(target=beat, args=(directory, stopped), daemon=True)
    heart.start()
    reaper = NodeReaper((program["grace"], program["leftoverGrace"]))
    timed_out = threading.Event()

    def end_late_job():
        timed_out.set()
        os.kill(os.getpid(), signal.SIGTERM)

    alarm = None
    if program["timeout"] is not None:
        alarm = threading.Timer(program["timeout"], end_late_job)
        alarm.daemon = True
        alarm.start()
    argv, environment = program["command"], environment_of(program)
    if program["nodes"] > 1:
        argv, environment = on_each_node(program)
    reaper.run(
        {
            "id": name,
            "argv": argv,
            "env": environment,
            "cwd": program["cwd"],
            "log": os.path.join(directory, "log"),
            "gpus": 0,
        }
    )
    if alarm is not None:
        alarm.cancel()
    stopped.set()
    end = {"failed": None, "fix": None, "timedOut": timed_out.is_set(), "stopped": reaper.stopping}
    if reaper.failure is not None:
        end.update(failed=reaper.failure.why, fix=reaper.failure.fix)
    else:
        end.update(reaper.end())
    # Only a result is recorded with its machine; a stopped job has no time to ask for GPUs.
    machine = machine_facts(program["gpus"] > 0) if end.get("exit") == 0 else {}
    end_file.write({**end, "left": left_files(directory), "machine": machine})


if __name__ == "__main__":
    main(*sys.argv[1:])
