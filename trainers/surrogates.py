"""Surrogates of the perception reward that need no p*.

  teacher      agreement of its caption with the one that a captioner, another model or an endpoint, writes for the picture (greedily)
  consensus    agreement of its caption with the one that most of its group wrote (on a tie, the one written first)
  blind-solve  whether a solver that reads the caption, without the picture, gets the answer right. The solver is the policy as it
               then is, another model, or an endpoint; the caption is forced as the beginning of its greedy response, and an
               endpoint reads it below the question. A model of the Hub reads the question alone. A micro model has no prompt of
               text, so for it "without the picture" is a blank one, every pixel the mean of the training pictures (zero once
               normalised). The outcome is judged against the true instance, so this one needs the truth that outcome needs.

The scorer judges agreement with the other caption in the place of p*, so edges may come in any order, and there is an F1. An
unreadable caption agrees with nothing.
"""

from collections import Counter
from collections.abc import Callable

import numpy as np
import torch

from trainers.policy import Policy, longest_response
from trainers.sampling import Rollouts, caption_of, force, responses

TEACHER, CONSENSUS, BLIND_SOLVE = "teacher", "consensus", "blind-solve"
SURROGATES = (TEACHER, CONSENSUS, BLIND_SOLVE)
CAPTIONED_AT_ONCE = 512


def teacher_captions(captioner: Policy, pictures: int, max_tokens: int | None, between: Callable[[], None]) -> list[str | None]:
    """The caption that the captioner writes for each picture of the split; `max_tokens` bounds a model that has no bound of its own."""
    decoder = captioner.decoder(_longest(captioner, max_tokens), between)
    captions: list[str | None] = []
    for start in range(0, pictures, CAPTIONED_AT_ONCE):
        made = decoder(captioner.prompts(np.arange(start, min(start + CAPTIONED_AT_ONCE, pictures))))
        captions += [caption_of(text) for text in responses(captioner, made)]
    return captions


def majority_captions(rollouts: Rollouts) -> list[str | None]:
    """The most frequent caption of each group; None if most responses have none."""
    captions = [caption_of(text) for text in rollouts.texts]
    groups = [captions[start : start + rollouts.size] for start in range(0, len(captions), rollouts.size)]
    return [Counter(group).most_common(1)[0][0] for group in groups]


class BlindSolver:
    """Answers questions from captions alone."""

    def __init__(self, solver: Policy, max_tokens: int | None, between: Callable[[], None]):
        self.solver = solver
        self.decoder = solver.decoder(_longest(solver, max_tokens), between)

    def __call__(self, rollouts: Rollouts) -> list[str | None]:
        """The solver's response from each caption, which is forced as its beginning; None for a rollout without a caption."""
        prompts, which = self.solver.prompts_without_pictures(rollouts.rows)
        asked = list(zip(which.tolist(), map(caption_of, rollouts.texts)))
        # Greedy answers are deterministic, so each distinct question is asked once.
        different = list(dict.fromkeys(question for question in asked if question[1] is not None))
        if not different:
            return [None] * len(asked)
        numbers, captions = zip(*different)
        forced = force(self.solver, list(captions))
        made = self.decoder(prompts, torch.tensor(numbers), forced)
        answers = dict(zip(different, responses(self.solver, made, list(captions), forced)))
        return [answers.get(question) for question in asked]


def _longest(model: Policy, max_tokens: int | None) -> int:
    """The model's own bound on a response, or else the requested one: the policy's bound need not fit another model."""
    return model.longest or longest_response(model, max_tokens)


def spread(values: list[str | None], size: int) -> np.ndarray:
    """Repeats a value for each group (groups,) for each of its responses (N,)."""
    return np.array(values, dtype=object).repeat(size)
