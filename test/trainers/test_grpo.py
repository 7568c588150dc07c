import gzip
import itertools
import json
import math
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from conftest import GRPO, SCORER, events, exit_code, prepare, result, start, wait_for_checkpoints
from trainers import grpo, learner
from trainers.job import main
from trainers.rewards import Judge, Judged
from trainers.sampling import Rollouts, caption_lengths

FILES = ["model.safetensors", "metrics.jsonl", "rollouts.jsonl.gz", "config.json", "README.md"]
REFILL = {"kind": "refill", "waves": 2}


def run(job: Path) -> dict:
    assert main(grpo.work, [str(job)]) == 0
    return result(job)


def rollouts(job: Path) -> list[dict]:
    with gzip.open(job / "output" / "rollouts.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


def same(one: Path, other: Path) -> None:
    for name in FILES:
        assert (one / "output" / name).read_bytes() == (other / "output" / name).read_bytes(), name


@pytest.fixture(scope="module")
def straight(trained, prompts, tmp_path_factory) -> Path:
    """Three steps in one go."""
    job = prepare(tmp_path_factory.mktemp("straight") / "job", GRPO, model=trained, data=prompts)
    assert run(job)["resumed_from"] is None
    return job


def test_every_rollout_is_kept_with_every_part_of_its_reward(straight):
    made = rollouts(straight)
    assert len(made) == 3 * 4 * 4
    assert [line["group"] for line in made] == [index // 4 % 4 for index in range(48)]
    assert [line["sample"] for line in made[:5]] == [0, 1, 2, 3, 0]
    assert {line["step"] for line in made} == {1, 2, 3}
    for line in made:
        rewards = line["rewards"]
        assert set(rewards) == {"outcome", "perception", "perception_f1", "total"}
        assert rewards["total"] == pytest.approx(0.5 * line["perception"] + 0.5 * line["outcome"])
        assert line["perception"] == bool(rewards["perception"]) and line["mode"] == "end-to-end"
        assert {"id", "response", "tokens", "finished", "perception_f1", "consistent", "reason", "advantage"} <= set(line)
    by_group = [made[start : start + 4] for start in range(0, 48, 4)]
    assert all(sum(line["advantage"] for line in group) == pytest.approx(0, abs=1e-4) for group in by_group)
    assert all(len({line["id"] for line in group}) == 1 for group in by_group)


def test_metrics_tell_rewards_and_where_time_went(straight):
    lines = [json.loads(line) for line in (straight / "output" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    measured = [event["values"] for event in events(straight, "metrics")]
    for line, values in zip(lines, measured):
        assert values["rollouts_per_second"] > 0 and 0 <= values["scorer_share"] <= 1
        assert {name: values[name] for name in line if name != "step"} == {k: v for k, v in line.items() if k != "step"}
        assert "seconds" not in line
    made = rollouts(straight)
    assert lines[0]["reward"] == pytest.approx(sum(line["rewards"]["total"] for line in made[:16]) / 16)
    assert lines[0]["kl"] < lines[2]["kl"]


def test_metrics_tell_entropy_and_length(trained, prompts, tmp_path):
    # At a very high temperature every token of the vocabulary is equally likely.
    job = prepare(tmp_path / "job", GRPO | {"temperature": 1e6, "steps": 1}, model=trained, data=prompts)
    run(job)
    vocabulary = json.loads((trained / "config.json").read_text())["text_config"]["vocab_size"]
    (line,) = [json.loads(line) for line in (job / "output" / "metrics.jsonl").read_text().splitlines()]
    assert line["surprise"] == pytest.approx(math.log(vocabulary), rel=1e-4)
    assert line["tokens"] == pytest.approx(np.mean([each["tokens"] for each in rollouts(job)]))


def test_the_model_is_a_model_and_says_where_it_came_from(straight, trained):
    from trainers.model import load

    model, _ = load(straight / "output")
    start, _ = load(trained)
    assert model.generation_config.max_new_tokens == start.generation_config.max_new_tokens
    assert any((new != old).any() for new, old in zip(model.parameters(), start.parameters()))
    assert "It went on by GRPO" in (straight / "output" / "README.md").read_text()


def test_reward_rises(beginner, prompts, tmp_path):
    params = GRPO | {"steps": 35, "group": 16, "learning_rate": 5e-4, "max_tokens": None, "kl": {"kind": "none"}}
    job = prepare(tmp_path / "job", params, model=beginner, data=prompts)
    run(job)
    rewards = [event["values"]["reward"] for event in events(job, "metrics")]
    # Five steps see each of the ten prompts twice, so both sums are of the same prompts.
    assert sum(rewards[-5:]) > sum(rewards[:5])


K3 = {"kind": "k3", "coefficient": 0.1}


@pytest.mark.parametrize("change", [{}, {"record_every": 3}, {"dynamic_sampling": REFILL, "epochs": 2, "kl": K3}])
def test_more_steps_continue_where_fewer_ended(trained, prompts, tmp_path, change):
    params = GRPO | change
    run(prepare(tmp_path / "straight", params, model=trained, data=prompts))
    run(prepare(tmp_path / "first", params | {"steps": 2}, tmp_path / "kept", model=trained, data=prompts))
    second = prepare(tmp_path / "second", params, tmp_path / "kept", model=trained, data=prompts)
    assert run(second)["resumed_from"] == 2
    for name in ("model.safetensors", "metrics.jsonl", "rollouts.jsonl.gz"):
        assert (second / "output" / name).read_bytes() == (tmp_path / "straight" / "output" / name).read_bytes(), name


@pytest.mark.parametrize("change", [{"seed": 1}, {"alpha": 0.25}, {"schedule": "cosine"}, {"perception": "oracle-f1"}, {"alpha_end": 0}])
def test_another_run_is_not_continued(trained, prompts, tmp_path, change):
    small = GRPO | {"prompts_per_step": 2, "group": 2, "max_tokens": 4}
    run(prepare(tmp_path / "first", small | {"steps": 1}, tmp_path / "kept", model=trained, data=prompts))
    second = prepare(tmp_path / "second", small | {"steps": 2} | change, tmp_path / "kept", model=trained, data=prompts)
    assert run(second)["resumed_from"] is None


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM])
def test_an_ended_run_goes_on_as_if_nothing_had_happened(trained, prompts, tmp_path, kill):
    params = GRPO | {"steps": 12, "group": 2}
    ended = prepare(tmp_path / "ended", params, model=trained, data=prompts)
    process = start(grpo.work, ended)
    wait_for_checkpoints(ended, 1)
    assert process.pid is not None
    os.kill(process.pid, kill)
    assert exit_code(process) == (143 if kill == signal.SIGTERM else -kill)
    assert not (ended / "result.json").exists()
    second = prepare(tmp_path / "second", params, ended / "checkpoints", model=trained, data=prompts)
    kept = sorted(path.name for path in (ended / "checkpoints").iterdir())
    assert run(second)["resumed_from"] is not None, (kept, events(second, "log"))
    run(prepare(tmp_path / "undisturbed", params, model=trained, data=prompts))
    same(tmp_path / "undisturbed", second)


def test_a_stop_while_it_samples_keeps_the_steps_before(trained, prompts, tmp_path, monkeypatch):
    job = prepare(tmp_path / "job", GRPO, model=trained, data=prompts)
    step = grpo.Trainer.step

    def stopping(self, number):
        if number == 2:
            self.sampler.decoder.between = lambda: sys.exit(143)
        return step(self, number)

    monkeypatch.setattr(grpo.Trainer, "step", stopping)
    with pytest.raises(SystemExit):
        main(grpo.work, [str(job)])
    assert [path.name for path in (job / "checkpoints").iterdir()] == ["step-00000002.pt"]


def test_dropped_groups_teach_nothing_and_are_recorded(trained, prompts, tmp_path):
    params = GRPO | {"dynamic_sampling": {"kind": "drop"}, "group": 2, "prompts_per_step": 8, "temperature": 0.3, "kl": {"kind": "none"}}
    job = prepare(tmp_path / "job", params, model=trained, data=prompts)
    run(job)
    made = rollouts(job)
    dropped = [line for line in made if line["advantage"] is None]
    assert dropped and len(made) == 3 * 16
    def rewards_beside(line):
        return {each["rewards"]["total"] for each in made if (each["step"], each["group"]) == (line["step"], line["group"])}

    assert all(len(rewards_beside(line)) == (1 if line["advantage"] is None else 2) for line in made)
    values = [event["values"] for event in events(job, "metrics")]
    assert sum(value["learned_from"] for value in values) == len(made) - len(dropped)


def test_span_credit_gives_each_span_its_own_advantage(trained, prompts, tmp_path):
    # At a high temperature captions of a group differ.
    params = GRPO | {"credit": "span", "alpha": 0.25, "minibatches": 1, "temperature": 2.0}
    job = prepare(tmp_path / "job", params, model=trained, data=prompts)
    run(job)
    made = rollouts(job)
    for first in range(0, len(made), 4):
        group = made[first : first + 4]
        for reward, advantage, weight in (("perception", "caption_advantage", 0.25), ("outcome", "advantage", 0.75)):
            values = np.array([line["rewards"][reward] for line in group])
            expected = 0 * values if values.std() == 0 else weight * (values - values.mean()) / (values.std(ddof=1) + 1e-6)
            assert [line[advantage] for line in group] == pytest.approx(expected.tolist(), abs=1e-5)
    assert any(line["caption_advantage"] for line in made)


def test_the_tokens_after_a_caption_learn_from_the_outcome_alone(trained, prompts, tmp_path, monkeypatch):
    """Where a caption is the whole response, no token learns from the outcome, so the outcome changes nothing."""
    made = []
    for reach in (30, 2):
        for answer in (0.0, 1.0):
            monkeypatch.setattr(learner, "caption_lengths", lambda _, rollouts, reach=reach: torch.full((len(rollouts),), reach))
            rewarded(monkeypatch, lambda _, count, answer=answer: (answer * (np.arange(count) % 2), np.arange(count) % 4 // 2.0))
            job = prepare(tmp_path / f"{reach} {answer}", GRPO | {"credit": "span", "steps": 1}, model=trained, data=prompts)
            run(job)
            made.append((job / "output" / "model.safetensors").read_bytes())
            monkeypatch.undo()
    assert made[0] == made[1] and made[2] != made[3]


def test_a_caption_reaches_to_the_end_of_its_first_closing_tag():
    words = ["<caption>", " a", "</caption>", " b", "</cap", "tion>"]
    policy = SimpleNamespace(text=lambda ids: "".join(words[token] for token in ids))
    rows = [[0, 1, 2, 3, 2], [1, 2, 0, 1, 1], [0, 1, 4, 5, 3], [0, 0, 1, 2, 3]]
    nothing = np.zeros(4, int)
    responses = Rollouts(nothing, 1, torch.tensor(rows), torch.tensor([5, 5, 5, 3]), torch.zeros(4), nothing, [])
    assert caption_lengths(policy, responses).tolist() == [3, 0, 4, 0]


def test_alpha_may_change_over_the_steps(trained, prompts, tmp_path):
    job = prepare(tmp_path / "job", GRPO | {"alpha": 0.5, "alpha_end": 0.0}, model=trained, data=prompts)
    run(job)
    for line in rollouts(job):
        alpha = {1: 0.5, 2: 0.25, 3: 0.0}[line["step"]]
        expected = alpha * line["rewards"]["perception"] + (1 - alpha) * line["rewards"]["outcome"]
        assert line["rewards"]["total"] == pytest.approx(expected)


@pytest.fixture(scope="module")
def rewarded_run(trained, prompts, tmp_path_factory):
    """Runs with given rewards, where the first four tokens of every response are its caption."""

    def run_with(change: dict) -> bytes:
        job = prepare(tmp_path_factory.mktemp("rewarded") / "job", GRPO | {"steps": 2} | change, model=trained, data=prompts)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(learner, "caption_lengths", lambda _, rollouts: torch.full((len(rollouts),), 4))
            rewarded(patch, lambda _, count: (np.arange(count) % 2.0, np.arange(count) % 4 // 2.0))
            run(job)
        return (job / "output" / "model.safetensors").read_bytes()

    return run_with


@pytest.fixture(scope="module")
def plain(rewarded_run) -> bytes:
    return rewarded_run({})


@pytest.mark.parametrize("change", [{"caption_weight": 3.0}, {"ratio": "sequence"}, {"credit": "span"}])
def test_options_of_the_objective_change_what_is_learned(rewarded_run, plain, change):
    assert rewarded_run(change) != plain


@pytest.mark.parametrize("change", [{}, {"ratio": "sequence", "aggregate": "sequence-mean"}, {"epochs": 2, "kl": K3}, {"minibatches": 1}])
def test_parts_padded_to_fixed_shapes_teach_the_same(trained, prompts, tmp_path, monkeypatch, change):
    """As on a GPU, but for the graphs: rows without tokens and tokens after the longest response count nothing."""
    params = GRPO | {"prompts_per_step": 7, "batch": 12, "dynamic_sampling": {"kind": "drop"}, "temperature": 1.5, "steps": 1} | change
    shapes: set[tuple[int, int]] = set()

    def captured(function, *_, **__):
        def call(prompts, *tables):
            shapes.add((len(prompts), tables[0].shape[1]))
            return function(prompts, *tables)

        return call

    def taught(name: str) -> tuple[list[torch.Tensor], dict]:
        job = prepare(tmp_path / name, params, model=trained, data=prompts)
        run(job)
        (line,) = (job / "output" / "metrics.jsonl").read_text().splitlines()
        return list(load_file(job / "output" / "model.safetensors").values()), json.loads(line)

    weights, metrics = taught("usual")
    init = learner.Learner.__init__

    def as_on_a_gpu(self, *given):
        init(self, *given)
        self.uses_graphs = True

    monkeypatch.setattr(learner.Learner, "__init__", as_on_a_gpu)
    monkeypatch.setattr(learner, "Captured", captured)
    monkeypatch.setattr(learner, "ROOM", 8)
    weights_too, metrics_too = taught("padded")
    assert metrics_too == pytest.approx(metrics, rel=1e-3, abs=1e-5)
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(weights, weights_too))
    assert {groups for groups, _ in shapes} == {3} and all(width % 8 == 0 or width == 30 for _, width in shapes)


def rewarded(monkeypatch, reward) -> None:
    """Rewards (outcome, perception) of each sampling from its number on."""
    fetch, count = Judge.fetch, itertools.count()

    def instead(self):
        judged = fetch(self)
        outcome, perception = reward(next(count), len(judged.reasons))
        return Judged(judged.parts | {"outcome": outcome, "perception": perception}, judged.reasons)

    monkeypatch.setattr(Judge, "fetch", instead)


def crossed(_: int, responses: int):
    """Who sees right answers wrong, and the other way round, so that R is the same for all."""
    right = np.arange(responses) % 2.0
    return right, 1 - right


DROP: dict[str, Any] = {"dynamic_sampling": {"kind": "drop"}, "max_tokens": 4, "kl": {"kind": "none"}}


def warnings(job: Path) -> list[str]:
    return [event["message"] for event in events(job, "log") if event["level"] == "warn"]


@pytest.mark.parametrize(("per_reward", "alive"), [(False, 0), (True, 1)])
def test_what_is_dropped_is_what_has_no_reward_to_compare(trained, prompts, tmp_path, monkeypatch, per_reward, alive):
    rewarded(monkeypatch, crossed)
    job = prepare(tmp_path / "job", GRPO | DROP | {"per_reward": per_reward}, model=trained, data=prompts)
    run(job)
    values = [event["values"] for event in events(job, "metrics")]
    assert [value["alive"] for value in values] == [alive] * 3
    assert [value["learned_from"] for value in values] == [16 * alive] * 3


def test_a_run_that_rewards_taught_nothing_says_so(trained, prompts, tmp_path, monkeypatch):
    rewarded(monkeypatch, crossed)
    for name, change in {"dropped": DROP, "kept": {"max_tokens": 4}}.items():
        job = prepare(tmp_path / name, GRPO | change, model=trained, data=prompts)
        run(job)
        (said,) = warnings(job)
        assert "In 3 of 3 steps (100%)" in said and "taught this model nothing" in said and "reward of all steps is 0.50" in said
    weights = [(model / "model.safetensors").read_bytes() for model in (trained, tmp_path / "dropped" / "output")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(("silent", "says"), [(1, None), (2, "In 2 of 3 steps (67%)")])
def test_steps_without_anything_to_compare_are_told_of_where_they_are_most(trained, prompts, tmp_path, monkeypatch, silent, says):
    def reward(sampling: int, responses: int):
        outcome = (np.arange(responses) % 2.0) * (sampling >= silent)
        return outcome, np.zeros(responses)

    rewarded(monkeypatch, reward)
    job = prepare(tmp_path / "job", GRPO | {"max_tokens": 4}, model=trained, data=prompts)
    run(job)
    said = warnings(job)
    assert said == [] if says is None else says in said[0] and "nothing." not in said[0]


def test_responses_of_one_token_are_learned_from(trained, prompts, tmp_path):
    job = prepare(tmp_path / "job", GRPO | {"max_tokens": 1}, model=trained, data=prompts)
    run(job)
    assert {line["tokens"] for line in rollouts(job)} == {1}
    assert all(event["values"]["learned_from"] == 16 for event in events(job, "metrics"))


def test_a_short_batch_is_refilled_up_to_a_bound(trained, prompts, tmp_path):
    params = GRPO | {"dynamic_sampling": REFILL, "group": 2, "temperature": 0.3, "steps": 2}
    job = prepare(tmp_path / "job", params, model=trained, data=prompts)
    run(job)
    for values in (event["values"] for event in events(job, "metrics")):
        assert values["groups"] in (4, 8) and values["learned_from"] <= 8
    groups = [(line["step"], line["group"]) for line in rollouts(job)]
    assert len(set(groups)) * 2 == len(groups)


def test_a_stream_takes_each_prompt_once(trained, prompts, tmp_path):
    params = GRPO | {"prompts": "stream", "prompts_per_step": 3, "max_tokens": 4}
    job = prepare(tmp_path / "job", params, model=trained, data=prompts)
    run(job)
    assert [line["id"] for line in rollouts(job)[::4]] == [f"row-{index}" for index in range(2000, 2009)]
    short = prepare(tmp_path / "short", params | {"steps": 4}, model=trained, data=prompts)
    assert "takes 12 prompts" in failed(short)["message"]


def test_few_rollouts_may_be_kept(trained, prompts, tmp_path):
    params = GRPO | {"record_every": 2, "max_tokens": 4}
    job = prepare(tmp_path / "job", params, model=trained, data=prompts)
    run(job)
    assert {line["step"] for line in rollouts(job)} == {2, 3}


@pytest.mark.parametrize("name", ["teacher", "vote", "consensus", "blind-solve", "likelihood"])
def test_surrogates_reward_in_place_of_the_oracle(trained, prompts, tmp_path, name):
    params = GRPO | {"perception": {"surrogate": name, "as": "exact"}, "alpha": 1, "steps": 1}
    job = prepare(tmp_path / "job", params, model=trained, data=prompts, captioner=trained, captioners=[trained, trained])
    run(job)
    assert all(line["rewards"]["total"] == line["rewards"][name.replace("-", "_")] for line in rollouts(job))


def failed(job: Path) -> dict:
    assert main(grpo.work, [str(job)]) == 1
    said = result(job)
    assert said["status"] == "failed" and said["fix"]
    return said


def test_a_scorer_that_dies_fails_the_job(trained, prompts, tmp_path):
    job = prepare(tmp_path / "job", GRPO, model=trained, data=prompts)
    description = json.loads((job / "job.json").read_text())
    (job / "job.json").write_text(json.dumps(description | {"scorer": [*SCORER, "3"]}))
    assert "the scorer has had enough" in failed(job)["message"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"alpha": 1.5}, "alpha"),
        ({"schedule": "linear"}, "linear"),
        ({"aggregate": "sum"}, "sum"),
        ({"kl": {"kind": "js"}}, "js"),
        ({"ratio": "group"}, "group"),
        ({"credit": "token"}, "token"),
        ({"credit": "span", "per_reward": True}, "each reward separately"),
        ({"alpha_end": -0.5}, "-0.5"),
        ({"std": "robust"}, "robust"),
        ({"dynamic_sampling": {"kind": "forever"}}, "forever"),
        ({"minibatches": 5}, "5 mini-batches"),
        ({"perception": {"surrogate": "teacher", "as": "exact"}}, "nobody to ask"),
        ({"perception": {"surrogate": "vote", "as": "exact"}}, "nobody to ask"),
        ({"split": "test"}, "no split `test`"),
    ],
)
def test_impossible_params_are_refused(trained, prompts, tmp_path, change, says):
    assert says in failed(prepare(tmp_path / "job", GRPO | change, model=trained, data=prompts))["message"]
