"""The kernels of layers against torch's operations, forward and backward: on a GPU with --gpu, or with TRITON_INTERPRET=1 on a CPU."""

import os

import pytest
import torch
from torch import Tensor

from trainers import layer_operations

pytest.importorskip("triton")
if not torch.cuda.is_available() and os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("Triton needs a GPU and --gpu, or TRITON_INTERPRET=1", allow_module_level=True)

from trainers import layer_kernels

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def random(*shape: int) -> Tensor:
    return torch.randn(shape, device=DEVICE, requires_grad=True)


@pytest.fixture(autouse=True)
def same_numbers(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(layer_kernels, "PROGRAMS", 2)  # so that each has several tiles, as with the rows of a batch


def require_equal(ours: tuple[Tensor, ...], theirs: tuple[Tensor, ...], inputs: list[Tensor]) -> None:
    weights = [torch.randn_like(each) for each in theirs]
    gradients = [torch.autograd.grad(each, inputs, weights, retain_graph=True) for each in (ours, theirs)]
    for one, other in zip((*ours, *gradients[0]), (*theirs, *gradients[1]), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * float(other.detach().abs().max()))


@pytest.mark.parametrize("width", [96, 128])
@pytest.mark.parametrize("is_sum", [False, True])
@pytest.mark.parametrize("is_centred", [False, True])
def test_norms_of_sums(width, is_sum, is_centred):
    hidden, weight = random(3, 37, width), random(width)
    added, bias = random(3, 37, width) if is_sum else None, random(width) if is_centred else None
    ours, theirs = (each.add_norm(hidden, added, weight, bias, 1e-6) for each in (layer_kernels, layer_operations))
    require_equal(ours, theirs, [each for each in (hidden, added, weight, bias) if each is not None])


def test_a_norm_alone_gives_its_gradient():
    hidden, added, weight = random(2, 5, 96), random(2, 5, 96), random(96)
    ours, theirs = (each.add_norm(hidden, added, weight, None, 1e-6)[1:] for each in (layer_kernels, layer_operations))
    require_equal(ours, theirs, [hidden, added, weight])


@pytest.mark.parametrize("size", [24, 32])
@pytest.mark.parametrize("is_normed", [False, True])
def test_heads_are_normalised_and_turned(size, is_normed):
    together, angles = random(2, 19, 12, size), torch.randn(19, size // 2, device=DEVICE).repeat(1, 2)
    scales = (random(size), random(size)) if is_normed else None
    ours, theirs = (each.heads(together, angles.cos(), angles.sin(), scales, 1e-6) for each in (layer_kernels, layer_operations))
    require_equal(ours, theirs, [together, *(scales or ())])


def test_gates():
    gate_up = random(3, 37, 2 * 96)
    require_equal((layer_kernels.gate(gate_up),), (layer_operations.gate(gate_up),), [gate_up])


def test_products_take_what_they_multiply():
    hidden, weight = random(2, 5, 96), random(96)
    with torch.autocast(DEVICE, torch.bfloat16):
        total, normed = layer_kernels.add_norm(hidden, hidden.bfloat16(), weight, None, 1e-6)
        plain = layer_operations.add_norm(hidden, hidden.bfloat16(), weight, None, 1e-6)[1]
    assert total.dtype == torch.float32 and normed.dtype == torch.bfloat16
    torch.testing.assert_close(normed.float(), plain.float(), rtol=0.01, atol=0.01)
