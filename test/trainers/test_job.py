import json
import os
import time
from unittest.mock import ANY

import pytest
import torch
from conftest import events, prepare, result
from trainers.job import Job, JobError, Outcome, main


def test_an_outcome_is_the_result(tmp_path):
    job = prepare(tmp_path / "job", {"x": 1})
    assert main(lambda running: Outcome({"x": running.params["x"]}, resumed_from=3), [str(job)]) == 0
    assert result(job) == {
        "protocol": 1,
        "attempt": "attempt-1",
        "status": "ok",
        "summary": {"x": 1},
        "resumed_from": 3,
        "seconds": {"waiting": ANY, "imports": ANY},
    }
    assert sorted(path.name for path in job.iterdir()) == ["checkpoints", "events.jsonl", "job.json", "output", "result.json"]


def test_the_seconds_of_its_phases_are_in_result_and_log(tmp_path, capsys):
    def work(running: Job):
        for name in ("data", "steps", "data"):
            running.phase(name)
            time.sleep(0.02)
        return Outcome({})

    job = prepare(tmp_path / "job", {})
    long_ago = time.time() - 1_000_000
    os.utime(job / "job.json", (long_ago, long_ago))
    assert main(work, [str(job)]) == 0
    seconds = result(job)["seconds"]
    assert list(seconds) == ["waiting", "imports", "data", "steps"]
    assert seconds["data"] >= 0.04 and seconds["steps"] >= 0.02
    assert 900_000 < seconds["waiting"] + seconds["imports"] < 1_100_000
    assert f"data {seconds['data']:g}, steps {seconds['steps']:g}" in capsys.readouterr().out


def test_a_known_failure_says_what_to_do(tmp_path):
    def work(_: Job):
        raise JobError("It broke.", "Mend it.")

    job = prepare(tmp_path / "job", {})
    assert main(work, [str(job)]) == 1
    assert result(job) == {"protocol": 1, "attempt": "attempt-1", "status": "failed", "message": "It broke.", "fix": "Mend it."}


def test_an_unknown_failure_is_a_sentence_too(tmp_path, capsys):
    job = prepare(tmp_path / "job", {})
    outcomes: dict[str, Outcome] = {}
    assert main(lambda _: outcomes["absent"], [str(job)]) == 1
    assert "KeyError: 'absent'" in result(job)["message"]
    assert "Traceback" in capsys.readouterr().err


def full_gpu():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def full_machine():
    torch.empty(1 << 60, dtype=torch.uint8)


@pytest.mark.parametrize("fill, size", [(full_gpu, "2.00 GiB"), (full_machine, str(1 << 60))])
def test_a_job_without_enough_memory_says_what_to_lower(fill, size, tmp_path):
    job = prepare(tmp_path / "job", {})
    assert main(lambda _: fill(), [str(job)]) == 1
    assert "ran out of memory" in result(job)["message"] and size in result(job)["message"]
    assert "`batch`" in result(job)["fix"]


def full_disk():
    with open("/dev/full", "wb", buffering=0) as file:
        file.write(b"0")


def full_disk_of_a_library():
    raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")


@pytest.mark.parametrize("fill", [full_disk, full_disk_of_a_library])
def test_a_job_without_enough_room_says_so_even_if_there_is_room_afterwards(fill, tmp_path):
    job = prepare(tmp_path / "job", {})
    assert main(lambda _: fill(), [str(job)]) == 1
    assert result(job)["message"].startswith("The disk is full. ") and "Make room" in result(job)["fix"]


def test_a_job_that_cannot_be_read_fails(tmp_path):
    (tmp_path / "job.json").write_text("{")
    assert main(lambda _: Outcome({}), [str(tmp_path)]) == 1
    assert result(tmp_path)["status"] == "failed" and result(tmp_path)["attempt"] is None


def test_another_protocol_is_refused(tmp_path):
    job = prepare(tmp_path / "job", {})
    description = json.loads((job / "job.json").read_text())
    (job / "job.json").write_text(json.dumps(description | {"protocol": 2}))
    assert main(lambda _: Outcome({}), [str(job)]) == 1
    assert "protocol 2" in result(job)["message"]


def test_events_are_lines_of_json(tmp_path):
    job = prepare(tmp_path / "job", {})

    def work(running: Job):
        running.progress(1, 2, "steps")
        running.metrics(1, {"L_p": 0.5})
        running.log("warn", "Careful, λ.")
        return Outcome({})

    main(work, [str(job)])
    assert events(job, "progress") == [{"event": "progress", "done": 1, "total": 2, "unit": "steps"}]
    assert events(job, "metrics") == [{"event": "metrics", "step": 1, "values": {"L_p": 0.5}}]
    assert events(job, "log") == [{"event": "log", "level": "warn", "message": "Careful, λ."}]
