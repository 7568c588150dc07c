"""Stand-ins for the perception reward that need no p*: what a response is asked about in place of it.

  teacher      agreement of its caption with the one that a captioner, another model, writes for the same picture (greedily)
  consensus    agreement of its caption with the one that most of its group wrote (on a tie, the one written first)
  blind-solve  whether a solver that reads the caption, without the picture, gets the answer right. The solver is the policy as it
               then is, or another model. A micro model has no prompt of text alone, so "without the picture" is a blank one, every
               pixel the mean of the training pictures (zero once normalised), with the caption forced as the beginning of a
               greedy response. The outcome is judged against the true instance, so this one needs the truth that outcome needs.

Agreement is the scorer's: the other caption takes the place of p*, so edges may come in any order, and there is an F1. A
caption that nobody can read agrees with nothing.
"""

from collections import Counter
from collections.abc import Callable

import numpy as np
import torch

from trainers.data import Split
from trainers.decode import Decoder
from trainers.policy import Policy
from trainers.sampling import Rollouts, caption_of, force, responses

TEACHER, CONSENSUS, BLIND_SOLVE = "teacher", "consensus", "blind-solve"
SURROGATES = (TEACHER, CONSENSUS, BLIND_SOLVE)
CAPTIONED_AT_ONCE = 512


def teacher_captions(captioner: Policy, split: Split, between: Callable[[], None]) -> list[str | None]:
    """What the captioner sees on every picture of the split."""
    decoder = Decoder(captioner.batched, captioner.longest, between)
    captions: list[str | None] = []
    for start in range(0, len(split), CAPTIONED_AT_ONCE):
        made = decoder(torch.from_numpy(split.images[start : start + CAPTIONED_AT_ONCE]))
        captions += [caption_of(text) for text in responses(captioner, made)]
    return captions


def majority_captions(rollouts: Rollouts) -> list[str | None]:
    """The caption that most responses of each group wrote; None where most wrote none."""
    captions = [caption_of(text) for text in rollouts.texts]
    groups = [captions[start : start + rollouts.size] for start in range(0, len(captions), rollouts.size)]
    return [Counter(group).most_common(1)[0][0] for group in groups]


class BlindSolver:
    """Answers from captions alone."""

    def __init__(self, solver: Policy, between: Callable[[], None]):
        self.solver = solver
        self.decoder = Decoder(solver.batched, solver.longest, between)
        side = solver.batched.side * solver.batched.patch
        mean = (solver.batched.mean * 255).round().to(torch.uint8).cpu()
        self.blank = mean.expand(1, side, side, 3).contiguous()

    def __call__(self, captions: list[str]) -> list[str]:
        """A response to each caption, which stands at its beginning."""
        if not captions:
            return []
        forced = force(self.solver, captions)
        one_picture = torch.zeros(len(captions), dtype=torch.long)
        made = self.decoder(self.blank, one_picture, forced)
        return responses(self.solver, made, captions, forced)


def blind_captions(rollouts: Rollouts) -> list[str]:
    """The different captions among the responses: with the same blank picture, equal captions get equal answers."""
    return list(dict.fromkeys(caption for text in rollouts.texts if (caption := caption_of(text)) is not None))


def spread(values: list[str | None], size: int) -> np.ndarray:
    """One value a group -> one a response."""
    return np.array(values, dtype=object).repeat(size)
