"""LLaMA-Factory's trainer with the span loss, batches and checkpoints of `pipe`.

A step's micro-batches are known before its first forward pass. All of them are worked on when the last one comes, by the one
`losses.backward` that `sft.py` uses, which sets every gradient; then transformers clips and steps as always. Several processes share
a step's micro-batches, and gradients are added up before NGDiff takes their norms. So the model's own forward is called, not that of
DistributedDataParallel, which would average them. With sharding no process has whole gradients: FSDP2 adds them up, and NGDiff's λ_t
comes from the hidden states before the backward pass, as a fixed λ would.
"""

import functools
import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from llamafactory.train.callbacks import SaveProcessorCallback
from llamafactory.train.sft.trainer import CustomSeq2SeqTrainer
from torch import Tensor
from transformers import TrainerCallback

from trainers import llamafactory_sharding as sharding, losses, ranks
from trainers.data import BatchOrder
from trainers.hidden_norms import hidden_norms, with_hidden
from trainers.job import Job, write_atomically
from trainers.loop import CHECKPOINT_SECONDS, CHECKPOINT_SHARE
from trainers.schedule import Schedule
from trainers.step_metrics import require_finite, step_metrics

# Written into a checkpoint last: one without it was broken off.
COMPLETE = "complete.json"
METRICS_EVERY = 10


@dataclass
class Run:
    """One training: its task, and what it has reported so far."""

    job: Job
    loss: dict[str, Any]
    pace: Schedule
    order: BatchOrder
    identity: str
    closing_tag: int
    last: dict[str, Any] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    memory: list[float] | None = None  # of NGDiff's balance

    def record(self, values: dict[str, Any]) -> None:
        self.last = values
        if values["step"] % METRICS_EVERY == 0:
            self.metrics.append(values)

    def resume(self) -> Path | None:
        """The newest whole checkpoint of this training that is no further than its last step. Rank 0 looks for all."""
        found = ranks.from_first(self._newest() if ranks.rank() == 0 else None)
        if found is None:
            return None
        path, state = found
        self.last, self.metrics, self.memory = state["last"], state["metrics"], state["memory"]
        self.job.log("info", f"Continuing from the checkpoint of step {_step_of(path)}.")
        return path

    def _newest(self) -> tuple[Path, dict[str, Any]] | None:
        """With its state. Removes checkpoints that were broken off."""
        found = None
        for path in sorted(self.job.checkpoints.glob("checkpoint-*"), key=_step_of):
            if not (path / COMPLETE).is_file():
                self.job.log("warn", f"{path.name} was broken off while it was written; removed.")
                shutil.rmtree(path)
                continue
            state = json.loads((path / COMPLETE).read_text(encoding="utf-8"))
            if state["identity"] == self.identity and _step_of(path) <= self.pace.steps:
                found = path, state
        return found

    def complete(self, path: Path) -> None:
        """Marks a checkpoint as whole, and removes older ones. Those ahead belong to a longer training."""
        state = {"identity": self.identity, "last": self.last, "metrics": self.metrics, "memory": self.memory}
        write_atomically(path / COMPLETE, json.dumps(state).encode())
        for other in self.job.checkpoints.glob("checkpoint-*"):
            if _step_of(other) < _step_of(path):
                shutil.rmtree(other)


def _step_of(path: Path) -> int:
    return int(path.name.rsplit("-", 1)[1])


class Rows(torch.utils.data.Sampler):
    """The rows of every step in the order of `BatchOrder`, as one epoch."""

    def __init__(self, order: BatchOrder, steps: int):
        self.order, self.steps = order, steps

    def __len__(self) -> int:
        return self.steps * self.order.batch

    def __iter__(self) -> Iterator[int]:
        return (int(row) for step in range(self.steps) for row in self.order(step))


class SpanTrainer(CustomSeq2SeqTrainer):
    """The gradients of both spans are those of the whole step, in every process."""

    def __init__(self, run: Run, step_done: Callable[[], None], **parts: Any):
        super().__init__(**parts)
        self.run = run
        self.pop_callback(SaveProcessorCallback)  # it saves beside the checkpoints what the model's directory has
        self.add_callback(Reporter(run, step_done))
        self.weighs_hidden = bool(self.args.fsdp) and run.loss["kind"] == "ngdiff"
        self.balance = (losses.Balance if self.weighs_hidden else losses.balance_for)(run.loss, self.args.device)
        if self.balance is not None and run.memory is not None:
            self.balance.memory.copy_(torch.tensor(run.memory))
        self.micro_batches: list[dict[str, Tensor]] = []

    def create_accelerator_and_postprocess(self) -> None:
        super().create_accelerator_and_postprocess()
        if self.args.fsdp:
            sharding.set_up(self)

    def _get_train_sampler(self, *_: Any, **__: Any) -> Rows:
        return Rows(self.run.order, self.run.pace.steps)

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> Any:
        pace = self.run.pace
        share = functools.partial(_share, pace)
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer or self.optimizer, share)
        return self.lr_scheduler

    def get_batch_samples(self, *arguments: Any) -> tuple[list[dict[str, Tensor]], Any]:
        self.micro_batches, count = super().get_batch_samples(*arguments)
        return self.micro_batches, count

    def training_step(self, model: torch.nn.Module, inputs: dict[str, Tensor], num_items_in_batch: Any = None) -> Tensor:
        if not self.accelerator.sync_gradients:
            return torch.zeros((), device=self.args.device)
        model.train()
        tokens_p, tokens_r = self.count_tokens()
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        bare = self.accelerator.unwrap_model(model)
        micro_batches = (self.spans(bare, batch) for batch in self.micro_batches)
        number = self.state.global_step + 1
        mix = losses.mix_at(self.run.loss, number - 1)
        measured: dict[str, float] = {}
        if self.weighs_hidden:
            mix, measured = self.weigh_hidden(bare, tokens_p, tokens_r)
        done = losses.backward(
            self.run.loss,
            micro_batches,
            tokens_p,
            tokens_r,
            parameters,
            mix=mix,
            balance=self.balance,
            add_up=sharding.add_up,
        )
        norm = sharding.total_norm(parameters)
        require_finite(number, done, norm)
        self.run.record(step_metrics(number, done, tokens_p, tokens_r, norm) | measured)
        self.run.memory = None if self.balance is None else self.balance.memory.tolist()
        return torch.tensor(done.weight * done.perception + (1 - done.weight) * done.reasoning, device=self.args.device)

    def weigh_hidden(self, model: torch.nn.Module, tokens_p: int, tokens_r: int) -> tuple[losses.Mix, dict[str, float]]:
        """NGDiff's λ_t of a sharded step, and the norms that it comes from."""
        assert self.balance is not None  # `weighs_hidden` implies one
        micro_batches = (with_hidden(model, functools.partial(self.spans, model, batch)) for batch in self.micro_batches)
        totals, norms = hidden_norms(micro_batches, tokens_p, tokens_r, ranks.add_up)
        norm_p, norm_r = norms.tolist()
        return (float(self.balance(totals, norms)), 0.0), {"hidden_grad_norm_p": norm_p, "hidden_grad_norm_r": norm_r}

    def count_tokens(self) -> tuple[int, int]:
        """The tokens of both spans in the step, those of the other processes included."""
        masks = [self.span_masks(batch["labels"][:, 1:]) for batch in self.micro_batches]
        counts = [sum(mask.sum() for mask in part).to(self.args.device) for part in zip(*masks)]
        ranks.add_up(counts)
        tokens_p, tokens_r = map(int, counts)
        return tokens_p, tokens_r

    def spans(self, model: torch.nn.Module, batch: dict[str, Tensor]) -> losses.Spans:
        inputs = self._prepare_inputs(batch)
        targets = inputs["labels"][:, 1:]
        with self.compute_loss_context_manager():
            logits = model(**{name: value for name, value in inputs.items() if name != "labels"}).logits[:, :-1]
        return losses.Spans(logits, logits[:, :0], targets, *self.span_masks(targets))

    def span_masks(self, targets: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) targets with -100 outside the response → masks of perception, up to the first closing tag, and of reasoning."""
        response = targets != -100
        closed = (targets == self.run.closing_tag).long().cumsum(1) - (targets == self.run.closing_tag).long()
        perception = response & (closed == 0)
        return perception, response & ~perception

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None and self.args.fsdp:
            sharding.load_moments(self.model, self.optimizer.optimizer, Path(checkpoint))

    def _get_output_dir(self, trial: Any) -> str:
        return str(self.run.job.checkpoints)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        if _internal_call:  # of a checkpoint; the result is written by sft_llamafactory.py
            super().save_model(output_dir, _internal_call)


def _share(pace: Schedule, step: int) -> float:
    return pace.rate(step) / pace.peak


class Reporter(TrainerCallback):
    """Tells the job of every tenth step, and asks for a checkpoint from time to time, at the end and on SIGTERM."""

    def __init__(self, run: Run, step_done: Callable[[], None]):
        self.run, self.step_done = run, step_done
        self.saved_at, self.pause = time.monotonic(), CHECKPOINT_SECONDS

    def on_train_begin(self, args: Any, state: Any, control: Any, model: torch.nn.Module, **_: Any) -> None:
        sharding.sum_gradients(model)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.step_done()
        job, done, steps = self.run.job, state.global_step, self.run.pace.steps
        if done % METRICS_EVERY == 0 or done == steps:
            job.metrics(done, {name: value for name, value in self.run.last.items() if name != "step"})
            job.progress(done, steps, "steps")
        self.began = time.monotonic()
        wanted = job.stopping or done == steps or self.began - self.saved_at > self.pause
        control.should_save = ranks.any_of(wanted, args.device)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        leaving = ranks.any_of(self.run.job.stopping, args.device)  # all have written their part
        if ranks.rank() == 0:
            self.run.complete(self.run.job.checkpoints / f"checkpoint-{state.global_step}")
        self.saved_at = time.monotonic()
        self.pause = max(CHECKPOINT_SECONDS, (self.saved_at - self.began) / CHECKPOINT_SHARE)
        self.run.job.stopping |= leaving
        self.run.job.exit_if_stopping()
