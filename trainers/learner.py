"""The updates of a policy along GRPO's objective: log-probabilities of responses, mini-batches, optimiser steps."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from trainers.captured import Captured
from trainers.job import JobError
from trainers.objective import Clipping, caption_factors, exact_kl, k3, log_ratio, policy_loss, token_weights
from trainers.policy import Policy
from trainers.sampling import Rollouts, caption_lengths

BETAS = (0.9, 0.95)
ROOM = 64  # tokens: the widths of CUDA graphs are multiples of it

SplitRows = np.ndarray | Tensor  # of prompts; a tensor in a CUDA graph


@dataclass(frozen=True)
class Descent:
    """How a policy learns from one step's responses."""

    clipping: Clipping
    ratio: str
    kl: dict[str, Any]
    aggregate: str
    caption_weight: float
    minibatches: int
    groups: int  # in a mini-batch, at most
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
    """A policy, its optimiser and, with a divergence, its reference.

    On a GPU a pass over a part of the responses is a CUDA graph if the policy allows it: parts are padded to a few shapes.
    """

    def __init__(self, how: Descent, policy: Policy, reference: Policy | None):
        self.how, self.policy, self.reference = how, policy, reference
        self.device = policy.device
        self.parameters = list(policy.model.parameters())
        self.optimizer = torch.optim.AdamW(self.parameters, betas=BETAS, weight_decay=how.weight_decay, fused=True)
        self.uses_graphs = self.device.type == "cuda" and policy.has_fixed_shapes
        self.graphs: dict[tuple[str, int, int], Captured] = {}  # by function, rows and width
        self.graph_memory = torch.cuda.graph_pool_handle() if self.uses_graphs else None  # of all graphs, since one runs at a time

    def before(self, rollouts: Rollouts) -> Tensor | None:
        """The log-probabilities before any update; the first update would compute the very same, so one alone needs none."""
        if self.how.updates == 1:
            return None
        tokens = rollouts.tokens.to(self.device)
        old = torch.zeros(tokens.shape, device=self.device)
        for part in self._parts(range(len(rollouts.prompts)), rollouts, len(rollouts.prompts)):
            computed = self._run(self._log_probabilities, part, [part.of(tokens)])
            part.of(old).copy_(computed[: len(part), : part.longest])
        return old

    @torch.no_grad()
    def _log_probabilities(self, prompts: SplitRows, tokens: Tensor) -> Tensor:
        return chosen(self._logits(self.policy, prompts, tokens), tokens)

    def learn(self, rate: float, rollouts: Rollouts, advantage: np.ndarray, old: Tensor | None) -> dict[str, float]:
        """Descend once a mini-batch and epoch at this learning rate; returns metrics. `old` as `before` gave it; `advantage` is (N,), or
        (N, 2) of captions and of the rest."""
        if not len(rollouts):
            return {}
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        needs_captions = advantage.ndim == 2 or self.how.caption_weight != 1
        captions = caption_lengths(self.policy, rollouts) if needs_captions else torch.zeros_like(rollouts.lengths)
        written, by_response = rollouts.tokens.to(self.device), self._by_span(advantage, captions).to(self.device)
        sums: list[Tensor] = []
        norms = []
        for _ in range(self.how.epochs):
            for groups in np.array_split(np.arange(len(rollouts.prompts)), self.how.minibatches):
                if len(groups):
                    together = range(groups[0], groups[-1] + 1)
                    sums.append(self._update(rollouts, together, written, by_response, old, captions))
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

    def _update(
        self, rollouts: Rollouts, groups: range, tokens: Tensor, advantage: Tensor, old: Tensor | None, captions: Tensor
    ) -> Tensor:
        """Sets `.grad` to a mini-batch's gradient; returns sums: loss, divergence, clipped tokens, -log p, tokens."""
        every = neighbours_of(groups, rollouts.size)
        weights = token_weights(rollouts.lengths[every], self.how.aggregate, self.how.longest)
        factors = caption_factors(captions[every], rollouts.lengths[every], weights, self.how.caption_weight)
        # A GPU's attention has gradients in float16, whose least number is 6e-8. A power of two changes no digit.
        scale = 2.0 ** round(-math.log2(float(weights.mean())))
        numbers = rollouts.lengths[every], captions[every], weights * scale, factors
        by_row = [*(each.to(self.device) for each in numbers), advantage[every]]
        self._clear_gradient()
        sums = torch.zeros(5, device=self.device)
        for part in self._parts(groups, rollouts, self.how.groups):
            here = slice(part.rows.start - every.start, part.rows.stop - every.start)
            tables = [part.of(table) for table in (tokens, old) if table is not None]
            sums += self._run(self._add_gradient, part, tables, [each[here] for each in by_row])
        torch._foreach_mul_([weight.grad for weight in self.parameters if weight.grad is not None], 1 / scale)
        sums[0] /= scale
        return sums

    def _clear_gradient(self) -> None:
        if self.uses_graphs and self.parameters[0].grad is None:
            for weight in self.parameters:
                weight.grad = torch.zeros_like(weight)  # a CUDA graph adds to fixed addresses
        self.optimizer.zero_grad(set_to_none=not self.uses_graphs)

    def _add_gradient(self, prompts: SplitRows, tokens: Tensor, *tables: Tensor) -> Tensor:
        """Adds the gradient of some responses to `.grad`; returns their sums. `tables` are the old log-probabilities if there are any, then
        lengths, lengths of captions, weights, factors of the loss, and advantages."""
        *old, lengths, captions, weights, factors, advantage = tables
        place = torch.arange(tokens.shape[1], device=self.device)
        mask = place < lengths[:, None]
        in_caption = place < captions[:, None]
        logits = self._logits(self.policy, prompts, tokens)
        new = chosen(logits, tokens)
        before = old[0] if old else new.detach()
        difference = log_ratio(new, before, mask, self.how.ratio)
        loss = policy_loss(difference, by_token(advantage, in_caption), self.how.clipping)
        loss = loss * by_token(factors, in_caption)
        divergence = self._divergence(logits, new, prompts, tokens)
        cost = loss + self.how.kl.get("coefficient", 0.0) * divergence
        weighed = (cost * mask * weights[:, None]).sum()
        weighed.backward()
        ratio = difference.detach().exp()
        outside = (ratio < 1 - self.how.clipping.low) | (ratio > 1 + self.how.clipping.high)
        parts = [divergence.detach() * mask, outside * mask, -new.detach() * mask, mask.float()]
        return torch.stack([weighed.detach(), *(part.sum() for part in parts)])

    def _divergence(self, logits: Tensor, new: Tensor, prompts: SplitRows, tokens: Tensor) -> Tensor:
        if self.reference is None:
            return torch.zeros_like(new)
        with torch.no_grad():
            reference = self._logits(self.reference, prompts, tokens)
        if self.how.kl["kind"] == "k3":
            return k3(new, chosen(reference, tokens))
        return exact_kl(logits.log_softmax(-1), reference.log_softmax(-1))

    def _descend(self) -> float:
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters, self.how.grad_clip))
        if not math.isfinite(norm):
            raise JobError("The gradient was not finite.", "Lower learning_rate, or raise warmup.")
        self.optimizer.step()
        return norm

    def _parts(self, groups: range, rollouts: Rollouts, most: int) -> Iterator["Part"]:
        """These groups in parts of at most `batch` rows, or of one group where that has more: an image is looked at once for all its rows.
        `most` is the largest number of groups of any call, so that no part is padded to more."""
        at_once = max(1, self.how.batch // rollouts.size)
        for start in groups[::at_once]:
            some = range(start, min(start + at_once, groups.stop))
            rows = neighbours_of(some, rollouts.size)
            prompts = rollouts.prompts[some.start : some.stop]
            yield Part(rows, prompts, min(at_once, most), int(rollouts.lengths[rows].max()))

    def _run(self, function: Callable[..., Tensor], part: "Part", by_token: list[Tensor], by_row: Sequence[Tensor] = ()) -> Tensor:
        """`function` of a part's prompts and of its tables with a column a token (n, T) and with a row a response (n, …).

        For a CUDA graph they are padded with zeros: the result may have more rows and tokens, and the next call overwrites it.
        """
        if not self.uses_graphs:
            return function(part.prompts, *by_token, *by_row)
        size = len(part) // len(part.prompts)
        rows, width = part.most * size, min(-(-part.longest // ROOM) * ROOM, self.how.longest)
        shape = function.__name__, rows, width
        if shape not in self.graphs:
            # One call chooses the kernels; the optimiser stays outside.
            self.graphs[shape] = Captured(function, self.device, self.graph_memory, warm_up=1)
        prompts = pad_table(torch.from_numpy(part.prompts), part.most)
        tables = [pad_table(table, rows, width) for table in by_token] + [pad_table(table, rows, *table.shape[1:]) for table in by_row]
        return self.graphs[shape](prompts, *tables)

    def _logits(self, policy: Policy, prompts: SplitRows, tokens: Tensor) -> Tensor:
        """Logits at the sampling temperature (n, T, V)."""
        group = torch.arange(len(tokens), device=self.device) // (len(tokens) // len(prompts))
        logits = policy.logits(prompts, group, tokens)
        return logits.float() / self.how.temperature


@dataclass(frozen=True)
class Part:
    """Neighbouring rows that are computed together: whole groups, at most `most`; the longest response has `longest` tokens."""

    rows: slice
    prompts: np.ndarray
    most: int
    longest: int

    def __len__(self) -> int:
        return self.rows.stop - self.rows.start

    def of(self, table: Tensor) -> Tensor:
        """These rows of a table (N, T), as long as the longest; a view, since an index from the host would make a GPU wait."""
        return table[self.rows, : self.longest]


def pad_table(table: Tensor, *shape: int) -> Tensor:
    """The table at the beginning of a larger one of zeros."""
    larger = table.new_zeros(shape)
    larger[tuple(map(slice, table.shape))] = table
    return larger


def by_token(spans: Tensor, in_caption: Tensor) -> Tensor:
    """Spreads one value for the caption and one for the rest (n, 2) over the tokens (n, T)."""
    return torch.where(in_caption, spans[:, :1], spans[:, 1:])


def chosen(logits: Tensor, tokens: Tensor) -> Tensor:
    """Log-probabilities of the tokens (n, T) by logits (n, T, V)."""
    return -functional.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none").view(tokens.shape)


def neighbours_of(groups: range, size: int) -> slice:
    """The rows of neighbouring groups."""
    return slice(groups.start * size, groups.stop * size)
