"""A group of processes ends with the one that started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

STARTER = """
import subprocess, sys, time
from trainers.lifeline import ending_with_us
group = subprocess.Popen(["sh", "-c", "sleep 999 & echo $!; exec sleep 999"], stdout=subprocess.PIPE, text=True, start_new_session=True)
with ending_with_us(group.pid):
    print(group.pid, group.stdout.readline(), end="", flush=True)
    sys.stdin.readline()
"""
SECONDS = 20


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("is_killed", [True, False])
def test_a_group_ends_if_its_starter_is_killed_and_is_left_alone_otherwise(is_killed):
    starter = subprocess.Popen([sys.executable, "-c", STARTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    group, child = map(int, starter.stdout.readline().split())
    try:
        if is_killed:
            starter.kill()
        starter.communicate()
        deadline = time.monotonic() + SECONDS
        while is_killed and (is_alive(group) or is_alive(child)):
            assert time.monotonic() < deadline, "the group lives on"
            time.sleep(0.05)
        assert is_alive(child) != is_killed
    finally:
        if not is_killed:
            os.killpg(group, signal.SIGKILL)
