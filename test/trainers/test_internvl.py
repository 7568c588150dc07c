"""The micro InternVL: trained, continued, validated and asked like the other family, by transformers' own code."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from conftest import GENERATE, GRPO, SFT, events, prepare, result
from trainers import generate, grpo, sft
from trainers.data import pad, read_split
from trainers.forward import Pixels
from trainers.hub_policy import HubPolicy
from trainers.internvl import PlainForward
from trainers.job import main
from trainers.policy import load_policy

MODEL = {"kind": "micro", "family": "internvl", "size": "nano", "init": 0.02}
PARAMS = SFT | {"model": MODEL, "loss": {"kind": "ngdiff"}}


def run(work, job: Path) -> Path:
    assert main(work, [str(job)]) == 0
    return job


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory) -> Path:
    validate = {"every": 60, "limit": None, "split": "test"}
    params = PARAMS | {"steps": 60, "loss": {"kind": "fixed", "lambda": 0.4}, "validate": validate}
    return run(sft.work, prepare(tmp_path_factory.mktemp("internvl") / "job", params, data=dataset, validation=dataset))


def test_both_losses_fall_and_the_card_names_the_family(trained):
    first, *_, last = [event["values"] for event in events(trained, "metrics")]
    assert last["L_p"] < first["L_p"] and last["L_r"] < first["L_r"]
    assert "An InternVL of" in (trained / "output/README.md").read_text()


def test_trains_on_what_the_processor_makes_of_picture_and_response(trained, dataset):
    split = read_split(dataset, "test", 5)
    policy = load_policy(trained / "output", split, 5)
    assert isinstance(policy, HubPolicy) and policy.description.startswith("MICRO InternVL")
    tokens = torch.from_numpy(pad(policy.encode(split.columns["response"]), 0))
    images = policy.processor.image_processor
    plain = PlainForward(policy.model, 32, Pixels(images.image_mean, images.image_std), policy.tokenizer)
    with torch.no_grad():
        said = torch.cat(plain.logits(torch.from_numpy(split.images), tokens, 4), 1)
        expected = policy.logits(np.arange(5), torch.arange(5), tokens)
    torch.testing.assert_close(policy.possible(said), expected, rtol=1e-4, atol=1e-4)


def test_writes_what_its_validation_judged(trained, dataset, tmp_path):
    """Without `max_tokens`: the model says how long a response may be."""
    right = {}
    for mode in generate.MODES:
        made = run(generate.work, prepare(tmp_path / mode, GENERATE | {"mode": mode}, model=trained / "output", data=dataset))
        lines = [json.loads(line) for line in (made / "output/predictions.jsonl").read_text().splitlines()]
        truths = read_split(dataset, "test").columns["response"]
        right[mode] = [line["response"] == truth for line, truth in zip(lines, truths, strict=True)]
    last = json.loads((trained / "output/metrics.jsonl").read_text().splitlines()[-1])
    assert last["val_a_r"] >= sum(right["counterfactual"]) / 13 > 0
    assert last["val_a_p"] >= sum(right["end-to-end"]) / 13


def test_more_steps_continue_where_fewer_ended(dataset, tmp_path):
    run(sft.work, prepare(tmp_path / "straight", PARAMS | {"steps": 4}, data=dataset))
    run(sft.work, prepare(tmp_path / "first", PARAMS | {"steps": 2}, tmp_path / "kept", data=dataset))
    second = run(sft.work, prepare(tmp_path / "second", PARAMS | {"steps": 4}, tmp_path / "kept", data=dataset))
    assert result(second)["resumed_from"] == 2
    for name in ("model.safetensors", "metrics.jsonl", "config.json", "generation_config.json", "tokenizer.json"):
        assert (tmp_path / "straight/output" / name).read_bytes() == (second / "output" / name).read_bytes(), name


def test_is_a_start_of_either_training(trained, dataset, prompts, tmp_path):
    frozen = PARAMS | {"steps": 1, "freeze": "vision"}
    run(sft.work, prepare(tmp_path / "sft", frozen, data=dataset, model=trained / "output"))
    assert "grad_norm_vision" not in events(tmp_path / "sft", "metrics")[-1]["values"]
    sighted = frozen | {"freeze": "text", "learn": "caption", "gradients": False, "loss": {"kind": "token"}}
    made = run(sft.work, prepare(tmp_path / "sighted", sighted, data=dataset, model=trained / "output"))
    before, after = (load_file(job / "output/model.safetensors") for job in (trained, made))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "vision_tower" in name or "multi_modal_projector" in name}
    job = run(grpo.work, prepare(tmp_path / "grpo", GRPO | {"steps": 1, "max_tokens": None}, data=prompts, model=tmp_path / "sft/output"))
    assert load_policy(job / "output", read_split(dataset, "test", 1), 1).longest is not None


def test_has_no_blank_picture_to_learn_from(dataset, tmp_path):
    job = prepare(tmp_path / "job", PARAMS | {"pictures": "blank"}, data=dataset)
    assert main(sft.work, [str(job)]) == 1
    assert "by its question alone" in result(job)["message"]
