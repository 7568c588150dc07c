"""A base model whose vocabulary has the caption's tags: `python -m trainers.prepare JOB_DIR`.

`<caption>` and `</caption>` become one plain token each where they are several, and the model is saved with them. Every trainer and
server then reads a response as the same tokens; LoRA could not save them, and a server would never learn of them. The new rows of the
embeddings are the mean of the known ones, which makes the tags no likelier than a common word.
"""

import os
import sys

import torch
from transformers import AutoModelForImageTextToText, AutoTokenizer

from trainers.hub_policy import copy_words
from trainers.job import Job, JobError, Outcome, main
from trainers.model import is_micro
from trainers.model_files import load_whole, require_whole
from trainers.tokenizer import TAGS


def work(job: Job) -> Outcome:
    start = job.inputs["model"]
    require_whole(start)
    if is_micro(start):
        raise JobError("A micro model's vocabulary has the caption's tags.", "Leave `prepare` out for it.")
    model = load_whole(AutoModelForImageTextToText, start, dtype="auto", use_safetensors=True)
    tokenizer = AutoTokenizer.from_pretrained(start)
    known = len(tokenizer)
    added = tokenizer.add_tokens(TAGS)
    if len(tokenizer) > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    with torch.no_grad():
        for rows in embeddings(model):
            rows[known : known + added] = rows[:known].float().mean(0).to(rows.dtype)
    model.save_pretrained(job.output)
    copy_words(start, job.output)
    if added:
        tokenizer.save_pretrained(job.output)
    return Outcome({"added": added, "tokens": len(tokenizer)})


def embeddings(model: torch.nn.Module) -> list[torch.Tensor]:
    """The tables with a row a token: of the input and, if the model has one, of the output."""
    layers = [model.get_input_embeddings(), model.get_output_embeddings()]
    return [layer.weight for layer in layers if layer is not None]


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sys.exit(main(work))
