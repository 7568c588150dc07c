"""The parts of `trainer: verl` that need no verl; test/verl has the others."""

import gzip
import io
import json
import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
from PIL import Image

import tiny_models
from conftest import SCORER, prepare, result, row
from trainers import grpo_verl, verl_preflight, verl_process, verl_settings
from trainers.advantages import Normalization
from trainers.data import read_split
from trainers.job import Job, JobError, main
from trainers.rewards import Judge
from trainers.scorer import Scorer
from trainers.verl_checkpoints import TRACKER, Checkpoints
from trainers.verl_dumps import Rewards, as_rollouts, judge_step, read_dump, read_log, shown, step_lines, step_metrics
from trainers.verl_reward import compute_score
from trainers.verl_rows import refuse_long_prompts, write_rows
from trainers.verl_settings import Machine, Params, Places, check_shape, micro_batch, overrides, variables

PARAMS = Params(
    split="train_rl", prompts="split", alpha=0.5, perception="oracle-f1", captioner=None, solver=None,
    group=2, prompts_per_step=2, steps=3, minibatches=1, epochs=1, temperature=1.0, max_tokens=40,
    normalize="group-std", clip_low=0.2, clip_high=0.28, dual_clip=3.0, aggregate="token-mean",
    kl={"kind": "k3", "coefficient": 0.01}, learning_rate=1e-6, warmup=2, schedule="cosine", weight_decay=0,
    grad_clip=1.0, batch=64, record_every=1, seed=7, max_prompt=100, tensor_parallel=1, gpu_memory=0.5,
    offload=False, save_every=5, patience_minutes=60,
)
PLACES = Places(
    model=Path("/a/model"), rows=Path("/a/rows"), reward=Path("/a/it's"), reward_settings=Path("/a/settings"),
    checkpoints=Path("/a/kept"), rollouts=Path("/a/rollouts"), work=Path("/a/work"), ray=Path("/a/ray"), resumed=None,
)


TWO_GPUS = Machine(2)
MACHINES = [Machine(1), Machine(0), Machine(1, adds_family=True), Machine(0, adds_family=True)]


def settings(params: Params = PARAMS, places: Places = PLACES, machine: Machine = TWO_GPUS) -> dict[str, str]:
    pairs = [text.split("=", 1) for text in overrides(params, places, 16, machine)]
    assert len({name.lstrip("+") for name, _ in pairs}) == len(pairs), "a setting is given twice"
    return dict(pairs)


def test_params_become_settings_of_verl():
    given = settings()
    assert given["data.train_batch_size"] == "2" and given["actor_rollout_ref.rollout.n"] == "2"
    assert given["actor_rollout_ref.actor.optim.lr"] == "1e-06" and given["actor_rollout_ref.actor.optim.min_lr_ratio"] == "0.1"
    assert given["actor_rollout_ref.actor.kl_loss_coef"] == "0.01" and given["actor_rollout_ref.actor.use_kl_loss"] == "true"
    assert given["trainer.n_gpus_per_node"] == "2" and given["trainer.resume_mode"] == "'disable'"
    assert given["reward.custom_reward_function.path"] == r"'/a/it\'s'"
    assert not any(name.lstrip("+").startswith("custom_reward_function") for name in given)
    assert int(given["ray_kwargs.ray_init.num_cpus"]) > 8, "verl waits for ever with eight"
    assert "trainer.device" not in given
    assert given["actor_rollout_ref.rollout.max_model_len"] == "140", "vLLM would make room for a response as long as the model's context"
    resumed = settings(places=replace(PLACES, resumed=Path("/a/kept/global_step_2")))
    assert resumed["trainer.resume_mode"] == "'resume_path'" and resumed["trainer.resume_from_path"] == "'/a/kept/global_step_2'"
    plain = settings(replace(PARAMS, kl={"kind": "none"}, schedule="constant", normalize="none", prompts="stream"))
    assert plain["actor_rollout_ref.actor.use_kl_loss"] == plain["data.shuffle"] == plain["algorithm.norm_adv_by_std_in_grpo"] == "false"


def test_a_processor_stands_in_for_a_gpu_where_there_is_none(tmp_path):
    given = settings(machine=Machine(0))
    assert given["trainer.device"] == "'cpu'" and given["trainer.n_gpus_per_node"] == "1"
    here, there = (variables(Machine(gpus), tmp_path, tmp_path / "log") for gpus in (0, 1))
    assert here["VERL_PLATFORM"] == "cpu" and "VERL_PLATFORM" not in there
    assert here["CUDA_VISIBLE_DEVICES"] == "0" and "CUDA_VISIBLE_DEVICES" not in there
    assert there["RAY_AUTH_MODE"] == "disabled" and "LD_PRELOAD" not in here
    added = [variables(machine, tmp_path, tmp_path / "log").get("VERL_USE_EXTERNAL_MODULES") for machine in MACHINES]
    assert added == [None, "trainers.verl_cpu", "trainers.verl_families", "trainers.verl_cpu,trainers.verl_families"]


@pytest.mark.parametrize("batch", range(1, 20))
@pytest.mark.parametrize("prompts, group, gpus", [(1, 2, 1), (3, 5, 1), (4, 4, 2), (8, 16, 8)])
def test_a_micro_batch_divides_each_gpus_share(batch, prompts, group, gpus):
    size = micro_batch(replace(PARAMS, group=group, batch=batch), prompts, Machine(gpus))
    assert 1 <= size <= batch and prompts * group // gpus % size == 0


@pytest.mark.parametrize("others, rows, gpus, said", [
    ({}, 1, 1, "has 1 rows"),
    ({"prompts": "stream"}, 5, 1, "takes 6 prompts"),
    ({"minibatches": 3, "prompts_per_step": 4}, 9, 1, "not 3 equal mini-batches"),
    ({}, 9, 8, "not equal shares of 8 GPUs"),
    ({"tensor_parallel": 2}, 9, 1, "no multiple of tensor_parallel"),
])
def test_numbers_that_verl_cannot_divide_are_refused(others, rows, gpus, said):
    with pytest.raises(JobError, match=said):
        check_shape(replace(PARAMS, **others), rows, Machine(gpus))


def test_rows_have_picture_question_and_what_the_scorer_needs(prompts, tmp_path):
    split = read_split(prompts, "train_rl")
    write_rows(split, None, tmp_path / "rows.parquet")
    written = parquet.read_table(tmp_path / "rows.parquet").to_pylist()
    assert [line["reward_model"]["ground_truth"] for line in written] == split.columns["id"]
    first = written[0]
    assert first["prompt"] == [{"role": "user", "content": f"<image>{split.columns['query'][0]}"}]
    picture = Image.open(io.BytesIO(first["images"][0]["bytes"]))
    assert picture.mode == "RGB" and np.array_equal(np.asarray(picture)[..., :1], split.images[0])
    assert first["extra_info"]["perception"] == split.columns["perception"][0] and first["extra_info"]["caption"] is None
    split.columns["query"][3] = "What is <video>?"
    with pytest.raises(JobError, match=f"1 questions contain .*{split.columns['id'][3]}"):
        write_rows(split, None, tmp_path / "refused.parquet")


def test_a_long_prompt_is_refused_by_name():
    refuse_long_prompts([3, 4], ["a", "b"], 4)
    with pytest.raises(JobError) as error:
        refuse_long_prompts([3, 5], ["a", "b"], 4)
    assert "b (5 tokens)" in error.value.message and "verl.max_prompt to 5" in error.value.fix


RIGHT = row(1)
EXAMPLE = {name: RIGHT[name] for name in ("task", "ground_truth", "perception")} | {"caption": None}


def reward(tmp_path: Path, response: str, example: dict, perception: str = "perception", alpha: float = 0.25) -> dict:
    path = tmp_path / f"{perception}.json"
    path.write_text(json.dumps({"scorer": SCORER, "alpha": alpha, "perception": perception}))
    return compute_score("pipe", response, RIGHT["id"], example, settings=str(path), reward_router_address="of no use")


def test_the_reward_is_the_scorers_with_its_parts(tmp_path):
    full = reward(tmp_path, RIGHT["response"], EXAMPLE)
    assert full == {"score": 1.0, "outcome": 1.0, "perception": 1.0, "perception_f1": 1.0, "consistent": 1.0}
    blind = RIGHT["response"].replace(f"<caption>{RIGHT['perception']}", "<caption>[[7,8]]")
    assert reward(tmp_path, blind, EXAMPLE)["score"] == 0.75
    agreed = reward(tmp_path, blind, EXAMPLE | {"caption": "[[7,8]]"}, "teacher")
    assert agreed["score"] == agreed["teacher"] == agreed["teacher_f1"] == 1.0 and agreed["perception"] == 0
    assert reward(tmp_path, blind, EXAMPLE, "teacher")["teacher"] == 0, "a teacher without a caption agrees with nobody"


def test_threads_share_one_scorer_and_get_their_own_verdicts(tmp_path):
    wrong = reward(tmp_path, "no idea", EXAMPLE)["score"]
    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda text: reward(tmp_path, text, EXAMPLE)["score"], [RIGHT["response"], "no idea"] * 50))
    assert asked == [1.0, wrong] * 50


def dump(path: Path, score_of: dict[str, float], names: tuple[str, ...] = ("row-2003", "row-2001")) -> Path:
    """As verl writes it, groups in any order."""
    entries = [
        {"input": "…", "output": text, "gts": name, "score": score, "step": 1} for name in names for text, score in score_of.items()
    ]
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


@pytest.fixture
def judged(prompts):
    split = read_split(prompts, "train_rl")
    rewards = Rewards(0.5, "perception", Normalization("group-std", "unbiased", False))
    rows = {name: place for place, name in enumerate(split.columns["id"])}
    with Scorer(SCORER) as scorer:
        yield split, rewards, rows, Judge(scorer, split)


def test_a_dump_becomes_rollouts_in_the_order_of_the_split(judged, tmp_path):
    split, rewards, rows, judge = judged
    step = read_dump(dump(tmp_path / "1.jsonl", {"no idea": 0.0, "none at all": 0.0}), 2, 2, rows)
    assert step.rows.tolist() == [1, 1, 3, 3] and step.texts == ["no idea", "none at all"] * 2
    rollouts = as_rollouts(step, 2, lambda text: len(text.split()))
    verdicts = judge_step(step, rollouts, 1, rewards, judge)
    lines = list(step_lines(1, rollouts, verdicts, rewards, split))
    assert [(line["id"], line["group"], line["sample"], line["tokens"]) for line in lines] == [
        ("row-2001", 0, 0, 2), ("row-2001", 0, 1, 3), ("row-2003", 1, 0, 2), ("row-2003", 1, 1, 3)
    ]
    assert all(line["advantage"] == 0 and line["rewards"]["total"] == 0 and "finished" not in line for line in lines)
    metrics = step_metrics(1, rollouts, verdicts, rewards, {"actor/pg_loss": 0.5, "actor/unknown": 1.0})
    assert metrics["loss"] == 0.5 and metrics["alive"] == 0 and metrics["groups"] == 2 and "grad_norm" not in metrics


def test_a_dump_with_missing_responses_is_an_error(judged, tmp_path):
    *_, rows, _ = judged
    with pytest.raises(JobError, match="not 2 with 3"):
        read_dump(dump(tmp_path / "1.jsonl", {"no idea": 0.0}), 3, 2, rows)


def test_another_reward_than_the_scorers_is_an_error(judged, tmp_path):
    _, rewards, rows, judge = judged
    step = read_dump(dump(tmp_path / "1.jsonl", {"no idea": 0.0, "none at all": 1.0}), 2, 2, rows)
    with pytest.raises(JobError, match="step 4 the reward 1.000000, `pipe score` gives 0.000000"):
        judge_step(step, as_rollouts(step, 2, len), 4, rewards, judge)


def checkpoints(directory: Path, steps: int, saved: tuple[int, ...], latest: int) -> Checkpoints:
    kept = Checkpoints(directory)
    kept.begin("this run")
    kept.rollouts.mkdir(exist_ok=True)
    lines = [json.dumps({"step": step, "data": {"training/global_step": step}}) for step in range(1, steps + 1)]
    kept.new_log().write_text("\n".join(lines) + '\n{"step": 9, "da')
    for step in range(1, steps + 1):
        kept.dump(step).touch()
    for step in saved:
        (kept.path(step) / "actor").mkdir(parents=True)
    (directory / TRACKER).write_text(str(latest))
    return kept


def test_a_run_continues_from_a_whole_checkpoint_with_all_its_rollouts(tmp_path):
    kept = checkpoints(tmp_path / "verl", 4, (2, 4, 6), latest=4)
    assert kept.resumable() == 4
    assert not kept.path(6).exists(), "it was broken off"
    kept.dump(4).unlink()
    assert kept.resumable() == 2
    kept.dump(1).unlink()
    assert kept.resumable() == 0
    again = Checkpoints(tmp_path / "verl")
    again.begin("this run")
    assert again.latest() == 4
    again.begin("another run")
    assert again.latest() == again.resumable() == 0 and not again.path(4).exists()


def test_the_log_of_a_later_attempt_counts(tmp_path):
    for number, losses in enumerate([{1: 0.1, 2: 0.2}, {2: 0.3}]):
        entries = [{"step": step, "data": {"training/global_step": step, "loss": loss}} for step, loss in losses.items()]
        lines = map(json.dumps, entries)
        (tmp_path / f"{number}.jsonl").write_text("\n".join(lines))
    read = read_log(sorted(tmp_path.glob("*.jsonl")))
    assert {step: data["loss"] for step, data in read.items()} == {1: 0.1, 2: 0.3}


def test_a_number_that_is_not_finite_is_named():
    assert shown(2, {"actor/pg_loss": 0.5, "unknown": None}) == {"loss": 0.5}
    with pytest.raises(JobError, match="actor/grad_norm was not finite at step 2"):
        shown(2, {"actor/grad_norm": None})


def test_what_the_result_does_not_depend_on_is_in_no_card():
    captioner = {"url": "http://127.0.0.1/v1", "model": "m", "key_env": "KEY", "concurrency": 2, "timeout_seconds": 9, "max_tokens": 8}
    settings = json.dumps(grpo_verl.settings_of(replace(PARAMS, captioner=captioner)))
    assert '"model": "m"' in settings
    assert not any(word in settings for word in ("127.0.0.1", "KEY", "save_every", "patience_minutes"))


def job_in(directory: Path) -> Job:
    words = {"protocol": 1, "attempt": "1", "params": {}, "inputs": {}, "output": "o", "checkpoints": "c"}
    (directory / "job.json").write_text(json.dumps(words))
    return Job(directory)


def ended(directory: Path, program: str, watch=lambda: True, patience: float = 600) -> JobError:
    with pytest.raises(JobError) as error:
        verl_process.run(job_in(directory), [sys.executable, "-c", program], {}, directory / "log", watch, patience)
    return error.value


def test_a_failure_of_verl_has_a_cause_and_a_fix(tmp_path, capfd):
    error = ended(tmp_path, "import sys; sys.exit('split_with_sizes expects split_sizes to sum exactly to 69')")
    assert "exit code 1. All prompts of a batch with their responses had the same length" in error.message
    assert "split_with_sizes" in capfd.readouterr().err, "the job's log has verl's last lines"
    command, *said = (tmp_path / "log").read_text().splitlines()
    assert command.startswith(f"{sys.executable} -c 'import sys; sys.exit(") and said
    # vLLM 0.24's words: the first two need opposite remedies.
    memory = "Free memory on device cuda:0 (20/139 GiB) on startup is less than desired GPU memory utilization (0.5, 70 GiB)."
    assert "Lower batch or verl.gpu_memory" in ended(tmp_path, f"import sys; sys.exit({memory!r})").fix
    cache = "(38.6 GiB KV cache is needed, which is larger than the available KV cache memory (1.2 GiB)."
    assert "Raise verl.gpu_memory" in ended(tmp_path, f"import sys; sys.exit({cache!r})").fix
    context = "max_model_len (6144) should be less than or equal to max_position_embeddings (4096)"
    assert "Lower verl.max_prompt" in ended(tmp_path, f"import sys; sys.exit({context!r})").fix
    plain = ended(tmp_path, "raise SystemExit(3)")
    assert plain.message == "verl ended with exit code 3." and plain.fix != error.fix


def play_verl(job, command, variables, _log, watch, _patience):
    """The files that verl's programs leave: rewards by our function, dumps, a checkpoint and the metrics of each step; then the merged model."""
    given = dict(text.removeprefix("+").split("=", 1) for text in command if "=" in text)
    if "verl.model_merger" in command:
        shutil.copytree(job.inputs["model"], command[command.index("--target_dir") + 1], dirs_exist_ok=True)
        return
    place = {name: given[name].strip("'") for name in given}
    function, kept = "reward.custom_reward_function", Path(place["trainer.default_local_dir"])
    rows = parquet.read_table(place["data.train_files"]).to_pylist()
    rollouts = Path(place["trainer.rollout_data_dir"])
    rollouts.mkdir(exist_ok=True)
    prompts, group = int(place["data.train_batch_size"]), int(place["actor_rollout_ref.rollout.n"])
    with open(variables["VERL_FILE_LOGGER_PATH"], "w") as logged:
        for step in range(1, int(place["trainer.total_training_steps"]) + 1):
            entries = []
            for each in rows[(step - 1) * prompts : step * prompts]:
                example, name = each["extra_info"], each["reward_model"]["ground_truth"]
                for text in ["no idea", f"<caption>{example['caption'] or example['perception']}</caption>"][:group]:
                    settings = place[f"{function}.reward_kwargs.settings"]
                    judged = compute_score(each["data_source"], text, name, example, settings=settings)
                    entries.append({"input": "…", "output": text, "gts": name, "score": judged["score"], "step": step})
            (rollouts / f"{step}.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
            (kept / f"global_step_{step}/actor").mkdir(parents=True)
            (kept / TRACKER).write_text(str(step))
            logged.write(json.dumps({"step": step, "data": {"training/global_step": step, "actor/grad_norm": 0.5}}) + "\n")
    assert watch()


@pytest.fixture
def without_verl(monkeypatch) -> pytest.MonkeyPatch:
    """A job with everything but verl's own programs, whose part a script plays; test/verl has them."""
    monkeypatch.setattr(verl_preflight, "require_version", lambda: "0.9.1")
    monkeypatch.setattr(verl_preflight, "check", lambda *_: None)
    monkeypatch.setattr(grpo_verl, "require_device", lambda _: None)
    monkeypatch.setattr(verl_process, "run", play_verl)
    return monkeypatch


def test_a_verl_that_ends_well_having_trained_nothing_has_failed(prompts, tmp_path, without_verl):
    without_verl.setattr(verl_process, "run", lambda *_: None)
    model = tiny_models.build("qwen3_vl", tmp_path / "model")
    job = prepare(tmp_path / "job", asdict(replace(PARAMS, max_prompt=400)), data=prompts, model=model)
    assert main(grpo_verl.work, [str(job)]) == 1
    assert result(job)["message"] == "verl ended without an error, but after step 0 of 3."


@pytest.mark.parametrize("perception", ["oracle", {"surrogate": "teacher"}], ids=["oracle", "teacher"])
@pytest.mark.usefixtures("without_verl")
def test_a_job_goes_from_its_rows_to_model_and_rollouts(perception, trained, prompts, tmp_path):
    model = tiny_models.build("qwen3_vl", tmp_path / "model")
    captioner = {} if perception == "oracle" else {"captioner": trained}
    params = asdict(replace(PARAMS, perception=perception, max_prompt=400))
    job = prepare(tmp_path / "job", params, data=prompts, model=model, **captioner)
    assert main(grpo_verl.work, [str(job)]) == 0, result(job)
    lines = [json.loads(text) for text in gzip.open(job / "output/rollouts.jsonl.gz", "rt")]
    assert [line["id"] for line in lines[:4]] == ["row-2000", "row-2000", "row-2001", "row-2001"] and len(lines) == 12
    part = "perception" if perception == "oracle" else "teacher"
    assert [line["rewards"][part] for line in lines] == [0, 1] * 6, "the second response has the caption that p compares with"
    assert [line["rewards"]["total"] for line in lines] == [0, 0.5] * 6
    metrics = [json.loads(text) for text in (job / "output/metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["reward"], line["grad_norm"]) for line in metrics] == [(1, 0.25, 0.5), (2, 0.25, 0.5), (3, 0.25, 0.5)]
    assert (job / "output/model.safetensors").exists() and "verl 0.9.1" in (job / "output/README.md").read_text()


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def until(holds) -> None:
    """A killed process may take a while to end."""
    end = time.monotonic() + 240
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_run_without_a_step_is_ended_with_what_it_started(tmp_path):
    program = "import os, time, pathlib as p; pid = os.fork(); pid or time.sleep(999); p.Path('child').write_text(str(pid)); time.sleep(999)"
    child = tmp_path / "child"
    error = ended(tmp_path, program, watch=lambda: not child.exists() or child.read_text() == "", patience=0.2)
    assert "not finished a step" in error.message
    until(lambda: has_ended(int(child.read_text())))


def test_a_stopped_job_ends_verl(tmp_path):
    job = job_in(tmp_path)
    began = threading.Event()

    def watch() -> bool:
        job.stopping = True
        began.set()
        return True

    with pytest.raises(SystemExit) as ended_by:
        verl_process.run(job, [sys.executable, "-c", "import time; time.sleep(999)"], {}, tmp_path / "log", watch, 600)
    assert ended_by.value.code == 143 and began.is_set()


def test_only_whole_lines_of_the_log_are_read(tmp_path):
    path = tmp_path / "log"
    follower = verl_process.MetricsFollower(path)
    assert follower.read() == []
    path.write_text('{"step": 1, "data": {"a": 1}}\n{"step": 2,')
    assert follower.read() == [(1, {"a": 1})]
    with path.open("a") as file:
        file.write(' "data": {}}\n')
    assert follower.read() == [(2, {})]


def test_the_settings_module_has_no_number_that_is_none():
    with pytest.raises(ValueError):
        verl_settings._text(float("nan"))
