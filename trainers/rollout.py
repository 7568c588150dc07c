"""Groups of responses from a model, with every part of their rewards: `python -m trainers.rollout JOB_DIR`.

Writes `rollouts.jsonl`, a line a response as in a run of GRPO (recording.py), but without reward and advantage, which a weight α
would be needed for. Where `counterfactual` responses are asked for, p* is forced as their caption and their mode says so. A response
follows from (seed, batch, row, position), the batch being a number of whole groups, so `batch` is part of what is made.
"""

import json
import os
import sys
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from trainers.data import read_split
from trainers.job import Job, Outcome, main
from trainers.policy import load_policy, longest_response
from trainers.recording import rollout_lines
from trainers.rewards import VERDICT, judge_for
from trainers.sampling import Sampler
from trainers.scorer import Scorer

END_TO_END, COUNTERFACTUAL = "end-to-end", "counterfactual"


@dataclass(frozen=True)
class Params:
    """The parameters, every one given; `limit` and `max_tokens` may be None."""

    split: str
    limit: int | None
    group: int
    counterfactual: int
    surrogates: list[str]
    captioner: dict[str, Any] | None
    solver: dict[str, Any] | None
    temperature: float
    max_tokens: int | None
    batch: int
    seed: int


def work(job: Job) -> Outcome:
    params = Params(**job.params)
    split = read_split(job.inputs["data"], params.split, params.limit, any_size=True)
    policy = load_policy(job.inputs["model"], split, params.batch)
    longest = longest_response(policy, params.max_tokens)
    oracle = split.columns["perception"]
    made: dict[str, list[float]] = defaultdict(list)
    with Scorer(job.scorer) as scorer, open(job.output / "rollouts.jsonl", "w", encoding="utf-8") as file:
        for turn, (mode, size) in enumerate([(END_TO_END, params.group), (COUNTERFACTUAL, params.counterfactual)]):
            if size == 0:
                continue
            # Surrogates stand in for the perception of a caption of the model's own.
            surrogates = tuple(params.surrogates) if mode == END_TO_END else ()
            judge = judge_for(job, surrogates, scorer, split, policy)
            sampler = Sampler(policy, size, params.temperature, longest, job.exit_if_stopping)
            at_once = max(1, params.batch // size)
            for start in range(0, len(split), at_once):
                prompts = np.arange(start, min(start + at_once, len(split)))
                captions = None if mode == END_TO_END else [oracle[row] for row in prompts]
                rollouts = sampler(prompts, [params.seed, turn, start // at_once], captions)
                judge.hand(rollouts, mode)
                judged = judge.fetch()
                for line in rollout_lines(rollouts, judged, split, 0, turn * len(split) + start, mode):
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
                for name, values in judged.parts.items():
                    made[f"{mode} {name}"] += values.tolist()
                job.progress(turn * len(split) + start + len(prompts), len(split) * (1 + (params.counterfactual > 0)), "prompts")
    # Travels with every number made from these rollouts, so that no table forgets whose they are.
    (job.output / "model.json").write_text(json.dumps({"description": policy.description}) + "\n", encoding="utf-8")
    return Outcome({"responses": len(made[f"{END_TO_END} outcome"]), **summary(made)})


def summary(made: dict[str, list[float]]) -> dict[str, float]:
    """The mean of every part; counterfactual responses are about their outcome, a_r."""
    means = {name: float(np.mean(values)) for name, values in made.items() if values}
    parts = {name.removeprefix(f"{END_TO_END} "): value for name, value in means.items() if name.startswith(END_TO_END)}
    counterfactual = means.get(f"{COUNTERFACTUAL} {VERDICT[0]}")
    return parts if counterfactual is None else parts | {"counterfactual outcome": counterfactual}


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sys.exit(main(work))
