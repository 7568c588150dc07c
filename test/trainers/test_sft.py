import io
import json
import math
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from conftest import SFT, events, exit_code, prepare, result, row, start, wait_for_checkpoints, write_split
from trainers import checkpoint, loop, losses, sft
from trainers.data import read_split
from trainers.few_kernels import FewKernels
from trainers.job import main
from trainers.micro_policy import MicroPolicy
from trainers.start import earlier_start

FILES = ["model.safetensors", "metrics.jsonl", "config.json", "tokenizer.json", "README.md"]


LINEAR = {"kind": "schedule", "points": [[0, 0.5], [20, "token"]]}
# λ = 1 in the first four steps, then the token loss.
PERCEPTION_FIRST = {"kind": "schedule", "points": [[0, 1], [4, 1], [4, "token"]]}


def run(job: Path) -> dict:
    assert main(sft.work, [str(job)]) == 0
    return result(job)


def same_model(one: Path, other: Path) -> None:
    for name in FILES:
        assert (one / "output" / name).read_bytes() == (other / "output" / name).read_bytes(), name


@pytest.fixture(scope="module")
def straight(dataset, tmp_path_factory):
    """Six steps in one go, for each loss."""
    jobs = {}
    for kind in ("token", "ngdiff"):
        jobs[kind] = prepare(tmp_path_factory.mktemp(kind) / "job", SFT | {"steps": 6, "loss": {"kind": kind}}, data=dataset)
        assert run(jobs[kind])["resumed_from"] is None
    return jobs


def test_reports_both_losses_and_their_shares(straight):
    job = straight["ngdiff"]
    (measured,) = events(job, "metrics")
    values = measured["values"]
    assert measured["step"] == 6
    assert {"L_p", "L_r", "lambda", "token_share_p", "loss_share_p", "grad_norm", "grad_norm_p", "grad_norm_r"} <= set(values)
    assert values["tokens_per_second"] > 0
    assert values["lambda"] == pytest.approx(values["grad_norm_r"] / (values["grad_norm_p"] + values["grad_norm_r"]))
    assert values["grad_share_p"] == pytest.approx(0.5)
    assert values["grad_norm"] == pytest.approx(math.hypot(values["grad_norm_vision"], values["grad_norm_text"]), rel=1e-4)
    lines = [json.loads(line) for line in (job / "output" / "metrics.jsonl").read_text().splitlines()]
    assert lines == [{"step": 6} | {name: value for name, value in values.items() if name != "tokens_per_second"}]
    assert events(job, "progress")[-1] == {"event": "progress", "done": 6, "total": 6, "unit": "steps"}
    assert "MICRO MODEL" in (job / "output" / "README.md").read_text()


def test_measured_gradients_are_those_of_the_step(dataset, tmp_path):
    fixed = SFT | {"steps": 10, "loss": {"kind": "fixed", "lambda": 0.25}}
    run(prepare(tmp_path / "plain", fixed, data=dataset))
    run(prepare(tmp_path / "measured", fixed | {"gradients": True}, data=dataset))
    plain, measured = (events(tmp_path / name, "metrics")[-1]["values"] for name in ("plain", "measured"))
    for name in ("L_p", "L_r", "grad_norm"):
        assert measured[name] == pytest.approx(plain[name], rel=1e-4)
    pull_p, pull_r = 0.25 * measured["grad_norm_p"], 0.75 * measured["grad_norm_r"]
    assert measured["grad_share_p"] == pytest.approx(pull_p / (pull_p + pull_r))
    assert pull_p + pull_r >= measured["grad_norm"] and "grad_share_p" not in plain


def test_without_pictures_it_learns_as_a_blind_solver_is_asked(dataset, prompts, tmp_path, monkeypatch):
    """Every picture is the very blank one that BlindSolver shows."""
    seen, init = [], sft.Trainer.__init__

    def watched(self, params, model, shown, responses):
        seen.append(shown)
        init(self, params, model, shown, responses)

    monkeypatch.setattr(sft.Trainer, "__init__", watched)
    blind = SFT | {"pictures": "blank", "loss": {"kind": "fixed", "lambda": 0}, "validate": {"every": 2, "split": "train_rl", "limit": 2}}
    run(prepare(tmp_path / "blind", blind, data=dataset, validation=prompts))
    (images,) = seen
    policy = MicroPolicy.load(tmp_path / "blind" / "output", read_split(prompts, "train_rl"))
    blank, _ = policy.prompts_without_pictures(np.array([0]))
    assert images.shape == (40, 32, 32, 1) and (images == blank[..., :1]).all()
    card = (tmp_path / "blind" / "output" / "README.md").read_text()
    assert "pictures" in card
    run(prepare(tmp_path / "seeing", blind | {"pictures": "shown"}, data=dataset, validation=prompts))
    assert (tmp_path / "seeing/output/model.safetensors").read_bytes() != (tmp_path / "blind/output/model.safetensors").read_bytes()


def test_a_model_of_coloured_pictures_is_shown_its_own_blank_one_for_grey_pictures(dataset, tmp_path):
    coloured = []
    for index in range(8):
        grey, file = Image.open(io.BytesIO(row(index)["image"]["bytes"])), io.BytesIO()
        Image.merge("RGB", [grey, Image.new("L", grey.size, 9), Image.new("L", grey.size, 200)]).save(file, "PNG")
        coloured.append(row(index) | {"image": {"bytes": file.getvalue(), "path": None}})
    data = write_split(tmp_path / "coloured", "train_sft", coloured)
    run(prepare(tmp_path / "first", SFT | {"steps": 1}, data=data))
    split = read_split(dataset, "train_sft", 8)
    assert split.images.shape[-1] == 1
    shown = earlier_start(tmp_path / "first" / "output", split, True).shown
    blank, _ = MicroPolicy.load(tmp_path / "first" / "output", split).prompts_without_pictures(np.array([0]))
    assert shown.shape == (8, 32, 32, 3) and (shown == blank).all()


def take_steps_as_on_a_gpu(monkeypatch) -> None:
    init = sft.Trainer.__init__

    def as_on_a_gpu(self, *given):
        """The step that a CUDA graph would capture runs without one: in bfloat16, in few kernels, padded to fixed shapes, with the rate as
        a tensor."""
        init(self, *given)
        self.model.kernels = FewKernels(torch.device("cpu"))
        self.rate = torch.zeros(())
        self.optimizer.param_groups[0]["lr"] = self.rate
        self.captured = self._whole_step

    monkeypatch.setattr(sft.Trainer, "__init__", as_on_a_gpu)


@pytest.mark.parametrize("loss", [{"kind": "token"}, {"kind": "fixed", "lambda": 0.3}, {"kind": "ngdiff", "smoothing": 0.9}, LINEAR])
@pytest.mark.parametrize("gradients", [False, True])
def test_a_gpu_takes_the_same_steps_up_to_its_precision(dataset, tmp_path, monkeypatch, loss, gradients):
    params = SFT | {"steps": 10, "loss": loss, "gradients": gradients}
    run(prepare(tmp_path / "plain", params, data=dataset))
    take_steps_as_on_a_gpu(monkeypatch)
    run(prepare(tmp_path / "gpu", params, data=dataset))
    plain, gpu = (events(tmp_path / name, "metrics")[-1]["values"] for name in ("plain", "gpu"))
    assert set(gpu) == set(plain)
    for name in set(plain) - {"tokens_per_second"}:
        assert gpu[name] == pytest.approx(plain[name], rel=0.2 if "grad" in name else 0.05), name


def test_a_checkpoint_of_a_gpu_has_the_numbers_of_its_step(dataset, tmp_path, monkeypatch):
    take_steps_as_on_a_gpu(monkeypatch)
    saved, save = [], checkpoint.save

    def note(directory, step, identity, state):
        saved.append((step, state["last"]["step"], len(state["metrics"])))
        save(directory, step, identity, state)

    monkeypatch.setattr(checkpoint, "save", note)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1)
    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", math.inf)
    job = prepare(tmp_path / "job", SFT | {"steps": 13}, data=dataset)
    run(job)
    assert saved == [(step, step, step // 10) for step in range(1, 14)]
    assert [json.loads(line)["step"] for line in (job / "output" / "metrics.jsonl").read_text().splitlines()] == [10, 13]
    seconds = result(job)["seconds"]
    assert list(seconds) == ["waiting", "imports", "data", "model", "device", "checkpoints", "first steps", "steps", "output"]


@pytest.mark.parametrize(
    ("schedule", "other"),
    [([[0, 0.3]], {"kind": "fixed", "lambda": 0.3}), ([[0, "token"]], {"kind": "token"}), ([[6, 1], [6, 0]], {"kind": "fixed", "lambda": 1})],
)
def test_a_schedule_of_one_value_is_that_loss(dataset, tmp_path, schedule, other):
    params = SFT | {"steps": 6}
    run(prepare(tmp_path / "one", params | {"loss": {"kind": "schedule", "points": schedule}}, data=dataset))
    run(prepare(tmp_path / "other", params | {"loss": other}, data=dataset))
    weights = "output/model.safetensors"
    assert (tmp_path / "one" / weights).read_bytes() == (tmp_path / "other" / weights).read_bytes()


def test_a_schedule_is_followed_across_a_continuation(dataset, tmp_path):
    params = SFT | {"loss": PERCEPTION_FIRST}
    run(prepare(tmp_path / "straight", params | {"steps": 6}, data=dataset))
    run(prepare(tmp_path / "first", params | {"steps": 4}, tmp_path / "kept", data=dataset))
    assert run(prepare(tmp_path / "second", params | {"steps": 6}, tmp_path / "kept", data=dataset))["resumed_from"] == 4
    same_model(tmp_path / "straight", tmp_path / "second")
    first, last = (events(tmp_path / name, "metrics")[-1]["values"] for name in ("first", "second"))
    assert first["lambda"] == 1 and last["lambda"] == last["token_share_p"]


def test_goes_on_from_an_earlier_model(straight, dataset, tmp_path):
    start = straight["token"] / "output"
    job = prepare(tmp_path / "job", SFT | {"steps": 2}, data=dataset, model=start)
    run(job)
    assert events(job, "metrics")[-1]["values"]["L_p"] < events(straight["token"], "metrics")[-1]["values"]["L_p"]
    assert (job / "output/tokenizer.json").read_bytes() == (start / "tokenizer.json").read_bytes()
    card = (job / "output/README.md").read_text()
    assert "# Further fine-tuning" in card and "MICRO MODEL" in card and '"size"' not in card.split("# Further")[1]


def test_another_start_is_another_run(straight, dataset, tmp_path):
    for name, earlier in (("first", straight["token"]), ("second", straight["ngdiff"])):
        job = prepare(tmp_path / name, SFT | {"steps": 2 if name == "first" else 3}, tmp_path / "kept", data=dataset, model=earlier / "output")
        assert run(job)["resumed_from"] is None


@pytest.mark.parametrize("part", ["vision", "text"])
def test_a_frozen_part_stays_as_it_is(straight, dataset, tmp_path, part):
    start = straight["token"] / "output"
    params = SFT | {"steps": 3, "freeze": part, "validate": {"every": 1, "limit": 2, "split": "test"}}
    run(prepare(tmp_path / "job", params, tmp_path / "kept", data=dataset, model=start, validation=dataset))
    before, after = (load_file(directory / "model.safetensors") for directory in (start, tmp_path / "job/output"))
    same = {name for name, weight in before.items() if torch.equal(weight, after[name])}
    assert same == {name for name in before if (".visual." in name) == (part == "vision")}
    values = events(tmp_path / "job", "metrics")[-1]["values"]
    (learned,) = {"vision", "text"} - {part}
    assert f"grad_norm_{part}" not in values and values[f"grad_norm_{learned}"] == pytest.approx(values["grad_norm"], rel=1e-4)
    more = prepare(tmp_path / "more", params | {"steps": 4}, tmp_path / "kept", data=dataset, model=start, validation=dataset)
    assert run(more)["resumed_from"] == 3


@pytest.mark.parametrize("part, learn", [("vision", "response"), ("text", "caption")])
def test_a_gpu_leaves_a_frozen_part_as_it_is(straight, dataset, tmp_path, monkeypatch, part, learn):
    start = straight["token"] / "output"
    take_steps_as_on_a_gpu(monkeypatch)
    run(prepare(tmp_path / "job", SFT | {"steps": 3, "freeze": part, "learn": learn}, data=dataset, model=start))
    before, after = (load_file(directory / "model.safetensors") for directory in (start, tmp_path / "job/output"))
    same = {name for name, weight in before.items() if torch.equal(weight, after[name])}
    assert same == {name for name in before if (".visual." in name) == (part == "vision")}


def test_captions_alone_take_the_steps_of_weight_one(dataset, tmp_path):
    validate = {"every": 3, "limit": None, "split": "test"}
    params = SFT | {"steps": 3, "validate": validate, "grad_clip": 1e9}
    run(prepare(tmp_path / "alone", params | {"learn": "caption"}, tmp_path / "kept", data=dataset, validation=dataset))
    one = {"loss": {"kind": "fixed", "lambda": 1}}
    run(prepare(tmp_path / "one", params | one, tmp_path / "other", data=dataset, validation=dataset))
    alone, both = (events(tmp_path / name, "metrics")[-1]["values"] for name in ("alone", "one"))
    for name in ("L_p", "grad_norm_vision", "grad_norm_text", "val_a_p"):
        assert alone[name] == pytest.approx(both[name], rel=1e-3), name
    assert alone["token_share_p"] == alone["lambda"] == 1
    assert set(both) - set(alone) == {"L_r", "val_a", "val_a_r"}
    settings = (json.loads((tmp_path / name / "output/generation_config.json").read_text()) for name in ("alone", "one"))
    assert len({each["max_new_tokens"] for each in settings}) == 1, "it may go on after its captions later"
    more = prepare(tmp_path / "more", params | {"learn": "caption", "steps": 4}, tmp_path / "kept", data=dataset, validation=dataset)
    assert run(more)["resumed_from"] == 3


def test_the_losses_fall(dataset, tmp_path):
    run(prepare(tmp_path / "job", SFT | {"steps": 40}, data=dataset))
    first, *_, last = [event["values"] for event in events(tmp_path / "job", "metrics")]
    assert last["L_p"] < first["L_p"] and last["L_r"] < first["L_r"]


def test_equal_runs_give_equal_bytes(straight, dataset, tmp_path):
    run(prepare(tmp_path / "job", SFT | {"steps": 6}, data=dataset))
    same_model(straight["token"], tmp_path / "job")


@pytest.mark.parametrize("options", [{"gamma": 0.5, "smoothing": 0.9, "clamp": [0.1, 0.9]}, {"preconditioned": True}])
def test_more_steps_continue_with_the_memory_of_the_balance(dataset, tmp_path, options):
    params = SFT | {"loss": {"kind": "ngdiff"} | options}
    run(prepare(tmp_path / "straight", params | {"steps": 6}, data=dataset))
    run(prepare(tmp_path / "first", params | {"steps": 3}, tmp_path / "kept", data=dataset))
    assert run(prepare(tmp_path / "second", params | {"steps": 6}, tmp_path / "kept", data=dataset))["resumed_from"] == 3
    same_model(tmp_path / "straight", tmp_path / "second")


@pytest.mark.parametrize("kind", ["token", "ngdiff"])
def test_more_steps_continue_where_fewer_ended(straight, dataset, tmp_path, kind):
    params = SFT | {"loss": {"kind": kind}}
    run(prepare(tmp_path / "first", params | {"steps": 3}, tmp_path / "kept", data=dataset))
    said = run(prepare(tmp_path / "second", params | {"steps": 6}, tmp_path / "kept", data=dataset))
    assert said["resumed_from"] == 3
    assert (tmp_path / "second/output/model.safetensors").read_bytes() == (straight[kind] / "output/model.safetensors").read_bytes()


def test_fewer_steps_do_not_take_a_later_checkpoint(dataset, tmp_path):
    run(prepare(tmp_path / "long", SFT | {"steps": 4}, tmp_path / "kept", data=dataset))
    said = run(prepare(tmp_path / "short", SFT | {"steps": 2}, tmp_path / "kept", data=dataset))
    assert said["resumed_from"] is None
    assert run(prepare(tmp_path / "again", SFT | {"steps": 5}, tmp_path / "kept", data=dataset))["resumed_from"] == 4


@pytest.mark.parametrize("change", [{"seed": 1}, {"batch": 4}, {"loss": {"kind": "ngdiff"}}, {"schedule": "cosine"}])
def test_another_run_is_not_continued(dataset, tmp_path, change):
    run(prepare(tmp_path / "first", SFT | {"steps": 2}, tmp_path / "kept", data=dataset))
    said = run(prepare(tmp_path / "second", SFT | {"steps": 3} | change, tmp_path / "kept", data=dataset))
    assert said["resumed_from"] is None


def test_other_data_are_another_run(dataset, tmp_path):
    run(prepare(tmp_path / "first", SFT | {"steps": 2}, tmp_path / "kept", data=dataset))
    other = write_split(tmp_path / "other", "train_sft", [row(index) for index in range(1, 41)])
    assert run(prepare(tmp_path / "second", SFT | {"steps": 3}, tmp_path / "kept", data=other))["resumed_from"] is None


def test_the_cosine_horizon_is_part_of_the_run(dataset, tmp_path):
    cosine = SFT | {"schedule": "cosine"}
    run(prepare(tmp_path / "first", cosine | {"steps": 2}, tmp_path / "kept", data=dataset))
    assert run(prepare(tmp_path / "second", cosine | {"steps": 3}, tmp_path / "kept", data=dataset))["resumed_from"] is None


def test_a_damaged_checkpoint_is_passed_over(straight, dataset, tmp_path):
    for steps in (2, 4):
        run(prepare(tmp_path / f"to-{steps}", SFT | {"steps": steps}, tmp_path / "kept", data=dataset))
    newest = tmp_path / "kept" / "step-00000004.pt"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    job = prepare(tmp_path / "second", SFT | {"steps": 6}, tmp_path / "kept", data=dataset)
    assert run(job)["resumed_from"] == 2
    assert "step-00000004.pt is damaged" in events(job, "log")[0]["message"] and events(job, "log")[0]["level"] == "warn"
    same_model(straight["token"], job)


def test_a_cut_off_checkpoint_starts_from_nothing(dataset, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "step-00000001.pt").write_bytes(b"")
    assert run(prepare(tmp_path / "job", SFT | {"steps": 2}, tmp_path / "kept", data=dataset))["resumed_from"] is None


def test_only_the_newest_checkpoints_are_kept(tmp_path):
    (tmp_path / ".step-00000001.pt.77.tmp").write_bytes(b"half")
    for step in (1, 2, 3):
        checkpoint.save(tmp_path, step, "this run", {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002.pt", "step-00000003.pt"]


def test_accumulation_sees_the_same_rows_as_one_batch(dataset, tmp_path):
    run(prepare(tmp_path / "whole", SFT | {"steps": 1}, data=dataset))
    run(prepare(tmp_path / "parts", SFT | {"steps": 1, "batch": 2, "accumulate": 4}, data=dataset))
    whole, parts = (events(tmp_path / name, "metrics")[0]["values"] for name in ("whole", "parts"))
    for name in ("L_p", "L_r", "lambda", "token_share_p", "grad_norm"):
        assert parts[name] == pytest.approx(whole[name], rel=1e-4)


@pytest.mark.parametrize("kind", ["token", "ngdiff"])
def test_a_killed_run_ends_as_if_nothing_had_happened(dataset, tmp_path, kind):
    params = SFT | {"steps": 40, "loss": {"kind": kind}}
    killed = prepare(tmp_path / "killed", params, data=dataset)
    process = start(sft.work, killed)
    wait_for_checkpoints(killed, 2)
    process.kill()
    assert exit_code(process) == -signal.SIGKILL
    assert not (killed / "result.json").exists()
    second = prepare(tmp_path / "second", params, killed / "checkpoints", data=dataset)
    assert run(second)["resumed_from"] >= 2
    run(prepare(tmp_path / "undisturbed", params, data=dataset))
    same_model(tmp_path / "undisturbed", second)


def test_sigterm_saves_where_it_stands(dataset, tmp_path):
    job = prepare(tmp_path / "job", SFT | {"steps": 100_000}, data=dataset)
    process = start(sft.work, job)
    wait_for_checkpoints(job, 1)
    process.terminate()
    assert exit_code(process) == 143
    assert not (job / "result.json").exists()
    assert list((job / "checkpoints").glob("step-*.pt"))


def failed(job: Path) -> dict:
    assert main(sft.work, [str(job)]) == 1
    said = result(job)
    assert said["status"] == "failed" and said["attempt"] == "attempt-1" and said["fix"]
    return said


def test_a_loss_that_is_not_finite_names_its_step(dataset, tmp_path, monkeypatch):
    exact = losses.span_losses
    calls = []

    def breaking(*arguments):
        calls.append(1)
        loss_p, loss_r = exact(*arguments)
        return loss_p, loss_r * (float("nan") if len(calls) == 3 else 1)

    monkeypatch.setattr(losses, "span_losses", breaking)
    assert "Step 3 was not finite: L_p" in failed(prepare(tmp_path / "job", SFT, data=dataset))["message"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": SFT["model"] | {"size": "huge"}}, "huge"),
        ({"model": SFT["model"] | {"family": "gemma"}}, "gemma"),
        ({"loss": {"kind": "fixed", "lambda": 2}}, "no loss"),
        ({"schedule": "linear"}, "linear"),
        ({"loss": {"kind": "schedule", "points": [[5, 1], [3, 0]]}}, "no loss"),
        ({"freeze": "all"}, "Nothing freezes `all`"),
        ({"learn": "answer"}, "Nothing learns a `answer`"),
        ({"learn": "caption", "loss": {"kind": "ngdiff"}}, "Captions alone"),
        ({"learn": "caption", "gradients": True}, "Captions alone"),
        ({"pictures": "dark"}, "Pictures can't be `dark`"),
    ],
)
def test_impossible_params_are_refused(dataset, tmp_path, change, says):
    assert says in failed(prepare(tmp_path / "job", SFT | change, data=dataset))["message"]


def test_words_and_pictures_must_be_those_of_the_start(straight, tmp_path):
    start = straight["token"] / "output"
    strange = [row(index) | {"response": "<caption>[]</caption> unheard"} for index in range(8)]
    data = write_split(tmp_path / "strange", "train_sft", strange)
    assert "8 of 8 responses hold words" in failed(prepare(tmp_path / "words", SFT, data=data, model=start))["message"]
    data = write_split(tmp_path / "large", "train_sft", [row(index, side=48) for index in range(8)])
    assert "trained on 32x32" in failed(prepare(tmp_path / "sizes", SFT, data=data, model=start))["message"]


def test_images_must_fit_the_patches(tmp_path):
    data = write_split(tmp_path / "data", "train_sft", [row(index, side=40) for index in range(8)])
    assert "multiple of 16" in failed(prepare(tmp_path / "job", SFT, data=data))["message"]


def test_data_without_transcripts_are_refused(tmp_path):
    data = write_split(tmp_path / "data", "train_sft", [row(index) | {"response": ""} for index in range(8)])
    assert "8 of 8 training responses have no <caption>" in failed(prepare(tmp_path / "job", SFT, data=data))["message"]
