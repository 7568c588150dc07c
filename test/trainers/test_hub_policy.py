import functools
import gzip
import io
import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor
from transformers.utils import is_torchvision_available

from conftest import GENERATE, GRPO, ROLLOUT, exit_code, prepare, result, row, start, wait_for_checkpoints, write_split
from tiny_models import MODELS, build, teach
from trainers import generate, grpo, hub_policy, rollout
from trainers.data import Split, read_split
from trainers.decode import Sampling, choose
from trainers.hub_policy import IMPOSSIBLE, HubPolicy, load
from trainers.job import JobError, main
from trainers.learner import chosen
from trainers.policy import load_policy
from trainers.sampling import Sampler
from trainers.streams import stream
from trainers.surrogates import SURROGATES, BlindSolver
from trainers.without_torchvision import without_torchvision

TEMPERATURE, LONGEST = 1.3, 14
SHORT = {"max_tokens": 40, "group": 4, "prompts_per_step": 2, "minibatches": 1, "learning_rate": 1e-3, "perception": "oracle-f1"}


@pytest.fixture(scope="session")
def mixed(tmp_path_factory):
    """Pictures of several sizes, one of them in colour, and questions of several lengths."""
    rows = [row(index, side=32 + 16 * (index % 3)) | {"query": "Colour this" + ", please" * (index % 4)} for index in range(7)]
    colourful = io.BytesIO()
    Image.linear_gradient("L").resize((40, 24)).convert("RGB").rotate(30, fillcolor=(250, 90, 0)).save(colourful, "PNG")
    rows[5]["image"] = {"bytes": colourful.getvalue(), "path": "5.png"}
    directory = write_split(tmp_path_factory.mktemp("mixed"), "train_rl", rows)
    return read_split(directory, "train_rl", any_size=True)


@pytest.fixture(scope="session", params=MODELS)
def untaught(request, tmp_path_factory) -> Path:
    return build(request.param, tmp_path_factory.mktemp("hub") / request.param)


@pytest.fixture(scope="session", params=MODELS)
def taught(request, dataset, tmp_path_factory) -> Path:
    """Writes captions and answers, right or wrong."""
    directory = build(request.param, tmp_path_factory.mktemp("taught") / request.param)
    teach(directory, read_split(dataset, "train_sft"), 60)
    return directory


@pytest.fixture(scope="session")
def one(dataset, tmp_path_factory) -> Path:
    """One of them, for what does not depend on the making."""
    directory = build("qwen3_vl", tmp_path_factory.mktemp("one") / "model")
    teach(directory, read_split(dataset, "train_sft"), 60)
    return directory


def plain(directory: Path, split, index: int, response: torch.Tensor) -> torch.Tensor:
    """The model's logits for each token of a response (T, V), called in the way that a model card shows, alone and without padding."""
    with without_torchvision():
        processor = AutoProcessor.from_pretrained(directory)
    model = AutoModelForImageTextToText.from_pretrained(directory, dtype=torch.float32).eval()
    image = Image.fromarray(split.images[index])
    chat = [{"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": split.columns["query"][index]}]}]
    inputs = processor.apply_chat_template(chat, tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True)
    prompt = inputs["input_ids"].shape[1]
    for name, filler in {"attention_mask": 1, "mm_token_type_ids": 0, "token_type_ids": 0}.items():
        if name in inputs:
            inputs[name] = torch.nn.functional.pad(inputs[name], (0, len(response)), value=filler)
    inputs["input_ids"] = torch.cat([inputs["input_ids"], response[None]], 1)
    with torch.no_grad():
        return model(**inputs).logits[0, prompt - 1 : -1]


def load_hub_policy(directory: Path, split: Split, at_once: int) -> HubPolicy:
    policy = load_policy(directory, split, at_once)
    assert isinstance(policy, HubPolicy)
    return policy


def test_sampled_tokens_and_their_probabilities_are_the_plain_models(untaught, mixed):
    policy = load_hub_policy(untaught, mixed, 5)
    prompts, size = np.array([0, 3, 2, 5]), 2
    made = Sampler(policy, size, TEMPERATURE, LONGEST)(prompts, stream("test", 7))
    assert len({read["input_ids"].shape[1] for read in [policy.read([prompt]) for prompt in policy.prompts(prompts)]}) > 1
    said = policy.logits(prompts, made.group, made.tokens) / TEMPERATURE
    draws = stream("test", 7).random((len(made), LONGEST), dtype=np.float32)
    for index, (tokens, length) in enumerate(zip(made.tokens, made.lengths.tolist())):
        alone = plain(untaught, mixed, made.rows[index], tokens[:length]).index_fill(1, policy.media, IMPOSSIBLE)
        expected = chosen(alone[None] / TEMPERATURE, tokens[None, :length])[0]
        torch.testing.assert_close(chosen(said[index : index + 1], tokens[None])[0, :length], expected, atol=2e-4, rtol=1e-4)
        # And every token is the one that its number falls on: nothing of the model's own settings had a say.
        fallen = choose(alone, Sampling(TEMPERATURE, torch.empty(0)), torch.from_numpy(draws[index, :length, None]))
        assert torch.equal(fallen, tokens[:length])


def test_a_response_depends_on_its_own_numbers_alone(untaught, mixed):
    prompts = np.array([1, 2, 6])
    together, apart = (Sampler(load_hub_policy(untaught, mixed, rows), 3, 1.0, LONGEST) for rows in (64, 2))
    made = together(prompts, stream("test", 0))
    assert made.texts == apart(prompts, stream("test", 0)).texts == together(prompts, stream("test", 0)).texts
    assert made.texts != together(prompts, stream("test", 1)).texts and len(set(made.texts)) > 5


def test_the_picture_and_the_question_both_count(untaught, mixed):
    policy = load_hub_policy(untaught, mixed, 8)
    tokens = torch.full((1, 3), 20)
    said = [policy.logits(np.array([index]), torch.zeros(1, dtype=torch.long), tokens) for index in (0, 1, 3)]
    prompt = policy.prompts(np.array([0]))[0]
    mixed.columns["query"][0] += "!"
    other = policy.logits(np.array([0]), torch.zeros(1, dtype=torch.long), tokens)
    mixed.columns["query"][0] = prompt.query
    assert not any(torch.allclose(said[0], each, atol=1e-5) for each in [*said[1:], other])


def test_tokens_that_stand_for_pictures_are_never_chosen(untaught, mixed):
    policy = load_hub_policy(untaught, mixed, 64)
    assert len(policy.media) > 0
    made = Sampler(policy, 20, 1e6, 40)(np.array([0]), stream("test", 3))  # so hot that every token is as good as another
    assert not torch.isin(made.tokens, policy.media).any()
    said = policy.logits(np.array([0]), made.group, made.tokens)
    assert (said.softmax(-1)[..., policy.media] == 0).all() and torch.isfinite(said.log_softmax(-1)).all()


def test_half_precision_changes_little_and_leaves_weights_whole(untaught, mixed, monkeypatch):
    """As on a GPU: bfloat16 by autocast over float32 weights."""
    policy = load_hub_policy(untaught, mixed, 64)
    made = Sampler(policy, 2, 1.0, LONGEST)(np.array([0, 5]), stream("test", 0))
    whole = chosen(policy.logits(made.prompts, made.group, made.tokens), made.tokens)
    monkeypatch.setattr(policy, "computing", lambda: torch.autocast("cpu", torch.bfloat16))
    half = chosen(policy.logits(made.prompts, made.group, made.tokens), made.tokens)
    half.sum().backward()
    assert 0 < (half - whole).abs().max() < 0.2
    assert {weight.grad.dtype for weight in policy.model.parameters() if weight.grad is not None} == {torch.float32}
    assert Sampler(policy, 2, 1.0, LONGEST)(np.array([0, 5]), stream("test", 0)).tokens.shape[0] == 4


def test_gradients_are_those_of_a_model_in_use_that_keeps_everything(untaught, mixed, monkeypatch):
    policy = load_hub_policy(untaught, mixed, 64)
    made = Sampler(policy, 2, 1.0, 8)(np.array([0, 1]), stream("test", 0))

    def gradients():
        policy.model.zero_grad()
        chosen(policy.logits(made.prompts, made.group, made.tokens), made.tokens).sum().backward()
        return {name: weight.grad.clone() for name, weight in policy.model.named_parameters() if weight.grad is not None}

    assert any(getattr(module, "gradient_checkpointing", False) for module in policy.model.modules())
    recomputed, recompute = [], torch.utils.checkpoint.checkpoint

    def count(*args, **kwargs):
        recomputed.append(args[0])
        return recompute(*args, **kwargs)

    for module in policy.model.modules():
        if hasattr(module, "_gradient_checkpointing_func"):
            module._gradient_checkpointing_func = functools.partial(count, use_reentrant=False)
    keeping = gradients()
    assert not recomputed, "there is room"
    monkeypatch.setattr(hub_policy, "ROOM", 0)
    forgetful = gradients()
    assert recomputed and not any(module.training for module in policy.model.modules())
    assert forgetful.keys() == keeping.keys()
    assert all(torch.equal(gradient, keeping[name]) for name, gradient in forgetful.items())
    assert any("vision" in name or "visual" in name for name in forgetful)


def test_a_forced_caption_stands_in_the_response(taught, prompts):
    policy = load_hub_policy(taught, read_split(prompts, "train_rl"), 64)
    captions = ["[[0,1]]", "[[0,2],[1,2]]"]
    made = Sampler(policy, 3, 1.0, 60)(np.array([0, 1]), stream("test", 0), captions)
    for index, text in enumerate(made.texts):
        assert text.startswith(f"<caption>{captions[index // 3]}</caption>")
    assert made.given.tolist() == [len(policy.encode([f"<caption>{captions[index // 3]}</caption>"])[0]) for index in range(6)]
    assert len(set(made.texts)) > 2


def test_the_blind_solver_reads_words_alone(taught, prompts, monkeypatch):
    split = read_split(prompts, "train_rl")
    split.columns["query"][1] = "Another question."
    policy = load_hub_policy(taught, split, 64)
    made = Sampler(policy, 2, 1.0, 60)(np.array([0, 1, 2]), stream("test", 0), ["[[0,1]]", "[[0,1]]", "[[0,1]]"])
    read, asked = policy.read, []

    def recording(given):
        asked.extend(given)
        return read(given)

    monkeypatch.setattr(policy, "read", recording)
    answers = BlindSolver(policy, 60, lambda: None)(made)
    assert [(prompt.query, prompt.picture) for prompt in asked] == [("Colour this.", None), ("Another question.", None)]
    assert answers[0] == answers[1] == answers[4] and answers[0] is not None and answers[0].startswith("<caption>[[0,1]]</caption>")
    assert not [name for name in read(asked) if "pixel" in name]


def test_a_caption_that_spells_a_special_token_is_letters(untaught, mixed):
    policy = load_hub_policy(untaught, mixed, 64)
    image = policy.tokenizer.image_token
    (ids,) = policy.encode([f"<caption>{image}</caption>"])
    assert not set(ids) & {*policy.media.tolist(), *policy.ends}
    assert policy.text(ids) == f"<caption>{image}</caption>"


def run(work, job: Path) -> dict:
    assert main(work, [str(job)]) == 0, result(job)
    return result(job)


def failed(work, job: Path) -> dict:
    assert main(work, [str(job)]) == 1
    return result(job)


def test_steps_change_the_weights_and_leave_a_model_that_can_go_on(taught, prompts, tmp_path):
    job = prepare(tmp_path / "job", GRPO | SHORT, model=taught, data=prompts)
    run(grpo.work, job)
    made = job / "output"
    with gzip.open(made / "rollouts.jsonl.gz", "rt") as file:
        rollouts = [json.loads(line) for line in file]
    assert len(rollouts) == 3 * 2 * 4 and any(line["advantage"] for line in rollouts)
    values = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    assert values[0]["kl"] == 0 and values[-1]["kl"] > 0 and all(value["grad_norm"] > 0 for value in values)

    (_, after), (_, before) = load(made), load(taught)
    assert type(after) is type(before)
    changed = [name for (name, new), old in zip(after.named_parameters(), before.parameters()) if (new != old).any()]
    assert any("language_model" in name for name in changed)
    assert any("vision" in name or "visual" in name for name in changed)
    for path in taught.iterdir():
        if path.name not in ("model.safetensors", "config.json"):
            assert (made / path.name).read_bytes() == path.read_bytes(), path.name
    again = prepare(tmp_path / "again", GRPO | SHORT | {"steps": 1}, model=made, data=prompts)
    run(grpo.work, again)
    assert (again / "output" / "README.md").read_text().count("It went on by GRPO") == 2


def test_more_steps_continue_where_fewer_ended(taught, prompts, tmp_path):
    params = GRPO | SHORT | {"epochs": 2}
    run(grpo.work, prepare(tmp_path / "straight", params, model=taught, data=prompts))
    run(grpo.work, prepare(tmp_path / "first", params | {"steps": 1}, tmp_path / "kept", model=taught, data=prompts))
    second = prepare(tmp_path / "second", params, tmp_path / "kept", model=taught, data=prompts)
    assert run(grpo.work, second)["resumed_from"] == 1
    same(tmp_path / "straight", second)


def test_a_killed_run_goes_on_as_if_nothing_had_happened(one, prompts, tmp_path):
    params = GRPO | SHORT | {"steps": 6}
    killed = prepare(tmp_path / "killed", params, model=one, data=prompts)
    process = start(grpo.work, killed)
    wait_for_checkpoints(killed, 1)
    process.kill()
    assert exit_code(process) == -signal.SIGKILL and not (killed / "result.json").exists()
    second = prepare(tmp_path / "second", params, killed / "checkpoints", model=one, data=prompts)
    assert run(grpo.work, second)["resumed_from"] >= 1
    run(grpo.work, prepare(tmp_path / "undisturbed", params, model=one, data=prompts))
    same(tmp_path / "undisturbed", second)


def same(one: Path, other: Path) -> None:
    for path in (one / "output").iterdir():
        assert path.read_bytes() == (other / "output" / path.name).read_bytes(), path.name


def test_rollouts_with_every_surrogate_and_from_the_oracle(one, trained, prompts, tmp_path):
    """The teacher is a micro model: any policy will do in any place."""
    params = ROLLOUT | {"max_tokens": 50, "limit": 3, "group": 2, "counterfactual": 2, "surrogates": list(SURROGATES)}
    job = prepare(tmp_path / "job", params, model=one, data=prompts, captioner=trained, captioners=[trained, one])
    run(rollout.work, job)
    lines = [json.loads(line) for line in (job / "output" / "rollouts.jsonl").read_text().splitlines()]
    assert [line["mode"] for line in lines] == ["end-to-end"] * 6 + ["counterfactual"] * 6
    assert {"teacher", "vote", "consensus", "blind_solve", "likelihood"} <= set(lines[0]["rewards"])
    for line in lines[:6]:
        assert 0 <= line["rewards"]["likelihood"] <= ("</caption>" in line["response"])
    assert all(line["perception"] for line in lines[6:])
    description = json.loads((job / "result.json").read_text())["summary"]["model"]
    assert description.startswith("Qwen3VLForConditionalGeneration") and "MICRO" not in description


def test_answers_for_a_split(one, dataset, tmp_path):
    captions = read_split(dataset, "test").columns["perception"]
    assert predictions(one, dataset, tmp_path / "free", mode="end-to-end")
    forced = predictions(one, dataset, tmp_path / "forced", mode="counterfactual")
    for caption, line in zip(captions, forced, strict=True):
        assert json.loads(line)["response"].startswith(f"<caption>{caption}</caption>")
    assert predictions(one, dataset, tmp_path / "other", mode="counterfactual", batch=13) == forced


def predictions(model: Path, dataset: Path, directory: Path, **params) -> list[str]:
    job = prepare(directory, GENERATE | {"max_tokens": 60} | params, model=model, data=dataset)
    run(generate.work, job)
    lines = (job / "output" / "predictions.jsonl").read_text().splitlines()
    assert len(lines) == 13
    return lines


@pytest.mark.parametrize(("work", "params"), [(grpo.work, GRPO), (rollout.work, ROLLOUT), (generate.work, GENERATE)])
def test_somebody_must_say_how_long_a_response_may_be(one, prompts, tmp_path, work, params):
    job = prepare(tmp_path / "job", params | {"split": "train_rl", "max_tokens": None}, model=one, data=prompts)
    said = failed(work, job)
    assert "longest" in said["message"] and "max_tokens" in said["fix"]


def test_a_captioner_is_held_to_max_tokens(one, trained, prompts, tmp_path):
    params = ROLLOUT | {"surrogates": ["teacher"]}
    job = prepare(tmp_path / "job", params, model=trained, data=prompts, captioner=one)
    assert "max_tokens" in failed(rollout.work, job)["fix"]
    run(rollout.work, prepare(tmp_path / "with", params | {"max_tokens": 30}, model=trained, data=prompts, captioner=one))


def test_a_micro_model_still_wants_pictures_of_its_size(trained, tmp_path):
    rows = [row(index, side=32 + 16 * (index % 2)) for index in range(4)]
    data = write_split(tmp_path / "data", "train_rl", rows)
    job = prepare(tmp_path / "job", ROLLOUT, model=trained, data=data)
    assert "Images are 48x48; the model was trained on 32x32." in failed(rollout.work, job)["message"]


def broken(model: Path, directory: Path, name: str, change) -> Path:
    shutil.copytree(model, directory)
    settings = json.loads((directory / name).read_text())
    change(settings)
    (directory / name).write_text(json.dumps(settings))
    return directory


def test_a_model_that_can_not_be_loaded_says_why(one, mixed, tmp_path):
    strange = broken(one, tmp_path / "strange", "config.json", lambda config: config.update(model_type="from-tomorrow"))
    with pytest.raises(JobError, match="from-tomorrow") as error:
        HubPolicy(strange, mixed, 8)
    assert "safetensors" in error.value.fix
    silent = broken(one, tmp_path / "silent", "config.json", lambda _: None)
    (silent / "chat_template.json").unlink()
    with pytest.raises(JobError, match="no chat template"):
        HubPolicy(silent, mixed, 8)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ raise_exception('Only text, please') }}", "refuses a question with a picture: Only text, please."),
        ("{%- for message in messages %}{{ '<|im_start|>user' + message.content }}{%- endfor %}", "refuses a question with a picture"),
        (
            "{%- for message in messages %}{%- for part in message.content %}{{- part.text }}{%- endfor %}{%- endfor %}",
            "leaves out the picture of a question",
        ),
    ],
)
def test_a_template_of_a_language_model_is_refused(one, mixed, tmp_path, template, said):
    blind = broken(one, tmp_path / "blind", "chat_template.json", lambda settings: settings.update(chat_template=template))
    with pytest.raises(JobError, match=said) as error:
        HubPolicy(blind, mixed, 8)
    assert "chat_template.jinja" in error.value.fix


@pytest.mark.skipif(is_torchvision_available(), reason="torchvision is here")
def test_a_processor_that_needs_torchvision_says_so(one, mixed, tmp_path):
    def change(settings):
        settings["image_processor_type"] = "Cohere2VisionImageProcessor"

    with pytest.raises(JobError) as error:
        HubPolicy(broken(one, tmp_path / "needy", "preprocessor_config.json", change), mixed, 8)
    assert "torchvision" in error.value.fix and "PIPE_PYTHON" in error.value.fix
