"""One supervised fine-tuning of the micro model, by TRL's SFTTrainer or an eager Hugging Face loop: `sft.py trl|eager SETTINGS`.

Both get the same rows, encoded once, and predict the response after the image, as `trainers.sft` does. TRL's settings are those that
its pages on speed name and that apply to a vision model: bfloat16 and a compiled step on a GPU, fused AdamW, no gradient
checkpointing, and no reports. Packing and padding-free batches are for text alone; there the batches are ordered by length instead.
Prints a line of JSON: the losses by step with seconds since the start of the process, tokens a second after the first steps.
"""

import sys

import torch
from common import Task, new_model, report
from torch.nn import functional

WARM_UP = 5  # steps that are left out of the rate


class Collate:
    """Batches of the image and the response, padded to the longest response in the batch."""

    def __init__(self, model, processor, split, responses):
        from trainers.forward import Batched, Pixels

        config = model.config
        images = processor.image_processor
        self.batched = Batched(model, split.images.shape[1], Pixels(images.image_mean, images.image_std))
        self.prompt = torch.tensor(
            [config.vision_start_token_id, *[config.image_token_id] * self.batched.image_tokens, config.vision_end_token_id]
        )
        self.image_token, self.split, self.responses = config.image_token_id, split, responses
        with torch.no_grad():  # pictures are prepared once, as a mapped data set would
            parts = torch.from_numpy(split.images).split(256)
            self.patches = torch.cat([self.batched.patches(part).cpu() for part in parts])

    def __call__(self, rows: list[dict[str, int]]) -> dict[str, torch.Tensor]:
        numbers = [row["row"] for row in rows]
        lengths = torch.from_numpy(self.responses.lengths[numbers])
        tokens = torch.from_numpy(self.responses.tokens[numbers])[:, : int(lengths.max())]
        given = torch.arange(tokens.shape[1]) < lengths[:, None]
        prompt = self.prompt.expand(len(numbers), -1)
        ids = torch.cat([prompt, tokens], 1)
        side = self.batched.side
        return {
            "input_ids": ids,
            "attention_mask": torch.cat([torch.ones_like(prompt), given.long()], 1),
            "labels": torch.cat([torch.full_like(prompt, -100), tokens.where(given, -100)], 1),
            "pixel_values": self.patches[numbers].flatten(0, 1),
            "image_grid_thw": torch.tensor([[1, side, side]]).expand(len(numbers), -1),
            "mm_token_type_ids": (ids == self.image_token).int(),
        }


def main(kind: str, file: str) -> None:
    task = Task.read(file)
    settings = task.settings
    torch.set_num_threads(settings["threads"])
    split = task.split("train_sft")
    model, processor, responses = new_model(task, split)
    collate = Collate(model, processor, split, responses)
    curve: list[tuple[float, float]] = []  # seconds since the start of the process, loss
    tokens: list[int] = []
    run = by_trl if kind == "trl" else by_hand
    run(task, model, processor, collate, curve, tokens)
    (first, _), (last, _) = curve[WARM_UP - 1], curve[-1]
    report(curve=curve, tokens_per_s=sum(tokens[WARM_UP : len(curve)]) / (last - first), seconds=task.since_start())


def by_hand(task, model, processor, collate, curve, tokens) -> None:
    """The usual loop: `model(**batch).loss.backward()`, clipping, AdamW."""
    settings = task.settings
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings["learning_rate"], betas=(0.9, 0.95), weight_decay=0.01, fused=True)
    loader = torch.utils.data.DataLoader(
        [{"row": row} for row in range(len(collate.split))], settings["batch"], shuffle=True, drop_last=True, collate_fn=collate,
        generator=torch.Generator().manual_seed(settings["seed"]),
    )
    model.train()
    while True:
        for batch in loader:
            if len(curve) == settings["steps"]:
                return
            tokens.append(int((batch["labels"] != -100).sum()))
            batch = {name: values.to(model.device) for name, values in batch.items()}
            labels = batch.pop("labels")
            with torch.autocast("cuda", torch.bfloat16, enabled=model.device.type == "cuda"):
                logits = model(**batch).logits
            loss = functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=-100)
            for group in optimizer.param_groups:
                group["lr"] = settings["learning_rate"] * min(1, (len(curve) + 1) / settings["warmup"])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            curve.append((task.since_start(), float(loss)))


def by_trl(task, model, processor, collate, curve, tokens) -> None:
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    settings = task.settings
    on_gpu = torch.cuda.is_available()

    def counted(rows):
        batch = collate(rows)
        tokens.append(int((batch["labels"] != -100).sum()))
        return batch

    class Note(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **_):
            if logs and "loss" in logs:
                curve.append((task.since_start(), float(logs["loss"])))

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
        torch_compile=on_gpu,
        use_cpu=not on_gpu,
        gradient_checkpointing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        dataloader_num_workers=0,  # rows are prepared; a worker would only copy them
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=settings["seed"],
    )
    SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict({"row": range(len(collate.split))}),
        data_collator=counted,
        processing_class=processor,
        callbacks=[Note()],
    ).train()


if __name__ == "__main__":
    main(*sys.argv[1:])
