"""Supervised fine-tuning of a micro Qwen3-VL on distilled transcripts: `python -m trainers.sft JOB_DIR`.

Reads split `train_sft` of input `data`, writes a Hub model directory. Departures from arXiv 2605.29496, all of them:

  * The model is a Qwen3-VL of 0.6 to 6 million weights from random initialisation, not a pretrained one of billions. It sees
    the image alone, and its vocabulary is the words of the training text (model.py, tokenizer.py).
  * All weights are trained, the vision tower included, in float32 (bfloat16 products on a GPU, where a step is one CUDA graph
    over batches padded to the longest response).
  * Transcripts come from a solver that writes out its steps, not from Qwen3-32B. They are shorter, so the perception share of the
    tokens is nearer 10 % than 2.5 %; every metrics line reports it.
  * Optimiser: AdamW (betas 0.9, 0.95) on all weights, linear warm-up, then constant or cosine down to 5 %. The paper's
    settings are not known to us; ours are found for the micro model.
  * NGDiff is our reading of the idea for two losses that are both to fall (losses.py).

A run continues from the newest checkpoint of the same identity: parameters (the number of steps only if the schedule looks
at it) and data. Nothing random is drawn after initialisation and batches are a function of (seed, step), so there is no
generator state to save, and on a CPU a resumed run equals an uninterrupted one to the bit.
"""

import json
import math
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch

from trainers import checkpoint, losses
from trainers.captured import Captured
from trainers.card import model_card
from trainers.data import BatchOrder, Responses, Split, encode_responses, read_split, split_files
from trainers.forward import Batched, Pixels
from trainers.job import Job, JobError, Outcome, main
from trainers.model import SIZES, build_model, build_processor, device, image_statistics, save
from trainers.schedule import Schedule
from trainers.tokenizer import train_tokenizer

SPLIT = "train_sft"
METRICS_EVERY = 10
CHECKPOINT_SECONDS = 30
BETAS = (0.9, 0.95)
COSINE_FLOOR = 0.05
PRODUCTS = torch.bfloat16  # on a GPU, where weights and sums stay float32
# On a GPU, too: compiling took 39 s on an H200 the first time (its results stay in a cache), and saved 6 ms of 11 a step.
FUSED_FROM = 2000


@dataclass(frozen=True)
class Params:
    """The parameters of a training run, every one given (defaults are filled in by the stage)."""

    model: dict[str, Any]
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

    def check(self) -> None:
        losses.check_loss(self.loss)
        if self.model.get("kind") != "micro" or self.model.get("size") not in SIZES:
            raise JobError(f"There is no model {self.model}.", f"Use kind micro and one of the sizes {', '.join(SIZES)}.")
        self.pace.check()

    @property
    def pace(self) -> Schedule:
        return Schedule(self.schedule, self.learning_rate, self.warmup, self.steps, COSINE_FLOOR)

    @property
    def without_horizon(self) -> dict[str, Any]:
        """What two runs must share for one to continue the other."""
        values = asdict(self)
        return values if self.pace.looks_at_the_end else {name: value for name, value in values.items() if name != "steps"}


class Trainer:
    """Everything that one step needs, and the state that a checkpoint holds."""

    def __init__(self, params: Params, model: Batched, split: Split, responses: Responses):
        self.params = params
        self.model = model
        self.images = torch.from_numpy(split.images)
        self.tokens = torch.from_numpy(responses.tokens)
        self.caption_lengths = torch.from_numpy(responses.caption_lengths)
        self.lengths = torch.from_numpy(responses.lengths)
        self.longest_caption = int(responses.caption_lengths.max())
        self.order = BatchOrder(len(split), params.batch * params.accumulate, params.seed)
        self.parameters = list(model.model.parameters())
        on_gpu = model.device.type == "cuda"
        # Read by a captured step, which can't be told a number.
        self.rate = torch.zeros((), device=model.device) if on_gpu else 0.0
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=self.rate, betas=BETAS, weight_decay=params.weight_decay, fused=True, capturable=on_gpu
        )
        self.captured = Captured(self._whole_step, model.device) if on_gpu else None
        if on_gpu and params.steps >= FUSED_FROM:
            model.fuse()
        self.last: dict[str, Any] = {}  # what is known of the latest step
        self.metrics: list[dict[str, Any]] = []  # and of every METRICS_EVERY-th

    def step(self, step: int) -> int:
        """One optimiser step, numbered from 0; returns the number of tokens it learned from."""
        rows = torch.from_numpy(self.order(step))
        tokens_p = int(self.caption_lengths[rows].sum())
        tokens_r = int(self.lengths[rows].sum()) - tokens_p
        batch = self.images[rows], self.tokens[rows], self.caption_lengths[rows], self.lengths[rows]
        if self.captured is None:
            done, norm = self._descend(step, batch, tokens_p, tokens_r)
        else:
            self.rate.fill_(self.params.pace.rate(step))
            *losses_and_weight, norm_p, norm_r, norm = self.captured(*batch).tolist()
            measured = (norm_p, norm_r) if self.params.loss["kind"] == "ngdiff" else (None, None)
            done = losses.StepLosses(*losses_and_weight, *measured)
            self._require_finite(step, done)
        self._record(step + 1, done, tokens_p, tokens_r, norm)
        return tokens_p + tokens_r

    def _descend(self, step: int, batch: tuple[torch.Tensor, ...], tokens_p: int, tokens_r: int) -> tuple[losses.StepLosses, float]:
        done = losses.backward(self.params.loss, self._micro_batches(*batch), tokens_p, tokens_r, self.parameters)
        self._require_finite(step, done)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.params.grad_clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.params.pace.rate(step)
        self.optimizer.step()
        return done, float(norm)

    def _whole_step(self, images: torch.Tensor, tokens: torch.Tensor, caption_lengths: torch.Tensor, lengths: torch.Tensor):
        """The same on a GPU, without a look at any number on the way: padded to the longest response and caption of all."""
        tokens_p = caption_lengths.sum()
        micro_batches = self._micro_batches(images, tokens, caption_lengths, lengths, self.tokens.shape[1], self.longest_caption)
        tokens_r = lengths.sum() - tokens_p
        done = losses.backward(self.params.loss, micro_batches, tokens_p, tokens_r, self.parameters, read=lambda tensor: tensor)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.params.grad_clip)
        self.optimizer.step()
        numbers = (done.perception, done.reasoning, done.weight, done.norm_p, done.norm_r, norm)
        return torch.stack([_on_device(number, norm) for number in numbers])

    def _require_finite(self, step: int, done: losses.StepLosses) -> None:
        if not (math.isfinite(done.perception) and math.isfinite(done.reasoning)):
            raise JobError(
                f"The loss was not finite at step {step + 1} (L_p {done.perception}, L_r {done.reasoning}).",
                "Lower learning_rate, or raise warmup.",
            )

    def _record(self, number: int, done: losses.StepLosses, tokens_p: int, tokens_r: int, norm: float) -> None:
        share_p, share_r = done.weight * done.perception, (1 - done.weight) * done.reasoning
        self.last = {
            "step": number,
            "L_p": done.perception,
            "L_r": done.reasoning,
            "lambda": done.weight,
            "token_share_p": tokens_p / (tokens_p + tokens_r),
            "loss_share_p": share_p / (share_p + share_r),
            "grad_norm": norm,
        }
        if done.norm_p is not None:
            self.last |= {"grad_norm_p": done.norm_p, "grad_norm_r": done.norm_r}
        if number % METRICS_EVERY == 0:
            self.metrics.append(self.last)

    def _micro_batches(
        self,
        images: torch.Tensor,
        tokens: torch.Tensor,
        caption_lengths: torch.Tensor,
        lengths: torch.Tensor,
        longest: int | None = None,
        head: int | None = None,
    ) -> Iterator[losses.Spans]:
        """In parts of `batch` rows; each is as long as its longest response, and its head as its longest caption, unless told."""
        for parts in zip(*(values.split(self.params.batch) for values in (images, tokens, caption_lengths, lengths))):
            pictures, rows, caption, length = parts
            rows = rows[:, : longest or int(length.max())].to(self.model.device)
            place = torch.arange(rows.shape[1], device=self.model.device)
            captions, ends = (values[:, None].to(self.model.device) for values in (caption, length))
            with torch.autocast(self.model.device.type, PRODUCTS, enabled=self.captured is not None, cache_enabled=False):
                first, rest = self.model.logits(pictures, rows, head or int(caption.max()))
            yield losses.Spans(first, rest, rows, place < captions, (place >= captions) & (place < ends))

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "last": self.last,
            "metrics": self.metrics,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.model.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for group in self.optimizer.param_groups:  # a checkpoint may come from another kind of machine
            group |= {"lr": self.rate, "capturable": self.captured is not None}
        self.last, self.metrics = state["last"], state["metrics"]


def _on_device(number: losses.Number | None, beside: torch.Tensor) -> torch.Tensor:
    """As a float32 where `beside` is; 0 stands for what was not measured."""
    if isinstance(number, torch.Tensor):
        return number.float()
    return torch.full_like(beside, number or 0.0, dtype=torch.float32)


def work(job: Job) -> Outcome:
    params = Params(**job.params)
    params.check()

    split = read_split(job.inputs["data"], SPLIT)
    tokenizer = train_tokenizer(split.columns["response"])
    responses = encode_responses(tokenizer, split)
    side = _square_side(split)
    mean, deviation = image_statistics(split.images)
    model = build_model(SIZES[params.model["size"]], params.model["init"], tokenizer, side, params.seed).to(device())
    trainer = Trainer(params, Batched(model, side, Pixels(mean, deviation)), split, responses)

    identity = checkpoint.identity(params.without_horizon, split_files(job.inputs["data"], SPLIT))
    resumed = checkpoint.load_newest(job.checkpoints, identity, params.steps, lambda message: job.log("warn", message))
    start = 0
    if resumed:
        start, state = resumed
        trainer.restore(state)
        job.log("info", f"Continuing from the checkpoint of step {start}.")
    train(job, trainer, identity, start)

    processor = build_processor(tokenizer, side, mean, deviation)
    save(job.output, model, processor, responses.tokens.shape[1], model_card(asdict(params), split, model, side))
    write_metrics(job, trainer)
    return Outcome(trainer.last | {"weights": sum(weight.numel() for weight in trainer.parameters)}, start or None)


def write_metrics(job: Job, trainer: Trainer) -> None:
    """The metrics along the way and at the end: no times, so that equal runs write equal files."""
    lines = [line for line in trainer.metrics if line["step"] != trainer.last["step"]] + [trainer.last]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (job.output / "metrics.jsonl").write_text(text, encoding="utf-8")


def train(job: Job, trainer: Trainer, identity: str, start: int) -> None:
    """Steps `start` to the last; leaves a checkpoint behind at the end, and on the way out when told to stop."""
    steps = trainer.params.steps
    saved_at, saved_step = time.monotonic(), start
    counted_at, counted = time.monotonic(), 0
    for step in range(start, steps):
        counted += trainer.step(step)
        done = step + 1
        if done % METRICS_EVERY == 0 or done == steps:
            now = time.monotonic()
            values = {name: value for name, value in trainer.last.items() if name != "step"}
            job.metrics(done, values | {"tokens_per_second": round(counted / (now - counted_at))})
            job.progress(done, steps, "steps")
            counted_at, counted = now, 0
        if job.stopping or time.monotonic() - saved_at > CHECKPOINT_SECONDS:
            checkpoint.save(job.checkpoints, done, identity, trainer.state())
            saved_at, saved_step = time.monotonic(), done
            job.exit_if_stopping()
    if saved_step != steps:
        checkpoint.save(job.checkpoints, steps, identity, trainer.state())


def _square_side(split: Split) -> int:
    height, width = split.images.shape[1:3]
    if height != width:
        raise JobError(f"Images are {width}x{height}; the micro model takes square ones.", "Render square images.")
    return width


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sys.exit(main(work))
