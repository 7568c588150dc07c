"""What sampling, learning and judging ask of a model that writes responses to the pictures of a split.

There are two: micro_policy.py, for the models that `sft` makes, which see the picture alone and go through a lean forward pass of our
own; and hub_policy.py, for any other image-text model of transformers. Everything else is shared.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from trainers.data import Split
from trainers.decode import Decoded, Sampling
from trainers.job import JobError
from trainers.model import is_micro
from trainers.model_files import require_whole

# What a policy's decoder reads, in a form of the policy's own: pictures, or pictures with words.
Prompts = Any


class Decoding(Protocol):
    """A decoder, which writes with the weights as they are when it is called; decode.py has the meaning of the arguments."""

    between: Callable[[], None]

    def __call__(
        self, prompts: Prompts, group: Tensor | None = None, forced: Tensor | None = None, sampling: Sampling | None = None
    ) -> Decoded: ...


class Policy(Protocol):
    """A saved model, made ready for the pictures of one split."""

    model: PreTrainedModel
    device: torch.device
    ends: tuple[int, ...]  # tokens any of which ends a response
    unknown: int | None  # stands for what it has no token for
    longest: int | None  # the most tokens that it writes unless told otherwise; None where nobody has said
    description: str  # the model in words

    def prompts(self, rows: np.ndarray) -> Prompts:
        """Of these rows of the split."""

    def prompts_without_pictures(self, rows: np.ndarray) -> tuple[Prompts, Tensor]:
        """Each different one once, and which of them is each row's (N,)."""

    def decoder(self, longest: int, between: Callable[[], None] = lambda: None) -> Decoding:
        """Writes `longest` tokens a response at most."""

    def logits(self, rows: np.ndarray, group: Tensor, tokens: Tensor) -> Tensor:
        """Teacher forcing: what the model says of every token (N, T) of responses to the prompts `rows[group]` -> (N, T, V)."""

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Token ids of each text, nothing added."""

    def text(self, ids: list[int]) -> str:
        """What the tokens say, special ones left out."""

    def save(self, directory: Path, card: str) -> None:
        """Write a directory that `from_pretrained` loads and that is a policy again."""


def load_policy(directory: Path, split: Split, at_once: int) -> Policy:
    """The policy that a model directory holds. `at_once` bounds the responses that are in memory together."""
    require_whole(directory)
    # Here, since neither should be imported for the other's sake.
    if is_micro(directory):
        from trainers.micro_policy import MicroPolicy

        return MicroPolicy(directory, split)
    from trainers.hub_policy import HubPolicy

    return HubPolicy(directory, split, at_once)


def longest_response(policy: Policy, asked: int | None) -> int:
    """What was asked for or, without that, what the model was trained on."""
    longest = asked or policy.longest
    if longest is None:
        raise JobError(
            "Nobody has said how long a response may be: this model was not trained here, so it has no longest one.",
            "Give the stage `max_tokens`.",
        )
    return longest
