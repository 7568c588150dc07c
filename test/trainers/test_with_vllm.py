"""`with_vllm` up to the start of its server, which is a stub."""

import sys

import pytest

from tiny_models import build
from trainers import with_vllm


class Reached(Exception):
    """The settings that the server would have."""


@pytest.mark.parametrize(("share", "expected"), [(None, 0.8), ("0.25", 0.2)])
def test_the_server_takes_its_share_of_the_part_of_a_gpu_that_a_job_has(share, expected, tmp_path, monkeypatch):
    def reach(_directory, _model, settings, *_, **__):
        raise Reached(settings["gpu_memory_utilization"])

    monkeypatch.delenv("PIPE_GPU_SHARE", raising=False)
    if share is not None:
        monkeypatch.setenv("PIPE_GPU_SHARE", share)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr(with_vllm, "require_device", lambda _: None)
    monkeypatch.setattr(with_vllm, "VllmServer", reach)
    model = build("qwen3_vl", tmp_path / "model")
    monkeypatch.setattr(sys, "argv", ["with_vllm", str(model), "--gpu-memory", "0.8", "--", "true"])
    with pytest.raises(Reached) as reached:
        with_vllm.main()
    assert reached.value.args == (pytest.approx(expected),)
