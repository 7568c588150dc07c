"""Supervised fine-tuning on distilled transcripts in one process: `python -m trainers.sft JOB_DIR`.

Reads split `train_sft` of input `data`, writes a Hub model directory. With an input `model` it goes on with that one's weights and
vocabulary and a new optimiser: a micro model, or any image-text model of transformers, which is asked by its own chat template and in the
precision of hub_policy.py (hub_forward.py).

Options: with `pictures: blank` a micro model learns as the solver of blind-solve is asked, with the blank picture of micro_policy.py in
place of every other. With `learn: caption` a transcript ends after its caption, and what follows is neither computed nor measured. With
`freeze: text` the vision tower and its projector alone learn, as in Frozen (arXiv 2106.13884) and the alignment stage of LLaVA (arXiv
2304.08485).

Departures of a micro model from arXiv 2605.29496, all of them:

  * The model is a Qwen3-VL, or an InternVL (internvl.py), of 0.6 to 6 million weights from random initialisation, not a pretrained one of
    billions. It sees the image alone, and its vocabulary is the words of the training text (model.py, tokenizer.py).
  * All weights are trained, the vision tower included unless `freeze` says otherwise, in float32 (for Qwen3-VL on a GPU, products
    are bfloat16 and a step is one CUDA graph over batches padded to the longest response).
  * Transcripts come from a solver that writes out its steps, not from Qwen3-32B. They are shorter, so the perception share of the
    tokens is nearer 10 % than 2.5 %; every metrics line reports it.
  * Optimiser: AdamW (betas 0.9, 0.95) on all weights, linear warm-up, then constant or cosine down to 5 %. We do not
    know the paper's settings; ours were found for the micro model.
  * NGDiff is our version for two losses that both should fall (losses.py).

Nothing random is drawn after initialisation, and batches are a function of (seed, step); loop.py resumes runs.
"""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from trainers import losses, loop
from trainers.captured import Captured
from trainers.card import later_card, model_card
from trainers.data import BatchOrder, Responses, read_split, split_files
from trainers.families import FAMILIES
from trainers.job import Job, JobError, Outcome, main
from trainers.model import SIZES, device
from trainers.model_files import require_whole
from trainers.schedule import Schedule
from trainers.start import Forward, earlier_start, new_start, start_files, takes_any_size
from trainers.step_metrics import require_finite, step_metrics
from trainers.validation import validation_files, validation_for

SPLIT = "train_sft"
PICTURES = "validation"  # the input with the pictures of a validation: transcripts are of training ones
METRICS_EVERY = 10
BETAS = (0.9, 0.95)
COSINE_FLOOR = 0.05
PRODUCTS = torch.bfloat16  # on a GPU, where weights and sums stay float32
FIRST_FAMILY = ("family", "qwen3-vl")
FREEZABLE = ("none", "vision", "text")
PICTURES_SHOWN = ("shown", "blank")
LEARNABLE = ("response", "caption")
OPTIONS = {"freeze": "none", "learn": "response", "validate": None, "pictures": "shown"}  # by name, the value that is off


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
    freeze: str
    learn: str
    pictures: str
    gradients: bool
    validate: dict[str, Any] | None
    seed: int

    def check(self) -> None:
        losses.check_loss(self.loss)
        if self.model.get("kind") != "micro" or self.model.get("size") not in SIZES or self.model.get("family") not in FAMILIES:
            known = f"one of the families {', '.join(FAMILIES)} and one of the sizes {', '.join(SIZES)}"
            raise JobError(f"There is no model {self.model}.", f"Use kind micro, {known}.")
        if self.freeze not in FREEZABLE:
            raise JobError(f"Nothing freezes `{self.freeze}`.", f"Use {' or '.join(FREEZABLE)}.")
        if self.learn not in LEARNABLE:
            raise JobError(f"Nothing learns a `{self.learn}`.", f"Use {' or '.join(LEARNABLE)}.")
        if self.learn == "caption" and (self.loss["kind"] != "token" or self.gradients):
            raise JobError("Captions alone have no loss or gradient to weigh theirs against.", "Use the loss token, without `gradients`.")
        if self.pictures not in PICTURES_SHOWN:
            raise JobError(f"Pictures can't be `{self.pictures}`.", f"Use {' or '.join(PICTURES_SHOWN)}.")
        self.pace.check()

    @property
    def pace(self) -> Schedule:
        return Schedule(self.schedule, self.learning_rate, self.warmup, self.steps, COSINE_FLOOR)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the result depends on. Later options are left out while off, so older trainings keep their identity."""
        given = {name: value for name, value in asdict(self).items() if name not in OPTIONS or value != OPTIONS[name]}
        return given | {"model": {name: value for name, value in self.model.items() if (name, value) != FIRST_FAMILY}}


class Trainer(loop.Trainer):
    """The model, its data and its optimiser."""

    report_every = METRICS_EVERY

    def __init__(self, params: Params, model: Forward, shown: torch.Tensor, responses: Responses):
        """`shown` has a row a transcript: what `model` is shown of its picture."""
        self.params = params
        self.model = model
        self.caption_lengths = torch.from_numpy(responses.caption_lengths)
        self.lengths = torch.from_numpy(responses.lengths)
        examples = shown, torch.from_numpy(responses.tokens), self.caption_lengths, self.lengths
        # A GPU holds the whole split: to copy a batch is to wait for the GPU, which other jobs may be using.
        self.examples = tuple(values.to(model.device) for values in examples)
        self.longest = responses.tokens.shape[1]
        self.longest_caption = int(responses.caption_lengths.max())
        self.order = BatchOrder(len(shown), params.batch * params.accumulate, params.seed)
        self.parts = {"grad_norm_vision": list(model.visual.parameters()), "grad_norm_text": list(model.text.parameters())}
        for weight in self.parts.pop(f"grad_norm_{params.freeze}", ()):
            weight.requires_grad = False
        self.parameters = [weight for weight in model.model.parameters() if weight.requires_grad]
        on_gpu = model.device.type == "cuda" and model.has_fixed_shapes
        # A tensor, since a captured step reads no Python number.
        self.rate = torch.zeros((), device=model.device) if on_gpu else 0.0
        self.mix = torch.zeros((), device=model.device), torch.zeros((), device=model.device)
        optimizer = torch.optim.AdamW(
            self.parameters, lr=self.rate, betas=BETAS, weight_decay=params.weight_decay, fused=True, capturable=on_gpu
        )
        super().__init__(model.model, optimizer)
        self.balance = losses.balance_for(params.loss, model.device)
        self.captured = Captured(self._whole_step, model.device) if on_gpu else None
        self.unread: list[tuple[int, int, int, torch.Tensor]] = []  # steps on a GPU: number, tokens of each span, measured numbers
        self.restart_clock()

    def step(self, step: int) -> None:
        """One optimiser step, numbered from 0."""
        rows = torch.from_numpy(self.order(step))
        tokens_p = int(self.caption_lengths[rows].sum())
        tokens_r = int(self.lengths[rows].sum()) - tokens_p
        self.tokens_since += tokens_p + tokens_r
        if self.captured is None:
            done, norm, norms = self._descend(step, rows, tokens_p, tokens_r)
            self._record(step + 1, tokens_p, tokens_r, done, norm, norms)
            return
        assert isinstance(self.rate, torch.Tensor)  # a captured step reads its rate from one
        self.rate.fill_(self.params.pace.rate(step))
        for kept, now in zip(self.mix, losses.mix_at(self.params.loss, step) or ()):
            kept.fill_(now)
        # The next step overwrites the numbers. Reading them waits for the GPU, so those of a report are read together.
        self.unread.append((step + 1, tokens_p, tokens_r, self.captured(rows).clone()))
        if (step + 1) % METRICS_EVERY == 0 or step + 1 == self.params.steps:
            self.settle()

    def settle(self) -> None:
        """Records the steps whose numbers are still on the GPU."""
        numbers = torch.stack([measured for *_, measured in self.unread]).tolist() if self.unread else []
        for (number, tokens_p, tokens_r, _), (loss_p, loss_r, weight, norm_p, norm_r, norm, *norms) in zip(self.unread, numbers):
            measured = (norm_p, norm_r) if self.params.gradients or self.params.loss["kind"] == "ngdiff" else (None, None)
            done = losses.StepLosses(loss_p, loss_r, weight, *measured)
            require_finite(number, done, norm)
            self._record(number, tokens_p, tokens_r, done, norm, norms)
        self.unread = []

    def _record(
        self, number: int, tokens_p: int, tokens_r: int, done: losses.StepLosses, norm: float, norms: list[float]
    ) -> None:
        self.record(step_metrics(number, done, tokens_p, tokens_r, norm) | dict(zip(self.parts, norms)))

    def _descend(
        self, step: int, rows: torch.Tensor, tokens_p: int, tokens_r: int
    ) -> tuple[losses.StepLosses, float, list[float]]:
        # A second backward pass costs a fifth of a step, so only the steps that are reported are measured.
        apart = self.params.gradients and (step + 1) % METRICS_EVERY == 0
        micro_batches = self._micro_batches(rows)
        done = losses.backward(
            self.params.loss,
            micro_batches,
            tokens_p,
            tokens_r,
            self.parameters,
            mix=losses.mix_at(self.params.loss, step),
            balance=self.balance,
            moments=self._moments,
            apart=apart,
        )
        norms = [float(norm) for norm in self._norms_of_parts()]
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters, self.params.grad_clip))
        require_finite(step + 1, done, norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.params.pace.rate(step)
        self.optimizer.step()
        return done, norm, norms

    def _moments(self) -> list[torch.Tensor]:
        """AdamW's second moments if the loss asks for them; none before the first step."""
        state = self.optimizer.state if self.params.loss.get("preconditioned") else {}
        return [state[weight]["exp_avg_sq"] for weight in self.parameters if weight in state]

    def _norms_of_parts(self) -> list[torch.Tensor]:
        gradients = ([weight.grad for weight in weights if weight.grad is not None] for weights in self.parts.values())
        return [torch.nn.utils.get_total_norm(some) for some in gradients]

    def _whole_step(self, rows: torch.Tensor) -> torch.Tensor:
        """The same step on a GPU, which never waits for a number: padded to the longest response and caption of the split."""
        *_, caption_lengths, lengths = self.examples
        tokens_p = caption_lengths[rows].sum()
        tokens_r = lengths[rows].sum() - tokens_p
        # In one piece unless the caption's gradient is wanted by itself: each piece runs all layers.
        is_whole = self.params.loss["kind"] != "ngdiff" and not self.params.gradients
        micro_batches = self._micro_batches(rows, self.longest, self.longest if is_whole else self.longest_caption)
        done = losses.backward(
            self.params.loss,
            micro_batches,
            tokens_p,
            tokens_r,
            self.parameters,
            read=lambda tensor: tensor,
            mix=self.mix if self.params.loss["kind"] == "schedule" else None,
            balance=self.balance,
            moments=self._moments,
            apart=self.params.gradients,
        )
        norms = self._norms_of_parts()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.params.grad_clip)
        self.optimizer.step()
        numbers = (done.perception, done.reasoning, done.weight, done.norm_p, done.norm_r, norm, *norms)
        return torch.stack([_on_device(number, norm) for number in numbers])

    def speed(self) -> dict[str, float]:
        rate = round(self.tokens_since / (time.monotonic() - self.measured_at))
        self.restart_clock()
        return {"tokens_per_second": rate}

    def restart_clock(self) -> None:
        self.tokens_since, self.measured_at = 0, time.monotonic()

    def _micro_batches(self, rows: torch.Tensor, longest: int | None = None, head: int | None = None) -> Iterator[losses.Spans]:
        """In parts of `batch` rows; by default each is as long as its longest response, and its head as its longest caption."""
        for part in rows.split(self.params.batch):
            shown, tokens, caption, length = (values[part] for values in self.examples)
            tokens = tokens[:, : longest or int(length.max())]
            place = torch.arange(tokens.shape[1], device=self.model.device)
            captions, ends = caption[:, None], length[:, None]
            with torch.autocast(self.model.device.type, PRODUCTS, enabled=self.captured is not None, cache_enabled=False):
                own_lengths = length if self.captured is None else None  # a CUDA graph has fixed shapes
                first, rest = self.model.logits(shown, tokens, head or int(caption.max()), own_lengths)
            yield losses.Spans(first, rest, tokens, place < captions, (place >= captions) & (place < ends))

    def state(self) -> dict[str, Any]:
        self.settle()
        return super().state() | ({} if self.balance is None else {"balance": self.balance.memory})

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        if self.balance is not None:
            self.balance.memory.copy_(state["balance"])
        for group in self.optimizer.param_groups:  # a checkpoint may come from a CPU or a GPU
            group |= {"lr": self.rate, "capturable": self.captured is not None}


def _on_device(number: losses.Number | None, beside: torch.Tensor) -> torch.Tensor:
    """The number as float32 on the device of `beside`; 0 if it was not measured."""
    if isinstance(number, torch.Tensor):
        return number.float()
    return torch.full_like(beside, number or 0.0, dtype=torch.float32)


def work(job: Job) -> Outcome:
    params = Params(**job.params)
    params.check()

    job.phase("data")
    directory = job.inputs.get("model")
    if directory is not None:
        require_whole(directory)
    split = read_split(job.inputs["data"], SPLIT, any_size=takes_any_size(directory))
    job.phase("model")
    is_blank = params.pictures == "blank"
    start = new_start(params.model, params.seed, split, is_blank) if directory is None else earlier_start(directory, split, is_blank)
    job.phase("device")
    start.model.to(device())
    responses = start.responses.captions if params.learn == "caption" else start.responses
    trainer = Trainer(params, start.forward(), start.shown, responses)

    settings = params.settings if directory is None else {name: value for name, value in params.settings.items() if name != "model"}
    files = [*split_files(job.inputs["data"], SPLIT), *validation_files(job, params.validate, PICTURES), *start_files(directory)]
    identity = loop.run_identity(settings, params.pace, files)
    with validation_for(job, params.validate, PICTURES, start.policy, responses.bound, params.learn == "caption") as validation:
        resumed_from = loop.train(job, trainer, params.steps, identity, validation)

    job.phase("output")
    card = model_card(settings, split, start.model) if directory is None else continued_card(directory, settings)
    start.save(job.output, card)
    loop.write_metrics(job, trainer)
    return Outcome(trainer.last | {"weights": sum(weight.numel() for weight in start.model.parameters())}, resumed_from)


def continued_card(start: Path, settings: dict[str, Any]) -> str:
    went_on = "It went on by supervised fine-tuning, `trainers/sft.py` of `pipe`, with"
    return later_card(start, "Further fine-tuning", went_on, settings, "`metrics.jsonl` has the losses of both spans along the way.")


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sys.exit(main(work))
