"""`prepare` on models of several makings: two tokens more, and nothing else changes."""

from pathlib import Path

import pytest
import torch
from conftest import prepare as prepare_job
from conftest import result
from transformers import AutoModelForImageTextToText, AutoTokenizer

import tiny_models
from trainers import prepare
from trainers.hub_policy import HubPolicy
from trainers.data import read_split
from trainers.job import main
from trainers.vocabulary import embeddings


def prepared(directory: Path, model: Path) -> Path:
    job = prepare_job(directory, {"vision": None}, model=model)
    assert main(prepare.work, [str(job)]) == 0, result(job)
    return job / "output"


@pytest.mark.parametrize("name", ["qwen3_vl", "gemma3"])
def test_the_tags_become_a_token_each_and_the_rest_stays(name, dataset, tmp_path):
    start = tiny_models.build(name, tmp_path / "start", ["a b c"])
    base = prepared(tmp_path / "job", start)
    before, after = (AutoTokenizer.from_pretrained(place) for place in (start, base))
    text = "see <caption>[[0,1]]</caption> now"
    assert len(after) == len(before) + 2
    assert [len(after.encode(tag, add_special_tokens=False)) for tag in prepare.TAGS] == [1, 1]
    assert after.decode(after.encode(text, add_special_tokens=False), skip_special_tokens=True) == text

    old, new = (AutoModelForImageTextToText.from_pretrained(place) for place in (start, base))
    for was, now in zip(embeddings(old), embeddings(new), strict=True):
        assert torch.equal(now[: len(before)], was[: len(before)])
        assert torch.allclose(now[len(before) : len(after)], was[: len(before)].mean(0).expand(2, -1), atol=1e-6)
    same = {key: weight for key, weight in old.state_dict().items() if weight.shape[:1] != (len(before),)}
    assert all(torch.equal(new.state_dict()[key], weight) for key, weight in same.items())
    HubPolicy(base, read_split(dataset, "test", 2), 2)

    again = prepared(tmp_path / "again", base)
    assert (again / "model.safetensors").read_bytes() == (base / "model.safetensors").read_bytes()
    assert result(tmp_path / "again")["summary"]["added"] == 0


def test_a_micro_model_is_refused(trained, tmp_path):
    job = prepare_job(tmp_path / "job", {"vision": None}, model=trained)
    assert main(prepare.work, [str(job)]) == 1
    assert "has the caption's tags" in result(job)["message"]
