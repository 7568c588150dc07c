"""A processor in the place of verl's GPU, for tests on a tiny model; `variables` in verl_settings.py makes verl load it.

verl loads this module in each of its processes. It registers a platform, which verl 0.9.1 provides for, and replaces what verl, torch and
vLLM's processor build take for granted of a GPU: each replacement says which. Nothing here is used where there is a GPU.
"""

import contextlib
import sys
import types
from collections.abc import Iterator
from multiprocessing import shared_memory
from typing import Any

import torch
import torch.distributed
import torch.distributed.fsdp
from verl.plugin.platform.platform_base import PlatformBase
from verl.plugin.platform.platform_manager import PlatformRegistry

MEMORY = 16 << 30  # as a GPU's, which verl asks for and never fills here


def _device_module() -> types.ModuleType:
    """A stand-in for `torch.cuda` where there is no GPU."""
    nothing = (
        "set_device synchronize empty_cache ipc_collect reset_peak_memory_stats manual_seed manual_seed_all _set_allocator_settings"
    )
    zero = "memory_allocated memory_reserved max_memory_allocated max_memory_reserved current_device"
    properties = types.SimpleNamespace(total_memory=MEMORY, name="cpu")
    device = types.ModuleType("cpu_device")
    device.__dict__.update({name: lambda *_, **__: None for name in nothing.split()})
    device.__dict__.update({name: lambda *_, **__: 0 for name in zero.split()})
    device.__dict__.update(
        device_count=lambda: 1,
        is_available=lambda: True,
        mem_get_info=lambda *_: (MEMORY // 2, MEMORY),
        get_rng_state=lambda *_: torch.get_rng_state(),
        set_rng_state=lambda state, *_: torch.set_rng_state(state),
        get_device_name=lambda *_: "cpu",
        get_device_properties=lambda *_: properties,
        current_stream=torch.cpu.current_stream,
        Stream=torch.cpu.Stream,
        stream=torch.cpu.stream,
        memory=device,
    )
    return device


@PlatformRegistry.register(platform="cpu")
class Processor(PlatformBase):
    """One processor. Ray's resource is called GPU, which is a label: verl asks for it by this name."""

    device_name = property(lambda _: "cpu")
    vendor_name = property(lambda _: "cpu")
    device_module = property(lambda _: DEVICE)

    def is_available(self) -> bool:
        return True

    def is_platform_available(self, use_smi_check: bool = False) -> bool:
        return True

    def current_device(self) -> str:
        return "cpu"

    def device_count(self) -> int:
        return 1

    def set_device(self, device_index: int) -> None:
        pass

    def synchronize(self, device_index: int | None = None) -> None:
        pass

    def manual_seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    def manual_seed_all(self, seed: int) -> None:
        torch.manual_seed(seed)

    def set_allocator_settings(self, settings: str) -> None:
        pass

    def empty_cache(self) -> None:
        pass

    def get_device_capability(self, device_index: int = 0) -> tuple[None, None]:
        return None, None

    def communication_backend_name(self) -> str:
        return "gloo"

    def visible_devices_envvar(self) -> str:
        return "CUDA_VISIBLE_DEVICES"

    @contextlib.contextmanager
    def nvtx_range(self, msg: str) -> Iterator[None]:
        yield

    def profiler_start(self) -> None:
        pass

    def profiler_stop(self) -> None:
        pass

    def ray_resource_name(self) -> str:
        return "GPU"

    def ray_resource_options(self, num_gpus: float) -> dict[str, Any]:
        return {"num_gpus": num_gpus}

    def ray_noset_envvars(self) -> list[str]:
        return ["RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES"]

    def is_ipc_supported(self) -> bool:
        return False

    def cudart(self) -> None:
        return None


def _one_backend() -> None:
    """verl names a backend for the device and one for the processor, `cpu:gloo,cpu:gloo` here, which torch refuses."""
    init = torch.distributed.init_process_group

    def init_process_group(backend: str | None = None, *rest: Any, **named: Any) -> Any:
        twice = isinstance(backend, str) and backend.count("cpu:") > 1
        return init("gloo" if twice else backend, *rest, **named)

    torch.distributed.init_process_group = init_process_group


def _no_offload() -> None:
    """verl offloads its reference to the processor, by pinned memory that only CUDA has."""
    torch.distributed.fsdp.CPUOffloadPolicy = lambda *_, **__: torch.distributed.fsdp.OffloadPolicy()  # type: ignore[assignment,misc]  # a stand-in
    torch.Tensor.pin_memory = lambda tensor, *_, **__: tensor  # type: ignore[method-assign]  # a stand-in


def _lenient_close() -> None:
    """Weights go to vLLM through shared memory. Moving them to the device copies them on a GPU; here they remain views of the memory, which
    cannot be closed under them."""
    close = shared_memory.SharedMemory.close

    def close_unless_viewed(memory: shared_memory.SharedMemory) -> None:
        with contextlib.suppress(BufferError):
            close(memory)

    shared_memory.SharedMemory.close = close_unless_viewed  # type: ignore[assignment,method-assign]  # a stand-in


def _plain_linear() -> None:
    """vLLM's processor build packs linear weights away when it loads them, so that no later weights can take their place."""
    if "vllm" not in sys.modules:
        return
    from vllm.model_executor.layers import linear, utils, vocab_parallel_embedding

    def plain(layer: Any, remove_weight: bool) -> None:  # noqa: ARG001  # vLLM's signature
        layer.cpu_linear = torch.nn.functional.linear

    for module in (linear, vocab_parallel_embedding, utils):
        module.dispatch_cpu_unquantized_gemm = plain


DEVICE: types.ModuleType = _device_module()
_one_backend()
_no_offload()
_lenient_close()
_plain_linear()
