"""Validation within a training: what it measures, and that the training is the same with it and without."""

import json
import signal
from pathlib import Path

import pytest

from conftest import GENERATE, GRPO, SCORER, SFT, events, prepare, result, row, write_split
from trainers import generate, grpo, sft
from trainers.data import read_split
from trainers.job import main
from trainers.scorer import Scorer
from trainers.validation import Validation

EVERY_TWO = {"every": 2, "limit": 7, "split": "test"}
PARAMS = SFT | {"steps": 6, "loss": {"kind": "fixed", "lambda": 0.4}}
MEASURED = ("val_a", "val_a_p", "val_a_r")


def run(work, job: Path) -> Path:
    assert main(work, [str(job)]) == 0
    return job


def metrics(job: Path) -> list[dict]:
    return [json.loads(line) for line in (job / "output" / "metrics.jsonl").read_text().splitlines()]


def without_validation(lines: list[dict]) -> list[dict]:
    return [{name: value for name, value in line.items() if name not in MEASURED} for line in lines]


@pytest.fixture(scope="module")
def validated(dataset, tmp_path_factory) -> Path:
    job = tmp_path_factory.mktemp("validated") / "job"
    return run(sft.work, prepare(job, PARAMS | {"validate": EVERY_TWO}, data=dataset, validation=dataset))


def test_measures_what_generate_and_the_scorer_say_of_the_model(dataset, tmp_path):
    params = SFT | {"steps": 60, "loss": {"kind": "fixed", "lambda": 0.4}, "validate": EVERY_TWO | {"every": 30, "limit": None}}
    job = run(sft.work, prepare(tmp_path / "job", params, data=dataset, validation=dataset))
    truths = read_split(dataset, "test").columns
    verdicts = {}
    for mode in generate.MODES:
        made = run(generate.work, prepare(tmp_path / mode, GENERATE | {"mode": mode}, model=job / "output", data=dataset))
        lines = [json.loads(line) for line in (made / "output" / "predictions.jsonl").read_text().splitlines()]
        told = [{name: truths[name][at] for name in ("task", "ground_truth", "perception")} for at in range(len(lines))]
        with Scorer(SCORER) as scorer:
            scorer.ask([about | {"response": line["response"], "mode": mode} for about, line in zip(told, lines)])
            verdicts[mode] = scorer.answers()
    last, count = metrics(job)[-1], len(truths["id"])
    free, given = verdicts["end-to-end"], verdicts["counterfactual"]
    assert last["step"] == 60 and last["val_a_r"] > 0
    assert last["val_a"] == sum(verdict["outcome"] for verdict in free) / count
    assert last["val_a_p"] == sum(verdict["perception"] for verdict in free) / count
    assert last["val_a_r"] == sum(verdict["outcome"] for verdict in given) / count


def test_the_training_is_the_same(validated, dataset, tmp_path):
    plain = run(sft.work, prepare(tmp_path / "plain", PARAMS, data=dataset))
    name = "output/model.safetensors"
    assert (plain / name).read_bytes() == (validated / name).read_bytes()
    lines = metrics(validated)
    assert [line["step"] for line in lines] == [2, 4, 6] and all(set(MEASURED) <= set(line) for line in lines)
    assert without_validation(lines)[-1:] == metrics(plain)
    assert [event["step"] for event in events(validated, "metrics")] == [2, 4, 6]
    assert not set(MEASURED) & set(events(plain, "metrics")[-1]["values"])


def test_more_steps_continue_with_the_earlier_measurements(validated, dataset, tmp_path):
    params = PARAMS | {"validate": EVERY_TWO}
    for name, steps, kept in (("first", 3, None), ("second", 6, 3)):
        job = prepare(tmp_path / name, params | {"steps": steps}, tmp_path / "kept", data=dataset, validation=dataset)
        assert result(run(sft.work, job))["resumed_from"] == kept
    assert (job / "output/metrics.jsonl").read_bytes() == (validated / "output/metrics.jsonl").read_bytes()


def test_a_validation_that_was_interrupted_is_made_up_for(validated, dataset, tmp_path, monkeypatch):
    measure, calls = Validation.__call__, []

    def interrupted(self):
        calls.append(1)
        if len(calls) == 2:
            raise SystemExit(128 + signal.SIGTERM)
        return measure(self)

    monkeypatch.setattr(Validation, "__call__", interrupted)
    params = PARAMS | {"validate": EVERY_TWO}
    with pytest.raises(SystemExit):
        main(sft.work, [str(prepare(tmp_path / "first", params, tmp_path / "kept", data=dataset, validation=dataset))])
    second = run(sft.work, prepare(tmp_path / "second", params, tmp_path / "kept", data=dataset, validation=dataset))
    assert result(second)["resumed_from"] == 4
    for name in ("metrics.jsonl", "model.safetensors"):
        assert (second / "output" / name).read_bytes() == (validated / "output" / name).read_bytes()


def test_other_pictures_are_another_run(dataset, tmp_path):
    params = PARAMS | {"steps": 2, "validate": EVERY_TWO}
    run(sft.work, prepare(tmp_path / "first", params, tmp_path / "kept", data=dataset, validation=dataset))
    other = write_split(tmp_path / "other", "test", [row(index) for index in range(3000, 3008)])
    second = prepare(tmp_path / "second", params | {"steps": 4}, tmp_path / "kept", data=dataset, validation=other)
    assert result(run(sft.work, second))["resumed_from"] is None


def test_a_split_that_is_missing_is_named_before_the_first_step(dataset, tmp_path):
    params = PARAMS | {"validate": EVERY_TWO | {"split": "validation"}}
    job = prepare(tmp_path / "job", params, data=dataset, validation=dataset)
    assert main(sft.work, [str(job)]) == 1
    assert "no split `validation`" in result(job)["message"] and not events(job, "progress")


def test_reinforcement_learning_is_the_same(beginner, tmp_path):
    both = write_split(tmp_path / "data", "train_rl", [row(index) | {"response": ""} for index in range(2000, 2010)])
    write_split(both, "test", [row(index) for index in range(1000, 1013)])
    plain = run(grpo.work, prepare(tmp_path / "plain", GRPO, data=both, model=beginner))
    measured = run(grpo.work, prepare(tmp_path / "measured", GRPO | {"validate": EVERY_TWO}, data=both, model=beginner))
    for name in ("model.safetensors", "rollouts.jsonl.gz"):
        assert (plain / "output" / name).read_bytes() == (measured / "output" / name).read_bytes()
    lines = metrics(measured)
    assert [set(MEASURED) <= set(line) for line in lines] == [False, True, False]
    assert without_validation(lines) == metrics(plain)


def test_a_picture_that_the_scorer_cannot_judge_ends_the_training(dataset, tmp_path):
    odd = write_split(tmp_path / "odd", "test", [row(index) | {"perception": "no edges"} for index in range(2)])
    job = prepare(tmp_path / "job", PARAMS | {"validate": EVERY_TWO}, data=dataset, validation=odd)
    assert main(sft.work, [str(job)]) == 1
    assert "could not judge a response" in result(job)["message"] and "ground truth" in result(job)["fix"]
