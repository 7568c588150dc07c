"""Groups of responses from a model, with every part of their rewards: `python -m trainers.rollout JOB_DIR`.

Writes `rollouts.jsonl`, a line a response as in a run of GRPO (recording.py), but without total reward and advantage, which
need a weight α. With `counterfactual`, further responses have p* forced as their caption; their mode says so. A response is a function
of (seed, batch, row, position), and a batch holds whole groups, so `batch` changes the output.
"""

import json
import os
import sys
from collections import defaultdict
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import torch

from trainers.data import read_split
from trainers.job import Job, Outcome, main
from trainers.policy import load_policy, longest_response
from trainers.recording import rollout_lines
from trainers.rewards import judge_for
from trainers.sampling import Sampler
from trainers.scorer import VERDICT, Scorer
from trainers.streams import stream

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
    job.phase("data")
    split = read_split(job.inputs["data"], params.split, params.limit, any_size=True)
    job.phase("model")
    policy = load_policy(job.inputs["model"], split, params.batch)
    longest = longest_response(policy, params.max_tokens)
    oracle = split.columns["perception"]
    made: dict[str, list[float]] = defaultdict(list)
    job.phase("responses")
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
                rollouts = sampler(prompts, stream("rollout", params.seed, turn, start // at_once), captions)
                judge.hand(rollouts, mode)
                judged = judge.fetch()
                for line in rollout_lines(rollouts, judged, split, 0, turn * len(split) + start, mode):
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
                for name, values in judged.parts.items():
                    made[f"{mode} {name}"] += values.tolist()
                job.progress(turn * len(split) + start + len(prompts), len(split) * (1 + (params.counterfactual > 0)), "prompts")
    outcomes = made[f"{END_TO_END} outcome"]
    return Outcome({"model": policy.description, "responses": len(outcomes), **summary(made), **pass_at(outcomes, params.group)})


def summary(made: dict[str, list[float]]) -> dict[str, float]:
    """The mean of every part; of counterfactual responses only that of the outcome, a_r."""
    means = {name: float(np.mean(values)) for name, values in made.items() if values}
    parts = {name.removeprefix(f"{END_TO_END} "): value for name, value in means.items() if name.startswith(END_TO_END)}
    counterfactual = means.get(f"{COUNTERFACTUAL} {VERDICT[0]}")
    return parts if counterfactual is None else parts | {"counterfactual outcome": counterfactual}


def pass_at(outcomes: list[float], group: int) -> dict[str, float]:
    """pass@k for k = 2, 4, … up to the group's size: the probability that one of k responses to a prompt is right, estimated without bias
    from n of which c are: 1 - C(n-c, k) / C(n, k) (Chen et al., arXiv 2107.03374), averaged over prompts."""
    right = np.asarray(outcomes).reshape(-1, group).sum(1).astype(int).tolist()
    sizes = [2**power for power in range(1, group.bit_length()) if 2**power <= group]
    return {f"pass@{k}": float(np.mean([1 - comb(group - count, k) / comb(group, k) for count in right])) for k in sizes}


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sys.exit(main(work))
