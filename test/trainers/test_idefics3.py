"""A vision tower before a language model: made by `prepare`, trained by `sft`, asked and trained further like any image-text model."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoProcessor,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    GraniteForCausalLM,
    PhiConfig,
    PhiForCausalLM,
)

import tiny_models
from conftest import GENERATE, GRPO, SFT, events, prepare, result, row, write_split
from tiny_models import build
from trainers import generate, grpo, sft
from trainers import prepare as preparing
from trainers.data import read_split
from trainers.hub_forward import HubForward, encode_responses
from trainers.hub_policy import HubPolicy, load
from trainers.job import main
from trainers.tokenizer import TAGS
from trainers.without_torchvision import without_torchvision

VISION = {"size": "nano", "pixels": 32, "seed": 0}
LOSSES = [{"kind": "token"}, {"kind": "fixed", "lambda": 0.3}, {"kind": "ngdiff"}]


def run(work, job: Path) -> Path:
    assert main(work, [str(job)]) == 0, result(job)
    return job / "output"


def failed(work, job: Path) -> dict:
    assert main(work, [str(job)]) == 1
    return result(job)


def seeing(directory: Path, text: Path, data: Path, **vision) -> Path:
    return run(preparing.work, prepare(directory, {"vision": VISION | vision}, model=text, data=data))


@pytest.fixture(scope="module")
def text(tmp_path_factory, dataset) -> Path:
    return tiny_models.text(tmp_path_factory.mktemp("text") / "model", read_split(dataset, "train_sft").columns["response"])


@pytest.fixture(scope="module")
def base(tmp_path_factory, text, dataset) -> Path:
    return seeing(tmp_path_factory.mktemp("base") / "job", text, dataset)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, base, dataset) -> Path:
    """The job of a training that learns to write whole responses."""
    validate = {"every": 180, "limit": None, "split": "test"}
    params = SFT | {"steps": 180, "learning_rate": 5e-3, "loss": LOSSES[1], "gradients": True, "validate": validate}
    job = prepare(tmp_path_factory.mktemp("trained") / "job", params, data=dataset, model=base, validation=dataset)
    run(sft.work, job)
    return job


def test_words_and_weights_are_those_of_the_language_model(base, text, dataset, tmp_path):
    made, before = load_file(base / "model.safetensors"), AutoModelForCausalLM.from_pretrained(text)
    rows = before.get_input_embeddings().weight
    for name, weight in before.model.state_dict().items():
        now = made[f"model.text_model.{name}"]
        assert torch.equal(now[: len(weight)], weight) and (len(now) == len(weight) or name == "embed_tokens.weight")
    added = made["model.text_model.embed_tokens.weight"][len(rows) :]
    assert len(added) == 6 and torch.allclose(added, rows.mean(0).expand(6, -1), atol=1e-6)

    policy = HubPolicy(base, read_split(dataset, "test"), 1)
    assert [len(ids) for ids in policy.encode(TAGS)] == [1, 1]
    assert policy.ends == (policy.tokenizer.convert_tokens_to_ids("<|im_end|>"),)
    assert "random weights" in (base / "README.md").read_text()

    elsewhere = shutil.copytree(text, tmp_path / "elsewhere")
    again, other = seeing(tmp_path / "again", elsewhere, dataset), seeing(tmp_path / "other", text, dataset, seed=1)
    assert (again / "config.json").read_bytes() == (base / "config.json").read_bytes()
    assert (again / "model.safetensors").read_bytes() == (base / "model.safetensors").read_bytes()
    new = load_file(other / "model.safetensors")
    assert {name for name in made if not torch.equal(made[name], new[name])} == {
        name for name in made if ("vision_model" in name or "connector" in name) and "norm" not in name and "bias" not in name
    }


def test_pixels_have_the_mean_and_spread_of_the_data(base, dataset):
    policy = HubPolicy(base, read_split(dataset, "train_sft"), 40)
    pixels = policy.read(policy.prompts(np.arange(40)))["pixel_values"]
    assert float(pixels.mean()) == pytest.approx(0, abs=1e-3) and float(pixels.std()) == pytest.approx(1, abs=1e-3)


def test_trains_on_what_the_processor_makes_of_picture_question_and_response(trained, dataset):
    """Without padding, in the way that a model card shows."""
    split = read_split(dataset, "test", 3)
    policy = HubPolicy(trained / "output", split, 3)
    responses = encode_responses(policy, split)
    tokens = torch.from_numpy(responses.tokens)
    with torch.no_grad():
        said = torch.cat(HubForward(policy).logits(torch.arange(3), tokens, 4), 1)
    with without_torchvision():
        processor = AutoProcessor.from_pretrained(trained / "output")
    for index, response in enumerate(split.columns["response"]):
        chat = [*policy.prompts(np.array([index]))[0].chat, {"role": "assistant", "content": response}]
        inputs = processor.apply_chat_template(chat, tokenize=True, return_dict=True, return_tensors="pt")
        length = int(responses.lengths[index])
        # After the end of its turn the template has a line break.
        own = inputs["input_ids"][0, -length - 1 : -1]
        assert own.tolist() == tokens[index, :length].tolist()
        caption = policy.text(own[: responses.caption_lengths[index]].tolist())
        assert response.startswith(caption) and caption.endswith("</caption>")
        with torch.no_grad():
            alone = policy.model(**inputs).logits[:, -length - 2 : -2]
        torch.testing.assert_close(said[index : index + 1, :length], policy.possible(alone), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_lowers_the_loss_of_its_batch_and_reports_the_shares(loss, base, dataset, tmp_path):
    """All 40 transcripts are one batch, so the second step's losses are those after the first."""
    params = SFT | {"loss": loss, "batch": 20, "accumulate": 2, "steps": 2, "learning_rate": 1e-3, "warmup": 0, "gradients": True}
    losses = []
    for steps in (1, 2):
        job = prepare(tmp_path / str(steps), params | {"steps": steps}, data=dataset, model=base)
        run(sft.work, job)
        losses.append(events(job, "metrics")[-1]["values"])
    before, after = losses
    weight = before["lambda"]
    assert weight * after["L_p"] + (1 - weight) * after["L_r"] < weight * before["L_p"] + (1 - weight) * before["L_r"]
    assert 0 < before["token_share_p"] < 1 and 0 < before["loss_share_p"] < 1
    if loss["kind"] == "ngdiff":
        assert before["grad_share_p"] == pytest.approx(0.5)
        assert weight == pytest.approx(before["grad_norm_r"] / (before["grad_norm_p"] + before["grad_norm_r"]))
    assert before["grad_norm"] == pytest.approx(math.hypot(before["grad_norm_vision"], before["grad_norm_text"]), rel=1e-4)
    assert before["grad_norm_vision"] > 0


def test_both_losses_fall_and_shares_are_recorded(trained, base):
    lines = [json.loads(line) for line in (trained / "output/metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["L_p"] < lines[0]["L_p"] / 2 and lines[-1]["L_r"] < lines[0]["L_r"] / 2
    assert all({"token_share_p", "loss_share_p", "grad_share_p"} <= set(line) for line in lines)
    before, after = (load_file(model / "model.safetensors") for model in (base, trained / "output"))
    assert {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])} == {"vision_model", "connector", "text_model"}
    card = (trained / "output/README.md").read_text()
    assert "# With a vision tower" in card and "# Further fine-tuning" in card


def test_writes_what_its_validation_judged(trained, dataset, tmp_path):
    validated = json.loads((trained / "output/metrics.jsonl").read_text().splitlines()[-1])
    truths = read_split(dataset, "test").columns["response"]
    right = {}
    for mode in generate.MODES:
        job = prepare(tmp_path / mode, GENERATE | {"mode": mode, "max_tokens": 120}, model=trained / "output", data=dataset)
        lines = (run(generate.work, job) / "predictions.jsonl").read_text().splitlines()
        right[mode] = sum(json.loads(line)["response"] == truth for line, truth in zip(lines, truths, strict=True)) / len(truths)
    assert validated["val_a_r"] >= right["counterfactual"] > 0
    assert validated["val_a_p"] >= right["end-to-end"]


def test_more_steps_continue_where_fewer_ended(base, dataset, tmp_path):
    params = SFT | {"loss": LOSSES[2]}
    run(sft.work, prepare(tmp_path / "straight", params | {"steps": 4}, data=dataset, model=base))
    run(sft.work, prepare(tmp_path / "first", params | {"steps": 2}, tmp_path / "kept", data=dataset, model=base))
    second = prepare(tmp_path / "second", params | {"steps": 4}, tmp_path / "kept", data=dataset, model=base)
    made = run(sft.work, second)
    assert result(second)["resumed_from"] == 2
    for path in (tmp_path / "straight/output").iterdir():
        assert path.read_bytes() == (made / path.name).read_bytes(), path.name


def test_steps_are_those_of_half_precision_up_to_it(base, dataset, tmp_path, monkeypatch):
    """As on a GPU: bfloat16 by autocast over float32 weights, within the autocast of the trainer, which is off."""
    params = SFT | {"steps": 3, "loss": LOSSES[2]}
    run(sft.work, prepare(tmp_path / "whole", params, data=dataset, model=base))
    monkeypatch.setattr(HubPolicy, "computing", lambda _: torch.autocast("cpu", torch.bfloat16))
    made = run(sft.work, prepare(tmp_path / "half", params, data=dataset, model=base))
    whole, half = (events(tmp_path / name, "metrics")[-1]["values"] for name in ("whole", "half"))
    for name in ("L_p", "L_r", "lambda", "grad_norm_vision", "grad_norm_text"):
        assert half[name] == pytest.approx(whole[name], rel=0.1), name
    assert half["L_p"] != whole["L_p"]
    assert {weight.dtype for weight in load_file(made / "model.safetensors").values()} == {torch.float32}


@pytest.mark.parametrize("part", ["vision", "text"])
def test_a_frozen_part_stays_as_it_is(base, dataset, tmp_path, part):
    made = run(sft.work, prepare(tmp_path / "job", SFT | {"steps": 2, "freeze": part}, data=dataset, model=base))
    before, after = load_file(base / "model.safetensors"), load_file(made / "model.safetensors")
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same == {name for name in before if ("vision_model" in name or "connector" in name) == (part == "vision")}


def test_eyes_learn_captions_before_all_learns_responses(base, dataset, tmp_path):
    """The language model stays as it is, then goes on with a tower that has learned (experiments/gpu/sft-smollm2-pilot.yaml)."""
    validate = {"every": 10, "limit": 4, "split": "test"}
    params = SFT | {"steps": 20, "freeze": "text", "learn": "caption", "learning_rate": 5e-3, "validate": validate}
    eyes = run(sft.work, prepare(tmp_path / "eyes", params, data=dataset, model=base, validation=dataset))
    first, last = (json.loads(line) for line in (eyes / "metrics.jsonl").read_text().splitlines())
    assert last["L_p"] < first["L_p"] and "val_a_p" in last and not {"L_r", "val_a", "val_a_r"} & set(last)
    params = SFT | {"steps": 2, "loss": LOSSES[2]}
    made = run(sft.work, prepare(tmp_path / "job", params, data=dataset, model=eyes))
    before, after = load_file(eyes / "model.safetensors"), load_file(made / "model.safetensors")
    assert {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])} == {"vision_model", "connector", "text_model"}


def test_goes_on_by_reinforcement_learning(trained, prompts, tmp_path):
    params = GRPO | {"steps": 1, "max_tokens": 120, "prompts_per_step": 2}
    made = run(grpo.work, prepare(tmp_path / "job", params, data=prompts, model=trained / "output"))
    HubPolicy(made, read_split(prompts, "train_rl", 1), 1)


@pytest.mark.parametrize("name", tiny_models.MODELS)
def test_any_image_text_model_is_trained_once_it_has_the_tags(name, dataset, tmp_path):
    """Pictures may differ in size; some of these have weights that no output depends on, which NGDiff must not stumble over."""
    rows = [row(index, side=32 + 16 * (index % 2)) for index in range(8)]
    data = write_split(tmp_path / "data", "train_sft", rows)
    start = build(name, tmp_path / "start")
    params = SFT | {"steps": 2, "loss": LOSSES[2]}
    said = failed(sft.work, prepare(tmp_path / "refused", params, data=data, model=start))
    assert "<caption>" in said["message"] and "`prepare`" in said["fix"]
    base = run(preparing.work, prepare(tmp_path / "prepared", {"vision": None}, model=start))
    made = run(sft.work, prepare(tmp_path / "job", params, data=data, model=base))
    HubPolicy(made, read_split(dataset, "test", 2), 2)
    values = events(tmp_path / "job", "metrics")[-1]["values"]
    assert values["grad_norm_vision"] > 0 and values["grad_norm_text"] > 0
    params = SFT | {"steps": 2, "freeze": "text", "learn": "caption"}
    sighted = run(sft.work, prepare(tmp_path / "sighted", params, data=data, model=base))
    (_, before), (_, after) = load(base), load(sighted)
    of_text = {*after.get_decoder().parameters(), *after.get_output_embeddings().parameters()}
    pairs = list(zip(after.parameters(), before.parameters(), strict=True))
    assert all(torch.equal(new, old) for new, old in pairs if new in of_text)
    assert any(not torch.equal(new, old) for new, old in pairs if new not in of_text)


SHAPE = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2)


@pytest.mark.parametrize(
    "kind, config",
    [
        (PhiForCausalLM, PhiConfig(**SHAPE)),  # the output layer has a bias
        (GPT2LMHeadModel, GPT2Config(n_embd=32, n_layer=1, n_head=2)),  # the embeddings have another name
        (GraniteForCausalLM, GraniteConfig(**SHAPE, logits_scaling=4.0)),  # logits are divided after the output layer
    ],
)
def test_a_language_model_that_idefics3_would_change_is_refused(kind, config, text, dataset, tmp_path):
    tokens = AutoTokenizer.from_pretrained(text)
    config.vocab_size, config.pad_token_id = len(tokens), None
    kind(config).save_pretrained(tmp_path / "model")
    tokens.save_pretrained(tmp_path / "model")
    said = failed(preparing.work, prepare(tmp_path / "job", {"vision": VISION}, model=tmp_path / "model", data=dataset))
    assert kind.__name__ in said["message"] and "SmolLM2" in said["fix"]


def test_what_can_not_be_given_eyes_says_why(base, text, dataset, tmp_path):
    def refused(name: str, model: Path, **vision) -> dict:
        return failed(preparing.work, prepare(tmp_path / name, {"vision": VISION | vision}, model=model, data=dataset))

    assert "has a vision tower" in refused("seeing", base)["message"]
    assert "40 pixels" in refused("odd", text, pixels=40)["message"]
    words = json.loads((text / "tokenizer.json").read_text().replace("<|im_start|>", "<|turn|>"))
    mute = tmp_path / "mute-model"
    mute.mkdir()
    for path in text.iterdir():
        (mute / path.name).write_bytes(path.read_bytes())
    (mute / "tokenizer.json").write_text(json.dumps(words))
    (mute / "tokenizer_config.json").write_text((text / "tokenizer_config.json").read_text().replace("<|im_start|>", "<|turn|>"))
    assert "no token <|im_start|>" in refused("mute", mute)["message"]
