import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from conftest import ROLLOUT, prepare, result
from trainers import rollout
from trainers.job import main


def run(directory: Path, trained: Path, prompts: Path, **params) -> list[dict]:
    job = prepare(directory, ROLLOUT | params, model=trained, data=prompts, captioner=trained, captioners=[trained, trained])
    assert main(rollout.work, [str(job)]) == 0
    return [json.loads(line) for line in (job / "output" / "rollouts.jsonl").read_text().splitlines()]


def test_groups_of_responses_with_every_part(trained, prompts, tmp_path):
    made = run(tmp_path / "job", trained, prompts, surrogates=["teacher", "vote", "consensus", "blind-solve", "likelihood"])
    assert [line["id"] for line in made] == [f"row-{2000 + index // 4}" for index in range(40)]
    assert [line["group"] for line in made] == [index // 4 for index in range(40)]
    assert {(line["step"], line["advantage"]) for line in made} == {(0, None)}
    surrogates = {"teacher", "teacher_f1", "vote", "vote_f1", "consensus", "consensus_f1", "blind_solve", "likelihood"}
    assert set(made[0]["rewards"]) == {"outcome", "perception", "perception_f1"} | surrogates
    # The captioner, voting twice, is the teacher.
    assert all(line["rewards"]["vote"] == line["rewards"]["teacher"] for line in made)
    assert all(0 < line["rewards"]["likelihood"] <= 1 for line in made if "</caption>" in line["response"])
    summary = result(tmp_path / "job")["summary"]
    assert "MICRO" in summary["model"]
    assert summary["responses"] == 40
    assert summary["pass@4"] == pytest.approx(np.mean([any(line["outcome"] for line in made[at : at + 4]) for at in range(0, 40, 4)]))
    assert summary["perception"] == pytest.approx(sum(line["perception"] for line in made) / 40)


def test_counterfactual_responses_stand_beside(trained, prompts, tmp_path):
    made = run(tmp_path / "job", trained, prompts, counterfactual=2, surrogates=["consensus"])
    own, forced = (
        [line for line in made if line["mode"] == mode] for mode in ("end-to-end", "counterfactual")
    )
    assert len(own) == 40 and len(forced) == 20
    assert all(line["perception"] == 1 for line in forced) and "consensus" not in forced[0]["rewards"]
    assert not {line["group"] for line in own} & {line["group"] for line in forced}
    summary = result(tmp_path / "job")["summary"]
    assert summary["counterfactual outcome"] == pytest.approx(sum(line["outcome"] for line in forced) / 20)


def test_equal_runs_write_equal_files(trained, prompts, tmp_path):
    assert run(tmp_path / "one", trained, prompts, limit=4) == run(tmp_path / "two", trained, prompts, limit=4)


def test_pass_at_k_counts_the_subsets_with_a_right_response():
    outcomes = [1, 0, 0, 1, 0, 0, 0, 0, 1, 0]
    groups = [outcomes[:5], outcomes[5:]]
    pairs = [any(pair) for group in groups for pair in itertools.combinations(group, 2)]
    made = rollout.pass_at([float(outcome) for outcome in outcomes], 5)
    assert list(made) == ["pass@2", "pass@4"] and made["pass@2"] == pytest.approx(np.mean(pairs))
