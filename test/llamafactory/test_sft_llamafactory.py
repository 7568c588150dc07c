"""The trainer `llamafactory` in its own environment: `npm run test:trainers`. Real LLaMA-Factory, a Qwen3-VL of some thousand weights."""

import functools
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import events, prepare, result, row, write_split
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, TrainerCallback

import tiny_models
from trainers import losses, sft_llamafactory as stage
from trainers.data import BatchOrder, read_split
from trainers.hidden_norms import hidden_norms, with_hidden
from trainers.hub_policy import Prompt
from trainers.job import main
from trainers.llamafactory_rows import encode_chats, load_processor, write_rows
from trainers.tokenizer import CAPTION_CLOSE
from trainers.without_torchvision import without_torchvision

ROOT = Path(__file__).resolve().parents[2]
ROWS = 8
PARAMS: dict[str, Any] = {
    "loss": {"kind": "token"},
    "steps": 1,
    "batch": 4,
    "accumulate": 2,
    "learning_rate": 1e-3,
    "warmup": 2,
    "schedule": "constant",
    "weight_decay": 0.01,
    "grad_clip": 1.0,
    "seed": 0,
    "template": "qwen3_vl_nothink",
    "longest": 512,
    "train": "language-model",
    "finetuning": {"kind": "full"},
    "processes": 1,
    "sharding": "none",
}
LORA = {"kind": "lora", "rank": 4, "alpha": 8, "targets": "all"}
SEVEN_DIGITS = 5e-7
LLAMAFACTORY_TRAINER = stage.import_llamafactory()[0]
COMPLETE, REPORTER = LLAMAFACTORY_TRAINER.COMPLETE, LLAMAFACTORY_TRAINER.Reporter


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> dict[str, Path]:
    """Eight transcripts, and a model to which the caption's tags are new."""
    scratch = tmp_path_factory.mktemp("inputs")
    data = write_split(scratch / "data", "train_sft", [row(index) for index in range(ROWS)])
    model = tiny_models.build("qwen3_vl", scratch / "bare")
    processor = load_processor(model)
    assert len(processor.tokenizer) > len(tiny_models.tokenizer(tiny_models.TEXTS, "<|image_pad|>", *["a", "b", "c"]))
    return {"data": data, "model": model}


@pytest.fixture(scope="module")
def tagged(inputs, tmp_path_factory) -> dict[str, Path]:
    """The same with a model that has the tags: nothing is drawn at random when training starts."""
    model = tmp_path_factory.mktemp("tagged") / "model"
    made = subprocess.run([sys.executable, ROOT / "experiments/tiny/qwen3_vl.py", model], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return {**inputs, "model": model}


def run(job: Path) -> dict:
    assert main(stage.work, [str(job)]) == 0, result(job)
    return result(job)


def same_files(one: Path, other: Path) -> None:
    for name in ("model.safetensors", "metrics.jsonl"):
        assert (one / "output" / name).read_bytes() == (other / "output" / name).read_bytes(), name


def ours(inputs: dict[str, Path], loss: dict) -> losses.StepLosses:
    """The first step by `losses.backward`."""
    model, spans, tokens = first_step(inputs)
    parameters = [weight for weight in model.parameters() if weight.requires_grad]
    return losses.backward(loss, (part() for part in spans), *tokens, parameters)


def first_step(inputs: dict[str, Path]) -> tuple[Any, list[Callable[[], losses.Spans]], tuple[int, int]]:
    """The model, forward passes of the first step's micro-batches, and the tokens of its spans: by the model's own processor, without
    LLaMA-Factory."""
    split = read_split(inputs["data"], "train_sft", any_size=True)
    processor = load_processor(inputs["model"])
    with without_torchvision():
        model = AutoModelForImageTextToText.from_pretrained(inputs["model"], dtype=torch.float32)
    for name, weight in model.named_parameters():
        weight.requires_grad_("visual" not in name)
    closing = processor.tokenizer.convert_tokens_to_ids(CAPTION_CLOSE)
    parts, tokens = [], [0, 0]
    for rows in BatchOrder(ROWS, 8, 0)(0).reshape(2, 4):
        chats = [
            [
                *Prompt(split.columns["query"][place], split.images[place]).chat,
                {"role": "assistant", "content": [{"type": "text", "text": split.columns["response"][place]}]},
            ]
            for place in rows
        ]
        batch = processor.apply_chat_template(
            chats, tokenize=True, return_dict=True, return_tensors="pt", processor_kwargs={"padding": True, "padding_side": "right"}
        )
        ids = batch["input_ids"]
        start = ids.eq(processor.tokenizer.convert_tokens_to_ids("<caption>")).int().argmax(1, keepdim=True)
        place = torch.arange(ids.shape[1])[None]
        end = ids.eq(closing).int().argmax(1, keepdim=True)
        perception = (place >= start) & (place <= end)
        reasoning = (place > end) & batch["attention_mask"].bool()
        parts.append((batch, perception[:, 1:], reasoning[:, 1:]))
        tokens = [count + int(mask.sum()) for count, mask in zip(tokens, (perception, reasoning))]

    def spans(batch: Any, perception: torch.Tensor, reasoning: torch.Tensor) -> losses.Spans:
        logits = model(**batch).logits[:, :-1]
        return losses.Spans(logits, logits[:, :0], batch["input_ids"][:, 1:], perception, reasoning)

    return model, [functools.partial(spans, *part) for part in parts], (tokens[0], tokens[1])


@pytest.mark.parametrize("loss", [{"kind": "token"}, {"kind": "fixed", "lambda": 0.7}, {"kind": "ngdiff"}], ids=lambda loss: loss["kind"])
def test_losses_equal_ours_to_the_seventh_digit(tagged, tmp_path, loss):
    run(prepare(tmp_path / "job", PARAMS | {"loss": loss}, **tagged))
    (line,) = [json.loads(text) for text in (tmp_path / "job/output/metrics.jsonl").read_text().splitlines()]
    expected = ours(tagged, loss)
    assert line["L_p"] == pytest.approx(expected.perception, rel=SEVEN_DIGITS)
    assert line["L_r"] == pytest.approx(expected.reasoning, rel=SEVEN_DIGITS)
    assert line["lambda"] == pytest.approx(expected.weight, rel=SEVEN_DIGITS)
    if expected.norm_p is not None:
        assert line["grad_norm_p"] == pytest.approx(expected.norm_p, rel=SEVEN_DIGITS)
        assert line["grad_norm_r"] == pytest.approx(expected.norm_r, rel=SEVEN_DIGITS)


def test_the_token_loss_is_the_one_of_an_unchanged_llamafactory(tagged, tmp_path, monkeypatch):
    job = prepare(tmp_path / "job", PARAMS | {"batch": ROWS, "accumulate": 1}, **tagged)
    run(job)
    (line,) = [json.loads(text) for text in (job / "output/metrics.jsonl").read_text().splitlines()]
    split = read_split(tagged["data"], "train_sft", any_size=True)
    write_rows(split, load_processor(tagged["model"]), tmp_path / "rows")
    _, workflow, get_train_args = stage.import_llamafactory()
    from llamafactory.train.sft.trainer import CustomSeq2SeqTrainer

    workflow.CustomSeq2SeqTrainer = CustomSeq2SeqTrainer
    # It saves the processor, whose part for videos is none without torchvision.
    monkeypatch.setattr("llamafactory.train.sft.trainer.SaveProcessorCallback", lambda _: TrainerCallback())
    params = stage.Params(**PARAMS | {"batch": ROWS, "accumulate": 1})
    told = stage.arguments(params, tagged["model"], tmp_path / "rows", 256, tmp_path / "plain", None)
    with without_torchvision():
        workflow.run_sft(*get_train_args(told | {"logging_strategy": "steps", "logging_steps": 1}), callbacks=[])
    plain = json.loads((tmp_path / "plain/trainer_state.json").read_text())["log_history"][0]["loss"]
    mean = line["lambda"] * line["L_p"] + (1 - line["lambda"]) * line["L_r"]
    assert mean == pytest.approx(plain, rel=1e-4)  # it logs four decimals


def test_a_schedule_sets_the_weight_of_each_step(tagged, tmp_path, capfd):
    loss = {"kind": "schedule", "points": [[0, "token"], [12, 0.4], [19, 0.9]]}
    job = prepare(tmp_path / "job", PARAMS | {"loss": loss, "steps": 20}, **tagged)
    run(job)
    tenth, last = [json.loads(text) for text in (job / "output/metrics.jsonl").read_text().splitlines()]
    token_share = tenth["token_share_p"]
    assert tenth["lambda"] == pytest.approx(token_share + 9 / 12 * (0.4 - token_share), rel=1e-6)
    assert last["lambda"] == pytest.approx(0.9, rel=1e-6)
    said = capfd.readouterr().out
    (settings,) = re.findall(r"^LLaMA-Factory's settings: (.*)$", said, re.MULTILINE)
    assert json.loads(settings)["max_steps"] == 20, "the job's log has them"


def test_a_training_learns_and_its_model_loads(inputs, tmp_path):
    start = shutil.copytree(inputs["model"], tmp_path / "start")
    pad, end = load_processor(start).tokenizer.convert_tokens_to_ids([tiny_models.PAD, tiny_models.END])
    settings = json.loads((start / "generation_config.json").read_text()) | {"eos_token_id": pad, "do_sample": True, "temperature": 0.3}
    (start / "generation_config.json").write_text(json.dumps(settings))
    job = prepare(tmp_path / "job", PARAMS | {"steps": 20, "learning_rate": 1e-2, "train": "all"}, data=inputs["data"], model=start)
    summary = run(job)["summary"]
    exported = json.loads((job / "output/generation_config.json").read_text())
    assert exported == settings | {"eos_token_id": [end, pad]}, "it ends with what was taught; the rest is the start's"
    first, last = [event["values"] for event in events(job, "metrics")]
    assert last["L_p"] < first["L_p"] and last["L_r"] < first["L_r"]
    assert events(job, "progress")[-1] == {"event": "progress", "done": 20, "total": 20, "unit": "steps"}
    processor = load_processor(job / "output")
    with without_torchvision():
        model = AutoModelForImageTextToText.from_pretrained(job / "output")
    assert sum(weight.numel() for weight in model.parameters()) == summary["weights"]
    assert len(processor.tokenizer) <= model.config.text_config.vocab_size
    before, after = (load_file(directory / "model.safetensors") for directory in (inputs["model"], job / "output"))
    changed = [name for name in before if name in after and before[name].shape == after[name].shape and not before[name].equal(after[name])]
    assert any("visual" in name for name in changed) and any("language_model" in name for name in changed)


@pytest.fixture(scope="module")
def internvl(inputs, tmp_path_factory) -> dict[str, Path]:
    """A model of the other family, whose head is no copy of its embedding; it has the caption's tags."""
    model = tiny_models.build("internvl", tmp_path_factory.mktemp("internvl") / "model")
    tokenizer = load_processor(model).tokenizer
    tokenizer.save_pretrained(model)
    with without_torchvision():
        whole = AutoModelForImageTextToText.from_pretrained(model)
    whole.resize_token_embeddings(len(tokenizer))
    whole.save_pretrained(model)
    return {**inputs, "model": model}


FAMILIES = {"tagged": ("qwen3_vl_nothink", 1), "internvl": ("intern_vl", 2)}


@pytest.mark.parametrize("family", FAMILIES)
def test_lora_of_both_families_learns_captions_and_the_rest(family, request, tmp_path, monkeypatch):
    """The tokens of each span are all of its text and no other; only the layers that are named and the tags' rows change."""
    inputs, (template, embeddings) = request.getfixturevalue(family), FAMILIES[family]
    seen: set[tuple] = set()
    usual = LLAMAFACTORY_TRAINER.SpanTrainer.span_masks

    def recording(trainer, targets):
        masks = usual(trainer, targets)
        seen.update(
            tuple(trainer.processing_class.decode(row[mask]) for mask in pair) for row, *pair in zip(targets, *masks)
        )
        return masks

    monkeypatch.setattr(LLAMAFACTORY_TRAINER.SpanTrainer, "span_masks", recording)
    lora = LORA | {"targets": ["self_attn.q_proj", "self_attn.v_proj"]}
    changes = {"steps": 10, "template": template, "learning_rate": 1e-2, "loss": {"kind": "ngdiff"}, "finetuning": lora}
    job = prepare(tmp_path / "job", PARAMS | changes, **inputs)
    weights = run(job)["summary"]["weights"]

    texts = [row(index)["response"].partition("</caption>") for index in range(ROWS)]
    assert seen == {(caption + tag, rest + "<|im_end|>\n") for caption, tag, rest in texts}

    with without_torchvision():
        model = AutoModelForImageTextToText.from_pretrained(job / "output")
    assert sum(weight.numel() for weight in model.parameters()) == weights
    before, after = (load_file(directory / "model.safetensors") for directory in (inputs["model"], job / "output"))
    assert before.keys() == after.keys()
    changed = {name for name in before if not before[name].equal(after[name])}
    with_rows = {name for name in changed if "q_proj" not in name and "v_proj" not in name}
    assert len(changed - with_rows) == 2 * model.config.text_config.num_hidden_layers and len(with_rows) == embeddings, changed
    for name in with_rows:
        rows = (before[name] != after[name]).any(1).nonzero().flatten().tolist()
        assert rows == load_processor(inputs["model"]).tokenizer.convert_tokens_to_ids(["<caption>", "</caption>"])


def test_two_processes_train_as_one(tagged, tmp_path):
    params = PARAMS | {"steps": 3, "loss": {"kind": "ngdiff"}, "finetuning": LORA}
    jobs = [prepare(tmp_path / str(count), params | {"processes": count}, **tagged) for count in (1, 2)]
    summaries = [run(job)["summary"] for job in jobs]
    assert summaries[1] == pytest.approx(summaries[0], rel=1e-6)
    one, two = (load_file(job / "output/model.safetensors") for job in jobs)
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=0, atol=1e-6)


SHARDED = {"processes": 2, "sharding": "fsdp"}
OTHER_ORDER = 5e-6  # of float32 sums: the norm of InternVL's gradient differs by 1.9e-6 after three steps on an AMD EPYC


@pytest.mark.parametrize("family", FAMILIES)
def test_a_sharded_training_is_that_of_one_process(family, request, tmp_path):
    inputs, (template, _) = request.getfixturevalue(family), FAMILIES[family]
    params = PARAMS | {"steps": 3, "loss": {"kind": "fixed", "lambda": 0.7}, "template": template, "train": "all"}
    jobs = [prepare(tmp_path / str(len(more)), params | more, **inputs) for more in ({}, SHARDED)]
    whole, sharded = (run(job)["summary"] for job in jobs)
    assert sharded == pytest.approx(whole, rel=OTHER_ORDER)
    whole, sharded = (load_file(job / "output/model.safetensors") for job in jobs)
    assert whole.keys() == sharded.keys()
    for name in whole:
        torch.testing.assert_close(sharded[name], whole[name], rtol=0, atol=1e-6)
    with without_torchvision():
        AutoModelForImageTextToText.from_pretrained(jobs[1] / "output")


@pytest.fixture(scope="module")
def balanced(tagged, tmp_path_factory) -> Path:
    """A sharded training of one step of NGDiff, with its checkpoint in `kept`."""
    scratch = tmp_path_factory.mktemp("balanced")
    job = prepare(scratch / "job", BALANCED | {"steps": 1}, scratch / "kept", **tagged)
    run(job)
    return job


BALANCED = PARAMS | SHARDED | {"loss": {"kind": "ngdiff", "smoothing": 0.5}}


def test_a_sharded_ngdiff_balances_the_gradients_of_hidden_states(tagged, balanced):
    (line,) = [json.loads(text) for text in (balanced / "output/metrics.jsonl").read_text().splitlines()]
    model, spans, tokens = first_step(tagged)
    totals, norms = hidden_norms((with_hidden(model, part) for part in spans), *tokens)
    assert [line["L_p"], line["L_r"]] == pytest.approx(totals.tolist(), rel=SEVEN_DIGITS)
    norm_p, norm_r = norms.tolist()
    assert [line["hidden_grad_norm_p"], line["hidden_grad_norm_r"]] == pytest.approx([norm_p, norm_r], rel=SEVEN_DIGITS)
    assert line["lambda"] == pytest.approx(norm_r / (norm_p + norm_r), rel=SEVEN_DIGITS)
    assert "grad_norm_p" not in line, "a name for the weights' gradients"


def test_a_sharded_ngdiff_updates_as_one_process_with_its_weight(tagged, balanced, tmp_path):
    """λ_1 is a number before the backward pass, so one process that is given it takes the same step; another weight turns many updates."""
    (line,) = [json.loads(text) for text in (balanced / "output/metrics.jsonl").read_text().splitlines()]
    alone = prepare(tmp_path / "alone", PARAMS | {"loss": {"kind": "fixed", "lambda": line["lambda"]}}, **tagged)
    assert run(alone)["summary"]["grad_norm"] == pytest.approx(line["grad_norm"], rel=OTHER_ORDER)
    one, sharded = (load_file(job / "output/model.safetensors") for job in (alone, balanced))
    assert one.keys() == sharded.keys()
    for name in one:
        torch.testing.assert_close(sharded[name], one[name], rtol=0, atol=1e-6)


def test_a_sharded_training_goes_on_to_the_same_bits(tagged, balanced, tmp_path):
    kept = shutil.copytree(balanced.parent / "kept", tmp_path / "kept")
    broken = shutil.copytree(kept / "checkpoint-1", kept / "checkpoint-2")
    (broken / COMPLETE).unlink()
    straight = prepare(tmp_path / "straight", BALANCED | {"steps": 3}, **tagged)
    again = prepare(tmp_path / "again", BALANCED | {"steps": 3}, kept, **tagged)
    assert [run(job)["resumed_from"] for job in (straight, again)] == [None, 1]
    assert f"{broken.name} was broken off" in (again / "events.jsonl").read_text()
    same_files(straight, again)


@pytest.mark.parametrize("more", [{"processes": 1}, {"finetuning": LORA}], ids=lambda more: next(iter(more)))
def test_sharding_is_for_full_fine_tuning_by_several_processes(tagged, tmp_path, more):
    said = refused(prepare(tmp_path / "job", PARAMS | SHARDED | more, **tagged))
    assert said["message"].startswith("Sharding divides the weights of a full fine-tuning") and "sharding out" in said["fix"]


@pytest.mark.parametrize("finetuning", [{"kind": "full"}, LORA], ids=lambda finetuning: finetuning["kind"])
def test_a_stopped_training_goes_on_to_the_same_bits(tagged, tmp_path, monkeypatch, finetuning):
    params = PARAMS | {"steps": 12, "loss": {"kind": "ngdiff", "gamma": 1.0, "smoothing": 0.5}, "finetuning": finetuning}
    straight = prepare(tmp_path / "straight", params, **tagged)
    assert run(straight)["resumed_from"] is None

    kept = tmp_path / "kept"
    stopped = prepare(tmp_path / "stopped", params, kept, **tagged)
    with monkeypatch.context() as patch:
        patch.setattr(REPORTER, "on_step_end", stopping_after(10, REPORTER.on_step_end))
        with pytest.raises(SystemExit) as ended:
            main(stage.work, [str(stopped)])
    assert ended.value.code == 143
    assert [path.name for path in kept.glob("checkpoint-*")] == ["checkpoint-10"]
    broken = kept / "checkpoint-11"
    shutil.copytree(kept / "checkpoint-10", broken)
    (broken / COMPLETE).unlink()
    (broken / "optimizer.pt").write_bytes(b"")

    again = prepare(tmp_path / "again", params, kept, **tagged)
    assert run(again)["resumed_from"] == 10
    assert not broken.exists()
    assert f"{broken.name} was broken off" in (again / "events.jsonl").read_text()
    same_files(straight, again)

    other = prepare(tmp_path / "other", params | {"seed": 1, "steps": 2}, kept, **tagged)
    assert run(other)["resumed_from"] is None, "another training's checkpoints are left alone"


def stopping_after(step: int, usual: Callable[..., None]) -> Callable[..., None]:
    """The end of a step, with SIGTERM arriving in that of `step`: a signal from outside would come after another one on each machine."""

    def end_step(reporter: Any, args: Any, state: Any, control: Any, **parts: Any) -> None:
        if state.global_step == step:
            signal.raise_signal(signal.SIGTERM)
        usual(reporter, args, state, control, **parts)

    return end_step


def refused(job: Path) -> dict:
    assert main(stage.work, [str(job)]) == 1
    assert not list((job / "output").iterdir())
    return result(job)


def test_lora_refuses_a_model_without_the_tags(inputs, tmp_path):
    said = refused(prepare(tmp_path / "job", PARAMS | {"finetuning": LORA}, **inputs))
    assert "no token for <caption> and </caption>" in said["message"] and "`prepare` stage" in said["fix"]


def test_a_transcript_that_would_be_cut_is_refused(tagged, tmp_path):
    split = read_split(tagged["data"], "train_sft", any_size=True)
    lengths = [len(ids) for ids in encode_chats(load_processor(tagged["model"]), split)]
    longest = max(lengths)
    said = refused(prepare(tmp_path / "job", PARAMS | {"longest": longest - 1}, **tagged))
    assert f"{split.columns['id'][lengths.index(longest)]} ({longest} tokens)" in said["message"]
    assert f"llamafactory.longest to {longest}" in said["fix"]
    run(prepare(tmp_path / "fits", PARAMS | {"longest": longest}, **tagged))


@pytest.mark.parametrize(
    "template, said",
    [
        ("qwen3_vl", "gives other tokens than the model's chat template, first for transcript row-0"),
        ("gemma3", "boi_token"),
        ("smollm2", "reads no pictures"),
    ],
)
def test_a_template_of_another_family_is_refused(tagged, tmp_path, template, said):
    refusal = refused(prepare(tmp_path / "job", PARAMS | {"template": template}, **tagged))
    assert f"template {template}" in refusal["message"] and said in refusal["message"]
    assert "qwen3_vl_nothink" in refusal["fix"]


def test_a_family_without_a_plugin_is_refused(inputs, tmp_path):
    """By the template of its language model, it would be refused after all rows were read, and told to use another template."""
    model = tiny_models.idefics3(tmp_path / "model")
    said = refused(prepare(tmp_path / "job", PARAMS | {"template": "smollm2"}, data=inputs["data"], model=model))
    assert "no plugin that reads pictures for the Idefics3Processor" in said["message"] and "`pipe`'s own trainer" in said["fix"]


def test_a_transcript_that_llamafactory_drops_is_missed(tagged, tmp_path, monkeypatch):
    """As it drops a row that it cannot use: without a word but in the log."""

    def write_with_a_useless_row(split, processor, directory):
        write_rows(split, processor, directory)
        first, *others = (directory / "rows.jsonl").read_text(encoding="utf-8").splitlines()
        useless = json.loads(first)
        useless["messages"] *= 2
        useless["messages"][1]["role"] = "user"
        (directory / "rows.jsonl").write_text("\n".join([json.dumps(useless), *others]) + "\n", encoding="utf-8")

    monkeypatch.setattr(stage, "write_rows", write_with_a_useless_row)
    said = refused(prepare(tmp_path / "job", PARAMS, **tagged))
    assert said["message"] == f"LLaMA-Factory read {ROWS - 1} of {ROWS} transcripts."


def out_of_memory(*_: Any, **__: Any) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def full_disk(*_: Any, **__: Any) -> None:
    Path("/dev/full").write_text("0")


@pytest.mark.parametrize(
    "place, fails, said, fix",
    [
        ("spans", out_of_memory, "ran out of memory", "Lower `batch`"),
        ("create_optimizer", full_disk, "The disk is full", "Make room"),
        ("__init__", full_disk, "The disk is full", "Make room"),
    ],
)
def test_a_machine_that_is_too_small_is_named(tagged, tmp_path, monkeypatch, place, fails, said, fix):
    monkeypatch.setattr(LLAMAFACTORY_TRAINER.SpanTrainer, place, fails)
    result = refused(prepare(tmp_path / "job", PARAMS, **tagged))
    assert said in result["message"] and fix in result["fix"]


def test_a_model_without_one_of_its_weights_is_refused(tagged, tmp_path):
    """transformers would go on with random numbers in its place."""
    model = shutil.copytree(tagged["model"], tmp_path / "model")
    weights = load_file(model / "model.safetensors")
    lacking = next(name for name in weights if name.endswith("q_proj.weight"))
    save_file({name: weight for name, weight in weights.items() if name != lacking}, model / "model.safetensors", {"format": "pt"})
    said = refused(prepare(tmp_path / "job", PARAMS, **tagged | {"model": model}))
    assert "q_proj.weight is missing" in said["message"] and "download both again" in said["fix"]


def test_a_template_that_nobody_has_is_refused(tagged, tmp_path):
    said = refused(prepare(tmp_path / "job", PARAMS | {"template": "qwen3_vl_nothing"}, **tagged))
    assert said["message"] == "LLaMA-Factory has no template qwen3_vl_nothing." and "qwen3_vl_nothink" in said["fix"]


def test_the_tiny_study_runs_to_its_table_and_is_cached_then(tagged, tmp_path):
    shutil.copytree(tagged["model"], tmp_path / "tiny-qwen3-vl")
    shutil.copy(ROOT / "experiments/tiny/sft-llamafactory.yaml", tmp_path)
    smaller = ["--set", "model.steps=8", "--set", "data.splits.train_sft=64", "--set", "data.splits.test=6"]

    def pipe(command: str, *more: str) -> str:
        ended = subprocess.run(
            [ROOT / "bin/pipe", command, "sft-llamafactory.yaml", *smaller, *more], cwd=tmp_path, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    table = pipe("run", "-j", "1")
    for label in ("token", "NGDiff"):
        assert any(line.startswith(label) for line in table.splitlines()), table
    again = pipe("plan", "--json")
    assert {json.loads(line).get("status") for line in again.splitlines()} - {None} == {"cached"}, again
