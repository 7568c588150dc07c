"""Attention of one new position in decoding as one kernel, in Triton: torch has none that is fast for one query a row.

Written in torch's operations, it takes ten kernels a layer, and reads all the cache up to a multiple of some positions, of rows that have
ended too. This one reads what there is to attend to, once.
"""

import sys

import torch
import triton
from torch import Tensor
from triton import language as tl

AT_ONCE = 64  # positions


def can_attend(keys: Tensor, values: Tensor) -> bool:
    """Tries the kernel on these caches, leaving them alone. Triton needs the machine's C compiler and Python's header files."""
    new = keys.new_zeros(*keys.shape[:2], 1, keys.shape[3], dtype=torch.float32)
    place = torch.zeros(1, dtype=torch.long, device=keys.device)
    try:
        attend(new, new, new, keys, values, place, torch.ones(len(keys), dtype=torch.bool, device=keys.device))
    except Exception as error:  # whatever a compiler may say
        print(f"Triton can't build the kernel of attention, without which decoding takes longer: {error}", file=sys.stderr)
        return False
    return True


def attend(query: Tensor, key: Tensor, value: Tensor, keys: Tensor, values: Tensor, place: Tensor, ended: Tensor) -> Tensor:
    """The attention (rows, heads, 1, d_head) of `query` to the caches `keys` and `values` (rows, heads, places, d_head) before `place` (1,)
    and to `key` and `value`, which it writes there; all three are (rows, heads, 1, d_head). It is 0 in rows that have `ended` (rows,).
    """
    rows, heads, _, size = query.shape
    mixed = torch.empty(rows, 1, heads, size, dtype=query.dtype, device=query.device)
    new = [stride for each in (query, key, value) for stride in (each.stride(0), each.stride(1))]
    padded = triton.next_power_of_2(size)
    _attend[(rows * heads,)](
        query, key, value, keys, values, mixed, place, ended, *new, keys.shape[2], size**-0.5, heads, size, padded, AT_ONCE, num_warps=2
    )
    return mixed.transpose(1, 2)


@triton.jit
def _attend(
    query, key, value, keys, values, mixed, place, ended,
    query_row, query_head, key_row, key_head, value_row, value_head,
    places, scale, heads: tl.constexpr, size: tl.constexpr, padded: tl.constexpr, at_once: tl.constexpr,
):  # fmt: skip
    """One head of one row: softmax(scale q·k) v over all positions, `at_once` at a time, with the greatest of them so far subtracted."""
    one = tl.program_id(0).to(tl.int64)
    row, head = one // heads, one % heads
    number = tl.arange(0, padded)
    inside = number < size
    if tl.load(ended + row):
        tl.store(mixed + one * size + number, tl.zeros([padded], tl.float32), mask=inside)
        return
    before = tl.load(place).to(tl.int32)
    scaled_query = tl.load(query + row * query_row + head * query_head + number, mask=inside, other=0.0).to(tl.float32) * scale
    new_key = tl.load(key + row * key_row + head * key_head + number, mask=inside, other=0.0).to(tl.float32)
    new_value = tl.load(value + row * value_row + head * value_head + number, mask=inside, other=0.0).to(tl.float32)
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
