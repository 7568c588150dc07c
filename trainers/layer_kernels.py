"""The operations between two products of the layers of few_kernels.py in Triton, each as one kernel forward and one backward.

A micro model is narrow, so between products a GPU mostly moves activations. These kernels read them once, compute in float32, and write
what the next product takes. `layer_operations.py` has the same functions in torch's operations. In backward passes `of_x` is x's gradient.
"""

import sys

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable
from triton import language as tl

AT_ONCE = 2048  # numbers of a tile
ROWS, COLUMNS = 16, 128  # of a tile of `gate`
PROGRAMS = 1056  # of a kernel that sums over rows: eight for each multiprocessor of an H200


def can_build(device: torch.device) -> bool:
    """Tries one kernel. Triton needs the machine's C compiler and Python's header files."""
    try:
        gate(torch.ones(2, device=device))
    except Exception as error:  # whatever a compiler may say
        print(f"Triton can't build the kernels of layers, without which a step takes longer: {error}", file=sys.stderr)
        return False
    return True


def add_norm(hidden: Tensor, added: Tensor | None, weight: Tensor, bias: Tensor | None, epsilon: float) -> tuple[Tensor, Tensor]:
    """The sum of `hidden` (…, d) and `added`, and its norm in the type of products: the root-mean-square norm; where there is a `bias`,
    LayerNorm."""
    return AddNorm.apply(hidden, added, weight, bias, epsilon)


def heads(
    together: Tensor, cos: Tensor, sin: Tensor, scales: tuple[Tensor, Tensor] | None, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key, value (B, heads, T, d_head) of the products `together` (B, T, 3 heads, d_head). Query and key are turned by their
    positions' angles (T, d_head); where there are `scales` (d_head,) of the two, after the root-mean-square norm."""
    turned = Heads.apply(together, cos, sin, *(scales or (None, None)), epsilon)
    return tuple(each.transpose(1, 2) for each in turned)


def gate(gate_up: Tensor) -> Tensor:
    """silu(gate) · up (…, d) of both side by side (…, 2 d)."""
    return Gate.apply(gate_up)


class AddNorm(torch.autograd.Function):
    @staticmethod
    def forward(context, hidden, added, weight, bias, epsilon):
        hidden = hidden.contiguous()
        width, rows = hidden.shape[-1], hidden.numel() // hidden.shape[-1]
        total = hidden if added is None else torch.empty_like(hidden)
        normed = torch.empty_like(hidden, dtype=_product_type(hidden))
        padded = triton.next_power_of_2(width)
        at_once = max(1, AT_ONCE // padded)
        _add_norm[(triton.cdiv(rows, at_once),)](
            hidden, hidden if added is None else added.contiguous(), weight, weight if bias is None else bias, total, normed, rows,
            epsilon, width, padded, at_once, added is not None, bias is not None,
        )  # fmt: skip
        context.set_materialize_grads(False)
        context.save_for_backward(total, weight)
        context.rest = epsilon, None if added is None else added.dtype, bias is not None
        return total, normed

    @staticmethod
    @once_differentiable
    def backward(context, of_total, of_normed):
        total, weight = context.saved_tensors
        epsilon, added_type, is_centred = context.rest
        if of_normed is None:
            of_normed = torch.zeros_like(total)
        width, rows = total.shape[-1], total.numel() // total.shape[-1]
        padded = triton.next_power_of_2(width)
        at_once = max(1, AT_ONCE // padded)
        programs = min(PROGRAMS, triton.cdiv(rows, at_once))
        of_hidden = torch.empty_like(total)
        of_added = of_hidden if added_type in (None, total.dtype) else torch.empty_like(total, dtype=added_type)
        parts = torch.empty(2 if is_centred else 1, programs, width, device=total.device)
        _add_norm_backward[(programs,)](
            total, weight, of_normed.contiguous(), of_normed if of_total is None else of_total.contiguous(), of_hidden, of_added, parts,
            rows, epsilon, width, padded, at_once, programs, of_total is not None, of_added is not of_hidden, is_centred,
        )  # fmt: skip
        sums = parts.sum(1)
        return of_hidden, None if added_type is None else of_added, sums[0], sums[1] if is_centred else None, None


@triton.jit
def _add_norm(
    hidden, added, weight, bias, total, normed, rows, epsilon,
    width: tl.constexpr, padded: tl.constexpr, at_once: tl.constexpr, has_added: tl.constexpr, is_centred: tl.constexpr,
):  # fmt: skip
    row, column = tl.program_id(0).to(tl.int64) * at_once + tl.arange(0, at_once), tl.arange(0, padded)
    there = column < width
    inside = (row < rows)[:, None] & there[None, :]
    cell = row[:, None] * width + column[None, :]
    value = tl.load(hidden + cell, mask=inside, other=0.0).to(tl.float32)
    if has_added:
        value += tl.load(added + cell, mask=inside, other=0.0).to(tl.float32)
        tl.store(total + cell, value, mask=inside)
    if is_centred:
        value = tl.where(inside, value - tl.sum(value, 1)[:, None] / width, 0.0)
    value *= tl.rsqrt(tl.sum(value * value, 1) / width + epsilon)[:, None]
    value *= tl.load(weight + column, mask=there, other=0.0)[None, :]
    if is_centred:
        value += tl.load(bias + column, mask=there, other=0.0)[None, :]
    tl.store(normed + cell, value, mask=inside)


@triton.jit
def _add_norm_backward(
    total, weight, of_normed, of_total, of_hidden, of_added, parts, rows, epsilon,
    width: tl.constexpr, padded: tl.constexpr, at_once: tl.constexpr, programs: tl.constexpr,
    has_of_total: tl.constexpr, has_added: tl.constexpr, is_centred: tl.constexpr,
):  # fmt: skip
    """Programs share the tiles; each sums the gradients of weight and bias over its own."""
    program, column = tl.program_id(0), tl.arange(0, padded)
    there = column < width
    scale = tl.load(weight + column, mask=there, other=0.0)[None, :]
    of_weight, of_bias = tl.zeros([padded], tl.float32), tl.zeros([padded], tl.float32)
    for first in range(program * at_once, rows, programs * at_once):
        row = first + tl.arange(0, at_once).to(tl.int64)
        inside = (row < rows)[:, None] & there[None, :]
        cell = row[:, None] * width + column[None, :]
        value = tl.load(total + cell, mask=inside, other=0.0).to(tl.float32)
        if is_centred:
            value = tl.where(inside, value - tl.sum(value, 1)[:, None] / width, 0.0)
        factor = tl.rsqrt(tl.sum(value * value, 1) / width + epsilon)[:, None]
        value *= factor
        given = tl.load(of_normed + cell, mask=inside, other=0.0).to(tl.float32)
        of_weight += tl.sum(given * value, 0)
        scaled = given * scale
        change = scaled - value * (tl.sum(scaled * value, 1) / width)[:, None]
        if is_centred:
            of_bias += tl.sum(given, 0)
            change -= (tl.sum(scaled, 1) / width)[:, None]
        change *= factor
        if has_of_total:
            change += tl.load(of_total + cell, mask=inside, other=0.0).to(tl.float32)
        tl.store(of_hidden + cell, change, mask=inside)
        if has_added:
            tl.store(of_added + cell, change, mask=inside)
    tl.store(parts + program * width + column, of_weight, mask=there)
    if is_centred:
        tl.store(parts + (programs + program) * width + column, of_bias, mask=there)


class Heads(torch.autograd.Function):
    @staticmethod
    def forward(context, together, cos, sin, query_scale, key_scale, epsilon):
        together, cos, sin = together.contiguous(), cos.contiguous(), sin.contiguous()
        batch, length, count, size = together.shape
        count //= 3
        query, key, value = (together.new_empty(batch, length, count, size) for _ in range(3))
        rows, padded = batch * length * count, triton.next_power_of_2(size)
        at_once = max(1, AT_ONCE // padded)
        is_normed = query_scale is not None
        scales = (query_scale, key_scale) if is_normed else (cos, cos)
        _heads[(triton.cdiv(rows, at_once), 3)](
            together, cos, sin, *scales, query, key, value, rows, length, epsilon, count, size, padded, at_once, is_normed
        )
        context.save_for_backward(together, cos, sin, *scales)
        context.rest = epsilon, is_normed
        return query, key, value

    @staticmethod
    @once_differentiable
    def backward(context, *gradients):
        together, cos, sin, *scales = context.saved_tensors
        epsilon, is_normed = context.rest
        batch, length, count, size = together.shape
        count //= 3
        gradients = tuple(each if each.stride(3) == 1 else each.contiguous() for each in gradients)
        strides = [stride for each in gradients for stride in each.stride()[:3]]
        of_together = torch.empty_like(together)
        rows, padded = batch * length * count, triton.next_power_of_2(size)
        at_once = max(1, AT_ONCE // padded)
        programs = min(PROGRAMS, triton.cdiv(rows, at_once))
        parts = torch.empty(3, programs, size, device=together.device)
        _heads_backward[(programs, 3)](
            together, cos, sin, *scales, *gradients, of_together, parts, rows, length, epsilon, *strides,
            count, size, padded, at_once, programs, is_normed,
        )  # fmt: skip
        return of_together, None, None, *(parts[:2].sum(1) if is_normed else (None, None)), None


@triton.jit
def _heads(
    together, cos, sin, query_scale, key_scale, query, key, value, rows, length, epsilon,
    count: tl.constexpr, size: tl.constexpr, padded: tl.constexpr, at_once: tl.constexpr, is_normed: tl.constexpr,
):  # fmt: skip
    """A row is one head of one position. Number n of it is turned with the number half a row away."""
    kind = tl.program_id(1)
    row, number = tl.program_id(0) * at_once + tl.arange(0, at_once), tl.arange(0, padded)
    there = number < size
    inside = (row < rows)[:, None] & there[None, :]
    source = together + (((row // count) * 3 + kind) * count + row % count).to(tl.int64)[:, None] * size
    cell = row.to(tl.int64)[:, None] * size + number[None, :]
    if kind == 2:
        tl.store(value + cell, tl.load(source + number[None, :], mask=inside, other=0.0), mask=inside)
    else:
        partner = tl.where(number < size // 2, number + size // 2, number - size // 2)
        sign = tl.where(number < size // 2, -1.0, 1.0)[None, :]
        own = tl.load(source + number[None, :], mask=inside, other=0.0).to(tl.float32)
        other = tl.load(source + partner[None, :], mask=inside, other=0.0).to(tl.float32)
        if is_normed:
            scales = query_scale if kind == 0 else key_scale
            factor = tl.rsqrt(tl.sum(own * own, 1) / size + epsilon)[:, None]
            own *= factor * tl.load(scales + number, mask=there, other=0.0)[None, :]
            other *= factor * tl.load(scales + partner, mask=there, other=0.0)[None, :]
        angle = ((row // count) % length)[:, None] * size + number[None, :]
        turned = own * tl.load(cos + angle, mask=inside, other=0.0) + sign * other * tl.load(sin + angle, mask=inside, other=0.0)
        if kind == 0:
            tl.store(query + cell, turned, mask=inside)
        else:
            tl.store(key + cell, turned, mask=inside)


@triton.jit
def _heads_backward(
    together, cos, sin, query_scale, key_scale, of_query, of_key, of_value, of_together, parts, rows, length, epsilon,
    query_batch, query_place, query_head, key_batch, key_place, key_head, value_batch, value_place, value_head,
    count: tl.constexpr, size: tl.constexpr, padded: tl.constexpr, at_once: tl.constexpr, programs: tl.constexpr, is_normed: tl.constexpr,
):  # fmt: skip
    """Programs share the tiles; each sums the scale's gradient over its own."""
    program, kind, number = tl.program_id(0), tl.program_id(1), tl.arange(0, padded)
    there = number < size
    partner = tl.where(number < size // 2, number + size // 2, number - size // 2)
    sign = tl.where(number < size // 2, -1.0, 1.0)[None, :]
    of_scale = tl.zeros([padded], tl.float32)
    for first in range(program * at_once, rows, programs * at_once):
        row = first + tl.arange(0, at_once)
        inside = (row < rows)[:, None] & there[None, :]
        batch, place, head = (row // count // length).to(tl.int64), (row // count) % length, row % count
        at = ((row // count * 3 + kind) * count + head).to(tl.int64)[:, None] * size + number[None, :]
        if kind == 2:
            cell = (batch * value_batch + place * value_place + head * value_head)[:, None] + number[None, :]
            tl.store(of_together + at, tl.load(of_value + cell, mask=inside, other=0.0), mask=inside)
        else:
            if kind == 0:
                start = of_query + (batch * query_batch + place * query_place + head * query_head)[:, None]
            else:
                start = of_key + (batch * key_batch + place * key_place + head * key_head)[:, None]
            own = tl.load(start + number[None, :], mask=inside, other=0.0).to(tl.float32)
            other = tl.load(start + partner[None, :], mask=inside, other=0.0).to(tl.float32)
            angle = place[:, None] * size + number[None, :]
            change = own * tl.load(cos + angle, mask=inside, other=0.0) - sign * other * tl.load(sin + angle, mask=inside, other=0.0)
            if is_normed:
                scales = query_scale if kind == 0 else key_scale
                value = tl.load(together + at, mask=inside, other=0.0).to(tl.float32)
                factor = tl.rsqrt(tl.sum(value * value, 1) / size + epsilon)[:, None]
                value *= factor
                of_scale += tl.sum(change * value, 0)
                change *= tl.load(scales + number, mask=there, other=0.0)[None, :]
                change = factor * (change - value * (tl.sum(change * value, 1) / size)[:, None])
            tl.store(of_together + at, change, mask=inside)
    tl.store(parts + (kind * programs + program) * size + number, of_scale, mask=there)


class Gate(torch.autograd.Function):
    @staticmethod
    def forward(context, gate_up):
        gate_up = gate_up.contiguous()
        width = gate_up.shape[-1] // 2
        gated = gate_up.new_empty(*gate_up.shape[:-1], width)
        rows = gated.numel() // width
        _gate[(triton.cdiv(rows, ROWS), triton.cdiv(width, COLUMNS))](gate_up, gated, rows, width, ROWS, COLUMNS)
        context.save_for_backward(gate_up)
        return gated

    @staticmethod
    @once_differentiable
    def backward(context, gradient):
        (gate_up,) = context.saved_tensors
        of_gate_up, width = torch.empty_like(gate_up), gate_up.shape[-1] // 2
        rows = gradient.numel() // width
        grid = triton.cdiv(rows, ROWS), triton.cdiv(width, COLUMNS)
        _gate_backward[grid](gate_up, gradient.contiguous(), of_gate_up, rows, width, ROWS, COLUMNS)
        return of_gate_up


@triton.jit
def _gate(gate_up, gated, rows, width: tl.constexpr, at_once: tl.constexpr, columns: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * at_once + tl.arange(0, at_once)
    column = tl.program_id(1) * columns + tl.arange(0, columns)
    inside = (row < rows)[:, None] & (column < width)[None, :]
    own = gate_up + row[:, None] * (2 * width) + column[None, :]
    given = tl.load(own, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(own + width, mask=inside, other=0.0).to(tl.float32)
    tl.store(gated + row[:, None] * width + column[None, :], given * tl.sigmoid(given) * up, mask=inside)


@triton.jit
def _gate_backward(gate_up, gradient, of_gate_up, rows, width: tl.constexpr, at_once: tl.constexpr, columns: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * at_once + tl.arange(0, at_once)
    column = tl.program_id(1) * columns + tl.arange(0, columns)
    inside = (row < rows)[:, None] & (column < width)[None, :]
    cell = row[:, None] * (2 * width) + column[None, :]
    given = tl.load(gate_up + cell, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(gate_up + width + cell, mask=inside, other=0.0).to(tl.float32)
    change = tl.load(gradient + row[:, None] * width + column[None, :], mask=inside, other=0.0).to(tl.float32)
    share = tl.sigmoid(given)
    tl.store(of_gate_up + cell, change * up * share * (1 + given * (1 - share)), mask=inside)
    tl.store(of_gate_up + width + cell, change * given * share, mask=inside)


def _product_type(hidden: Tensor) -> torch.dtype:
    kind = hidden.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
