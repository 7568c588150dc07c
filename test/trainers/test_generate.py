import json
from pathlib import Path

import pytest

from conftest import GENERATE, events, prepare, result, row, write_split
from trainers import generate
from trainers.data import read_split
from trainers.job import main


def run(directory: Path, trained: Path, dataset: Path, **params) -> list[dict]:
    job = prepare(directory, GENERATE | params, model=trained, data=dataset)
    assert main(generate.work, [str(job)]) == 0
    return [json.loads(line) for line in (job / "output" / "predictions.jsonl").read_text().splitlines()]


def test_rows_come_in_the_order_of_the_data(trained, dataset, tmp_path):
    predictions = run(tmp_path / "job", trained, dataset)
    assert [made["id"] for made in predictions] == [f"row-{index}" for index in range(1000, 1013)]
    assert set(predictions[0]) == {"id", "mode", "response", "tokens"}
    assert {made["mode"] for made in predictions} == {"end-to-end"}
    assert all("<|" not in made["response"] for made in predictions)
    assert [event["done"] for event in events(tmp_path / "job", "progress")] == [5, 10, 13]
    summary = result(tmp_path / "job")["summary"]
    assert "MICRO" in summary.pop("model")
    assert summary == {
        "responses": 13,
        "finished": 13,
        "truncated": 0,
        "tokens": sum(made["tokens"] for made in predictions),
    }


def test_counterfactual_responses_begin_with_the_oracle_caption(trained, dataset, tmp_path):
    captions = read_split(dataset, "test").columns["perception"]
    for caption, made in zip(captions, run(tmp_path / "job", trained, dataset, mode="counterfactual"), strict=True):
        assert made["response"].startswith(f"<caption>{caption}</caption>\n")


@pytest.mark.parametrize("temperature", [0, 1.0])
def test_both_modes_in_one_job_are_those_of_two(trained, dataset, tmp_path, temperature):
    apart = [made for mode in generate.MODES for made in run(tmp_path / mode, trained, dataset, mode=mode, temperature=temperature)]
    assert run(tmp_path / "both", trained, dataset, mode="both", temperature=temperature) == apart
    assert result(tmp_path / "both")["summary"]["responses"] == 26
    assert events(tmp_path / "both", "progress")[-1]["done"] == 26


def test_a_trained_model_writes_the_format(trained, dataset, tmp_path):
    for made in run(tmp_path / "job", trained, dataset):
        assert made["response"].startswith("<caption>") and made["response"].endswith("</answer>")


@pytest.mark.parametrize("temperature", [0, 1.0])
def test_the_batch_does_not_matter(trained, dataset, tmp_path, temperature):
    for batch in (1, 4, 13):
        run(tmp_path / str(batch), trained, dataset, batch=batch, temperature=temperature)
    alone, few, all_rows = ((tmp_path / name / "output/predictions.jsonl").read_text() for name in ("1", "4", "13"))
    assert alone == few == all_rows


def test_limit_takes_the_first_rows(trained, dataset, tmp_path):
    assert run(tmp_path / "some", trained, dataset, limit=3) == run(tmp_path / "all", trained, dataset)[:3]


def test_max_tokens_cuts_responses_off(trained, dataset, tmp_path):
    cut = run(tmp_path / "job", trained, dataset, max_tokens=4)
    assert {(made["tokens"], made["truncated"]) for made in cut} == {(4, True)}
    summary = result(tmp_path / "job")["summary"]
    assert (summary["finished"], summary["truncated"]) == (0, 13)


def test_a_response_is_truncated_unless_it_ends_by_itself(trained, dataset, tmp_path):
    """A bound between the lengths of the responses, the last token included, cuts the longer ones alone."""
    free = run(tmp_path / "free", trained, dataset, temperature=1.0)
    bound = sorted(made["tokens"] for made in free)[6]
    for made, whole in zip(run(tmp_path / "bound", trained, dataset, temperature=1.0, max_tokens=bound), free, strict=True):
        assert made.get("truncated", False) == (whole["tokens"] > bound)
        assert made["response"] == whole["response"] or made["truncated"]


def test_a_caption_of_unknown_words_is_kept_and_warned_of(trained, tmp_path):
    strange = row(1) | {"perception": "[[0,7]]"}
    data = write_split(tmp_path / "data", "test", [row(0), strange])
    made = run(tmp_path / "job", trained, data, mode="counterfactual")
    assert made[1]["response"].startswith("<caption>[[0,7]]</caption>")
    (warning,) = events(tmp_path / "job", "log")
    assert warning["level"] == "warn" and "1 of 2" in warning["message"]


@pytest.mark.parametrize(("change", "says"), [({"split": "train_rl"}, "test, train_sft"), ({"mode": "magic"}, "magic")])
def test_impossible_params_are_refused(trained, dataset, tmp_path, change, says):
    job = prepare(tmp_path / "job", GENERATE | change, model=trained, data=dataset)
    assert main(generate.work, [str(job)]) == 1
    assert says in result(job)["message"]


def test_images_of_another_size_are_refused(trained, tmp_path):
    data = write_split(tmp_path / "data", "test", [row(0, side=48)])
    job = prepare(tmp_path / "job", GENERATE, model=trained, data=data)
    assert main(generate.work, [str(job)]) == 1
    assert "48x48" in result(job)["message"]
