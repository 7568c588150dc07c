"""The updates of a policy along GRPO's objective: log-probabilities of responses, mini-batches, optimiser steps."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from trainers.job import JobError
from trainers.objective import Clipping, caption_factors, exact_kl, k3, log_ratio, policy_loss, token_weights
from trainers.policy import Policy
from trainers.sampling import Rollouts, caption_lengths

BETAS = (0.9, 0.95)


@dataclass(frozen=True)
class Descent:
    """How a policy learns from one step's responses."""

    clipping: Clipping
    ratio: str
    kl: dict[str, Any]
    aggregate: str
    caption_weight: float
    minibatches: int
    epochs: int
    temperature: float
    longest: int
    grad_clip: float
    weight_decay: float
    batch: int

    @property
    def updates(self) -> int:
        return self.minibatches * self.epochs


class Learner:
    """A policy, its optimiser and, with a divergence, its reference."""

    def __init__(self, how: Descent, policy: Policy, reference: Policy | None):
        self.how, self.policy, self.reference = how, policy, reference
        self.device = policy.device
        self.parameters = list(policy.model.parameters())
        self.optimizer = torch.optim.AdamW(self.parameters, betas=BETAS, weight_decay=how.weight_decay, fused=True)

    def before(self, rollouts: Rollouts) -> Tensor | None:
        """The log-probabilities before any update; the first update would compute the very same, so one alone needs none."""
        if self.how.updates == 1:
            return None
        old = torch.zeros(rollouts.tokens.shape, device=self.device)
        with torch.no_grad():
            for rows in self._parts(rollouts, np.arange(len(rollouts.prompts))):
                tokens = self._tokens(rollouts, rows)
                old[rows, : tokens.shape[1]] = chosen(self._say(self.policy, rollouts, rows, tokens), tokens)
        return old

    def learn(self, rate: float, rollouts: Rollouts, advantage: np.ndarray, old: Tensor | None) -> dict[str, float]:
        """Descend once a mini-batch and epoch at this learning rate; returns metrics. `old` as `before` gave it; `advantage` is (N,), or
        (N, 2) of captions and of the rest."""
        if not len(rollouts):
            return {}
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        needs_captions = advantage.ndim == 2 or self.how.caption_weight != 1
        captions = caption_lengths(self.policy, rollouts) if needs_captions else torch.zeros_like(rollouts.lengths)
        by_response = self._by_span(advantage, captions).to(self.device)
        sums: list[Tensor] = []
        norms = []
        for _ in range(self.how.epochs):
            for groups in np.array_split(np.arange(len(rollouts.prompts)), self.how.minibatches):
                if len(groups):
                    sums.append(self._update(rollouts, groups, by_response, old, captions))
                    norms.append(self._descend())
        loss, divergence, clipped, surprise, tokens = torch.stack(sums).sum(0).tolist()
        learned = {"loss": loss / len(sums), "clipped": clipped / tokens, "surprise": surprise / tokens, "grad_norm": max(norms)}
        return learned if self.reference is None else learned | {"kl": divergence / tokens}

    @staticmethod
    def _by_span(advantage: np.ndarray, captions: Tensor) -> Tensor:
        """Advantages (N, 2) of each response's caption and of its rest. A response without a caption gets both rewards everywhere."""
        values = torch.from_numpy(advantage).float()
        if advantage.ndim == 1:
            return values[:, None].expand(-1, 2)
        return torch.where((captions > 0)[:, None], values, values.sum(1, keepdim=True))

    def _update(self, rollouts: Rollouts, groups: np.ndarray, advantage: Tensor, old: Tensor | None, captions: Tensor) -> Tensor:
        """Sets `.grad` to a mini-batch's gradient; returns sums: loss, divergence, clipped tokens, -log p, tokens."""
        every = torch.from_numpy(rows_of(groups, rollouts.size))
        weights = torch.zeros(len(rollouts))
        weights[every] = token_weights(rollouts.lengths[every], self.how.aggregate, self.how.longest)
        factors = torch.ones(len(rollouts), 2)
        factors[every] = caption_factors(captions[every], rollouts.lengths[every], weights[every], self.how.caption_weight)
        self.optimizer.zero_grad(set_to_none=True)
        sums = torch.zeros(5, device=self.device)
        for rows in self._parts(rollouts, groups):
            tokens = self._tokens(rollouts, rows)
            lengths = rollouts.lengths[rows, None].to(self.device)
            place = torch.arange(tokens.shape[1], device=self.device)
            mask = place < lengths
            in_caption = place < captions[rows, None].to(self.device)
            said = self._say(self.policy, rollouts, rows, tokens)
            new = chosen(said, tokens)
            before = new.detach() if old is None else old[rows, : tokens.shape[1]]
            difference = log_ratio(new, before, mask, self.how.ratio)
            loss = policy_loss(difference, by_token(advantage[rows], in_caption), self.how.clipping)
            loss = loss * by_token(factors[rows].to(self.device), in_caption)
            divergence = self._divergence(said, new, rollouts, rows, tokens)
            cost = loss + self.how.kl.get("coefficient", 0.0) * divergence
            weighed = (cost * mask * weights[rows, None].to(self.device)).sum()
            weighed.backward()
            ratio = difference.detach().exp()
            outside = (ratio < 1 - self.how.clipping.low) | (ratio > 1 + self.how.clipping.high)
            parts = [divergence.detach() * mask, outside * mask, -new.detach() * mask, mask.float()]
            sums += torch.stack([weighed.detach(), *(part.sum() for part in parts)])
        return sums

    def _divergence(self, said: Tensor, new: Tensor, rollouts: Rollouts, rows: np.ndarray, tokens: Tensor) -> Tensor:
        if self.reference is None:
            return torch.zeros_like(new)
        with torch.no_grad():
            reference = self._say(self.reference, rollouts, rows, tokens)
        if self.how.kl["kind"] == "k3":
            return k3(new, chosen(reference, tokens))
        return exact_kl(said.log_softmax(-1), reference.log_softmax(-1))

    def _descend(self) -> float:
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters, self.how.grad_clip))
        if not math.isfinite(norm):
            raise JobError("The gradient was not finite.", "Lower learning_rate, or raise warmup.")
        self.optimizer.step()
        return norm

    def _parts(self, rollouts: Rollouts, groups: np.ndarray) -> Iterator[np.ndarray]:
        """Rows of these groups, at most `batch` at once but a whole group at least: an image is looked at once for all its rows."""
        at_once = max(1, self.how.batch // rollouts.size)
        for start in range(0, len(groups), at_once):
            yield rows_of(groups[start : start + at_once], rollouts.size)

    def _tokens(self, rollouts: Rollouts, rows: np.ndarray) -> Tensor:
        return rollouts.tokens[rows, : int(rollouts.lengths[rows].max())].to(self.device)

    def _say(self, policy: Policy, rollouts: Rollouts, rows: np.ndarray, tokens: Tensor) -> Tensor:
        """Logits at the sampling temperature (n, T, V)."""
        groups = rows[:: rollouts.size] // rollouts.size
        group = torch.arange(len(groups), device=self.device).repeat_interleave(rollouts.size)
        logits = policy.logits(rollouts.prompts[groups], group, tokens)
        return logits.float() / self.how.temperature


def by_token(spans: Tensor, in_caption: Tensor) -> Tensor:
    """Spreads one value for the caption and one for the rest (n, 2) over the tokens (n, T)."""
    return torch.where(in_caption, spans[:, :1], spans[:, 1:])


def chosen(logits: Tensor, tokens: Tensor) -> Tensor:
    """Log-probabilities of the tokens (n, T) by logits (n, T, V)."""
    return -functional.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none").view(tokens.shape)


def rows_of(groups: np.ndarray, size: int) -> np.ndarray:
    return (groups[:, None] * size + np.arange(size)).ravel()
