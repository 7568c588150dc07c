"""Reinforcement learning by verl: `python -m trainers.grpo_verl JOB_DIR`.

Reads the pictures of a split of input `data` and the directory of input `model`; writes a directory of the same form with
`metrics.jsonl` and `rollouts.jsonl.gz`. verl's own program (`main_ppo`: Ray, FSDP, vLLM) samples, rewards and learns; its code is not
changed. The reward is R = α·p + (1-α)·a of the same scorer as everywhere (verl_reward.py). Different from `grpo.py`:

  * Every weight learns, the vision tower too: verl 0.9.1 has a setting to freeze it, and does not read it.
  * Sampling is vLLM's, in an order that depends on timing: equal runs give similar results, not equal ones.
  * A stopped run continues from verl's last checkpoint, every `save_every` steps, and only to the same number of steps.
  * The learning rate is verl's: its warm-up begins at 0, so with a warm-up the first step changes nothing, and its cosine begins after it.
  * The metric `clipped` is verl's: tokens whose loss the clip decides, not all whose ratio is outside.
  * Mini-batches are prompts in verl's order. Its rewards are float32.
  * The merged weights are bfloat16.
  * Rollouts are verl's record, judged again by the scorer; verl_dumps.py says what the record lacks.
"""

import gc
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig

from trainers import checkpoint, endpoint, verl_preflight, verl_process, verl_settings
from trainers.advantages import Normalization
from trainers.data import Split, read_split, split_files
from trainers.grpo import card_of, warn_of_silence
from trainers.hub_policy import copy_words, load_processor
from trainers.job import Job, JobError, Outcome, main
from trainers.model_files import require_whole, weight_files
from trainers.recording import packed
from trainers.rewards import Judge, judge_for, reward_name
from trainers.scorer import Scorer
from trainers.surrogates import TEACHER
from trainers.verl_checkpoints import Checkpoints
from trainers.verl_dumps import Rewards, as_rollouts, judge_step, read_dump, read_log, shown, step_lines, step_metrics
from trainers.verl_rows import write_rows
from trainers.verl_settings import Machine, Params, Places
from trainers.vllm_environment import require_device

REWARD = Path(__file__).parent / "verl_reward.py"
SAMPLERS_DIFFER = 0.05  # probability; bfloat16 and other kernels make less of it
NO_INFLUENCE = ("max_prompt", "gpu_memory", "offload", "save_every", "patience_minutes")  # verlOutsideKey of stages/grpoVerl.ts


def work(job: Job) -> Outcome:
    params, start = Params(**job.params), job.inputs["model"]
    require_whole(start)
    version = verl_preflight.require_version()
    require_device(torch.cuda.is_available())
    split = read_split(job.inputs["data"], params.split, any_size=True)
    processor = load_processor(start)
    machine = Machine(
        torch.cuda.device_count(), verl_preflight.numbers(version) >= verl_preflight.SEEDS_VLLM, verl_settings.is_added(processor)
    )
    verl_settings.check_shape(params, len(split), machine)
    verl_preflight.refuse_long(processor, split, params.max_prompt)
    kept = Checkpoints(job.checkpoints / "verl")
    kept.begin(identity(job, params, version))
    resumed = kept.resumable()
    surrogates = () if isinstance(params.perception, str) else (params.perception["surrogate"],)
    with Scorer(job.scorer) as scorer:
        judge = judge_for(job, surrogates, scorer, split, None)
        gc.collect()
        torch.cuda.empty_cache()  # the captioner's, for verl
        if resumed < params.steps:
            with short_directory() as ray:
                places = lay_out(job, params, kept, ray, resumed, split, judge)
                train(job, params, machine, places, kept, processor, split)
        merge(job, params, machine, kept.path(params.steps) / "actor")
        metrics, rollouts = record(params, kept, split, judge, processor)
    copy_words(start, job.output, processor)
    card = card_of(start, settings_of(params), f"`trainers/grpo_verl.py` of `pipe` with verl {version}")
    (job.output / "README.md").write_text(card, encoding="utf-8")
    (job.output / "rollouts.jsonl.gz").write_bytes(rollouts)
    (job.output / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in metrics), encoding="utf-8")
    warn_of_silence(job, metrics)
    return Outcome(metrics[-1], resumed or None)


def identity(job: Job, params: Params, version: str) -> str:
    models = [job.inputs[name] for name in ("model", "captioner") if name in job.inputs]
    files = [*split_files(job.inputs["data"], params.split), *(path for model in models for path in weight_files(model))]
    return checkpoint.identity(settings_of(params) | {"verl": version}, files)


def settings_of(params: Params) -> dict[str, Any]:
    """The settings that the result depends on."""
    return {name: value for name, value in endpoint.without_address(asdict(params)).items() if name not in NO_INFLUENCE}


@contextmanager
def short_directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="pipe-ray-", dir="/tmp"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def lay_out(job: Job, params: Params, kept: Checkpoints, ray: Path, resumed: int, split: Split, judge: Judge) -> Places:
    """Writes the rows and the settings of the reward."""
    if resumed:
        job.log("info", f"Continuing from the checkpoint of step {resumed}.")
    places = Places(
        model=job.inputs["model"],
        rows=job.directory / "rows.parquet",
        reward=REWARD,
        reward_settings=job.directory / "reward.json",
        checkpoints=kept.directory,
        rollouts=kept.rollouts,
        work=job.directory / "verl",
        ray=ray,
        resumed=kept.path(resumed) if resumed else None,
    )
    write_rows(split, judge.written.get(TEACHER), places.rows)
    settings = {"scorer": job.scorer, "alpha": params.alpha, "perception": reward_name(params.perception)}
    places.reward_settings.write_text(json.dumps(settings), encoding="utf-8")
    return places


def train(job: Job, params: Params, machine: Machine, places: Places, kept: Checkpoints, processor: Any, split: Split) -> None:
    overrides = verl_settings.overrides(params, places, edge_of_patches(processor, places.model), machine)
    verl_preflight.check(overrides, processor, split, job.inputs["model"])
    metrics = kept.new_log()
    follower = verl_process.MetricsFollower(metrics)

    def watch() -> bool:
        done = follower.read()
        for step, logged in done:
            measured = shown(step, logged)
            job.metrics(step, measured)
            job.progress(step, params.steps, "steps")
            warn_of_another_sampler(job, step, measured.get("sampler_difference", 0.0))
        return bool(done)

    job.log("info", "Starting verl: Ray, the actor and vLLM take minutes.")
    command = [sys.executable, "-m", "verl.trainer.main_ppo", *overrides]
    variables = verl_settings.variables(machine, places.work, metrics)
    verl_process.run(job, command, variables, job.directory / "verl.log", watch, params.patience_minutes * 60)
    if kept.latest() != params.steps or kept.resumable() != params.steps:
        raise JobError(
            f"verl ended without an error, but after step {kept.latest()} of {params.steps}.",
            "Look in verl.log beside the job's log; the same command continues from the last checkpoint.",
        )


def edge_of_patches(processor: Any, model: Path) -> int:
    if verl_settings.is_idefics3(processor):
        return AutoConfig.from_pretrained(model).vision_config.patch_size
    return getattr(processor.image_processor, "patch_size", 14)  # verl's own default, as for InternVL


def warn_of_another_sampler(job: Job, step: int, difference: float) -> None:
    """vLLM must sample from the weights that learn. If their transfer is broken, verl trains on without a word."""
    if difference > SAMPLERS_DIFFER:
        message = f"Step {step}: vLLM gave the sampled tokens other probabilities than the actor does, by {difference:.2f} on average."
        job.log("warn", f"{message} Its weights are not those that learn.")


def merge(job: Job, params: Params, machine: Machine, shards: Path) -> None:
    """The shards of all processes as one Hub directory."""
    places = ["--local_dir", str(shards), "--target_dir", str(job.output)]
    command = [sys.executable, "-m", "verl.model_merger", "merge", "--backend", "fsdp", *places]
    variables = verl_settings.variables(machine, job.directory, job.directory / "merge.jsonl")
    verl_process.run(job, command, variables, job.directory / "merge.log", lambda: False, params.patience_minutes * 60)
    require_whole(job.output)


def record(params: Params, kept: Checkpoints, split: Split, judge: Judge, processor: Any) -> tuple[list[dict[str, Any]], bytes]:
    """Metrics of every step, and the rollouts of those that are kept."""
    rewards = Rewards(params.alpha, reward_name(params.perception), Normalization(params.normalize, "unbiased", False))
    logged = read_log(kept.logs())
    row_of = {name: row for row, name in enumerate(split.columns["id"])}

    def count(text: str) -> int:
        return len(processor.tokenizer(text, add_special_tokens=False)["input_ids"])

    metrics, members = [], []
    for number in range(1, params.steps + 1):
        step = read_dump(kept.dump(number), params.group, params.prompts_per_step, row_of)
        rollouts = as_rollouts(step, params.group, count)
        judged = judge_step(step, rollouts, number, rewards, judge)
        metrics.append(step_metrics(number, rollouts, judged, rewards, logged[number]))
        if number % params.record_every == 0 or number == params.steps:
            members.append(packed(step_lines(number, rollouts, judged, rewards, split)))
    return metrics, b"".join(members)


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    transformers.utils.logging.disable_progress_bar()
    sys.exit(main(work))
