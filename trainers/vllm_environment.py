"""The environment variables that vLLM needs, whoever starts it."""

import importlib.metadata
from pathlib import Path

from trainers.job import JobError

CPU_CACHE_GIB = "1"  # of keys and values


def require_device(on_gpu: bool) -> None:
    """vLLM has builds for GPUs and builds for processors. One without its device ends after a minute, in words that do not say so."""
    try:
        version = importlib.metadata.version("vllm")
    except importlib.metadata.PackageNotFoundError:
        raise JobError("This Python has no vLLM.", "See what it lacks with `npx pipe env check vllm`.") from None
    is_for_processors = "cpu" in version  # as vLLM itself tells its builds apart
    if is_for_processors and on_gpu:
        raise JobError(
            f"vLLM {version} is a build for processors, and this job has a GPU.",
            "Name a Python with vLLM for GPUs in PIPE_PYTHON_VLLM (for trainer verl, PIPE_PYTHON_VERL), or let the stage ask for no GPU.",
        )
    if not is_for_processors and not on_gpu:
        raise JobError(f"vLLM {version} computes on a GPU, and this job sees none.", "Set resources: { gpus: 1 } at the stage.")


def vllm_variables(on_gpu: bool) -> dict[str, str]:
    """Without a GPU also those of vLLM's processor build, which needs Intel's OpenMP."""
    everywhere = {
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_USE_FLASHINFER_SAMPLER": "0",  # compiles kernels when it starts, for which an environment need not have a compiler
    }
    if on_gpu:
        return everywhere
    runtime = _openmp_runtime()
    return {
        **everywhere,
        "VLLM_CPU_KVCACHE_SPACE": CPU_CACHE_GIB,
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # several jobs share the cores
        **({} if runtime is None else {"LD_PRELOAD": str(runtime)}),
    }


def _openmp_runtime() -> Path | None:
    """Only vLLM's builds for processors require the package."""
    try:
        files = importlib.metadata.files("intel-openmp") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(file.locate()).resolve() for file in files if file.name == "libiomp5.so"), None)
