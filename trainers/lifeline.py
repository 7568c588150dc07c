"""Ends a process group when the process that started it dies, also by `kill -9`: a process of its own waits for that."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

# Its input ends when the last holder of the other end of the pipe is dead: the process that started it, since children don't inherit it.
_WAIT = "import os, signal, sys; sys.stdin.buffer.read(); os.killpg(int(sys.argv[1]), signal.SIGKILL)"


@contextlib.contextmanager
def ending_with_us(group: int) -> Iterator[None]:
    """Meanwhile the group ends with this process. Afterwards its number may be another's, so nobody ends it."""
    guard = subprocess.Popen([sys.executable, "-I", "-c", _WAIT, str(group)], stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        guard.kill()
        guard.communicate()  # closes its input, which without the kill would end the group
