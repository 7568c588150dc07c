"""The settings of verl for a run of `grpo`: Hydra overrides of its configuration `ppo_trainer`, a pure function of the params.

Every setting that decides a result is written, also where verl has the same default: its defaults differ between versions. They
compose under verl 0.7.1 to 0.9.1. Settings of the reward go to `reward.`: the older place at the top level is ignored without a word.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainers.job import JobError
from trainers.vllm_environment import vllm_variables

BETAS = [0.9, 0.95]
COSINE_FLOOR = 0.1
AGGREGATES = {"token-mean": "token-mean", "sequence-mean": "seq-mean-token-mean", "constant": "seq-mean-token-sum-norm"}
# Ray's actors ask for a processor each, more than a small machine has; with too few of them a run waits for ever. They are only labels.
RAY_PROCESSORS = 32
# Named as files, so that they count in the code of the stage: verl imports them by their names.
PROCESSOR = Path(__file__).parent / "verl_cpu.py"
FAMILIES = Path(__file__).parent / "verl_families.py"


@dataclass(frozen=True)
class Params:
    """The parameters of a run, every one given; those that only the trainer `pipe` has are checked by the stage."""

    split: str
    prompts: str
    alpha: float
    perception: str | dict[str, str]
    group: int
    prompts_per_step: int
    steps: int
    minibatches: int
    epochs: int
    temperature: float
    max_tokens: int
    normalize: str
    clip_low: float
    clip_high: float
    dual_clip: float
    aggregate: str
    kl: dict[str, Any]
    learning_rate: float
    warmup: int
    schedule: str
    weight_decay: float
    grad_clip: float
    batch: int
    record_every: int
    seed: int
    captioner: dict[str, Any] | None
    solver: dict[str, Any] | None
    max_prompt: int
    tensor_parallel: int
    gpu_memory: float
    offload: bool
    save_every: int
    patience_minutes: float


@dataclass(frozen=True)
class Places:
    """Where verl finds and leaves things."""

    model: Path
    rows: Path
    reward: Path  # the file with `compute_score`
    reward_settings: Path
    checkpoints: Path
    rollouts: Path
    work: Path
    ray: Path  # a short path: Ray's sockets lie in it, and their names are limited to 107 bytes
    resumed: Path | None  # the checkpoint to continue from


@dataclass(frozen=True)
class Machine:
    """The machine that verl runs on; without a GPU, `trainers/verl_cpu.py` stands in for one."""

    gpus: int
    seeds_vllm: bool = True  # verl has a setting for vLLM's seed, since 0.9.0
    adds_family: bool = False  # verl needs `trainers/verl_families.py` for the model

    @property
    def devices(self) -> int:
        return max(1, self.gpus)


def is_internvl(processor: Any) -> bool:
    return type(processor).__name__ == "InternVLProcessor"


def is_idefics3(processor: Any) -> bool:
    """An Idefics3 with one tile a picture, as `prepare` makes it. A published SmolVLM has several, with marks between them."""
    return type(processor).__name__ == "Idefics3Processor" and not processor.image_processor.do_image_splitting


def is_added(processor: Any) -> bool:
    """A family that `trainers/verl_families.py` adds to those that verl knows."""
    return is_internvl(processor) or is_idefics3(processor)


def check_shape(params: Params, rows: int, machine: Machine) -> None:
    """The numbers that verl divides by one another must divide, and the split must fill a step."""
    step, update = params.prompts_per_step * params.group, params.prompts_per_step // params.minibatches * params.group
    devices, need = machine.devices, params.steps * params.prompts_per_step
    shares = "Change group, prompts_per_step or minibatches."
    problems = [
        (rows < params.prompts_per_step, f"Split {params.split} has {rows} rows, fewer than a step's prompts.", "Lower prompts_per_step."),
        (
            params.prompts == "stream" and rows < need,
            f"A stream takes {need} prompts; there are {rows}.",
            "Render more, or use prompts: split.",
        ),
        (
            params.prompts_per_step % params.minibatches != 0,
            f"{params.prompts_per_step} prompts are not {params.minibatches} equal mini-batches.",
            "Choose minibatches that divides them.",
        ),
        (step % devices != 0, f"A step's {step} responses are not equal shares of {devices} GPUs.", shares),
        (update % devices != 0, f"An update's {update} responses are not equal shares of {devices} GPUs.", shares),
        (
            devices % params.tensor_parallel != 0,
            f"{devices} GPUs are no multiple of tensor_parallel, {params.tensor_parallel}.",
            "Change resources.gpus or verl.tensor_parallel.",
        ),
    ]
    for wrong, message, fix in problems:
        if wrong:
            raise JobError(message, fix)


def overrides(params: Params, places: Places, patch: int, machine: Machine) -> list[str]:
    """`patch` is the edge of the image processor's patches: verl resizes pictures to multiples of it, 14 unless told."""
    settings = {
        **_data(params, places, patch),
        **_actor(params, places, machine),
        **_rollout(params, machine),
        **_reward(places),
        **_run(params, places, machine),
        **({} if machine.gpus else _without_gpu(params)),
    }
    return [f"{name}={_text(value)}" for name, value in settings.items()]


def _data(params: Params, places: Places, patch: int) -> dict[str, Any]:
    return {
        "data.train_files": places.rows,
        "data.val_files": places.rows,  # read, and never used
        "data.prompt_key": "prompt",
        "data.image_key": "images",
        "data.image_patch_size": patch,
        "data.train_batch_size": params.prompts_per_step,
        "data.max_prompt_length": params.max_prompt,
        "data.max_response_length": params.max_tokens,
        # Filtering drops rows without a word; the rows have been measured before.
        "data.filter_overlong_prompts": False,
        "data.truncation": "error",
        "data.shuffle": params.prompts == "split",
        "data.seed": params.seed,
        "data.dataloader_num_workers": 0,
    }


def _actor(params: Params, places: Places, machine: Machine) -> dict[str, Any]:
    actor, reference = "actor_rollout_ref.actor", "actor_rollout_ref.ref"
    update = params.prompts_per_step // params.minibatches
    penalty = params.kl["kind"] != "none"
    cosine = params.schedule == "cosine"
    return {
        "actor_rollout_ref.model.path": places.model,
        "actor_rollout_ref.model.enable_gradient_checkpointing": True,
        # Packing needs flash-attn, which is built by hand; PyTorch's own attention needs nothing.
        "actor_rollout_ref.model.use_remove_padding": False,
        "+actor_rollout_ref.model.override_config.attn_implementation": "sdpa",
        "algorithm.adv_estimator": "grpo",
        "algorithm.norm_adv_by_std_in_grpo": params.normalize == "group-std",
        "algorithm.use_kl_in_reward": False,
        f"{actor}.strategy": "fsdp2",
        f"{actor}.ppo_mini_batch_size": update,
        f"{actor}.ppo_micro_batch_size_per_gpu": micro_batch(params, update, machine),
        f"{actor}.use_dynamic_bsz": False,
        f"{actor}.ppo_epochs": params.epochs,
        f"{actor}.shuffle": False,
        f"{actor}.data_loader_seed": params.seed,
        f"{actor}.clip_ratio": params.clip_low,
        f"{actor}.clip_ratio_low": params.clip_low,
        f"{actor}.clip_ratio_high": params.clip_high,
        f"{actor}.clip_ratio_c": params.dual_clip,
        f"{actor}.loss_agg_mode": AGGREGATES[params.aggregate],
        f"{actor}.entropy_coeff": 0,
        f"{actor}.use_kl_loss": penalty,
        f"{actor}.kl_loss_coef": params.kl.get("coefficient", 0.0),
        f"{actor}.kl_loss_type": "low_var_kl",
        f"{actor}.grad_clip": params.grad_clip,
        f"{actor}.optim.lr": params.learning_rate,
        f"{actor}.optim.betas": BETAS,
        f"{actor}.optim.weight_decay": params.weight_decay,
        f"{actor}.optim.clip_grad": params.grad_clip,
        f"{actor}.optim.lr_warmup_steps": params.warmup,
        f"{actor}.optim.lr_scheduler_type": params.schedule,
        f"{actor}.optim.min_lr_ratio": COSINE_FLOOR if cosine else 0.0,
        f"{actor}.fsdp_config.param_offload": params.offload,
        f"{actor}.fsdp_config.optimizer_offload": params.offload,
        f"{reference}.fsdp_config.param_offload": params.offload,
        f"{reference}.log_prob_use_dynamic_bsz": False,
        f"{reference}.log_prob_micro_batch_size_per_gpu": micro_batch(params, params.prompts_per_step, machine),
    }


def micro_batch(params: Params, prompts: int, machine: Machine) -> int:
    """The most responses up to `batch` that divide a GPU's share of these prompts' responses, as verl demands."""
    share = prompts * params.group // machine.devices
    return max(size for size in range(1, min(params.batch, share) + 1) if share % size == 0)


def longest(params: Params) -> int:
    """The most tokens of a prompt with its response."""
    return params.max_prompt + params.max_tokens


def _rollout(params: Params, machine: Machine) -> dict[str, Any]:
    rollout = "actor_rollout_ref.rollout"
    return {
        f"{rollout}.name": "vllm",
        # vLLM 0.32 keeps the pictures' normalisation of Qwen3-VL in buffers: verl's default, `dummy`, leaves random numbers in them.
        f"{rollout}.load_format": "auto",
        f"{rollout}.n": params.group,
        f"{rollout}.temperature": params.temperature,
        f"{rollout}.top_p": 1,
        f"{rollout}.top_k": -1,
        **({f"{rollout}.seed": params.seed} if machine.seeds_vllm else {}),
        f"{rollout}.tensor_model_parallel_size": params.tensor_parallel,
        f"{rollout}.gpu_memory_utilization": params.gpu_memory,
        # Else the model's own bound, such as 262,144 tokens, and vLLM starts only with room for one response of that length.
        f"{rollout}.max_model_len": longest(params),
        f"{rollout}.log_prob_use_dynamic_bsz": False,
        f"{rollout}.log_prob_micro_batch_size_per_gpu": micro_batch(params, params.prompts_per_step, machine),
    }


def _reward(places: Places) -> dict[str, Any]:
    function = "reward.custom_reward_function"
    return {
        f"{function}.path": places.reward,
        f"{function}.name": "compute_score",
        f"+{function}.reward_kwargs.settings": places.reward_settings,
    }


def _run(params: Params, places: Places, machine: Machine) -> dict[str, Any]:
    return {
        "trainer.nnodes": 1,
        "trainer.n_gpus_per_node": machine.devices,
        "trainer.logger": ["console", "file"],
        "trainer.project_name": "pipe",
        "trainer.experiment_name": "grpo",
        # verl ends at whichever comes first.
        "trainer.total_training_steps": params.steps,
        "trainer.total_epochs": params.steps + 1,
        "trainer.save_freq": params.save_every,
        "trainer.test_freq": -1,
        "trainer.val_before_train": False,
        # The last two: a run that dies between a checkpoint and its rollouts continues from the one before.
        "trainer.max_actor_ckpt_to_keep": 2,
        "trainer.default_local_dir": places.checkpoints,
        "trainer.rollout_data_dir": places.rollouts,
        "trainer.resume_mode": "disable" if places.resumed is None else "resume_path",
        **({} if places.resumed is None else {"trainer.resume_from_path": places.resumed}),
        "ray_kwargs.ray_init.num_cpus": RAY_PROCESSORS,
        "+ray_kwargs.ray_init.include_dashboard": False,
        "+ray_kwargs.ray_init._temp_dir": places.ray,
        "hydra.run.dir": places.work,
        "hydra.output_subdir": None,
    }


def variables(machine: Machine, work: Path, metrics: Path) -> dict[str, str]:
    """Environment variables of verl's processes."""
    added = [*([] if machine.gpus else [PROCESSOR]), *([FAMILIES] if machine.adds_family else [])]
    without_gpu = {
        "VERL_PLATFORM": "cpu",
        "CUDA_VISIBLE_DEVICES": "0",  # Ray's label; a job without GPUs has an empty list, with which Ray does not start
        "VERL_ENGINE_DEVICE": "cuda",  # the name under which FSDP's engine is registered
    }
    return {
        **vllm_variables(machine.gpus > 0),
        "VERL_FILE_LOGGER_PATH": str(metrics),
        "HF_DATASETS_CACHE": str(work / "datasets"),
        "RAY_AUTH_MODE": "disabled",  # else Ray writes a token into the home directory
        "RAY_USAGE_STATS_ENABLED": "0",
        **({} if machine.gpus else without_gpu),
        **({"VERL_USE_EXTERNAL_MODULES": ",".join(f"trainers.{file.stem}" for file in added)} if added else {}),
    }


def _without_gpu(params: Params) -> dict[str, Any]:
    """Float32, one worker of each kind, and vLLM's processor build, which neither sleeps nor compiles."""
    rollout = "actor_rollout_ref.rollout"
    return {
        "trainer.device": "cpu",
        "+ray_kwargs.ray_init.num_gpus": 1,
        "+ray_kwargs.ray_init.object_store_memory": 300_000_000,
        "transfer_queue.backend.SimpleStorage.num_data_storage_units": 1,
        "reward.num_workers": 1,
        f"{rollout}.agent.num_workers": 1,
        f"+{rollout}.enable_sleep_mode": False,
        f"{rollout}.free_cache_engine": False,
        f"{rollout}.enforce_eager": True,
        f"{rollout}.dtype": "float32",
        f"{rollout}.gpu_memory_utilization": 0.1,
        f"{rollout}.max_num_batched_tokens": max(longest(params), 2048),
        "actor_rollout_ref.actor.fsdp_config.model_dtype": "fp32",
        "actor_rollout_ref.actor.fsdp_config.use_torch_compile": False,
        "actor_rollout_ref.ref.fsdp_config.use_torch_compile": False,
        "actor_rollout_ref.actor.use_torch_compile": False,
    }


def _text(value: Any) -> str:
    """A value in the grammar of Hydra's overrides."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no setting")
        return repr(value)
    if isinstance(value, list):
        return f"[{','.join(_text(item) for item in value)}]"
    # In quotes only a quote is special, and backslashes before one.
    return "'" + _escaped(str(value)) + "'"


def _escaped(text: str) -> str:
    parts = []
    backslashes = 0
    for character in text:
        if character == "'":
            parts.append("\\" * (backslashes + 1))
        parts.append(character)
        backslashes = backslashes + 1 if character == "\\" else 0
    return "".join(parts) + "\\" * backslashes
