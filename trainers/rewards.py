"""The reward parts of a batch of rollouts, judged by `pipe score`.

The parts, each an array with a number for every response: `outcome`, `perception`, `perception_f1` and `consistent`, as the scorer
names them; for the requested surrogates `teacher`, `vote`, `consensus`, the same with `_f1`, `blind_solve` and `likelihood` (surrogates.py).
R = α·p + (1-α)·outcome, with one of them as p (arXiv 2605.29496).
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trainers.data import Split
from trainers.endpoint_surrogates import EndpointSolver, transcribed
from trainers.job import Job, JobError
from trainers.policy import Policy, load_policy
from trainers.sampling import Rollouts
from trainers.scorer import Scorer, oracle_parts
from trainers.surrogates import (
    BLIND_SOLVE,
    CONSENSUS,
    DIGITS,
    LIKELIHOOD,
    SURROGATES,
    TEACHER,
    VOTE,
    BlindSolver,
    caption_likelihoods,
    majority_captions,
    spread,
    teacher_captions,
)


@dataclass(frozen=True)
class Judged:
    """The parts (N,) by name, and for each response the reason of its failure or None."""

    parts: dict[str, np.ndarray]
    reasons: list[str | None]


def agreement_parts(surrogate: str, verdict: dict[str, Any]) -> dict[str, float]:
    """The parts of one response for a surrogate that writes captions, from the verdict against its caption; 0 without one."""
    return {surrogate: float(verdict.get("perception", 0)), f"{surrogate}_f1": float(verdict.get("perception_f1", 0))}


def reward_name(perception: str | dict[str, str]) -> str:
    """The part that the parameter `perception` makes p: `oracle`, `oracle-f1` or `{"surrogate": …, "as": …}`."""
    if isinstance(perception, str):
        return {"oracle": "perception", "oracle-f1": "perception_f1"}[perception]
    name = perception["surrogate"].replace("-", "_")
    return f"{name}_f1" if perception.get("as") == "f1" else name


class Judge:
    """Judges batches. Handing a batch over and fetching its verdicts are two calls, so that the scorer works in between."""

    def __init__(
        self,
        scorer: Scorer,
        split: Split,
        captions: list[str | None] | None = None,
        votes: list[list[str | None]] | None = None,
        solver: BlindSolver | EndpointSolver | None = None,
        likelihood: Callable[[Rollouts], np.ndarray] | None = None,
        consensus: bool = False,
    ):
        """`captions` are the teacher's, a caption for each row of the split; `votes` such a list for each captioner."""
        self.scorer, self.split, self.solver, self.likelihood, self.consensus = scorer, split, solver, likelihood, consensus
        self.written = {} if captions is None else {TEACHER: captions}
        self.voters = [f"{VOTE} {number}" for number in range(len(votes or []))]
        self.written |= dict(zip(self.voters, votes or []))
        self._early: _Questions | None = None
        self._pending: list[_Questions] = []

    def ask_early(self, rows: list[int], responses: list[str]) -> None:
        """Asks the scorer about responses to these rows of the split, end to end, before the whole batch is handed over."""
        if self._early is None:
            self._early = _Questions(self.split, "end-to-end")
        self._early.places_of(rows, responses, self._oracle(rows))
        self._early.send(self.scorer)

    def hand(self, rollouts: Rollouts, mode: str = "end-to-end") -> None:
        questions, self._early = self._early or _Questions(self.split, mode), None
        rows = rollouts.rows.tolist()

        def ask(name: str, responses: Iterable[str | None], perceptions: Iterable[str | None]) -> None:
            questions.lines[name] = questions.places_of(rows, responses, perceptions)

        ask("oracle", rollouts.texts, self._oracle(rows))
        for name, captions in self.written.items():
            ask(name, rollouts.texts, [captions[row] for row in rows])
        if self.consensus:
            ask(CONSENSUS, rollouts.texts, spread(majority_captions(rollouts), rollouts.size))
        if self.solver is not None:
            ask(BLIND_SOLVE, self.solver(rollouts), self._oracle(rows))
        questions.send(self.scorer)
        if self.likelihood is not None:
            questions.likelihoods = self.likelihood(rollouts)
        self._pending.append(questions)

    def fetch(self) -> Judged:
        """The verdicts on the oldest batch handed over."""
        questions = self._pending.pop(0)
        answers = [answer for _ in range(questions.batches) for answer in self.scorer.answers()]
        oracle = questions.verdicts("oracle", answers)
        parts = _columns([oracle_parts(verdict) for verdict in oracle])
        for name in (TEACHER, CONSENSUS):
            if name in questions.lines:
                parts |= self._agreements(name, questions.verdicts(name, answers))
        if self.voters:
            agreements = [self._agreements(VOTE, questions.verdicts(name, answers)) for name in self.voters]
            parts |= {part: np.mean([one[part] for one in agreements], axis=0).round(DIGITS) for part in agreements[0]}
        if BLIND_SOLVE in questions.lines:
            solved = questions.verdicts(BLIND_SOLVE, answers)
            parts["blind_solve"] = np.array([float(verdict.get("outcome", 0)) for verdict in solved])
        if questions.likelihoods is not None:
            parts["likelihood"] = questions.likelihoods
        return Judged(parts, [verdict["reason"] for verdict in oracle])

    @staticmethod
    def _agreements(surrogate: str, verdicts: list[dict[str, Any]]) -> dict[str, np.ndarray]:
        return _columns([agreement_parts(surrogate, verdict) for verdict in verdicts])

    def _oracle(self, rows: list[int]) -> list[str]:
        return [self.split.columns["perception"][row] for row in rows]


def _columns(rows: list[dict[str, float]]) -> dict[str, np.ndarray]:
    """Rows of the same names, as an array for each name."""
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def judge_for(job: Job, surrogates: tuple[str, ...], scorer: Scorer, split: Split, policy: Policy | None) -> Judge:
    """The judge with what its surrogates need: a teacher, `captioner`; those who vote, `captioners`; and a solver, `solver` or else the
    policy. A teacher or solver is a model, an input, or an endpoint, a param; those who vote are a fan-in of models.
    `policy` is None for verl, whose stage refuses surrogates that ask the policy."""
    unknown = [name for name in surrogates if name not in SURROGATES]
    if unknown:
        raise JobError(f"There is no surrogate `{unknown[0]}`.", f"Use {', '.join(SURROGATES)}.")

    def another(directory: Path) -> Policy:
        return load_policy(directory, split, job.params["batch"])

    def captions_of(directory: Path) -> list[str | None]:
        return teacher_captions(another(directory), len(split), job.params["max_tokens"], job.exit_if_stopping)

    captions = votes = likelihood = None
    solver: BlindSolver | EndpointSolver | None = None
    if TEACHER in surrogates:
        if job.params["captioner"] is not None:
            captions = transcribed(job)
        elif "captioner" in job.inputs:
            captions = captions_of(job.inputs["captioner"])
        else:
            raise JobError("The surrogate `teacher` has nobody to ask.", "Give the stage a model or an endpoint as its `captioner`.")
    if VOTE in surrogates:
        if not job.fan_ins.get("captioners"):
            raise JobError("The surrogate `vote` has nobody to ask.", "Give the stage models as its `captioners`.")
        votes = [captions_of(directory) for directory in job.fan_ins["captioners"]]
    if BLIND_SOLVE in surrogates and job.params["solver"] is not None:
        solver = EndpointSolver(job)
    elif BLIND_SOLVE in surrogates:
        model = another(job.inputs["solver"]) if "solver" in job.inputs else policy
        assert model is not None
        solver = BlindSolver(model, job.params["max_tokens"], job.exit_if_stopping)
    if LIKELIHOOD in surrogates:
        assert policy is not None
        likelihood = functools.partial(caption_likelihoods, policy, at_once=job.params["batch"])
    return Judge(scorer, split, captions, votes, solver, likelihood, CONSENSUS in surrogates)


NOTHING: dict[str, Any] = {}  # the verdict where there is nothing to judge


@dataclass
class _Questions:
    """The scorer's lines for one batch of responses, duplicates left out: the responses of a group repeat one another."""

    split: Split
    mode: str
    unsent: list[dict[str, Any]] = field(default_factory=list)
    batches: int = 0  # how often lines were sent
    places: dict[tuple, int] = field(default_factory=dict)
    lines: dict[str, list[int | None]] = field(default_factory=dict)  # by p* or surrogate, the number of each response's line
    likelihoods: np.ndarray | None = None

    def places_of(self, rows: list[int], responses: Iterable[str | None], perceptions: Iterable[str | None]) -> list[int | None]:
        """The number of the line that asks about each response, by its row of the split and what stands for its p*."""
        return [self._place_of(*each) for each in zip(rows, responses, perceptions)]

    def _place_of(self, row: int, response: str | None, perception: str | None) -> int | None:
        if response is None or perception is None:
            return None
        question = (row, response, perception)
        if question not in self.places:
            self.places[question] = len(self.places)
            about = {name: self.split.columns[name][row] for name in ("task", "ground_truth")}
            self.unsent.append({**about, "perception": perception, "response": response, "mode": self.mode})
        return self.places[question]

    def send(self, scorer: Scorer) -> None:
        scorer.ask(self.unsent)
        self.unsent = []
        self.batches += 1

    def verdicts(self, name: str, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [NOTHING if place is None else answers[place] for place in self.lines[name]]
