"""Sharding: weights, gradients and AdamW's moments are divided among the processes of a training, by PyTorch's FSDP2.

transformers' trainer and accelerate set it up, as LLaMA-Factory provides for: a layer's weights are gathered for its forward and its
backward pass, and its gradients are added up into the shards. The first process alone reads the weights from the files. The loss, the
order of the rows and the steps are those of one process; NGDiff's norms are not (hidden_norms.py). There is no DeepSpeed: it compiles
kernels on the machine that trains, and would be a second way to the same.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import OPTIMIZER_NAME, DistributedType, FullyShardedDataParallelPlugin
from torch import Tensor
from torch.distributed import checkpoint as distributed_checkpoint
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy
from torch.distributed.tensor import DTensor

from trainers import ranks


def arguments() -> dict[str, Any]:
    """LLaMA-Factory's settings. Both variables are read where models are loaded, which is before the trainer is made."""
    os.environ |= {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}
    return {"fsdp": "full_shard auto_wrap", "fsdp_config": {"version": 2, "cpu_ram_efficient_loading": True}}


def set_up(trainer: Any) -> None:
    """Completes what accelerate has made of the settings."""
    state = trainer.accelerator.state
    if not trainer.is_fsdp_enabled:  # accelerate 1.11 takes sharding for a matter of GPUs; FSDP2 works on processors too
        state.distributed_type = DistributedType.FSDP
        state.fsdp_plugin = FullyShardedDataParallelPlugin(**trainer.args.fsdp_plugin_args)
        trainer.is_fsdp_enabled = True
    if trainer.args.bf16:  # accelerate would add up the gradients in bfloat16, too
        state.fsdp_plugin.mixed_precision_policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)


def load_moments(model: torch.nn.Module, optimizer: torch.optim.Optimizer, checkpoint: Path) -> None:
    """AdamW's moments, which accelerate 1.11 writes by the weights' names and looks for by their numbers: it finds none, silently."""
    moments = {"optimizer": get_optimizer_state_dict(model, optimizer)}
    distributed_checkpoint.load(moments, checkpoint_id=checkpoint / f"{OPTIMIZER_NAME}_0")
    set_optimizer_state_dict(model, optimizer, moments["optimizer"])


def sum_gradients(model: torch.nn.Module) -> None:
    """The losses are shares of the global batch, so gradients are sums over the processes; FSDP2 means them unless told."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)


def add_up(tensors: list[Tensor]) -> None:
    """As `ranks.add_up`, but for shards: FSDP2 has added these up."""
    ranks.add_up([tensor for tensor in tensors if not isinstance(tensor, DTensor)])


def total_norm(parameters: Sequence[Tensor]) -> float:
    """The norm of the whole gradient, in every process."""
    norm = torch.nn.utils.get_total_norm([parameter.grad for parameter in parameters if parameter.grad is not None])
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)


def whole_weights(model: torch.nn.Module) -> dict[str, Tensor]:
    """Every weight by its name, on the processor of the first process; nothing in the others. Names of tied weights are left out but one."""
    weights: dict[str, Any] = get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    repeated = {name for name, _ in model.named_parameters(remove_duplicate=False)} - {name for name, _ in model.named_parameters()}
    return {name: weight for name, weight in weights.items() if name not in repeated}
