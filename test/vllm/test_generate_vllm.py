"""`generate` with `engine: vllm` in vLLM's own environment: `npm run test:trainers -- --all`. A real vLLM serves a tiny Qwen3-VL."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from conftest import GENERATE, events, prepare, result, row, write_split
from transformers import AutoModelForImageTextToText

import tiny_models
from trainers import generate, generate_vllm, prepare as stage
from trainers.data import read_split
from trainers.hub_policy import encode_words
from trainers.job import main
from trainers.llamafactory_rows import encode_chats, load_processor

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 24
PARAMS = GENERATE | {"max_tokens": LONGEST, "batch": 4}
SERVER = {"context": 512, "gpu_memory": 0.9, "start_seconds": 1200}
DEADLINE_SECONDS = 1200
TURN_END = 2  # <|im_end|> and a line break


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_split(tmp_path_factory.mktemp("data"), "test", [row(index) for index in range(3)])


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """The tiny model of the experiments, its weights enlarged so that the likeliest token stands out."""
    directory = tmp_path_factory.mktemp("model")
    subprocess.run([sys.executable, ROOT / "experiments/tiny/qwen3_vl.py", directory], check=True)
    return enlarged(directory)


def enlarged(directory: Path) -> Path:
    made = AutoModelForImageTextToText.from_pretrained(directory)
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(3)
    made.save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def internvl(tmp_path_factory) -> Path:
    """A model of the other family with the caption's tags."""
    start = tiny_models.build_to_serve("internvl", tmp_path_factory.mktemp("start") / "model")
    job = prepare(tmp_path_factory.mktemp("internvl") / "job", {"vision": None}, model=start)
    assert main(stage.work, [str(job)]) == 0, result(job)
    return job / "output"


@pytest.fixture(scope="module")
def idefics3(tmp_path_factory) -> Path:
    return enlarged(tiny_models.build_to_serve("idefics3", tmp_path_factory.mktemp("idefics3")))


def predictions(job: Path) -> list[dict]:
    return [json.loads(line) for line in (job / "output" / "predictions.jsonl").read_text().splitlines()]


def by_transformers(job: Path, params: dict, **inputs: Path) -> list[dict]:
    assert main(generate.work, [str(prepare(job, params, **inputs))]) == 0, result(job)
    return predictions(job)


def start(job: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "trainers.generate_vllm", str(job)])


def answers_kept(job: Path) -> int:
    kept = job / "checkpoints" / "answers.jsonl"
    return len(kept.read_text().splitlines()) if kept.exists() else 0


def wait_until(holds, what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {DEADLINE_SECONDS} s"
        time.sleep(0.2)


def alive_below(folder: Path) -> list[int]:
    """Live processes whose directory is the job's, as that of vLLM and all its workers is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_dead = process.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if not is_dead and Path(os.readlink(process / "cwd")) == folder:
                found.append(int(process.name))
        except OSError:
            continue  # it ended meanwhile
    return found


def prompts_as_trained(data: Path, model: Path) -> set[tuple[int, ...]]:
    """The tokens that come before a response in fine-tuning, and before the rest of one that begins with its caption: those of the chat with
    the response, which LLaMA-Factory's must equal (test/llamafactory), without the response's."""
    split, processor = read_split(data, "test", any_size=True), load_processor(model)
    found = set()
    for said, chat in zip(split.columns["response"], encode_chats(processor, split), strict=True):
        rest = said.partition("</caption>")[2]
        for response in (said, rest):
            after = len(encode_words(processor.tokenizer, response)) + TURN_END
            found.add(tuple(map(int, chat[:-after])))
    return found


@pytest.mark.parametrize("family", ["model", "internvl", "idefics3"])
def test_greedy_tokens_are_those_of_transformers(data, family, request, tmp_path, monkeypatch):
    """One server answers end to end and from the forced caption, to the prompts that trainers learn from; a job of one mode asks for nothing
    that it has answered."""
    model, read, answer_in = request.getfixturevalue(family), set(), generate_vllm.answer_in

    def recording(completion: dict) -> generate_vllm.Answer:
        read.add(tuple(completion["prompt_token_ids"]))
        return answer_in(completion)

    monkeypatch.setattr(generate_vllm, "answer_in", recording)
    params = PARAMS | {"mode": generate.BOTH}
    expected = by_transformers(tmp_path / "transformers", params, data=data, model=model)
    job = prepare(tmp_path / "both", params | SERVER, data=data, model=model)
    assert main(generate_vllm.work, [str(job)]) == 0, result(job)
    assert read == prompts_as_trained(data, model)
    made = predictions(job)
    assert made == expected
    truncated = sum(line.get("truncated", False) for line in made)
    assert truncated == 6 or (family != "model" and truncated > 0)
    summary = result(job)["summary"]
    assert summary["truncated"] == truncated and summary["settings"]["dtype"] == "float32"
    command = shlex.split((job / "vllm.log").read_text().splitlines()[0])
    assert command[-2] == "--uds" and command[command.index("--max-model-len") + 1] == "512"
    wait_until(lambda: alive_below(job) == [], "the end of all of vLLM")

    for mode in generate.MODES:
        again = prepare(tmp_path / mode, params | SERVER | {"mode": mode}, job / "checkpoints", data=data, model=model)
        assert main(generate_vllm.work, [str(again)]) == 0
        assert predictions(again) == [line for line in predictions(job) if line["mode"] == mode]
        assert not (again / "vllm.log").exists()


def test_a_killed_server_leaves_nothing_and_its_answers(data, model, tmp_path):
    """Sampled, since the seeds of the rows must give the same answers after the restart."""
    params = PARAMS | SERVER | {"temperature": 1.0, "seed": 5, "batch": 1, "max_tokens": 400}
    job = prepare(tmp_path / "killed", params, data=data, model=model)
    running = start(job)
    wait_until(lambda: answers_kept(job) > 0 or running.poll() is not None, "a first answer")
    [server] = [pid for pid in alive_below(job) if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")]
    os.kill(server, signal.SIGKILL)
    assert running.wait(DEADLINE_SECONDS) == 1
    assert "vLLM was killed by SIGKILL" in result(job)["message"]
    wait_until(lambda: alive_below(job) == [], "the end of all of vLLM")
    kept = answers_kept(job)
    assert 0 < kept < 3

    resumed = prepare(tmp_path / "resumed", params, job / "checkpoints", data=data, model=model)
    assert main(generate_vllm.work, [str(resumed)]) == 0, result(resumed)
    straight = prepare(tmp_path / "straight", params | {"batch": 4}, data=data, model=model)
    assert main(generate_vllm.work, [str(straight)]) == 0, result(straight)
    assert predictions(resumed) == predictions(straight)
    assert events(resumed, "progress")[0]["done"] == kept + 1


def test_a_head_size_without_a_kernel_is_named(data, tmp_path):
    """The server says that it is healthy; the first question kills its engine."""
    model = tiny_models.build("qwen3_vl", tmp_path / "model")  # heads of size 8
    job = prepare(tmp_path / "job", PARAMS | SERVER, data=data, model=model)
    assert main(generate_vllm.work, [str(job)]) == 1
    assert "head" in result(job)["message"] and "8" in result(job)["message"]
    wait_until(lambda: alive_below(job) == [], "the end of all of vLLM")


def test_a_slow_start_ends_at_its_limit(data, model, tmp_path):
    job = prepare(tmp_path / "job", PARAMS | SERVER | {"start_seconds": 1}, data=data, model=model)
    assert main(generate_vllm.work, [str(job)]) == 1
    assert "did not answer within 1 s of its start" in result(job)["message"]
    wait_until(lambda: alive_below(job) == [], "the end of all of vLLM")
