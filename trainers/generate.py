"""Responses of a model to a split of a dataset: `python -m trainers.generate JOB_DIR`.

Mode `end-to-end` gives the model the image. Mode `counterfactual` gives it the image and p* too: `<caption>` + p* +
`</caption>` is forced as the beginning of its response, which the model continues. `both` is one after the other, with a model
that is loaded once.

A response does not depend on the other rows of its batch: greedy decoding treats rows one by one, and sampling draws its numbers from
(seed, row, position). Only rounding may differ, since matrix products of another shape add in another order; a greedy choice changes
only if two words tie up to that: to the last bit on a CPU, to that of TF32 and float16 on a GPU (decode.py).
"""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch

from trainers.data import Split, pad, read_split
from trainers.decode import FREE, Sampling
from trainers.job import Job, JobError, Outcome, main
from trainers.policy import load_policy, longest_response
from trainers.streams import stream
from trainers.tokenizer import CAPTION_CLOSE, CAPTION_OPEN

COUNTERFACTUAL = "counterfactual"
MODES = ("end-to-end", COUNTERFACTUAL)
BOTH = "both"


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
        if self.mode not in (*MODES, BOTH):
            raise JobError(f"There is no mode `{self.mode}`.", f"Use {', '.join(MODES)} or {BOTH}.")

    @property
    def modes(self) -> tuple[str, ...]:
        return MODES if self.mode == BOTH else (self.mode,)


@dataclass(frozen=True)
class ResponseRequest:
    """A response to write: a row of the split, and the beginning that is forced on it."""

    row: int
    mode: str
    caption: str


def requests_of(params: Params, split: Split) -> list[ResponseRequest]:
    """Mode after mode, each in the order of the split."""
    captions = {"end-to-end": [""] * len(split), COUNTERFACTUAL: forced_captions(split)}
    return [ResponseRequest(row, mode, captions[mode][row]) for mode in params.modes for row in range(len(split))]


def work(job: Job) -> Outcome:
    params = Params(**job.params)
    params.check()
    job.phase("data")
    split = read_split(job.inputs["data"], params.split, params.limit, any_size=True)
    job.phase("model")
    policy = load_policy(job.inputs["model"], split, params.batch)
    requests = requests_of(params, split)
    unknown = sum(policy.unknown in row for row in policy.encode([request.caption for request in requests]))
    if unknown:
        job.log("warn", f"{unknown} of {len(split)} captions hold words that the model was never taught.")
    longest = longest_response(policy, params.max_tokens)
    decoder = policy.decoder(longest, job.exit_if_stopping)

    job.phase("responses")
    finished = tokens_made = done = 0
    with open(job.output / "predictions.jsonl", "w", encoding="utf-8") as file:
        for batch in batches_of(requests, params.batch):
            rows = range(batch[0].row, batch[-1].row + 1)
            forced = policy.encode([request.caption for request in batch])
            table = torch.from_numpy(pad([[*tokens, FREE] for tokens in forced], FREE))
            answers = decoder(policy.prompts(np.arange(rows.start, rows.stop)), None, table, sampling(params, rows, longest)).lists()
            for request, tokens, ids in zip(batch, forced, answers):
                # The forced caption is repeated verbatim, including words outside the vocabulary.
                own = ids[len(tokens) :]
                is_finished = bool(ids) and ids[-1] in policy.ends
                file.write(prediction_line(split, request, policy.text(own), len(ids), is_finished))
                finished += is_finished
                tokens_made += len(ids)
            done += len(batch)
            job.progress(done, len(requests), "responses")
    return Outcome({"model": policy.description} | counts(len(requests), finished, tokens_made))


def batches_of(requests: list[ResponseRequest], most: int) -> Iterator[list[ResponseRequest]]:
    """Up to `most` of one mode each, so that a response is that of a job with its mode alone."""
    for _, of_mode in groupby(requests, key=lambda request: request.mode):
        rows = list(of_mode)
        yield from (rows[start : start + most] for start in range(0, len(rows), most))


def sampling(params: Params, rows: range, longest: int) -> Sampling | None:
    """The random numbers for these rows; None for greedy decoding."""
    if params.temperature == 0:
        return None
    draws = np.stack([stream("response", params.seed, row).random(longest, dtype=np.float32) for row in rows])
    return Sampling(params.temperature, torch.from_numpy(draws))


def forced_captions(split: Split) -> list[str]:
    """The forced tokens of p* as the beginning of the response."""
    return [f"{CAPTION_OPEN}{perception}{CAPTION_CLOSE}" for perception in split.columns["perception"]]


def prediction_line(split: Split, request: ResponseRequest, continuation: str, tokens: int, is_finished: bool) -> str:
    """A line of `predictions.jsonl`. `truncated` stands in it where no end token ends the response: `max_tokens` cut it off."""
    line = {"id": split.columns["id"][request.row], "mode": request.mode, "response": request.caption + continuation, "tokens": tokens}
    return json.dumps(line if is_finished else line | {"truncated": True}, ensure_ascii=False) + "\n"


def counts(responses: int, finished: int, tokens: int) -> dict[str, int]:
    """The counts of a summary, the same for each engine."""
    return {"responses": responses, "finished": finished, "truncated": responses - finished, "tokens": tokens}


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sys.exit(main(work))
