"""One supervised fine-tuning of the micro model, by TRL's SFTTrainer or an eager Hugging Face loop: `sft.py trl|trl-compiled|eager SETTINGS`.

Both get the same rows, encoded once, and predict the response after the image, as `trainers.sft` does. TRL's settings are those that
its pages on speed name and that apply to a vision model: bfloat16 on a GPU, fused AdamW, no gradient checkpointing, and workers that
collate on a GPU, which would wait for it. Packing and padding-free batches are for text alone, so its batches are of similar lengths.
`trl-compiled` is the same with `torch_compile` and every batch as long as the longest response, so that it compiles once.
Prints a line of JSON: losses, the mean of REPORT steps each, with seconds since the start of the process, and tokens a second after
the first report.
"""

import sys
from typing import Any

import torch
from common import Task, new_model, rate_of, report
from torch.nn import functional

REPORT = 10  # steps from one reported loss to the next, as trainers.sft has it: reading a loss waits for the GPU
WARM_UP = 1  # reports that are left out of the rate


class Collate:
    """Batches of the image and the response, padded to the longest response in the batch, or of the split."""

    def __init__(self, model, processor, split, responses, has_one_length):
        from trainers.forward import Batched, Pixels

        config = model.config
        images = processor.image_processor
        batched = Batched(model, split.images.shape[1], Pixels(images.image_mean, images.image_std))
        self.prompt = torch.tensor(
            [config.vision_start_token_id, *[config.image_token_id] * batched.image_tokens, config.vision_end_token_id]
        )
        self.image_token, self.side, self.responses = config.image_token_id, batched.side, responses
        self.has_one_length = has_one_length
        with torch.no_grad():  # pictures are prepared once, as a mapped data set would
            parts = torch.from_numpy(split.images).split(256)
            self.patches = torch.cat([batched.patches(part).cpu() for part in parts])

    def __len__(self) -> int:
        return len(self.patches)

    def __call__(self, rows: list[dict[str, int]]) -> dict[str, torch.Tensor]:
        numbers = [row["row"] for row in rows]
        lengths = torch.from_numpy(self.responses.lengths[numbers])
        tokens = torch.from_numpy(self.responses.tokens[numbers])
        if not self.has_one_length:
            tokens = tokens[:, : int(lengths.max())]
        given = torch.arange(tokens.shape[1]) < lengths[:, None]
        prompt = self.prompt.expand(len(numbers), -1)
        ids = torch.cat([prompt, tokens], 1)
        return {
            "input_ids": ids,
            "attention_mask": torch.cat([torch.ones_like(prompt), given.long()], 1),
            "labels": torch.cat([torch.full_like(prompt, -100), tokens.where(given, -100)], 1),
            "pixel_values": self.patches[numbers].flatten(0, 1),
            "image_grid_thw": torch.tensor([[1, self.side, self.side]]).repeat(len(numbers), 1),
            "mm_token_type_ids": (ids == self.image_token).int(),
        }


def main(kind: str, file: str) -> None:
    task = Task.read(file)
    settings = task.settings
    torch.set_num_threads(settings["threads"])
    split = task.split("train_sft")
    model, processor, responses = new_model(task, split)
    is_compiled = kind == "trl-compiled"
    collate = Collate(model, processor, split, responses, is_compiled)
    curve: list[tuple[float, float]] = []  # seconds since the start of the process, loss
    if kind == "eager":
        steps = by_hand(task, model, collate, curve)
    else:
        steps = by_trl(task, model, processor, collate, curve, is_compiled)
    tokens = float(responses.lengths.mean()) * settings["batch"] * REPORT  # on average: an epoch has each response once
    report(curve=curve, steps=steps, tokens_per_s=rate_of(curve, WARM_UP, tokens), seconds=task.since_start())


def by_hand(task, model, collate, curve) -> int:
    """The usual loop: `model(**batch).loss.backward()`, clipping, AdamW."""
    settings = task.settings
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings["learning_rate"], betas=(0.9, 0.95), weight_decay=0.01, fused=True)
    rows: Any = [{"row": row} for row in range(len(collate))]
    loader = torch.utils.data.DataLoader(
        rows, settings["batch"], shuffle=True, drop_last=True, collate_fn=collate,
        generator=torch.Generator().manual_seed(settings["seed"]),
    )
    model.train()
    losses: list[torch.Tensor] = []
    while True:
        for batch in loader:
            if len(losses) == settings["steps"] or task.is_over(len(curve)):
                return len(losses)
            batch = {name: values.to(model.device) for name, values in batch.items()}
            labels = batch.pop("labels")
            with torch.autocast("cuda", torch.bfloat16, enabled=model.device.type == "cuda"):
                logits = model(**batch).logits
            loss = functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=-100)
            for group in optimizer.param_groups:
                group["lr"] = settings["learning_rate"] * min(1, (len(losses) + 1) / settings["warmup"])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.detach())
            if len(losses) % REPORT == 0:
                curve.append((task.since_start(), float(torch.stack(losses[-REPORT:]).mean())))


def by_trl(task, model, processor, collate, curve, is_compiled) -> int:
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    settings = task.settings
    on_gpu = torch.cuda.is_available()

    class Note(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **_):
            if logs and "loss" in logs:
                curve.append((task.since_start(), float(logs["loss"])))

        def on_step_end(self, args, state, control, **_):
            control.should_training_stop |= task.is_over(len(curve))

    arguments = SFTConfig(
        output_dir=settings["output"],
        max_steps=settings["steps"],
        per_device_train_batch_size=settings["batch"],
        learning_rate=settings["learning_rate"],
        warmup_steps=settings["warmup"],
        lr_scheduler_type="constant_with_warmup",
        adam_beta1=0.9,
        adam_beta2=0.95,
        weight_decay=0.01,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        bf16=on_gpu,
        torch_compile=is_compiled,
        use_cpu=not on_gpu,
        gradient_checkpointing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        train_sampling_strategy="random" if is_compiled else "group_by_length",
        dataloader_drop_last=True,
        dataloader_num_workers=4 if on_gpu else 0,
        dataloader_persistent_workers=on_gpu,
        logging_steps=REPORT,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=settings["seed"],
    )
    trainer = SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict({"row": range(len(collate)), "length": collate.responses.lengths.tolist()}),
        data_collator=collate,
        processing_class=processor,
        callbacks=[Note()],
    )
    trainer.train()
    return trainer.state.global_step


if __name__ == "__main__":
    main(*sys.argv[1:])
