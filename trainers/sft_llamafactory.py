"""Supervised fine-tuning of a pretrained image-text model by LLaMA-Factory: `python -m trainers.sft_llamafactory JOB_DIR`.

Reads split `train_sft` of input `data` and the directory of input `model`; writes a directory of the same form. LLaMA-Factory
0.9.5 (`run_sft`) loads model and data, makes batches and optimises; its trainer is subclassed (llamafactory_trainer.py), its
code is not changed. Same as in `sft.py`: the loss, the order of the rows, the schedule, AdamW's betas, the metrics. Different:

  * The vision tower and its projector stay as they are unless `train` says `all`. Weight decay spares biases and norms.
  * The chat template ends a turn with a line break, which is learned too; its tokens count as reasoning.
  * The caption's tags become plain tokens of the vocabulary where they are none, so the vocabulary may grow.
  * LoRA, if asked, trains low-rank factors and the rows of these tags (llamafactory_lora.py); the result is merged.
  * Several processes, if asked, share the micro-batches of a step (ranks.py), each with a GPU of its own, and with the whole model or,
    by sharding, a part of it (llamafactory_sharding.py). NGDiff then balances the gradients of hidden states (hidden_norms.py).

On a processor everything is float32, and a resumed training equals an uninterrupted one to the bit. On a GPU trained weights are
float32, products bfloat16.
"""

import contextlib
import importlib.util
import json
import os
import shutil
import sys
import traceback
import types
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor
from transformers import AutoTokenizer

from trainers import hub_policy, losses, loop, ranks
from trainers.data import BatchOrder, Split, read_split, require_captions, split_files
from trainers.end_tokens import ends_of, generation_settings
from trainers.job import Job, JobError, Outcome, ran_out_of_disk, ran_out_of_memory
from trainers.llamafactory_lora import check_finetuning, finetuning_arguments, merged, require_tags, training_tags
from trainers.llamafactory_rows import (
    DATASET,
    OTHER_TEMPLATE,
    default_system,
    encode_chats,
    load_processor,
    refuse_truncation,
    require_same_tokens,
    write_rows,
)
from trainers.model_files import loading_whole, require_whole
from trainers.schedule import Schedule
from trainers.tokenizer import TAGS
from trainers.watchdog import watchdog
from trainers.without_torchvision import without_torchvision

SPLIT = "train_sft"
BETAS = (0.9, 0.95)
COSINE_FLOOR = 0.05
WITHOUT_PLUGIN = ("Idefics3Processor", "SmolVLMProcessor")
ANY_PIXELS = 2**31  # pictures keep the size that the model's own processor gives them


@dataclass(frozen=True)
class Params:
    """The parameters of a training run, every one given."""

    loss: dict[str, Any]
    steps: int
    batch: int
    accumulate: int
    learning_rate: float
    warmup: int
    schedule: str
    weight_decay: float
    grad_clip: float
    seed: int
    template: str
    longest: int
    train: str
    finetuning: dict[str, Any]
    processes: int
    sharding: str

    def check(self) -> None:
        if self.processes < 1 or self.accumulate % self.processes:
            raise JobError(
                f"{self.accumulate} micro-batches of a step cannot be shared equally by {self.processes} processes.",
                "Set accumulate to a multiple of llamafactory.processes.",
            )
        check_finetuning(self.finetuning)
        if self.is_sharded and (self.processes == 1 or self.finetuning["kind"] != "full"):
            raise JobError(
                "Sharding divides the weights of a full fine-tuning among several processes.",
                "Set llamafactory.processes to 2 or more and llamafactory.finetuning to { kind: full }, or leave llamafactory.sharding out.",
            )
        losses.check_loss(self.loss)
        self.pace.check()

    @property
    def is_sharded(self) -> bool:
        return self.sharding == "fsdp"

    def described(self) -> dict[str, Any]:
        """By name; without sharding as before there was any, so that checkpoints and cards stay what they were."""
        return {name: value for name, value in asdict(self).items() if name != "sharding" or self.is_sharded}

    @property
    def pace(self) -> Schedule:
        return Schedule(self.schedule, self.learning_rate, self.warmup, self.steps, COSINE_FLOOR)


def work(job: Job) -> Outcome:
    params = Params(**job.params)
    params.check()
    gpus = torch.cuda.device_count()
    if gpus not in (0, params.processes):
        raise JobError(
            f"llamafactory.processes is {params.processes}, each needs a GPU of its own, and {gpus} are visible.",
            f"Set resources: {{ gpus: {params.processes} }}, or llamafactory.processes to {gpus}.",
        )
    if params.processes == 1 or torch.distributed.is_initialized():
        return train(job, params)
    return ranks.run(job, "trainers.sft_llamafactory", params.processes)


def train(job: Job, params: Params) -> Outcome:
    """In this process, which may be one of several."""
    is_first = ranks.rank() == 0
    start = job.inputs["model"]
    require_whole(start)
    require_tags(start, params.finetuning)
    split = read_split(job.inputs["data"], SPLIT, any_size=True)
    require_captions(split)
    processor = load_processor(start)
    require_plugin(processor)
    ends_of(generation_settings(start), processor)  # refuses a model without an end now, not at its export
    trainer_module, workflow, get_train_args = import_llamafactory()
    system = default_system(processor, split, default_system_of(params.template))
    rows = job.directory / "rows"
    encoded = preflight(processor, split, params.longest, rows) if is_first else []
    longest = ranks.from_first(max(map(len, encoded), default=0))

    files = [*split_files(job.inputs["data"], SPLIT), *sorted(path for path in start.rglob("*") if path.is_file())]
    tags = processor.tokenizer.convert_tokens_to_ids(TAGS)
    run = trainer_module.Run(
        job=job,
        loss=params.loss,
        pace=params.pace,
        order=BatchOrder(len(split), params.batch * params.accumulate, params.seed),
        identity=loop.run_identity(params.described(), params.pace, files) if is_first else "",
        closing_tag=tags[-1],
    )
    resumed = run.resume()
    made = []

    def make_trainer(**parts: Any) -> Any:
        if is_first:
            require_same_tokens(parts["train_dataset"], encoded, split, processor, params.template)
        made.append(trainer_module.SpanTrainer(run, step_done, **parts))
        return made[0]

    workflow.CustomSeq2SeqTrainer = make_trainer
    with without_torchvision(), loading_whole(), training_tags(tags), watchdog(job) as step_done:
        settings = arguments(params, start, rows, longest, job.directory / "llamafactory", resumed, system)
        if params.is_sharded:
            settings |= trainer_module.sharding.arguments()
        if is_first:
            print("LLaMA-Factory's settings:", json.dumps(settings), flush=True)
        try:
            workflow.run_sft(*get_train_args(settings), callbacks=[])
        except Exception as error:
            if made or isinstance(error, JobError) or ran_out_of_memory(error) or ran_out_of_disk(error):
                raise
            traceback.print_exc()
            raise JobError(
                f"LLaMA-Factory could not read the transcripts by its template {params.template}, or the model. {type(error).__name__}: {error}",
                f"{OTHER_TEMPLATE} The traceback is in the job's log.",
            ) from None

    model = merged(made[0].model)
    gathered = trainer_module.sharding.whole_weights(model) if params.is_sharded else None
    if is_first:
        shutil.rmtree(rows)
        export(model, start, job.output, model_card(params.described(), split), gathered)
        loop.write_metrics(job, run)
    weights = sum(weight.numel() for weight in model.parameters())
    return Outcome(run.last | {"weights": weights}, None if resumed is None else int(resumed.name.rsplit("-", 1)[1]))


def require_plugin(processor: Any) -> None:
    """LLaMA-Factory reads pictures by a plugin of the family. A template of another family would be refused later, row by row."""
    if type(processor).__name__ in WITHOUT_PLUGIN:
        raise JobError(
            f"LLaMA-Factory 0.9.5 has no plugin that reads pictures for the {type(processor).__name__} of this model.",
            "Leave out `trainer: llamafactory`: `pipe`'s own trainer fine-tunes such a model with all weights.",
        )


def default_system_of(template: str) -> str:
    from llamafactory.data.template import TEMPLATES

    if template not in TEMPLATES:
        near = ", ".join(get_close_matches(template, TEMPLATES)) or "qwen3_vl_nothink or intern_vl"
        raise JobError(f"LLaMA-Factory has no template {template}.", f"Name in llamafactory.template one that it has, such as {near}.")
    if TEMPLATES[template].mm_plugin.image_token is None:
        raise JobError(f"LLaMA-Factory's template {template} reads no pictures.", OTHER_TEMPLATE)
    return TEMPLATES[template].default_system


def preflight(processor: Any, split: Split, longest: int, rows: Path) -> list[np.ndarray]:
    """Writes the rows for LLaMA-Factory; returns their tokens, none of which will be cut."""
    encoded = encode_chats(processor, split)
    refuse_truncation(encoded, split, longest)
    write_rows(split, processor, rows)
    return encoded


def arguments(
    params: Params, start: Path, rows: Path, longest: int, output: Path, resumed: Path | None, system: str = ""
) -> dict[str, Any]:
    """LLaMA-Factory's settings. Saving and logging are ours (llamafactory_trainer.py)."""
    on_gpu = torch.cuda.is_available()
    frozen = params.train == "language-model"
    return {
        "stage": "sft",
        "do_train": True,
        **finetuning_arguments(params.finetuning),
        "model_name_or_path": str(start),
        "trust_remote_code": False,
        "add_tokens": ",".join(TAGS),
        "image_max_pixels": ANY_PIXELS,
        "image_min_pixels": 1,
        "crop_to_patches": True,  # as InternVL's own processor does; read for that family alone
        "freeze_vision_tower": frozen,
        "freeze_multi_modal_projector": frozen,
        "use_reentrant_gc": False,  # NGDiff takes gradients by torch.autograd.grad, which reentrant checkpointing refuses
        "dataset": DATASET,
        "dataset_dir": str(rows),
        "media_dir": str(rows),
        "template": params.template,
        "default_system": system,
        "cutoff_len": 2 * longest,  # nothing is cut: refuse_truncation has seen every row
        "overwrite_cache": True,
        "preprocessing_num_workers": 1,
        "dataloader_num_workers": 0,
        "output_dir": str(output),
        "resume_from_checkpoint": None if resumed is None else str(resumed),
        "logging_strategy": "no",
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "plot_loss": False,
        "per_device_train_batch_size": params.batch,
        "gradient_accumulation_steps": params.accumulate // params.processes,
        "max_steps": params.steps,
        "learning_rate": params.learning_rate,
        "adam_beta1": BETAS[0],
        "adam_beta2": BETAS[1],
        "weight_decay": params.weight_decay,
        "max_grad_norm": params.grad_clip,
        "seed": params.seed,
        "use_cpu": not on_gpu,
        "bf16": on_gpu,
        "fp16": False,
    }


def import_llamafactory() -> tuple[Any, Any, Any]:
    """The trainer made for it, its workflow and its reader of settings."""
    with without_audio():
        try:
            from llamafactory.hparams import get_train_args
            from llamafactory.train.sft import workflow
        except ModuleNotFoundError as error:
            raise JobError(
                f"This Python cannot import LLaMA-Factory: {error}.",
                "See what it lacks with `npx pipe env check llamafactory`.",
            ) from None
    from trainers import llamafactory_trainer

    return llamafactory_trainer, workflow, get_train_args


@contextlib.contextmanager
def without_audio() -> Iterator[None]:
    """LLaMA-Factory imports torchaudio, which reads sounds; there are none here, and PyPI's build needs CUDA."""
    if importlib.util.find_spec("torchaudio") is not None:
        yield
        return
    absent = types.ModuleType("torchaudio")
    absent.__spec__ = ModuleSpec("torchaudio", None)
    sys.modules["torchaudio"] = absent
    try:
        yield
    finally:
        del sys.modules["torchaudio"]


def export(model: Any, start: Path, output: Path, card: str, gathered: dict[str, Tensor] | None = None) -> None:
    """The weights, and how text and pictures are read as in the directory that training started from.

    `gathered` has the weights of a model that is divided among processes.
    """
    model.save_pretrained(output, state_dict=gathered)
    hub_policy.copy_words(start, output, hub_policy.load_processor(start))
    tokenizer = AutoTokenizer.from_pretrained(start)
    if tokenizer.add_tokens(TAGS):
        tokenizer.save_pretrained(output)
    (output / "README.md").write_text(card, encoding="utf-8")


def model_card(params: dict[str, Any], split: Split) -> str:
    tasks = ", ".join(sorted(set(split.columns["task"])))
    return f"""---
library_name: transformers
pipeline_tag: image-text-to-text
tags: [perception, reasoning]
---

# Fine-tuned on {len(split):,} synthetic transcripts: {tasks}

Trained with LLaMA-Factory by `trainers/sft_llamafactory.py` of `pipe` with

```json
{json.dumps(params, indent=2, ensure_ascii=False)}
```

`metrics.jsonl` has the losses of both spans along the way.
"""


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    transformers.utils.logging.disable_progress_bar()
    sys.exit(ranks.main(work))
