"""The trainer `verl` in its own environment: `npm run test:trainers -- --all`. Real verl; the last test is a whole run with vLLM."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import tiny_models
from conftest import SCORER, row, write_split
from safetensors.torch import load_file

from test_verl import PARAMS
from trainers import verl_preflight
from trainers.advantages import Normalization, advantages
from trainers.data import Split, read_split
from trainers.grpo_verl import REWARD
from trainers.hub_policy import load_processor
from trainers.job import JobError
from trainers.verl_rows import SOURCE, write_rows
from trainers.verl_settings import Machine, Places, overrides

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 3600


def split_of(directory: Path, side: int = 64) -> Split:
    return read_split(write_split(directory, "train_rl", [row(index, side) for index in range(6)]), "train_rl")


@pytest.fixture(scope="module")
def split(tmp_path_factory) -> Split:
    return split_of(tmp_path_factory.mktemp("data"))


def machine(gpus: int) -> Machine:
    return Machine(gpus, verl_preflight.numbers(verl_preflight.require_version()) >= verl_preflight.SEEDS_VLLM)


@pytest.fixture
def places(split, tmp_path) -> Places:
    """In a directory whose name Hydra would read otherwise without quotes."""
    scratch = tmp_path / r"it's, a \place=$here"
    scratch.mkdir()
    write_rows(split, None, scratch / "rows.parquet")
    (scratch / "reward.json").write_text(json.dumps({"scorer": SCORER, "alpha": 0.5, "perception": "perception_f1"}))
    named = {"reward": REWARD, "reward_settings": scratch / "reward.json", "rows": scratch / "rows.parquet", "resumed": None}
    return Places(**named, **{name: scratch / name for name in ("model", "checkpoints", "rollouts", "work", "ray")})


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("tiny") / "model"
    subprocess.run([sys.executable, ROOT / "experiments/tiny/qwen3_vl.py", directory], check=True)
    return directory


@pytest.mark.parametrize("gpus", [0, 1, 8])
def test_verl_takes_every_setting_as_it_is_meant(places, gpus):
    if gpus == 0 and verl_preflight.numbers(verl_preflight.require_version()) == verl_preflight.OLDEST:
        pytest.skip("verl 0.7.1 has no place for a processor as its device")
    params = replace(PARAMS, prompts_per_step=8, dual_clip=2.5)
    config = verl_preflight.composed(overrides(params, places, 8, machine(gpus)))
    assert config.data.train_files == str(places.rows) and config.reward.custom_reward_function.path == str(places.reward)
    assert config.actor_rollout_ref.model.path == str(places.model)
    actor = config.actor_rollout_ref.actor
    assert (actor.optim.lr, actor.optim.lr_warmup_steps, actor.clip_ratio_c, actor.kl_loss_coef) == (1e-6, 2, 2.5, 0.01)
    assert list(actor.optim.betas) == [0.9, 0.95] and actor.loss_agg_mode == "token-mean"
    assert config.actor_rollout_ref.rollout.load_format == "auto" and config.trainer.n_gpus_per_node == max(1, gpus)


def test_verl_finds_our_reward_only_where_we_put_it(places, split):
    from verl.trainer.ppo.reward import get_custom_reward_fn

    settings = overrides(PARAMS, places, 8, machine(1))
    config = verl_preflight.composed(settings)
    verl_preflight.check_reward(config, split)
    example = {name: split.columns[name][0] for name in ("task", "ground_truth", "perception")}
    judged = get_custom_reward_fn(config)(SOURCE, row(0)["response"], "row-0", extra_info=example)
    assert judged["score"] == 1.0
    moved = [re.sub(r"^(\+?)reward\.custom", r"\1custom", text) for text in settings]
    with pytest.raises(JobError, match="does not find our reward function"):
        verl_preflight.check_reward(verl_preflight.composed(moved), split)
    with pytest.raises(JobError, match="does not take our settings"):
        verl_preflight.composed([*settings, "data.no_such_setting=1"])


def test_verl_reads_all_rows_and_asks_with_the_tokens_of_generate(places, split, tiny, tmp_path):
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(tiny)
    config = verl_preflight.composed(overrides(PARAMS, places, processor.image_processor.patch_size, machine(1)))
    verl_preflight.check_rows(config, processor, split)
    small = split_of(tmp_path / "small", side=16)
    write_rows(small, None, places.rows)
    with pytest.raises(JobError, match="verl asks row-0 with"):
        verl_preflight.check_rows(config, processor, small)


def test_a_picture_that_verl_would_resize_is_refused(places, tmp_path):
    """Idefics3 has as many tokens for any picture, so that tokens don't tell."""
    processor = load_processor(tiny_models.idefics3(tmp_path / "model", pixels=16))
    small = split_of(tmp_path / "small", side=16)
    write_rows(small, None, places.rows)
    with pytest.raises(JobError, match="verl asks row-0 with a picture of 32 × 32 pixels"):
        verl_preflight.check_rows(verl_preflight.composed(overrides(PARAMS, places, 8, machine(1))), processor, small)


@pytest.mark.parametrize("normalize", ["group-std", "none"])
def test_advantages_are_those_of_verl(normalize):
    from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage

    rewards = np.random.default_rng(0).integers(0, 5, (6, 4)) / 4
    rewards[2] = 0.25
    ours = advantages([(1.0, rewards.ravel())], 4, Normalization(normalize, "unbiased", False))
    by_token = torch.zeros(24, 3)
    by_token[:, 2] = torch.from_numpy(rewards.ravel())
    groups, divides = np.arange(6).repeat(4).astype(str), normalize == "group-std"
    theirs, _ = compute_grpo_outcome_advantage(by_token, torch.ones(24, 3), groups, norm_adv_by_std_in_grpo=divides)
    assert theirs[:, 0].numpy() == pytest.approx(ours, abs=1e-5)


@pytest.mark.parametrize("version", ["0.7.1", "0.8.0", "0.9.0"])
def test_older_versions_take_the_same(version, tmp_path):
    """The tests above by verl of that version: composition, reward, rows with their prompts, advantages."""
    wheels, older = tmp_path / "wheels", tmp_path / "older"
    download = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", wheels, f"verl=={version}"]
    subprocess.run(download, check=True)
    (wheel,) = wheels.iterdir()
    shutil.unpack_archive(wheel, older, "zip")
    path = {"PYTHONPATH": os.pathsep.join([str(older), os.environ["PYTHONPATH"]])}
    asked = f"from trainers.verl_preflight import require_version; import verl; print(require_version(), verl.__file__.startswith({str(older)!r}))"
    command = [sys.executable, "-c", asked]
    used = subprocess.run(command, env=os.environ | path, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert used.splitlines()[-1] == f"{version} True"
    chosen = "takes_every_setting or finds_our_reward or reads_all_rows or advantages_are"
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", chosen]
    ended = subprocess.run(tests, env=os.environ | path, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert "7 passed" in ended.stdout or "6 passed, 1 skipped" in ended.stdout, ended.stdout[-400:]


def test_a_family_that_verl_does_not_know_is_refused(tmp_path):
    llava = tiny_models.build("llava", tmp_path / "llava")
    with pytest.raises(JobError, match="does not know the LlavaProcessor"):
        verl_preflight.check_processor(load_processor(llava), llava)
    tiles = tiny_models.idefics3(tmp_path / "tiles")
    processor = load_processor(tiles)
    processor.image_processor.do_image_splitting = True
    processor.save_pretrained(tiles)
    with pytest.raises(JobError, match="does not know the Idefics3Processor"):
        verl_preflight.check_processor(processor, tiles)


@pytest.mark.parametrize(
    "ids, prompt",
    [([1, 7, 8, 8, 9, 2, 7, 8, 9], [1, 8, 2, 8]), ([8, 8, 7, 9, 8], [8, 8, 7, 9, 8]), ([7, 8, 8], [7, 8]), ([], [])],
)
def test_a_picture_goes_to_vllm_as_one_token(ids, prompt):
    from trainers.verl_families import unexpanded

    assert unexpanded(ids, begin=[7], picture=8, end=9) == prompt
    # Idefics3's marks: the first and the last are one token.
    assert unexpanded([1, 7, 5, 8, 8, 7, *ids], begin=[7, 5], picture=8, end=7) == [1, 8, *ids]


OTHER_FAMILIES: dict[str, dict[str, object]] = {
    "internvl": {"model.llamafactory.template": "intern_vl"},
    "idefics3": {"model.learning_rate": 0.005},
}


@pytest.mark.parametrize("family", OTHER_FAMILIES)
def test_another_family_learns_by_verl(family, tmp_path):
    """verl itself takes it for a model without pictures; with trainers/verl_families.py vLLM and the actor see the same ones."""
    tiny_models.build_to_serve(family, tmp_path / "tiny", **({"pixels": 64} if family == "idefics3" else {}))
    study = (ROOT / "experiments/tiny/rl-verl.yaml").read_text()
    if family == "idefics3":  # LLaMA-Factory can't train it
        study = re.sub(r" +(trainer: llamafactory|llamafactory: .*)\n", "", study)
    (tmp_path / "rl-verl.yaml").write_text(study)
    changes = OTHER_FAMILIES[family] | {"start.path": "tiny", "policy.verl.max_prompt": 640, "policy.steps": 1}
    sets = [word for name, value in changes.items() for word in ("--set", f"{name}={value}")]
    command = [str(ROOT / "bin/pipe"), "run", "rl-verl.yaml", "-j", "1", *sets]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    artifacts = tmp_path / ".pipe/runs/tiny-rl-verl-1/artifacts"
    (step,) = [json.loads(line) for line in (artifacts / "policy/metrics.jsonl").read_text().splitlines()]
    assert step["alive"] > 0 and step["grad_norm"] > 0 and step["sampler_difference"] < 0.02, step
    before, after = (load_file(directory / "model.safetensors") for directory in (artifacts / "model", artifacts / "policy"))
    seeing = [name for name in after if "vision" in name and name.endswith("q_proj.weight")]
    assert seeing and all(not torch.equal(after[name], before[name].to(after[name])) for name in seeing), "the actor sees pictures"


def test_the_tiny_study_learns_through_a_break_and_is_cached_then(tiny, tmp_path):
    """It is interrupted after its first step, as by Ctrl-C, and goes on from verl's checkpoint."""
    shutil.copytree(tiny, tmp_path / "tiny-qwen3-vl")
    shutil.copy(ROOT / "experiments/tiny/rl-verl.yaml", tmp_path)
    command = [str(ROOT / "bin/pipe"), "run", "rl-verl.yaml", "-j", "1"]
    first = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    log = tmp_path / ".pipe/runs/tiny-rl-verl-1/events.jsonl"
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (log.exists() and steps_in(log) == [1]):
        assert first.poll() is None and time.monotonic() < deadline, first.communicate()[1] if first.poll() is not None else "no step"
        time.sleep(0.2)
    first.send_signal(signal.SIGINT)
    _, said = first.communicate(timeout=DEADLINE_SECONDS)
    assert first.returncode == 130 and "its checkpoints are kept" in said, said
    assert processes_below(tmp_path) == []

    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert second.returncode == 0, second.stderr
    policy = tmp_path / ".pipe/runs/tiny-rl-verl-2/artifacts/policy"
    action = json.loads(subprocess.run([ROOT / "bin/pipe", "show", "--json", "policy"], cwd=tmp_path, capture_output=True).stdout)
    assert action["actions"][0]["resumedFrom"] == 1
    metrics = [json.loads(line) for line in (policy / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in metrics] == [1, 2]
    assert any(line["alive"] > 0 and line["grad_norm"] > 0 for line in metrics), metrics
    assert all(line["sampler_difference"] < 0.02 for line in metrics), "vLLM samples from the weights that learn"
    again = subprocess.run(["sh", "-c", f"{ROOT}/bin/pipe plan rl-verl.yaml --json"], cwd=tmp_path, capture_output=True, text=True)
    assert {json.loads(line).get("status") for line in again.stdout.splitlines()} - {None} == {"cached"}, again.stdout


def steps_in(log: Path) -> list[int]:
    """The steps of the policy that the events of a run tell of."""
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    return [event["done"] for event in events if event.get("node") == "policy" and event["_tag"] == "NodeProgress"]


def processes_below(folder: Path) -> list[int]:
    """Live processes whose directory is below the folder, as that of verl, Ray and vLLM is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if Path(os.readlink(process / "cwd")).is_relative_to(folder):
                found.append(int(process.name))
    return found
