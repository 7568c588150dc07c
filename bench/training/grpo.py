"""One reinforcement learning of a saved micro model by TRL's GRPOTrainer: `grpo.py trl|trl-compiled SETTINGS`.

The reward is 1 for a caption that equals p*, as `trainers.grpo` has it with α = 1. TRL generates with `model.generate` and its cache,
since vLLM, which its page on speed names first, loads neither a micro Qwen3-VL with this processor nor a model on two cores. Its other
settings there: bfloat16 on a GPU, no reference model (β = 0), no gradient checkpointing, all completions of a step in one batch.
`trl-compiled` has a static cache, for which transformers compiles decoding. Continuous batching refuses models with pictures.
Prints a line of JSON: the mean reward by step with seconds since the start of the process, rollouts a second after the first steps.
"""

import sys
from pathlib import Path

import torch
from common import Task, rate_of, report
from PIL import Image

from trainers.model import load

WARM_UP = 2  # steps that are left out of the rate


def main(kind: str, file: str) -> None:
    task = Task.read(file)
    settings = task.settings
    torch.set_num_threads(settings["threads"])
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    split = task.split("train_rl")
    model, processor = load(Path(settings["model"]))
    rows = [
        {"prompt": [{"role": "user", "content": ""}], "image": Image.fromarray(image[..., 0]).convert("RGB"), "perception": perception}
        for image, perception in zip(split.images, split.columns["perception"])
    ]
    curve: list[tuple[float, float]] = []
    on_gpu = torch.cuda.is_available()
    rollouts = settings["group"] * settings["prompts"]

    def caption_is_right(completions, perception, **_) -> list[float]:
        said = [completion[0]["content"] if isinstance(completion, list) else completion for completion in completions]
        return [float(text.startswith(f"<caption>{truth}</caption>")) for text, truth in zip(said, perception)]

    class Note(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **_):
            if logs and "reward" in logs:
                curve.append((task.since_start(), float(logs["reward"])))

        def on_step_end(self, args, state, control, **_):
            control.should_training_stop |= task.is_over(len(curve))

    arguments = GRPOConfig(
        output_dir=settings["output"],
        max_steps=settings["steps"],
        per_device_train_batch_size=rollouts,
        num_generations=settings["group"],
        max_completion_length=settings["max_tokens"],
        temperature=1.0,
        top_k=0,
        cache_implementation="static" if kind == "trl-compiled" else None,
        beta=0.0,
        loss_type="grpo",
        learning_rate=settings["learning_rate"],
        lr_scheduler_type="constant",
        adam_beta1=0.9,
        adam_beta2=0.95,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        bf16=on_gpu,
        use_cpu=not on_gpu,
        gradient_checkpointing=False,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=settings["seed"],
    )
    GRPOTrainer(
        model=model.train(),
        reward_funcs=caption_is_right,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=processor,
        callbacks=[Note()],
    ).train()
    report(curve=curve, steps=len(curve), rollouts_per_s=rate_of(curve, WARM_UP, rollouts), seconds=task.since_start())


if __name__ == "__main__":
    main(*sys.argv[1:])
