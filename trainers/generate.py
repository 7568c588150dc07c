"""Answers of a micro model for a split of a dataset: `python -m trainers.generate JOB_DIR`.

Mode `end-to-end` gives the model the image. Mode `counterfactual` gives it the image and p* too: `<caption>` + p* +
`</caption>` is forced as the beginning of its response, and it goes on from there. Decoding keeps the keys and values of
what was read, and drops rows that have ended.

Which rows share a batch does not matter to what is computed: greedy decoding looks at one row at a time, and sampling draws
its numbers from (seed, row, position). It may still matter to the last bit of a sum, since matrix products of another shape add
in another order; a greedy choice changes only where two words tie to that bit.
"""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from trainers.data import Split, pad, read_split
from trainers.forward import Batched, Pixels
from trainers.job import Job, JobError, Outcome, main
from trainers.model import image_side, load
from trainers.tokenizer import CAPTION_CLOSE, CAPTION_OPEN, encode

COUNTERFACTUAL = "counterfactual"
MODES = ("end-to-end", COUNTERFACTUAL)
MICRO = 100e6  # weights; the smallest published Qwen3-VL has twenty times as many
FREE = -1  # in a table of forced tokens: the model's own choice


@dataclass(frozen=True)
class Params:
    """The parameters of a generation, every one given; `limit` and `max_tokens` may be None."""

    mode: str
    split: str
    limit: int | None
    max_tokens: int | None
    batch: int
    temperature: float
    seed: int

    def check(self) -> None:
        if self.mode not in MODES:
            raise JobError(f"There is no mode `{self.mode}`.", f"Use {' or '.join(MODES)}.")


def work(job: Job) -> Outcome:
    params = Params(**job.params)
    params.check()
    split = read_split(job.inputs["data"], params.split, params.limit)
    model, processor = load(job.inputs["model"])
    tokenizer = processor.tokenizer
    height, width = split.images.shape[1:3]
    side = image_side(model)
    if (height, width) != (side, side):
        raise JobError(
            f"Images are {width}x{height}; the model was trained on {side}x{side}.",
            "Render the test images at the size of the training images.",
        )
    batched = Batched(model, side, Pixels(processor.image_processor.image_mean, processor.image_processor.image_std))
    captions = forced_captions(split) if params.mode == COUNTERFACTUAL else [""] * len(split)
    forced = encode(tokenizer, captions)
    unknown = sum(tokenizer.unk_token_id in row for row in forced)
    if unknown:
        job.log("warn", f"{unknown} of {len(split)} captions hold words that the model was never taught.")
    longest = params.max_tokens or model.generation_config.max_new_tokens

    finished = tokens_made = 0
    with open(job.output / "predictions.jsonl", "w", encoding="utf-8") as file:
        for start in range(0, len(split), params.batch):
            rows = range(start, min(start + params.batch, len(split)))
            answers = decode_batch(job, batched, split.images[rows.start : rows.stop], forced, rows, longest, params)
            for row, ids in zip(rows, answers):
                # The forced caption is repeated as it was given, also where it holds a word the tokenizer does not know.
                own = ids[len(forced[row]) :]
                response = captions[row] + tokenizer.decode(own, skip_special_tokens=True)
                file.write(prediction_line(split, row, params.mode, response, len(ids)) + "\n")
                finished += bool(ids) and ids[-1] == tokenizer.eos_token_id
                tokens_made += len(ids)
            job.progress(rows.stop, len(split), "responses")
    # Travels with every number made from these predictions, so that no table forgets whose they are.
    (job.output / "model.json").write_text(json.dumps({"description": describe(model)}) + "\n", encoding="utf-8")
    return Outcome({"responses": len(split), "finished": finished, "tokens": tokens_made})


def describe(model: PreTrainedModel) -> str:
    """The model in words; the weights are counted, and below this size it is called a micro model."""
    weights = sum(weight.numel() for weight in model.parameters())
    kind = "MICRO Qwen3-VL trained from scratch" if weights < MICRO else "Qwen3-VL"
    return f"{kind}, {weights / 1e6:.2f} M weights"


def forced_captions(split: Split) -> list[str]:
    """Oracle perception as the beginning of the response."""
    return [f"{CAPTION_OPEN}{perception}{CAPTION_CLOSE}" for perception in split.columns["perception"]]


def prediction_line(split: Split, row: int, mode: str, response: str, tokens: int) -> str:
    about = {name: split.columns[name][row] for name in ("id", "task", "ground_truth", "perception")}
    return json.dumps({**about, "mode": mode, "response": response, "tokens": tokens}, ensure_ascii=False)


def decode_batch(
    job: Job, model: Batched, images: np.ndarray, forced: list[list[int]], rows: range, longest: int, params: Params
) -> list[list[int]]:
    """Token ids of the responses to `images` (B, height, width, channels), end token included where one was reached."""
    table = torch.from_numpy(pad([[*forced[row], FREE] for row in rows], FREE))
    choose = chooser(params, rows, longest)
    responses: list[list[int]] = [[] for _ in rows]
    end = model.model.generation_config.eos_token_id
    for alive, tokens in decode(model, torch.from_numpy(images), table, longest, end, choose):
        for row, token in zip(alive.tolist(), tokens.tolist()):
            responses[row].append(token)
        job.exit_if_stopping()
    return responses


def chooser(params: Params, rows: range, longest: int):
    """How the next token is taken from logits (n, V) of the rows `alive` (n,) at a position: the best, or a sample."""
    if params.temperature == 0:
        return lambda logits, alive, position: logits.argmax(-1)
    draws = np.stack([np.random.default_rng([params.seed, row]).random(longest, dtype=np.float32) for row in rows])
    table = torch.from_numpy(draws)

    def sample(logits: Tensor, alive: Tensor, position: int) -> Tensor:
        cumulative = (logits.float() / params.temperature).softmax(-1).cumsum(-1)
        draw = table[alive.cpu(), position, None].to(logits.device) * cumulative[:, -1:]
        return torch.searchsorted(cumulative, draw, right=True)[:, 0].clamp(max=logits.shape[-1] - 1)

    return sample


@torch.inference_mode()
def decode(model: Batched, images: Tensor, forced: Tensor, longest: int, end: int, choose) -> Iterator[tuple[Tensor, Tensor]]:
    """Decode a batch, one position at a time: yields the rows still alive (n,) and their new tokens (n,).

    `forced` (B, F) holds tokens that are not chosen but given, and FREE where the model chooses.
    """
    alive = torch.arange(len(images))
    forced = forced.to(model.device)
    memory = Memory(model, len(images), longest)
    prompt, deepstack = model.prompt(images)
    last = model.read(prompt, 0, memory.write_from(0), deepstack)[:, -1]
    for position in range(longest):
        tokens = choose(model.model.lm_head(last), alive, position)
        if position < forced.shape[1]:
            given = forced[:, position]
            tokens = torch.where(given == FREE, tokens, given)
        yield alive, tokens
        going = (tokens != end).cpu()
        if not going.any():
            return
        # Taking rows out costs a copy of the memory, so wait until a good part of them has ended.
        alive, tokens = alive[going], tokens[going.to(tokens.device)]
        forced = forced[going.to(forced.device)]
        memory.keep(going)
        start = model.prompt_length + position
        last = model.read(model.text.embed_tokens(tokens[:, None]), start, memory.write_from(start), [])[:, -1]


class Memory:
    """Keys and values of what a batch has read, in room for all it may read, so that a step writes and never copies."""

    def __init__(self, model: Batched, batch: int, longest: int):
        config = model.model.config.text_config
        shape = (batch, config.num_key_value_heads, model.prompt_length + longest, config.head_dim)
        layers = range(config.num_hidden_layers)
        self.stores = [(torch.empty(shape, device=model.device), torch.empty(shape, device=model.device)) for _ in layers]

    def write_from(self, start: int):
        """A `remember` for `Batched.read`: puts what is new at `start` and gives back all up to there."""

        def remember(layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
            stop = start + key.shape[2]
            for store, new in zip(self.stores[layer], (key, value)):
                store[:, :, start:stop] = new
            return self.stores[layer][0][:, :, :stop], self.stores[layer][1][:, :, :stop]

        return remember

    def keep(self, going: Tensor) -> None:
        """Forget the rows that have ended."""
        if not going.all():
            self.stores = [tuple(store[going.to(store.device)] for store in stores) for stores in self.stores]


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sys.exit(main(work))
