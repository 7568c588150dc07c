"""One training in two processes on this machine: its sums, and what is said when one of them ends."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from conftest import events, prepare, result
from trainers import ranks
from trainers.job import main

MODULE = "programs.shared_work"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    root = Path(__file__).resolve().parents[2]
    monkeypatch.setenv("PYTHONPATH", f"{root}:{root / 'test/trainers'}")


def run(job: Path) -> int:
    return main(lambda job: ranks.run(job, MODULE, 2), [str(job)])


@pytest.mark.parametrize(
    "end, message", [("fails", "The second process failed."), ("killed", "Process 2 of 2 ended by SIGKILL without a word.")]
)
def test_the_first_failure_is_told_and_the_other_process_ended(tmp_path, end, message):
    job = prepare(tmp_path, {"end": end})
    assert run(job) == 1
    assert result(job)["message"] == message


def test_both_add_up_and_stop_on_sigterm(tmp_path):
    job = prepare(tmp_path, {"end": "stops"})

    def stop() -> None:
        while not (job / "events.jsonl").exists() or not events(job, "metrics"):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(SystemExit) as ended:
        run(job)
    assert ended.value.code == 143
    assert events(job, "metrics") == [{"event": "metrics", "step": 1, "values": {"sum": 3.0}}], "the first alone reports"
    assert not (job / "result.json").exists()
