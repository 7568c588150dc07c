"""The interface of a model that writes responses to the pictures of a split, for sampling, learning and judging.

It has two implementations: micro_policy.py for the Qwen3-VL that `sft` makes, which sees the picture alone and runs through forward.py;
and hub_policy.py for any other image-text model of transformers, the InternVL that `sft` makes included.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from trainers.data import Split
from trainers.decode import Decoded, OnEnded, Sampling
from trainers.job import JobError
from trainers.model import family_of
from trainers.model_files import require_whole

# The input of a policy's decoder, in the policy's own form: pictures, or pictures with words.
Prompts = Any


class Decoding(Protocol):
    """A decoder, which uses the weights at the time of the call; decode.py explains the arguments."""

    between: Callable[[], None]
    on_ended: OnEnded

    def __call__(
        self, prompts: Prompts, /, group: Tensor | None = None, forced: Tensor | None = None, sampling: Sampling | None = None
    ) -> Decoded: ...


class Policy(Protocol):
    """A saved model with the pictures of one split."""

    model: PreTrainedModel
    device: torch.device

    @property
    def ends(self) -> tuple[int, ...]:
        """The tokens any of which ends a response; the first is taught."""

    @property
    def unknown(self) -> int | None:
        """The token of unknown words."""

    @property
    def longest(self) -> int | None:
        """The default bound on tokens of a response; None if the model has none."""

    @property
    def description(self) -> str:
        """The model in words."""

    @property
    def has_fixed_shapes(self) -> bool:
        """True if a CUDA graph can hold `logits`, of rows on the GPU."""

    def on(self, split: Split) -> "Policy":
        """The same model, with its weights of any later moment, and the pictures of another split."""

    def prompts(self, rows: np.ndarray) -> Prompts:
        """The prompts of these rows of the split."""

    def prompts_without_pictures(self, rows: np.ndarray) -> tuple[Prompts, Tensor]:
        """The distinct prompts, and the index of each row's prompt among them (N,)."""

    def decoder(self, longest: int, between: Callable[[], None] = lambda: None) -> Decoding:
        """A decoder that writes at most `longest` tokens a response."""

    def logits(self, rows: np.ndarray | Tensor, group: Tensor, tokens: Tensor) -> Tensor:
        """Teacher forcing: the logits of every token (N, T) of responses to the prompts `rows[group]` -> (N, T, V)."""

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Token ids of each text, nothing added."""

    def text(self, ids: list[int]) -> str:
        """The text of the tokens, without special ones."""

    def save(self, directory: Path, card: str) -> None:
        """Writes a directory that `from_pretrained` and `load_policy` load."""


def load_policy(directory: Path, split: Split, at_once: int) -> Policy:
    """The policy that a model directory holds. `at_once` bounds the responses that are in memory together."""
    require_whole(directory)
    # Imported here, so that one kind of model does not import the other's code.
    if family_of(directory) == "qwen3-vl":
        from trainers.micro_policy import MicroPolicy

        return MicroPolicy.load(directory, split)
    from trainers.hub_policy import HubPolicy

    return HubPolicy(directory, split, at_once)


def longest_response(policy: Policy, max_tokens: int | None) -> int:
    """The requested bound on tokens of a response, or else the model's own."""
    longest = max_tokens or policy.longest
    if longest is None:
        raise JobError(
            "There is no bound on the tokens of a response: this model was not trained here, so it has no longest response.",
            "Give the stage `max_tokens`.",
        )
    return longest
