"""LoRA by LLaMA-Factory: which of its settings say so, and the rows of the caption's tags, which are trained along.

A base model that was given the tags has new rows for them, which no low-rank factor reaches. PEFT can train single rows of an embedding
(`trainable_token_indices`), and LLaMA-Factory has no setting for it. So its call of `get_peft_model` is given theirs. Training whole
embeddings (`additional_target`) would take 16 bytes for each of their weights.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from transformers import AutoTokenizer, PreTrainedModel

from trainers.job import JobError
from trainers.tokenizer import TAGS


def check_finetuning(finetuning: dict[str, Any]) -> None:
    kind = finetuning.get("kind")
    if kind == "full" or kind == "lora" and finetuning.get("rank", 0) > 0 and finetuning.get("alpha", 0) > 0 and finetuning.get("targets"):
        return
    raise JobError(
        f"There is no fine-tuning {finetuning}.",
        'Use {"kind": "full"} or {"kind": "lora"} with `rank`, `alpha` and `targets`, which is "all" or a list of layers.',
    )


def require_tags(start: Path, finetuning: dict[str, Any]) -> None:
    """LoRA cannot add rows: PEFT fails to save an adapter of a model whose vocabulary has grown."""
    if finetuning["kind"] == "full":
        return
    vocabulary = AutoTokenizer.from_pretrained(start).get_vocab()
    missing = [tag for tag in TAGS if tag not in vocabulary]
    if missing:
        raise JobError(
            f"The model has no token for {' and '.join(missing)}, and LoRA cannot add any.",
            "Put a `prepare` stage between the model and this one; it adds them: `base: { use: prepare, from: { model: … } }`.",
        )


def finetuning_arguments(finetuning: dict[str, Any]) -> dict[str, Any]:
    if finetuning["kind"] == "full":
        return {"finetuning_type": "full"}
    targets = finetuning["targets"]
    return {
        "finetuning_type": "lora",
        "lora_rank": finetuning["rank"],
        "lora_alpha": finetuning["alpha"],
        "lora_target": targets if targets == "all" else ",".join(targets),
    }


@contextlib.contextmanager
def training_tags(tags: list[int]) -> Iterator[None]:
    """While LLaMA-Factory makes a model with LoRA, the tags' rows of its embeddings are made trainable."""
    from llamafactory.model import adapter

    usual = adapter.get_peft_model

    def get_peft_model(model: PreTrainedModel, config: Any) -> Any:
        if not config.target_modules:
            raise JobError(
                "The model has no linear layer of any name in llamafactory.finetuning.targets.",
                "Name layers such as q_proj and v_proj, or all.",
            )
        names = {id(module): name.rsplit(".", 1)[-1] for name, module in model.named_modules()}
        embeddings = [model.get_input_embeddings(), model.get_output_embeddings()]
        if embeddings[0].weight is embeddings[1].weight:
            del embeddings[1]  # PEFT follows tied weights by itself
        config.trainable_token_indices = {names[id(embedding)]: tags for embedding in embeddings}
        return usual(model, config)

    with mock.patch.object(adapter, "get_peft_model", get_peft_model):
        yield


def merged(model: Any) -> PreTrainedModel:
    """The model with what was learned in its own weights; a model without LoRA as it is."""
    return model if isinstance(model, PreTrainedModel) else model.merge_and_unload()
