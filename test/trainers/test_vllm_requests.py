"""`generate` with `engine: vllm` as far as it goes without vLLM: a script plays the server's part. test/vllm has the real one."""

import json
from pathlib import Path
from typing import Any

import pytest

import tiny_models
from conftest import GENERATE, prepare, result
from trainers import generate, generate_vllm
from trainers.hub_policy import encode_words, load_processor
from trainers.job import main

PARAMS = GENERATE | {"mode": generate.BOTH, "limit": 3, "max_tokens": 30, "context": 512, "gpu_memory": 0.9, "start_seconds": 9}
SAID = "adj 0"


class ScriptedServer:
    """Says the same to each question, and is cut off where it begins without a caption."""

    questions: list[dict[str, Any]] = []
    starts = 0

    def __init__(self, directory: Path, model: Path, settings: dict[str, Any], start_seconds: float, between: Any):
        self.ids = encode_words(load_processor(model).tokenizer, SAID)

    def __enter__(self) -> "ScriptedServer":
        ScriptedServer.starts += 1
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def start(self, probe: dict[str, Any]) -> None:
        assert probe["max_tokens"] == 1

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        self.questions.append(question)
        is_continued = question["messages"][-1]["role"] == "assistant"
        return {"choices": [{"token_ids": self.ids, "finish_reason": "stop" if is_continued else "length"}]}


@pytest.fixture
def server(monkeypatch) -> type[ScriptedServer]:
    ScriptedServer.questions, ScriptedServer.starts = [], 0
    monkeypatch.setattr(generate_vllm, "VllmServer", ScriptedServer)
    monkeypatch.setattr(generate_vllm, "version", lambda _: "0.0.1")
    monkeypatch.setattr(generate_vllm, "require_device", lambda _: None)
    return ScriptedServer


def predictions(job: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (job / "output/predictions.jsonl").read_text().splitlines()]


def test_one_server_answers_both_modes_and_no_question_twice(server, dataset, tmp_path):
    model = tiny_models.build("qwen3_vl", tmp_path / "model")
    job = prepare(tmp_path / "job", PARAMS, data=dataset, model=model)
    assert main(generate_vllm.work, [str(job)]) == 0, result(job)
    whole, continued = predictions(job)[:3], predictions(job)[3:]
    assert [line["mode"] for line in (*whole, *continued)] == ["end-to-end"] * 3 + ["counterfactual"] * 3
    assert all(line["response"] == SAID and line["truncated"] for line in whole)
    assert all(line["response"].endswith(f"</caption>{SAID}") and "truncated" not in line for line in continued)
    summary = result(job)["summary"]
    assert (summary["responses"], summary["finished"], summary["truncated"], summary["vllm"]) == (6, 3, 3, "0.0.1")

    questions = server.questions
    assert len(questions) == 6 and server.starts == 1 and len({question["seed"] for question in questions}) == 3, "a seed for each row"
    tokenizer = load_processor(model).tokenizer
    for question in questions:
        assert tokenizer.convert_tokens_to_ids("<|im_end|>") in question["stop_token_ids"]
        assert question["messages"][0]["content"][0]["image_url"]["url"].startswith("data:image/png;base64,")
        (*_, last) = question["messages"]
        forced = 0 if last["role"] == "user" else len(encode_words(tokenizer, last["content"]))
        assert question["max_tokens"] == 30 - forced
        assert question.get("continue_final_message", False) == (forced > 0)

    again = prepare(tmp_path / "again", PARAMS, job / "checkpoints", data=dataset, model=model)
    assert main(generate_vllm.work, [str(again)]) == 0, result(again)
    assert predictions(again) == predictions(job) and server.starts == 1
