"""Groups of responses to the same pictures, sampled from a policy."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from trainers.data import pad
from trainers.decode import FREE, Decoded, Sampling
from trainers.policy import Policy
from trainers.tokenizer import CAPTION_CLOSE, CAPTION_OPEN


@dataclass(frozen=True)
class Rollouts:
    """Responses group by group: N = groups x the size of a group, all of a group side by side.

    `prompts` (groups,) are rows of the split; `tokens` (N, T) and `lengths` (N,) are as decoded, the first
    `given` (N,) of them forced; `texts` are without special tokens.
    """

    prompts: np.ndarray
    size: int
    tokens: Tensor
    lengths: Tensor
    given: Tensor
    finished: np.ndarray
    texts: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def rows(self) -> np.ndarray:
        """The row of the split that each response is about (N,)."""
        return self.prompts.repeat(self.size)

    @property
    def group(self) -> Tensor:
        """The group, 0, 1, …, that each response belongs to (N,)."""
        return torch.arange(len(self.prompts)).repeat_interleave(self.size)

    def only(self, groups: np.ndarray) -> "Rollouts":
        """These groups, by number."""
        kept = (groups[:, None] * self.size + np.arange(self.size)).ravel()
        texts = [self.texts[index] for index in kept]
        return Rollouts(self.prompts[groups], self.size, self.tokens[kept], self.lengths[kept], self.given[kept], self.finished[kept], texts)


def joined(parts: list[Rollouts]) -> Rollouts:
    """One after the other."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    return Rollouts(
        np.concatenate([part.prompts for part in parts]),
        first.size,
        stacked([part.tokens for part in parts]),
        torch.cat([part.lengths for part in parts]),
        torch.cat([part.given for part in parts]),
        np.concatenate([part.finished for part in parts]),
        [text for part in parts for text in part.texts],
    )


def stacked(parts: list[Tensor]) -> Tensor:
    """(n, T) tables of different widths, one below the other."""
    widest = max(part.shape[1] for part in parts)
    return torch.cat([functional.pad(part, (0, widest - part.shape[1])) for part in parts])


class Sampler:
    """Samples groups of `size` responses at a temperature. The numbers that decide come from the key that a call is given."""

    def __init__(
        self, policy: Policy, size: int, temperature: float, longest: int, between: Callable[[], None] = lambda: None
    ):
        self.policy, self.size, self.temperature, self.longest = policy, size, temperature, longest
        self.decoder = policy.decoder(longest, between)

    def __call__(self, prompts: np.ndarray, key: list[int], captions: list[str] | None = None) -> Rollouts:
        """Groups for these rows of the split; `captions`, one a prompt, are forced as the beginnings of the responses."""
        rows = len(prompts) * self.size
        draws = np.random.default_rng(key).random((rows, self.longest), dtype=np.float32)
        group = torch.arange(len(prompts)).repeat_interleave(self.size)
        given = None if captions is None else [caption for caption in captions for _ in range(self.size)]
        forced = None if given is None else force(self.policy, given)
        made = self.decoder(self.policy.prompts(prompts), group, forced, Sampling(self.temperature, torch.from_numpy(draws)))
        tokens = made.tokens[:, : int(made.lengths.max())]
        finished = torch.isin(tokens.gather(1, made.lengths[:, None] - 1)[:, 0], torch.tensor(self.policy.ends))
        texts = responses(self.policy, made, given, forced)
        length = torch.zeros_like(made.lengths) if forced is None else (forced != FREE).sum(1).minimum(made.lengths)
        return Rollouts(prompts, self.size, tokens, made.lengths, length, finished.numpy(), texts)


def responses(policy: Policy, made: Decoded, captions: list[str] | None = None, forced: Tensor | None = None) -> list[str]:
    """The text of each response. A forced caption stands as it was given, also where it has words that the policy does not know."""
    if captions is None or forced is None:
        return [policy.text(ids) for ids in made.lists()]
    given = (forced != FREE).sum(1).tolist()
    own = [policy.text(ids[length:]) for ids, length in zip(made.lists(), given)]
    return [f"{CAPTION_OPEN}{caption}{CAPTION_CLOSE}{text}" for caption, text in zip(captions, own)]


def force(policy: Policy, captions: list[str]) -> Tensor:
    """A table of forced tokens for these captions, tags added."""
    written = [f"{CAPTION_OPEN}{caption}{CAPTION_CLOSE}" for caption in captions]
    return torch.from_numpy(pad([[*ids, FREE] for ids in policy.encode(written)], FREE))


def caption_of(text: str) -> str | None:
    """The caption in a response, as the scorer finds it (`tasks/transcript.ts`): the first, closed by its tag."""
    opened = text.find(CAPTION_OPEN)
    closed = -1 if opened < 0 else text.find(CAPTION_CLOSE, opened)
    if closed < 0:
        return None
    return text[text.rindex(CAPTION_OPEN, 0, closed) + len(CAPTION_OPEN) : closed]
