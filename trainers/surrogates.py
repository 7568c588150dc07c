"""Surrogates of the perception reward that need no p*.

  teacher      agreement of its caption with the one that a captioner, another model or an endpoint, writes for the picture (greedily)
  vote         the mean of its agreements with the captions that several captioners write (greedily): the share of their votes
  likelihood   π(caption | picture) = Π_t π(c_t | picture, c_<t) over the tokens c_t up to the end of the caption: the probability that the
               policy as it then is, at temperature 1, gives to all of it, in six digits; 0 without a caption. If the policy is calibrated,
               this is the probability that the caption is p*. Our choice: arXiv 2605.29496 gives no formula. It favours short captions
  consensus    agreement of its caption with its group's most frequent (on a tie, the one written first); responses without a caption
               are counted like one, and where they are the most frequent, nothing agrees
  blind-solve  whether a solver that reads the caption, without the picture, gets the answer right. The solver is the policy as it
               then is, another model, or an endpoint; the caption is forced as the beginning of its greedy response, and an
               endpoint reads it below the question. A model of the Hub reads the question alone. A micro model has no prompt of
               text, so for it "without the picture" is a blank one, every pixel the mean of the training pictures (zero once
               normalised). The outcome is judged against the true instance, so this one needs the truth that outcome needs.

The scorer judges agreement with the other caption in the place of p*, so edges may come in any order, and there is an F1, which counts for
a vote likewise. An unreadable caption agrees with nothing.
"""

from collections import Counter
from collections.abc import Callable

import numpy as np
import torch

from trainers.data import pad
from trainers.policy import Policy, longest_response
from trainers.sampling import Rollouts, caption_lengths, caption_of, force, responses

TEACHER, VOTE, CONSENSUS, BLIND_SOLVE, LIKELIHOOD = "teacher", "vote", "consensus", "blind-solve", "likelihood"
SURROGATES = (TEACHER, VOTE, CONSENSUS, BLIND_SOLVE, LIKELIHOOD)
CAPTIONED_AT_ONCE = 512
DIGITS = 6  # of a vote and a likelihood: rollouts keep as many, so that their rewards give the very advantages


def teacher_captions(captioner: Policy, pictures: int, max_tokens: int | None, between: Callable[[], None]) -> list[str | None]:
    """The caption that the captioner writes for each picture of the split; `max_tokens` bounds a model that has no bound of its own."""
    decoder = captioner.decoder(_longest(captioner, max_tokens), between)
    captions: list[str | None] = []
    for start in range(0, pictures, CAPTIONED_AT_ONCE):
        made = decoder(captioner.prompts(np.arange(start, min(start + CAPTIONED_AT_ONCE, pictures))))
        captions += [caption_of(text) for text in responses(captioner, made)]
    return captions


def majority_captions(rollouts: Rollouts) -> list[str | None]:
    """The most frequent caption of each group; None if more responses are without one than have any single caption."""
    captions = [caption_of(text) for text in rollouts.texts]
    groups = [captions[start : start + rollouts.size] for start in range(0, len(captions), rollouts.size)]
    return [Counter(group).most_common(1)[0][0] for group in groups]


@torch.no_grad()
def caption_likelihoods(policy: Policy, rollouts: Rollouts, at_once: int) -> np.ndarray:
    """The probability that the policy gives to each response's caption (N,); `at_once` captions are in memory together."""
    lengths = caption_lengths(policy, rollouts).tolist()
    questions = [(group, tuple(ids[:length])) for group, ids, length in zip(rollouts.group.tolist(), rollouts.tokens.tolist(), lengths)]
    # Once for each caption of a group: rounding by place in a batch would make equal captions differ, and GRPO compare the difference.
    different = [question for question in dict.fromkeys(questions) if question[1]]
    known: dict[tuple[int, tuple[int, ...]], float] = {}
    for start in range(0, len(different), at_once):
        part = different[start : start + at_once]
        groups, place = np.unique([group for group, _ in part], return_inverse=True)
        tokens = torch.from_numpy(pad([list(ids) for _, ids in part], 0)).to(policy.device)
        counts = torch.tensor([[len(ids)] for _, ids in part], device=policy.device)
        said = policy.logits(rollouts.prompts[groups], torch.from_numpy(place).to(policy.device), tokens).float().log_softmax(-1)
        logs = said.gather(-1, tokens[..., None])[..., 0]
        within = torch.arange(tokens.shape[1], device=policy.device) < counts
        known |= zip(part, (logs * within).sum(1).exp().tolist())
    return np.array([known.get(question, 0.0) for question in questions]).round(DIGITS)


class BlindSolver:
    """Answers questions from captions alone."""

    def __init__(self, solver: Policy, max_tokens: int | None, between: Callable[[], None]):
        self.solver = solver
        self.decoder = solver.decoder(_longest(solver, max_tokens), between)

    def __call__(self, rollouts: Rollouts) -> list[str | None]:
        """The solver's response from each caption, which is forced as its beginning; None for a rollout without a caption."""
        prompts, which = self.solver.prompts_without_pictures(rollouts.rows)
        questions = list(zip(which.tolist(), map(caption_of, rollouts.texts)))
        # Greedy answers are deterministic, so each distinct question needs one answer.
        different = list(dict.fromkeys(question for question in questions if question[1] is not None))
        if not different:
            return [None] * len(questions)
        numbers, captions = zip(*different)
        forced = force(self.solver, list(captions))
        made = self.decoder(prompts, torch.tensor(numbers), forced)
        answers = dict(zip(different, responses(self.solver, made, list(captions), forced)))
        return [answers.get(question) for question in questions]


def _longest(model: Policy, max_tokens: int | None) -> int:
    """The model's own bound on a response, or else the requested one: the policy's bound need not fit another model."""
    return model.longest or longest_response(model, max_tokens)


def spread(values: list[str | None], size: int) -> np.ndarray:
    """Repeats a value for each group (groups,) for each of its responses (N,)."""
    return np.array(values, dtype=object).repeat(size)
