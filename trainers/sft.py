"""Supervised fine-tuning of a micro Qwen3-VL on distilled transcripts: `python -m trainers.sft JOB_DIR`.

Reads split `train_sft` of input `data`, writes a Hub model directory. Departures from arXiv 2605.29496, all of them:

  * The model is a Qwen3-VL of 0.6 to 6 million weights from random initialisation, not a pretrained one of billions. It sees
    the image alone, and its vocabulary is the words of the training text (model.py, tokenizer.py).
  * All weights are trained, the vision tower included, in float32 (TF32 products on a GPU).
  * Transcripts come from a solver that writes out its steps, not from Qwen3-32B. They are shorter, so the perception share of the
    tokens is nearer 10 % than 2.5 %; every metrics line reports it.
  * Optimiser: AdamW (betas 0.9, 0.95) on all weights, linear warm-up, then constant or cosine down to 5 %. The paper's
    settings are not known to us; ours are found for the micro model.
  * NGDiff is our reading of the idea for two losses that are both to fall (losses.py).

A run continues from the newest checkpoint of the same identity: parameters (the number of steps only if the schedule looks
at it) and data. Nothing random is drawn after initialisation and batches are a function of (seed, step), so there is no
generator state to save, and on a CPU a resumed run equals an uninterrupted one to the bit.
"""

import hashlib
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
from trainers.card import model_card
from trainers.data import BatchOrder, Responses, Split, encode_responses, read_split, split_files
from trainers.forward import Batched, Pixels
from trainers.job import Job, JobError, Outcome, main
from trainers.model import SIZES, build_model, build_processor, device, image_statistics, save
from trainers.tokenizer import train_tokenizer

SPLIT = "train_sft"
METRICS_EVERY = 10
CHECKPOINT_SECONDS = 30
BETAS = (0.9, 0.95)
COSINE_FLOOR = 0.05


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
        if self.schedule not in ("constant", "cosine"):
            raise JobError(f"There is no schedule `{self.schedule}`.", "Use `constant` or `cosine`.")

    def rate(self, step: int) -> float:
        """The learning rate of step 0, 1, …"""
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        if self.schedule == "constant":
            return self.learning_rate * warm
        falling = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.learning_rate * warm * (COSINE_FLOOR + (1 - COSINE_FLOOR) * falling)


class Trainer:
    """Everything that one step needs, and the state that a checkpoint holds."""

    def __init__(self, params: Params, model: Batched, split: Split, responses: Responses):
        self.params = params
        self.model = model
        self.images = torch.from_numpy(split.images)
        self.tokens = torch.from_numpy(responses.tokens)
        self.caption_lengths = torch.from_numpy(responses.caption_lengths)
        self.lengths = torch.from_numpy(responses.lengths)
        self.order = BatchOrder(len(split), params.batch * params.accumulate, params.seed)
        self.parameters = list(model.model.parameters())
        self.optimizer = torch.optim.AdamW(self.parameters, betas=BETAS, weight_decay=params.weight_decay, fused=True)
        self.last: dict[str, Any] = {}  # what is known of the latest step
        self.metrics: list[dict[str, Any]] = []  # and of every METRICS_EVERY-th

    def step(self, step: int) -> int:
        """One optimiser step, numbered from 0; returns the number of tokens it learned from."""
        rows = torch.from_numpy(self.order(step))
        tokens_p = int(self.caption_lengths[rows].sum())
        tokens_r = int(self.lengths[rows].sum()) - tokens_p
        done = losses.backward(self.params.loss, self._micro_batches(rows), tokens_p, tokens_r, self.parameters)
        if not (math.isfinite(done.perception) and math.isfinite(done.reasoning)):
            raise JobError(
                f"The loss was not finite at step {step + 1} (L_p {done.perception}, L_r {done.reasoning}).",
                "Lower learning_rate, or raise warmup.",
            )
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.params.grad_clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.params.rate(step)
        self.optimizer.step()
        self._record(step + 1, done, tokens_p, tokens_r, float(norm))
        return tokens_p + tokens_r

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

    def _micro_batches(self, rows: torch.Tensor) -> Iterator[losses.Spans]:
        for part in rows.split(self.params.batch):
            longest, head = int(self.lengths[part].max()), int(self.caption_lengths[part].max())
            tokens = self.tokens[part, :longest].to(self.model.device)
            place = torch.arange(longest, device=self.model.device)
            captions, ends = (lengths[part, None].to(self.model.device) for lengths in (self.caption_lengths, self.lengths))
            first, rest = self.model.logits(self.images[part], tokens, head)
            yield losses.Spans(first, rest, tokens, place < captions, (place >= captions) & (place < ends))

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
        self.last, self.metrics = state["last"], state["metrics"]


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

    identity = run_identity(params, job)
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


def run_identity(params: Params, job: Job) -> str:
    """What two runs must share for one to continue the other: parameters without the horizon, and the bytes of the data."""
    identity = asdict(params)
    if params.schedule == "constant":
        del identity["steps"]
    files = [hashlib.sha256(path.read_bytes()).hexdigest() for path in split_files(job.inputs["data"], SPLIT)]
    return hashlib.sha256(json.dumps([identity, files], sort_keys=True).encode()).hexdigest()


def _square_side(split: Split) -> int:
    height, width = split.images.shape[1:3]
    if height != width:
        raise JobError(f"Images are {width}x{height}; the micro model takes square ones.", "Render square images.")
    return width


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sys.exit(main(work))
