"""Attention of one new position in decoding as one kernel, in Triton: torch has none that is fast for one query a row.

Written in torch's operations, it takes some twenty kernels a layer with the norm and the turning of query and key, and reads all the cache
up to a multiple of some positions, of rows that have ended too. This one reads what there is to attend to, once. The cache is in float16,
which has as many digits as TF32, in which a GPU multiplies matrices (model.py); sums are in float32.
"""

import sys

import torch
import triton
from torch import Tensor
from transformers.models.qwen3_vl import modeling_qwen3_vl as qwen
from triton import language as tl

AT_ONCE = 64  # positions


def can_attend(attention: qwen.Qwen3VLTextAttention, rotary: tuple[Tensor, Tensor], keys: Tensor, values: Tensor) -> bool:
    """Tries the kernel on these caches, leaving them alone. Triton needs the machine's C compiler and Python's header files."""
    rows, heads, _, size = keys.shape
    place = torch.zeros(1, dtype=torch.long, device=keys.device)
    try:
        all_ended = torch.ones(rows, dtype=torch.bool, device=keys.device)
        attend(torch.zeros(rows, 1, 3 * heads, size, device=keys.device), attention, rotary, keys, values, place, all_ended)
    except Exception as error:  # whatever a compiler may say
        print(f"Triton can't build the kernel of attention, without which decoding takes longer: {error}", file=sys.stderr)
        return False
    return True


def attend(
    heads: Tensor,
    attention: qwen.Qwen3VLTextAttention,
    rotary: tuple[Tensor, Tensor],
    keys: Tensor,
    values: Tensor,
    place: Tensor,
    ended: Tensor,
) -> Tensor:
    """The mixed values (rows, heads, 1, d_head) of a text layer's attention at `place` (1,), 0 in rows that have `ended` (rows,).

    `heads` (rows, 1, 3 heads, d_head) are queries, keys and values as the linear maps give them; `rotary` the angles (positions, d_head) of
    all places. The caches (rows, heads, places, d_head) hold what is before `place`, and what is new is written there. All are contiguous.
    """
    rows, count, places, size = keys.shape
    mixed = torch.empty(rows, 1, count, size, dtype=heads.dtype, device=heads.device)
    norms = attention.q_norm.weight, attention.k_norm.weight, attention.q_norm.variance_epsilon
    padded = triton.next_power_of_2(size)
    _attend[(rows * count,)](
        heads, *norms, *rotary, keys, values, mixed, place, ended, places, size**-0.5, count, size, padded, AT_ONCE, num_warps=2
    )
    return mixed.transpose(1, 2)


@triton.jit
def _turned(head, norm, cos, sin, epsilon, size: tl.constexpr, padded: tl.constexpr):
    """A head after its root-mean-square norm, turned by the angles of its place (layer_operations.py)."""
    number = tl.arange(0, padded)
    inside = number < size
    partner = (number + size // 2) % size
    value = tl.load(head + number, mask=inside, other=0.0).to(tl.float32)
    inverse = tl.rsqrt(tl.sum(value * value, 0) / size + epsilon)
    normed = value * tl.load(norm + number, mask=inside, other=0.0)
    other = tl.load(head + partner, mask=inside, other=0.0).to(tl.float32) * tl.load(norm + partner, mask=inside, other=0.0)
    towards = tl.where(number < size // 2, -inverse, inverse) * tl.load(sin + number, mask=inside, other=0.0)
    return normed * inverse * tl.load(cos + number, mask=inside, other=0.0) + other * towards


@triton.jit
def _attend(
    heads, query_norm, key_norm, epsilon, cos, sin, keys, values, mixed, place, ended, places, scale,
    count: tl.constexpr, size: tl.constexpr, padded: tl.constexpr, at_once: tl.constexpr,
):  # fmt: skip
    """One head of one row: softmax(scale q·k) v over all positions, `at_once` at a time, with the greatest of them so far subtracted."""
    one = tl.program_id(0).to(tl.int64)
    row, head = one // count, one % count
    number = tl.arange(0, padded)
    inside = number < size
    if tl.load(ended + row):
        tl.store(mixed + one * size + number, tl.zeros([padded], tl.float32), mask=inside)
        return
    before = tl.load(place).to(tl.int32)
    query = heads + (row * 3 * count + head) * size
    scaled_query = _turned(query, query_norm, cos + before * size, sin + before * size, epsilon, size, padded) * scale
    new_key = _turned(query + count * size, key_norm, cos + before * size, sin + before * size, epsilon, size, padded)
    new_value = tl.load(query + 2 * count * size + number, mask=inside, other=0.0).to(tl.float32)
    start = one * places * size
    tl.store(keys + start + before * size + number, new_key, mask=inside)
    tl.store(values + start + before * size + number, new_value, mask=inside)
    # The new position comes first, from registers: what has just been stored may not be read yet.
    greatest = tl.sum(scaled_query * new_key, 0)
    total = 1.0
    sums = new_value
    for first in range(0, before, at_once):
        position = first + tl.arange(0, at_once)
        seen = position < before
        cell = start + position[:, None] * size + number[None, :]
        there = seen[:, None] & inside[None, :]
        fit = tl.sum(tl.load(keys + cell, mask=there, other=0.0).to(tl.float32) * scaled_query[None, :], 1)
        fit = tl.where(seen, fit, float("-inf"))
        greater = tl.maximum(greatest, tl.max(fit, 0))
        share, kept = tl.exp(fit - greater), tl.exp(greatest - greater)
        found = tl.load(values + cell, mask=there, other=0.0).to(tl.float32)
        sums = sums * kept + tl.sum(share[:, None] * found, 0)
        total = total * kept + tl.sum(share, 0)
        greatest = greater
    tl.store(mixed + one * size + number, sums / total, mask=inside)
