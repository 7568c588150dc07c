"""Which vLLM runs on which machine. It has no build for both, and no vLLM is needed here."""

import importlib.metadata

import pytest

from trainers.job import JobError
from trainers.vllm_environment import require_device, vllm_variables


@pytest.mark.parametrize("version, on_gpu", [("0.24.0", True), ("0.32.0+cpu", False)])
def test_a_build_with_its_device_is_taken(version, on_gpu, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda _: version)
    require_device(on_gpu)


@pytest.mark.parametrize(
    "version, on_gpu, said", [("0.24.0", False, "resources: { gpus: 1 }"), ("0.32.0+cpu", True, "PIPE_PYTHON_VERL")]
)
def test_a_build_without_its_device_is_refused(version, on_gpu, said, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda _: version)
    with pytest.raises(JobError, match=version.replace("+", ".")) as error:
        require_device(on_gpu)
    assert said in error.value.fix


def test_a_python_without_vllm_is_refused(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(JobError, match="no vLLM") as error:
        require_device(False)
    assert "env check vllm" in error.value.fix


def test_settings_of_processor_builds_stay_away_from_a_gpu():
    there, here = vllm_variables(True), vllm_variables(False)
    assert there["VLLM_USE_FLASHINFER_SAMPLER"] == here["VLLM_USE_FLASHINFER_SAMPLER"] == "0"
    assert {name for name in here if "CPU" in name} and not {name for name in there if "CPU" in name or name == "LD_PRELOAD"}
