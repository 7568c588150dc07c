"""A job that makes no more steps ends by itself."""

import threading

from conftest import exit_code, prepare, result, start
from trainers import watchdog
from trainers.job import Job, Outcome


def test_a_hanging_job_fails_and_says_where_it_stood(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(watchdog, "LEAST_SECONDS", 0.2)
    monkeypatch.setattr(watchdog, "TICK", 0.01)

    def work(job: Job) -> Outcome:
        with watchdog.watchdog(job) as step_done:
            step_done()
            threading.Event().wait()
        raise AssertionError("it hangs")

    assert exit_code(start(work, prepare(tmp_path, {}))) == 1
    said = result(tmp_path)
    assert said["attempt"] == "attempt-1" and said["message"].startswith("The training made no step for")
    assert "in work" in capfd.readouterr().err


def test_a_job_that_ends_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(watchdog, "LEAST_SECONDS", 1)
    monkeypatch.setattr(watchdog, "TICK", 0.01)

    def work(job: Job) -> Outcome:
        with watchdog.watchdog(job) as step_done:
            step_done()
        threading.Event().wait(1.5)
        return Outcome({"done": 1})

    assert exit_code(start(work, prepare(tmp_path, {}))) == 0
    assert result(tmp_path)["summary"] == {"done": 1}
