"""Decoding, one position at a time, with a key-value cache that is allocated once.

Rows may share an image (the responses of a group do): it is read once and its keys and values are copied.

On a CPU, finished rows leave the batch, several at a time. On a GPU the launching of kernels takes most of a step, whatever the number
of rows: every step replays a CUDA graph in which only values of tensors depend on the position. Its attention is a kernel of our own
(attend_kernel.py), over a cache in float16. Where Triton can't build it, torch's operations attend to a cache in float32 up to the next
multiple of `ROOM` positions, the unwritten part masked, with one graph for each such length. All choose the same tokens up to rounding.

Sampling takes its random numbers from a table, not from a generator, so a row's response depends on its own numbers alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.few_kernels import FewKernels
from trainers.forward import Batched

FREE = -1  # in a table of forced tokens: the model chooses
ROOM = 64
CROWDED = 0.8  # on a CPU: finished rows leave when this share is unfinished; leaving copies the cache
LOOK_EVERY = 16  # on a GPU: positions between two looks at the rows that have ended

OnEnded = Callable[[list[int], list[list[int]]], None]  # takes rows that have ended, and the tokens of each, its end included


def ignore_ended(*_: object) -> None:
    """The listener of a caller that needs no response before the others."""


@dataclass(frozen=True)
class Sampling:
    """Sampling at a temperature, a tensor () in a CUDA graph; `draws` are uniform numbers in [0, 1), one for each row and position (N,
    longest or more)."""

    temperature: float | Tensor
    draws: Tensor


@dataclass(frozen=True)
class Decoded:
    """Responses on the CPU: `tokens` (N, longest) with the end token repeated after a response's end, and `lengths` (N,), which
    count the end token if there is one."""

    tokens: Tensor
    lengths: Tensor

    def lists(self) -> list[list[int]]:
        return [row[:length] for row, length in zip(self.tokens.tolist(), self.lengths.tolist())]


class Decoder:
    """Decodes batches with one model, at most `longest` tokens a response.

    Training between two batches changes the weights in place; the next batch uses the new ones.
    """

    def __init__(self, model: Batched, longest: int, between: Callable[[], None] = lambda: None):
        self.model = model
        self.longest = longest
        self.between = between  # called between steps, so that a job can stop
        self.on_ended: OnEnded = ignore_ended  # on a GPU it is given rows while others are decoded, though not the last ones
        self.end = model.model.generation_config.eos_token_id
        self.static: StaticSteps | None = None

    @torch.inference_mode()
    def __call__(
        self, images: Tensor, group: Tensor | None = None, forced: Tensor | None = None, sampling: Sampling | None = None
    ) -> Decoded:
        """Responses to `images` (Q, height, width, channels), or to `images[group]`, greedy or sampled.

        `forced` (N, F) holds given tokens, and FREE where the model chooses.
        """
        rows = len(images) if group is None else len(group)
        if forced is None:
            forced = torch.full((rows, 1), FREE)
        if self.model.device.type == "cpu":
            return self._drop_the_ended(images, group, forced, sampling)
        if self.static is None or self.static.rows < rows:
            self.static = StaticSteps(self.model, rows, self.longest, self.end)
        return self.static.decode(images, group, forced, sampling, self.between, self.on_ended)

    def _drop_the_ended(self, images: Tensor, group: Tensor | None, forced: Tensor, sampling: Sampling | None) -> Decoded:
        model, held = self.model, torch.arange(len(forced))  # the rows still in the batch
        going = torch.ones(len(forced), dtype=torch.bool)
        tokens = torch.full((len(forced), self.longest), self.end)
        lengths = torch.zeros(len(forced), dtype=torch.long)
        memory = Memory(model, len(forced), model.prompt_length + self.longest)
        last = read_prompts(model, images, group, memory)
        for position in range(self.longest):
            new = choose(model.model.lm_head(last), sampling, None if sampling is None else sampling.draws[held, position, None])
            if position < forced.shape[1]:
                given = forced[held, position]
                new = torch.where(given == FREE, new, given)
            new = torch.where(going, new, self.end)
            tokens[held, position] = new
            lengths[held] += going
            self.between()
            going = going & (new != self.end)
            left = int(going.sum())
            if left == 0:
                break
            if left <= CROWDED * len(held):
                held, new = held[going], new[going]
                memory.keep(going)
                going = going[going]
            start = model.prompt_length + position
            last = model.read(model.text.embed_tokens(new[:, None]), start, memory.write_from(start), [])[:, -1]
        return Decoded(tokens, lengths)


def choose(logits: Tensor, sampling: Sampling | None, draws: Tensor | None) -> Tensor:
    """The next tokens (n,) by logits (n, V): the greedy choice, or the tokens that `draws` (n, 1) select from the distribution."""
    if sampling is None or draws is None:
        return logits.argmax(-1)
    cumulative = (logits.float() / sampling.temperature).softmax(-1).cumsum(-1)
    return torch.searchsorted(cumulative, draws * cumulative[:, -1:], right=True)[:, 0].clamp(max=logits.shape[-1] - 1)


def read_prompts(model: Batched, images: Tensor, group: Tensor | None, memory: "Memory") -> Tensor:
    """Writes the prompts' keys and values into the cache; returns the last hidden states (N, d), which give the first tokens."""
    prompt, deepstack = model.prompt(images)
    last = model.read(prompt, 0, memory.write_prompts(group), deepstack)[:, -1]
    return last if group is None else last[group]


class Memory:
    """The key-value cache of a batch, allocated at its full length, so that a step writes in place."""

    def __init__(self, model: Batched, batch: int, positions: int, dtype: torch.dtype = torch.float32):
        config = model.model.config.text_config
        shape = (batch, config.num_key_value_heads, positions, config.head_dim)
        layers = range(config.num_hidden_layers)
        self.stores = [tuple(torch.empty(shape, dtype=dtype, device=model.device) for _ in range(2)) for _ in layers]

    def write_prompts(self, group: Tensor | None):
        """A `remember` for `Batched.read` of prompts: copies each prompt to the rows of its group."""

        def remember(layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
            rows = len(key) if group is None else len(group)
            for store, new in zip(self.stores[layer], (key, value)):
                store[:rows, :, : new.shape[2]] = new if group is None else new[group]
            return key, value

        return remember

    def write_from(self, start: int):
        """A `remember` for `Batched.read`: writes the new keys and values at `start` and returns all up to their end."""

        def remember(layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
            stop = start + key.shape[2]
            for store, new in zip(self.stores[layer], (key, value)):
                store[:, :, start:stop] = new
            return self.stores[layer][0][:, :, :stop], self.stores[layer][1][:, :, :stop]

        return remember

    def keep(self, going: Tensor) -> None:
        """Drops the finished rows."""
        self.stores = [tuple(store[going] for store in stores) for stores in self.stores]


class StaticSteps:
    """Decoding steps over tensors with fixed addresses: on a GPU each step is captured once and replayed."""

    def __init__(self, model: Batched, rows: int, longest: int, end: int):
        self.model, self.rows, self.longest, self.end = model, rows, longest, end
        device = model.device
        self.places = -(-(model.prompt_length + longest) // ROOM) * ROOM
        self.memory = Memory(model, rows, self.places, torch.float16)
        self.attend, self.kernels = attention_kernel(model, self.memory), FewKernels(device)
        if self.attend is None:
            self.memory = Memory(model, rows, self.places)
        for stores in self.memory.stores:
            for store in stores:
                store.zero_()  # masked, but a leftover infinity would give NaN
        self.place = torch.arange(self.places, device=device)
        self.position = torch.zeros(1, dtype=torch.long, device=device)
        self.last = torch.zeros(rows, model.text.embed_tokens.embedding_dim, device=device)
        self.tokens = torch.zeros(rows, longest, dtype=torch.long, device=device)
        self.lengths = torch.zeros(rows, dtype=torch.long, device=device)
        self.ended = torch.zeros(rows, dtype=torch.bool, device=device)
        self.forced = torch.zeros(rows, longest, dtype=torch.long, device=device)
        self.draws = torch.zeros(rows, longest, device=device)
        self.temperature = torch.ones((), device=device)
        self.graphs: dict[tuple[int, bool], torch.cuda.CUDAGraph] = {}

    def decode(
        self,
        images: Tensor,
        group: Tensor | None,
        forced: Tensor,
        sampling: Sampling | None,
        between: Callable[[], None],
        on_ended: OnEnded = ignore_ended,
    ) -> Decoded:
        """Does what `Decoder.__call__` says, also for a batch of fewer rows."""
        rows, device = len(forced), self.model.device
        self.tokens.fill_(self.end)
        self.lengths.zero_()
        self.position.zero_()
        self.ended.fill_(True)[:rows] = False
        width = min(forced.shape[1], self.longest)
        self.forced.fill_(FREE)[:rows, :width] = forced[:, :width].to(device)
        if sampling is not None:
            self.draws[:rows] = sampling.draws[:, : self.longest].to(device)
            self.temperature.fill_(sampling.temperature)
        self.last[:rows] = read_prompts(self.model, images, None if group is None else group.to(device), self.memory)
        host = HostCopy(rows, self.longest, device)
        for start in range(0, self.longest, LOOK_EVERY):
            for position in range(start, min(start + LOOK_EVERY, self.longest)):
                self._step(self._reach(position), sampling is not None)
            between()
            # These steps run while the host works on what the earlier ones left.
            if start and host.hand_on(on_ended):
                break
            host.begin_copy(self.tokens, self.lengths, self.ended)
        return Decoded(self.tokens[:rows].cpu(), self.lengths[:rows].cpu())

    def _reach(self, position: int) -> int:
        """How many places of the cache a step at this position of the response works with."""
        return self.places if self.attend else -(-(self.model.prompt_length + position + 1) // ROOM) * ROOM

    def _step(self, seen: int, sampled: bool) -> None:
        if self.model.device.type == "cpu":
            self.compute(seen, sampled)
            return
        if (seen, sampled) not in self.graphs:
            self.graphs[seen, sampled] = self._capture(seen, sampled)
        self.graphs[seen, sampled].replay()

    def _capture(self, seen: int, sampled: bool) -> torch.cuda.CUDAGraph:
        """Captures the step after two runs on a side stream, in which libraries choose kernels and whose effects are undone."""
        state = (self.last, self.tokens, self.lengths, self.ended, self.position)
        before = [tensor.clone() for tensor in state]
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(2):
                self.compute(seen, sampled)
                for tensor, value in zip(state, before):
                    tensor.copy_(value)
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.compute(seen, sampled)
        return graph

    def compute(self, seen: int, sampled: bool) -> None:
        """Decodes one position for every row, attending to the first `seen` places."""
        model, place = self.model, self.position + self.model.prompt_length
        logits = model.model.lm_head(self.last)
        sampling = Sampling(self.temperature, self.draws) if sampled else None
        new = choose(logits, sampling, self.draws.index_select(1, self.position) if sampled else None)
        given = self.forced.index_select(1, self.position)[:, 0]
        new = torch.where(given == FREE, new, given)
        new = torch.where(self.ended, self.end, new)
        self.tokens.index_copy_(1, self.position, new[:, None])
        self.lengths.add_(~self.ended)
        self.ended.logical_or_(new == self.end)
        word = model.text.embed_tokens(new[:, None])
        self.last.copy_((self._attending(self.attend, word, place) if self.attend else self._masking(word, place, seen))[:, -1])
        self.position.add_(1)

    def _attending(self, attend: Callable[..., Tensor], hidden: Tensor, place: Tensor) -> Tensor:
        """The text layers over one position (rows, 1, d), by the kernel of attend_kernel.py."""
        added = None  # what the next layer adds to `hidden` first
        for layer, stores in zip(self.model.text.layers, self.memory.stores):
            hidden, heads = self.kernels.heads_of(layer, hidden, added)
            mixed = attend(heads, layer.self_attn, self.model.text_rotary, *stores, place, self.ended)
            hidden, added = self.kernels.read_after(layer, hidden, mixed)
        return self.kernels.norm(self.model.text.norm, hidden, added)

    def _masking(self, hidden: Tensor, place: Tensor, seen: int) -> Tensor:
        """The same by torch's operations, which attend to the first `seen` places."""
        unwritten = self.place[:seen] > place

        def mix(layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            keys, values = self.memory.stores[layer]
            keys.index_copy_(2, place, key)
            values.index_copy_(2, place, value)
            # One query a row: the fused kernels, made for many queries, take five times as long.
            fit = (keys[:, :, :seen] @ query.transpose(-1, -2))[..., 0] * query.shape[-1] ** -0.5
            share = fit.masked_fill(unwritten, float("-inf")).softmax(-1)
            return share[:, :, None] @ values[:, :, :seen]

        rotary = self.model.text_rotary[0].index_select(0, place), self.model.text_rotary[1].index_select(0, place)
        return self.model.layers(hidden, rotary, mix, [])


class HostCopy:
    """The tables of `StaticSteps` in the host's memory, as of the latest copy, while decoding goes on."""

    def __init__(self, rows: int, longest: int, device: torch.device):
        pinned = device.type == "cuda"  # a copy to other memory would wait
        self.tokens = torch.empty(rows, longest, dtype=torch.long, pin_memory=pinned)
        self.lengths = torch.empty(rows, dtype=torch.long, pin_memory=pinned)
        self.ended = torch.empty(rows, dtype=torch.bool, pin_memory=pinned)
        self.done = torch.zeros(rows, dtype=torch.bool)  # the rows that were handed on
        self.copied = torch.cuda.Event() if pinned else None

    def begin_copy(self, *tables: Tensor) -> None:
        """Begins to copy tokens, lengths and ended rows."""
        for mine, theirs in zip((self.tokens, self.lengths, self.ended), tables, strict=True):
            mine.copy_(theirs[: len(mine)], non_blocking=True)
        if self.copied is not None:
            self.copied.record()

    def hand_on(self, on_ended: OnEnded) -> bool:
        """Waits for the copy and hands on the rows that have ended since the one before; true when all have ended."""
        if self.copied is not None:
            self.copied.synchronize()
        new = (self.ended & ~self.done).nonzero()[:, 0]
        self.done |= self.ended
        lengths = self.lengths[new].tolist()
        if lengths:
            tokens = self.tokens[new, : max(lengths)].tolist()
            on_ended(new.tolist(), [row[:length] for row, length in zip(tokens, lengths)])
        return bool(self.done.all())


def attention_kernel(model: Batched, memory: Memory) -> Callable[..., Tensor] | None:
    """`attend` of attend_kernel.py for this model's layers; None on a CPU, and where Triton can't build it."""
    if model.device.type == "cpu":
        return None
    try:
        from trainers import attend_kernel
    except ImportError:  # Triton is missing
        return None
    works = attend_kernel.can_attend(model.text.layers[0].self_attn, model.text_rotary, *memory.stores[0])
    return attend_kernel.attend if works else None
