"""A tiny data set in the artifact's layout: three vertices on a 32x32 picture, drawn with PIL, so that no Node is needed."""

import io
import json
import os
import random
import sys
import time
from collections.abc import Callable
from itertools import combinations
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest
import torch
from PIL import Image, ImageDraw

SIDE = 32
CORNERS = [(6, 6), (25, 8), (14, 26)]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--gpu", action="store_true", help="let tests see the GPUs of this machine: those of kernels run on one")


def pytest_configure(config: pytest.Config) -> None:
    """Hides GPUs: tests compare trainings byte by byte, which a GPU's rounding breaks, and fork, which CUDA does not survive."""
    if not config.getoption("gpu", False):
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def row(index: int, side: int = SIDE) -> dict:
    choose = random.Random(index)
    edges = [edge for edge in combinations(range(3), 2) if choose.random() < 0.5]
    picture = Image.new("L", (side, side), 255)
    pen = ImageDraw.Draw(picture)
    for a, b in edges:
        pen.line([CORNERS[a], CORNERS[b]], fill=60, width=2)
    for x, y in CORNERS:
        pen.ellipse([x - 3 + choose.randint(-1, 1), y - 3, x + 3, y + 3], fill=0)
    file = io.BytesIO()
    picture.save(file, "PNG")
    perception = json.dumps(edges, separators=(",", ":"))
    near = ["".join(f" {other}" for edge in edges for other in edge if v in edge and other != v) for v in range(3)]
    reasoning = "".join(f"\nadj {v}{near[v]} -> {'ab'[bool(near[v])]}" for v in range(3))
    answer = json.dumps({str(v): "ab"[bool(near[v])] for v in range(3)}, separators=(",", ":"))
    return {
        "id": f"row-{index}",
        "task": "graph-coloring",
        "query": "Colour this.",
        "image": {"bytes": file.getvalue(), "path": f"{index}.png"},
        "ground_truth": json.dumps({"v": 3, "c": 2, "edges": edges}),
        "perception": perception,
        "response": f"<caption>{perception}</caption>{reasoning}\n<answer>{answer}</answer>",
    }


def write_split(directory: Path, split: str, rows: list[dict]) -> Path:
    (directory / "data").mkdir(parents=True, exist_ok=True)
    image = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    text = [(name, pyarrow.string()) for name in row(0) if name != "image"]
    table = pyarrow.Table.from_pylist(rows, pyarrow.schema([*text, ("image", image)]))
    parquet.write_table(table, directory / "data" / f"{split}-00000-of-00001.parquet")
    return directory


@pytest.fixture(scope="session")
def dataset(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("dataset")
    write_split(directory, "train_sft", [row(index) for index in range(40)])
    return write_split(directory, "test", [row(index) for index in range(1000, 1013)])


SFT: dict[str, Any] = {
    "model": {"kind": "micro", "family": "qwen3-vl", "size": "nano", "init": 0.02},
    "loss": {"kind": "token"},
    "steps": 4,
    "batch": 8,
    "accumulate": 1,
    "learning_rate": 3e-3,
    "warmup": 2,
    "schedule": "constant",
    "weight_decay": 0.01,
    "grad_clip": 1.0,
    "freeze": "none",
    "learn": "response",
    "pictures": "shown",
    "gradients": False,
    "validate": None,
    "seed": 0,
}
GRPO: dict[str, Any] = {
    "split": "train_rl",
    "prompts": "split",
    "alpha": 0.5,
    "alpha_end": None,
    "perception": "oracle",
    "captioner": None,
    "solver": None,
    "group": 4,
    "prompts_per_step": 4,
    "steps": 3,
    "minibatches": 2,
    "epochs": 1,
    "temperature": 1.0,
    "max_tokens": 30,
    "normalize": "group-std",
    "std": "unbiased",
    "per_reward": False,
    "credit": "response",
    "dynamic_sampling": {"kind": "none"},
    "clip_low": 0.2,
    "clip_high": 0.28,
    "dual_clip": 3.0,
    "ratio": "token",
    "aggregate": "token-mean",
    "caption_weight": 1.0,
    "kl": {"kind": "exact", "coefficient": 0.05},
    "learning_rate": 1e-3,
    "warmup": 2,
    "schedule": "constant",
    "weight_decay": 0,
    "grad_clip": 1.0,
    "batch": 8,
    "record_every": 1,
    "validate": None,
    "seed": 0,
}
ROLLOUT: dict[str, Any] = {
    "split": "train_rl",
    "limit": None,
    "group": 4,
    "counterfactual": 0,
    "surrogates": [],
    "captioner": None,
    "solver": None,
    "temperature": 1.0,
    "max_tokens": None,
    "batch": 20,
    "seed": 0,
}
SCORER = [sys.executable, str(Path(__file__).parent / "programs" / "scorer.py")]
GENERATE: dict[str, Any] = {"mode": "end-to-end", "split": "test", "limit": None, "max_tokens": None, "batch": 5, "temperature": 0, "seed": 0}


def prepare(directory: Path, params: dict, checkpoints: Path | None = None, **inputs: Path | list[Path]) -> Path:
    """A job directory ready to run; a fan-in is a list."""
    output, kept = directory / "output", checkpoints or directory / "checkpoints"
    output.mkdir(parents=True)
    kept.mkdir(parents=True, exist_ok=True)
    description = {
        "protocol": 1,
        "stage": "a stage",
        "attempt": "attempt-1",
        "params": params,
        "inputs": {name: list(map(str, path)) if isinstance(path, list) else str(path) for name, path in inputs.items()},
        "output": str(output),
        "checkpoints": str(kept),
        "scorer": SCORER,
    }
    (directory / "job.json").write_text(json.dumps(description))
    return directory


def result(job: Path) -> dict:
    return json.loads((job / "result.json").read_text())


def events(job: Path, kind: str) -> list[dict]:
    lines = (job / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


def work_in_process(work: Callable, job: Path) -> None:
    from trainers import loop
    from trainers.job import main

    loop.CHECKPOINT_SECONDS = 0
    sys.exit(main(work, [str(job)]))


def start(work: Callable, job: Path) -> BaseProcess:
    """The trainer in a process of its own, with a checkpoint after every step; forked, since importing PyTorch takes seconds."""
    process = get_context("fork").Process(target=work_in_process, args=(work, job))
    process.start()
    return process


def exit_code(process: BaseProcess) -> int:
    """The exit code, or the negative number of the signal that ended the process."""
    process.join(240)
    assert process.exitcode is not None, "the process has not ended within four minutes"
    return process.exitcode


def wait_for_checkpoints(job: Path, count: int) -> None:
    for _ in range(4800):
        if len(list((job / "checkpoints").glob("step-*.pt"))) >= count:
            return
        time.sleep(0.05)
    raise AssertionError(f"fewer than {count} checkpoints within four minutes")


@pytest.fixture(scope="session")
def prompts(tmp_path_factory) -> Path:
    """A data set for reinforcement learning."""
    return write_split(tmp_path_factory.mktemp("prompts"), "train_rl", [row(index) | {"response": ""} for index in range(2000, 2010)])


def train(directory: Path, dataset: Path, steps: int) -> Path:
    """The model directory of a training of so many steps."""
    from trainers import sft
    from trainers.job import main

    job = prepare(directory / "job", SFT | {"steps": steps, "loss": {"kind": "fixed", "lambda": 0.4}}, data=dataset)
    assert main(sft.work, [str(job)]) == 0
    return job / "output"


@pytest.fixture(scope="session")
def trained(dataset, tmp_path_factory) -> Path:
    """A model trained long enough to write whole responses."""
    return train(tmp_path_factory.mktemp("trained"), dataset, 80)


@pytest.fixture(scope="session")
def beginner(dataset, tmp_path_factory) -> Path:
    """A model with a mean reward of about .3, which leaves it much to learn, on any processor: `trained` is right in all on some."""
    return train(tmp_path_factory.mktemp("beginner"), dataset, 30)
