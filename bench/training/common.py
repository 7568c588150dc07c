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
        return seconds_since(self.began)

    def is_over(self, reports: int) -> bool:
        """True when the training has had its seconds, and as many reports after its warm-up as a rate needs."""
        return reports >= self.settings["least_reports"] and time.monotonic() - self.began > self.settings["seconds"]  # read each step, so without waiting for the GPU


def new_model(task: Task, split: Split) -> tuple[torch.nn.Module, Any, Responses]:
    """The micro model of the seed, its processor and the encoded responses: the same weights as `trainers.sft` begins with."""
    tokenizer = train_tokenizer(split.words)
    responses = encode_responses(tokenizer, split)
    side = split.images.shape[1]
    model = build_model(SIZES[task.settings["size"]], INIT, tokenizer, side, task.settings["seed"]).to(device())
    return model, build_processor(tokenizer, side, *image_statistics(split.images)), responses


def seconds_since(began: float) -> float:
    """Seconds on time.monotonic's clock, with what the GPU was asked to do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.monotonic() - began


def rate_of(curve: list[tuple[float, float]], left_out: int, each: float) -> float:
    """The work of a second, if `each` lies between two points of the curve; before point `left_out` is warm-up."""
    if len(curve) <= left_out:
        raise SystemExit(f"{len(curve)} reports, of which {left_out} are warm-up: give it more seconds or steps")
    return each * (len(curve) - left_out) / (curve[-1][0] - curve[left_out - 1][0])


def report(**numbers: object) -> None:
    """Prints the numbers and the peak memory in MB: what PyTorch took of the GPU if there is one, else of the process."""
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_reserved() / 2**20
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(json.dumps({**numbers, "peak_mb": round(peak)}), flush=True)
