"""Data, model and the printed line of numbers, for every training of the benchmark."""

import json
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))
from trainers.data import Responses, Split, encode_responses, read_split
from trainers.model import SIZES, build_model, build_processor, device, image_statistics
from trainers.phases import process_age
from trainers.tokenizer import train_tokenizer

INIT = 0.02


@dataclass(frozen=True)
class Task:
    """A training as `settings.json` describes it; `began` is the start of this process on time.monotonic's clock."""

    settings: dict[str, Any]
    began: float

    @classmethod
    def read(cls, file: str) -> "Task":
        return cls(json.loads(Path(file).read_text()), time.monotonic() - process_age())

    def split(self, name: str) -> Split:
        return read_split(Path(self.settings["data"]), name)

    def since_start(self) -> float:
        return time.monotonic() - self.began


def new_model(task: Task, split: Split) -> tuple[torch.nn.Module, Any, Responses]:
    """The micro model of the seed, its processor and the encoded responses: the same weights as `trainers.sft` begins with."""
    tokenizer = train_tokenizer(split.words)
    responses = encode_responses(tokenizer, split)
    side = split.images.shape[1]
    model = build_model(SIZES[task.settings["size"]], INIT, tokenizer, side, task.settings["seed"]).to(device())
    return model, build_processor(tokenizer, side, *image_statistics(split.images)), responses


def report(**numbers: object) -> None:
    """Prints the numbers and the peak memory in MB: of the GPU if there is one, else of the process."""
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated() / 2**20
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(json.dumps({**numbers, "peak_mb": round(peak)}), flush=True)
