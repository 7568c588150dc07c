"""A base model whose vocabulary has the caption's tags: `python -m trainers.prepare JOB_DIR`.

`<caption>` and `</caption>` become one plain token each where they are several, and the model is saved with them. Every trainer and
server then reads a response as the same tokens; LoRA could not save them, and a server would never learn of them. The new rows of the
embeddings are the mean of the known ones, which makes the tags no likelier than a common word. The generation settings name the token
that the chat template ends a response with, if they lacked it: verl's sampler reads nothing else.

With `vision`, the input is a language model, and the base model is an image-text model around it (idefics3.py), whose pixels are
normalised by the mean and spread of split `train_sft` of the input `data`.
"""

import os
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoTokenizer

from trainers import idefics3
from trainers.card import later_card
from trainers.data import read_split
from trainers.hub_policy import copy_words, load_processor
from trainers.job import Job, JobError, Outcome, main
from trainers.model import image_statistics, is_micro
from trainers.model_files import load_whole, require_whole
from trainers.tokenizer import TAGS
from trainers.vocabulary import give_rows


def work(job: Job) -> Outcome:
    start, vision = job.inputs["model"], job.params["vision"]
    require_whole(start)
    if is_micro(start):
        raise JobError("A micro model's vocabulary has the caption's tags.", "Leave `prepare` out for it.")
    if vision is not None:
        return give_eyes(start, vision, job.inputs["data"], job.output)
    model = load_whole(AutoModelForImageTextToText, start, dtype="auto", use_safetensors=True)
    tokenizer = AutoTokenizer.from_pretrained(start)
    known = len(tokenizer)
    added = tokenizer.add_tokens(TAGS)
    give_rows(model, tokenizer, known)
    model.save_pretrained(job.output)
    copy_words(start, job.output, load_processor(start))
    if added:
        tokenizer.save_pretrained(job.output)
    return Outcome({"added": added, "tokens": len(tokenizer)})


def give_eyes(start: Path, vision: dict[str, Any], data: Path, output: Path) -> Outcome:
    model, processor, added = idefics3.around(start, vision, image_statistics(read_split(data, "train_sft").images))
    model.save_pretrained(output)
    processor.save_pretrained(output)
    made = "`trainers/idefics3.py` of `pipe` put a vision tower of random weights before it, with"
    closing = "It sees nothing before it is trained."
    (output / "README.md").write_text(later_card(start, "With a vision tower", made, vision, closing), encoding="utf-8")
    weights = sum(weight.numel() for weight in model.parameters())
    return Outcome({"added": added, "tokens": len(processor.tokenizer), "weights": weights})


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sys.exit(main(work))
