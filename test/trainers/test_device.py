"""The part of a GPU's memory that a job may use: what PyTorch is told, and, with --gpu, what it does."""

import pytest
import torch

from trainers.model import TENSOR_SHARE, device


@pytest.mark.parametrize(("share", "told"), [(None, []), ("1", []), ("0.25", [0.25 * TENSOR_SHARE])])
def test_a_job_with_a_part_of_a_gpu_is_limited_to_it(share, told, monkeypatch):
    fractions: list[float] = []
    monkeypatch.delenv("PIPE_GPU_SHARE", raising=False)
    if share is not None:
        monkeypatch.setenv("PIPE_GPU_SHARE", share)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.set_per_process_memory_fraction", fractions.append)
    assert device().type == "cuda"
    assert fractions == told


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU and --gpu")
def test_memory_beyond_the_part_is_refused_and_freed_memory_counts_again(monkeypatch):
    monkeypatch.setenv("PIPE_GPU_SHARE", "0.1")
    try:
        device()
        most = int(torch.cuda.get_device_properties(0).total_memory * 0.1)
        for _ in range(3):  # PyTorch keeps what an iteration frees, and gives it back at the limit
            assert torch.empty(most // 2, dtype=torch.uint8, device="cuda").is_cuda
            assert torch.empty(most // 2 + (1 << 22), dtype=torch.uint8, device="cuda").is_cuda
        with pytest.raises(torch.OutOfMemoryError):
            torch.empty(most, dtype=torch.uint8, device="cuda")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
