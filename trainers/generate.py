"""Responses of a model to a split of a dataset: `python -m trainers.generate JOB_DIR`.

Mode `end-to-end` gives the model the image. Mode `counterfactual` gives it the image and p* too: `<caption>` + p* +
`</caption>` is forced as the beginning of its response, which the model continues.

A response does not depend on the other rows of its batch: greedy decoding treats rows one by one, and sampling draws its numbers from
(seed, row, position). Only the last bit of a sum may differ, since matrix products of another shape add in another order; a greedy
choice changes only if two words tie to that bit.
"""

import json
import os
import sys
from dataclasses import dataclass

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
    job.phase("data")
    split = read_split(job.inputs["data"], params.split, params.limit, any_size=True)
    job.phase("model")
    policy = load_policy(job.inputs["model"], split, params.batch)
    captions = forced_captions(split) if params.mode == COUNTERFACTUAL else [""] * len(split)
    forced = policy.encode(captions)
    unknown = sum(policy.unknown in row for row in forced)
    if unknown:
        job.log("warn", f"{unknown} of {len(split)} captions hold words that the model was never taught.")
    longest = longest_response(policy, params.max_tokens)
    decoder = policy.decoder(longest, job.exit_if_stopping)

    job.phase("responses")
    finished = tokens_made = 0
    with open(job.output / "predictions.jsonl", "w", encoding="utf-8") as file:
        for start in range(0, len(split), params.batch):
            rows = range(start, min(start + params.batch, len(split)))
            table = torch.from_numpy(pad([[*forced[row], FREE] for row in rows], FREE))
            answers = decoder(policy.prompts(np.arange(rows.start, rows.stop)), None, table, sampling(params, rows, longest)).lists()
            for row, ids in zip(rows, answers):
                # The forced caption is repeated verbatim, including words outside the vocabulary.
                own = ids[len(forced[row]) :]
                response = captions[row] + policy.text(own)
                file.write(prediction_line(split, row, params.mode, response, len(ids)) + "\n")
                finished += bool(ids) and ids[-1] in policy.ends
                tokens_made += len(ids)
            job.progress(rows.stop, len(split), "responses")
    return Outcome({"model": policy.description, "responses": len(split), "finished": finished, "tokens": tokens_made})


def sampling(params: Params, rows: range, longest: int) -> Sampling | None:
    """The random numbers for these rows; None for greedy decoding."""
    if params.temperature == 0:
        return None
    draws = np.stack([stream("response", params.seed, row).random(longest, dtype=np.float32) for row in rows])
    return Sampling(params.temperature, torch.from_numpy(draws))


def forced_captions(split: Split) -> list[str]:
    """The forced tokens of p* as the beginning of the response."""
    return [f"{CAPTION_OPEN}{perception}{CAPTION_CLOSE}" for perception in split.columns["perception"]]


def prediction_line(split: Split, row: int, mode: str, response: str, tokens: int) -> str:
    return json.dumps({"id": split.columns["id"][row], "mode": mode, "response": response, "tokens": tokens}, ensure_ascii=False)


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sys.exit(main(work))
