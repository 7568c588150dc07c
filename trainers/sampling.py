"""Groups of responses to the same pictures, sampled from a policy."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from trainers.data import pad
from trainers.decode import FREE, Decoded, Sampling, ignore_ended
from trainers.policy import Policy
from trainers.tokenizer import CAPTION_CLOSE, CAPTION_OPEN


@dataclass(frozen=True)
class Rollouts:
    """Responses, N = groups x group size, ordered by group.

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
        """The row of the split of each response (N,)."""
        return self.prompts.repeat(self.size)

    @property
    def group(self) -> Tensor:
        """The group of each response, from 0 (N,)."""
        return torch.arange(len(self.prompts)).repeat_interleave(self.size)

    def only(self, groups: np.ndarray) -> "Rollouts":
        """The rollouts of these groups, given by number."""
        kept = rows_of(groups, self.size)
        texts = [self.texts[index] for index in kept]
        return Rollouts(self.prompts[groups], self.size, self.tokens[kept], self.lengths[kept], self.given[kept], self.finished[kept], texts)


def rows_of(groups: np.ndarray, size: int) -> np.ndarray:
    """The rows of these groups, given by number."""
    return (groups[:, None] * size + np.arange(size)).ravel()


def joined(parts: list[Rollouts]) -> Rollouts:
    """Concatenates rollouts."""
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
    """Concatenates (n, T) tables of different widths along n, padded with zeros."""
    widest = max(part.shape[1] for part in parts)
    return torch.cat([functional.pad(part, (0, widest - part.shape[1])) for part in parts])


class Sampler:
    """Samples groups of `size` responses at a temperature."""

    def __init__(
        self, policy: Policy, size: int, temperature: float, longest: int, between: Callable[[], None] = lambda: None
    ):
        self.policy, self.size, self.temperature, self.longest = policy, size, temperature, longest
        self.decoder = policy.decoder(longest, between)

    def __call__(
        self,
        prompts: np.ndarray,
        random: np.random.Generator,
        captions: list[str] | None = None,
        on_ended: Callable[[list[int], list[str]], None] = ignore_ended,
    ) -> Rollouts:
        """Samples groups for these rows of the split; `captions`, one a prompt, are forced as the beginnings of the responses.

        On a GPU `on_ended` gets rows of the split with the texts of responses that have ended, while others are sampled.
        """
        rows = len(prompts) * self.size
        draws = random.random((rows, self.longest), dtype=np.float32)
        group = torch.arange(len(prompts)).repeat_interleave(self.size)
        given = None if captions is None else [caption for caption in captions for _ in range(self.size)]
        forced = None if given is None else force(self.policy, given)
        early: dict[int, str] = {}

        def keep_early(numbers: list[int], tokens: list[list[int]]) -> None:
            texts = [self.policy.text(ids) for ids in tokens]
            early.update(zip(numbers, texts))
            on_ended(prompts[np.array(numbers) // self.size].tolist(), texts)

        self.decoder.on_ended = ignore_ended if given else keep_early
        made = self.decoder(self.policy.prompts(prompts), group, forced, Sampling(self.temperature, torch.from_numpy(draws)))
        tokens = made.tokens[:, : int(made.lengths.max())]
        finished = torch.isin(tokens.gather(1, made.lengths[:, None] - 1)[:, 0], torch.tensor(self.policy.ends))
        texts = responses(self.policy, made, given, forced) if given else self._texts(made, early)
        length = torch.zeros_like(made.lengths) if forced is None else (forced != FREE).sum(1).minimum(made.lengths)
        return Rollouts(prompts, self.size, tokens, made.lengths, length, finished.numpy(), texts)

    def _texts(self, made: Decoded, early: dict[int, str]) -> list[str]:
        """The text of each response, some of which are known already."""
        others = [number for number in range(len(made.lengths)) if number not in early]
        ids = Decoded(made.tokens[others], made.lengths[others]).lists()
        texts = early | dict(zip(others, map(self.policy.text, ids)))
        return [texts[number] for number in range(len(made.lengths))]


def responses(policy: Policy, made: Decoded, captions: list[str] | None = None, forced: Tensor | None = None) -> list[str]:
    """The text of each response. A forced caption is repeated verbatim, including words outside the vocabulary."""
    if captions is None or forced is None:
        return [policy.text(ids) for ids in made.lists()]
    given = (forced != FREE).sum(1).tolist()
    own = [policy.text(ids[length:]) for ids, length in zip(made.lists(), given)]
    return [f"{CAPTION_OPEN}{caption}{CAPTION_CLOSE}{text}" for caption, text in zip(captions, own)]


def force(policy: Policy, captions: list[str]) -> Tensor:
    """The table of forced tokens for these captions, with tags."""
    written = [f"{CAPTION_OPEN}{caption}{CAPTION_CLOSE}" for caption in captions]
    return torch.from_numpy(pad([[*ids, FREE] for ids in policy.encode(written)], FREE))


def caption_lengths(policy: Policy, rollouts: Rollouts) -> Tensor:
    """How many tokens of each response reach to the end of its first caption, tags included (N,); 0 where none is closed."""
    words: dict[int, str] = {}

    def length(ids: list[int]) -> int:
        text = ""
        for index, token in enumerate(ids):
            if token not in words:
                words[token] = policy.text([token])
            text += words[token]
            if ">" in words[token] and caption_of(text) is not None:
                return index + 1
        return 0

    rows = zip(rollouts.tokens.tolist(), rollouts.lengths.tolist())
    return torch.tensor([length(ids[:count]) for ids, count in rows])


def caption_of(text: str) -> str | None:
    """The first closed caption in a response, found as the scorer does (`tasks/transcript.ts`); None without one."""
    opened = text.find(CAPTION_OPEN)
    closed = -1 if opened < 0 else text.find(CAPTION_CLOSE, opened)
    if closed < 0:
        return None
    return text[text.rindex(CAPTION_OPEN, 0, closed) + len(CAPTION_OPEN) : closed]
