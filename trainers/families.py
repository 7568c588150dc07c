"""The families of micro models, by the name that `model.family` has: how each is made, trained and asked."""

from collections.abc import Callable
from dataclasses import dataclass

from transformers import DeepseekVLProcessor, PreTrainedModel

from trainers import internvl, model
from trainers.data import Split
from trainers.forward import Batched
from trainers.hub_policy import HubPolicy
from trainers.micro_policy import MicroPolicy, pixels_of
from trainers.policy import Policy

Forward = Batched | internvl.PlainForward
AT_ONCE = 250  # responses that `generate` of transformers holds together


@dataclass(frozen=True)
class Family:
    build_model: Callable[..., PreTrainedModel]
    build_processor: Callable[..., DeepseekVLProcessor]
    forward: Callable[[PreTrainedModel, DeepseekVLProcessor, int], Forward]
    policy: Callable[[PreTrainedModel, DeepseekVLProcessor, Split], Policy]


FAMILIES = {
    "qwen3-vl": Family(
        model.build_model,
        model.build_processor,
        lambda made, processor, side: Batched(made, side, pixels_of(processor)),
        MicroPolicy,
    ),
    "internvl": Family(
        internvl.build_model,
        internvl.build_processor,
        lambda made, processor, side: internvl.PlainForward(made, side, pixels_of(processor), processor.tokenizer),
        lambda made, processor, split: HubPolicy((processor, made), split, AT_ONCE),
    ),
}
