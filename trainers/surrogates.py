"""Stand-ins for the perception reward that need no p*: what a response is asked about in place of it.

  teacher      agreement of its caption with the one that a captioner, another model or an endpoint, writes for the picture (greedily)
  consensus    agreement of its caption with the one that most of its group wrote (on a tie, the one written first)
  blind-solve  whether a solver that reads the caption, without the picture, gets the answer right. The solver is the policy as it
               then is, another model, or an endpoint; the caption is forced as the beginning of its greedy response, and an
               endpoint reads it below the question. A model of the Hub reads the question alone. A micro model has no prompt of
               text, so for it "without the picture" is a blank one, every pixel the mean of the training pictures (zero once
               normalised). The outcome is judged against the true instance, so this one needs the truth that outcome needs.

Agreement is the scorer's: the other caption takes the place of p*, so edges may come in any order, and there is an F1. A
caption that nobody can read agrees with nothing.
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
    """What the captioner sees on each of so many pictures; `max_tokens` is for one that knows no longest response of its own."""
    decoder = captioner.decoder(_longest(captioner, max_tokens), between)
    captions: list[str | None] = []
    for start in range(0, pictures, CAPTIONED_AT_ONCE):
        made = decoder(captioner.prompts(np.arange(start, min(start + CAPTIONED_AT_ONCE, pictures))))
        captions += [caption_of(text) for text in responses(captioner, made)]
    return captions


def majority_captions(rollouts: Rollouts) -> list[str | None]:
    """The caption that most responses of each group wrote; None where most wrote none."""
    captions = [caption_of(text) for text in rollouts.texts]
    groups = [captions[start : start + rollouts.size] for start in range(0, len(captions), rollouts.size)]
    return [Counter(group).most_common(1)[0][0] for group in groups]


class BlindSolver:
    """Answers from captions alone."""

    def __init__(self, solver: Policy, max_tokens: int | None, between: Callable[[], None]):
        self.solver = solver
        self.decoder = solver.decoder(_longest(solver, max_tokens), between)

    def __call__(self, rollouts: Rollouts) -> list[str | None]:
        """The response that each one's caption leads to, the caption standing at its beginning; None where it has none."""
        prompts, which = self.solver.prompts_without_pictures(rollouts.rows)
        asked = list(zip(which.tolist(), map(caption_of, rollouts.texts)))
        # A best answer is the same every time, so each different question is asked once.
        different = list(dict.fromkeys(question for question in asked if question[1] is not None))
        if not different:
            return [None] * len(asked)
        numbers, captions = zip(*different)
        forced = force(self.solver, list(captions))
        made = self.decoder(prompts, torch.tensor(numbers), forced)
        answers = dict(zip(different, responses(self.solver, made, list(captions), forced)))
        return [answers.get(question) for question in asked]


def _longest(model: Policy, max_tokens: int | None) -> int:
    """Its own bound where it has one: what the policy is held to says nothing about a model of another making."""
    return model.longest or longest_response(model, max_tokens)


def spread(values: list[str | None], size: int) -> np.ndarray:
    """One value a group -> one a response."""
    return np.array(values, dtype=object).repeat(size)
