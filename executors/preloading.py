"""Jobs forked from a Python that has imported their packages: importing PyTorch and transformers takes nine seconds of
CPU, a fork some milliseconds.

A forked job is what `python -m MODULE ARGUMENTS...` would have been: same `__main__`, argv, directory, environment,
signals and streams. Variables that packages read on import are right because the preloading process is started with
the job's own environment; those that name GPUs are read later and set in the job.
"""

import atexit
import ctypes
import gc
import importlib
import os
import runpy
import select
import signal
import sys
import threading
import time

from processes import WATCHED_SIGNALS, libc

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
# A joined thread stays in /proc until the kernel has removed it, which takes longer on a busy machine.
THREAD_END_SECONDS = 2
HERE = os.path.dirname(os.path.abspath(__file__))


def preload(file):
    """Runs a file of imports, and exits with a reason where a fork would not be safe after it."""
    # Nothing reads stdin during the imports. It has no input yet, so it is readable only if the owner has died.
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if select.select([0], [], [], 0)[0]:
        sys.exit("the owner is dead")
    answers = os.dup(1)
    os.dup2(2, 1)
    runpy.run_path(file)
    sys.stdout.flush()
    os.dup2(answers, 1)
    os.close(answers)
    refuse_unsafe(file)
    libc.prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)


def refuse_unsafe(file):
    names = threads_after_fork()
    if names:
        sys.exit(f"{file} starts threads, which a fork does not copy ({', '.join(names)})")
    with open("/proc/self/maps") as maps:
        if "/dev/nvidia" in maps.read():
            sys.exit(f"{file} opens a GPU, which a forked process cannot use")


def threads_after_fork():
    """The names of this process's other threads after a fork. Packages that know about forks end theirs before one and
    start others later: each copy of OpenBLAS does, and NumPy and SciPy have one each, so there is no number to expect."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    deadline = time.monotonic() + THREAD_END_SECONDS
    while (names := other_threads()) and time.monotonic() < deadline:
        time.sleep(0.001)
    return names


def other_threads():
    names = []
    for thread in set(os.listdir("/proc/self/task")) - {str(os.getpid())}:
        try:
            with open(f"/proc/self/task/{thread}/comm") as name:
                names.append(name.read().strip())
        except OSError:
            pass  # it has ended
    return sorted(names)


def fork(request, log, private):
    """Starts the job that the request describes and returns its pid; `private` descriptors are not the job's."""
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED_SIGNALS)
    try:
        pid = os.fork()
        if pid == 0:
            become_job(request, log, private)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return pid


def become_job(request, log, private):
    code = 70
    try:
        os.setsid()
        os.dup2(log, 1)
        os.dup2(log, 2)
        signal.set_wakeup_fd(-1)
        for number in WATCHED_SIGNALS:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for descriptor in (log, *private):
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(request["env"])
        code = run(*request["argv"][2:])
    finally:
        os._exit(code)


def run(module, *arguments):
    """The exit code of `python -m module arguments`."""
    libc.prctl(PR_SET_NAME, ctypes.c_char_p(module.encode()), 0, 0, 0)
    sys.path[:] = [os.getcwd(), *(path for path in sys.path if path != HERE)]
    sys.argv = ["-m", *arguments]
    importlib.invalidate_caches()
    gc.enable()
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as stop:
        code = exit_code(stop.code)
    except BaseException as error:
        own = error.__traceback__
        error.__traceback__ = own and own.tb_next
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    # The interpreter's own steps at its end, except for destroying every module.
    threading._shutdown()  # type: ignore[attr-defined]  # private, so typeshed lacks it
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def exit_code(code):
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1
