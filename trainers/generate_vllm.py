"""Responses of a model to a split of a dataset, written by vLLM: `python -m trainers.generate_vllm JOB_DIR`.

Same output as generate.py, which has transformers write them: same prompts, same forced captions, same tokens that end a response
or are never chosen. Greedy responses are the same text as long as no two tokens are nearly as likely; sampled ones are others, since
vLLM draws its own numbers, from a seed for each row. A GPU computes in bfloat16, a processor in float32. One server answers in both
modes where the job asks for both.

Answers are kept as they arrive (`answers.jsonl` beside the checkpoints), so a job that is started again asks for the missing ones only.
On a GPU the last bits of a number depend on which requests vLLM computes together; the summary's `settings` say what was held fixed.
"""

import base64
import hashlib
import io
import json
import os
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

from trainers.data import Split, read_split
from trainers.end_tokens import ends_of, generation_settings
from trainers.generate import ResponseRequest, counts, prediction_line, requests_of
from trainers.generate import Params as Sampled
from trainers.hub_policy import Prompt, decode_words, encode_words, load_processor, media_of
from trainers.job import Job, JobError, Outcome, main
from trainers.kept_answers import KeptAnswers
from trainers.model import is_micro
from trainers.model_files import require_whole
from trainers.streams import stream
from trainers.vllm_environment import require_device
from trainers.vllm_server import NAME, VllmServer, server_settings

POLL_SECONDS = 0.2
NEVER = -100  # added to a logit: the least that the protocol allows


@dataclass(frozen=True)
class Params(Sampled):
    """Those of generate.py, and the server's."""

    context: int
    gpu_memory: float
    start_seconds: float


@dataclass(frozen=True)
class Answer:
    """The tokens that vLLM added to the prompt and a forced caption; `is_finished` if it ended the response itself."""

    ids: list[int]
    is_finished: bool


class Words:
    """The model's tokenizer, and which of its tokens end a response or stand for media."""

    def __init__(self, directory: Path):
        processor = load_processor(directory)
        self.tokenizer = processor.tokenizer
        self.config = AutoConfig.from_pretrained(directory)
        self.ends = ends_of(generation_settings(directory), processor)
        self.media = media_of(self.config, self.ends)

    def count(self, text: str) -> int:
        return len(encode_words(self.tokenizer, text))

    def text(self, ids: list[int]) -> str:
        return decode_words(self.tokenizer, ids)


def work(job: Job) -> Outcome:
    params = Params(**job.params)
    params.check()
    directory = job.inputs["model"]
    longest = require_servable(directory, params)
    split = read_split(job.inputs["data"], params.split, params.limit, any_size=True)
    words = Words(directory)
    requests = requests_of(params, split)
    forced = [min(words.count(request.caption), longest) for request in requests]
    questions = {
        number: question(params, split, request, longest - forced[number], words)
        for number, request in enumerate(requests)
        if forced[number] < longest
    }
    settings = server_settings(words.config, params.context, params.batch, params.gpu_memory)
    answers = answers_to(questions, job, params, settings)

    with open(job.output / "predictions.jsonl", "w", encoding="utf-8") as file:
        for number, request in enumerate(requests):
            answer = answers.get(number, Answer([], False))
            tokens = forced[number] + len(answer.ids)
            file.write(prediction_line(split, request, words.text(answer.ids), tokens, answer.is_finished))
    finished = sum(answer.is_finished for answer in answers.values())
    return Outcome(
        {
            "model": (words.config.architectures or ["unknown"])[0],
            **counts(len(requests), finished, sum(forced) + sum(len(answer.ids) for answer in answers.values())),
            "vllm": version("vllm"),
            "settings": settings,
        }
    )


def require_servable(directory: Path, params: Params) -> int:
    """Fails unless vLLM can serve the model here; returns the bound on the tokens of a response."""
    require_whole(directory)
    if is_micro(directory):
        raise JobError("vLLM serves models that answer in chats, and a micro model has no chat template.", "Leave `engine` out for it.")
    if params.max_tokens is None:
        raise JobError("There is no bound on the tokens of a response.", "Give the stage `max_tokens`.")
    require_device(torch.cuda.is_available())
    if torch.cuda.device_count() > 1:
        raise JobError("engine vllm uses one GPU, and several are visible.", "Set resources: { gpus: 1 }.")
    return params.max_tokens


def question(params: Params, split: Split, request: ResponseRequest, longest: int, words: Words) -> dict[str, Any]:
    """The request of a row in a mode. Its seed depends on the stage's seed and the row alone."""
    picture, text = Prompt(split.columns["query"][request.row], split.images[request.row]).chat[0]["content"]
    file = io.BytesIO()
    picture["image"].save(file, "PNG")
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    messages = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}, text]}]
    prefill = {}
    if request.caption:
        messages.append({"role": "assistant", "content": request.caption})
        prefill = {"continue_final_message": True, "add_generation_prompt": False}
    return {
        "model": NAME,
        "messages": messages,
        "max_tokens": longest,
        "temperature": params.temperature,
        "seed": int(stream("response", params.seed, request.row).integers(2**31)),
        "stop_token_ids": list(words.ends),
        "logit_bias": {str(token): NEVER for token in words.media},
        "return_token_ids": True,
        **prefill,
    }


def answers_to(questions: dict[int, dict[str, Any]], job: Job, params: Params, settings: dict[str, Any]) -> dict[int, Answer]:
    """The answer to each question, by its number; without a server if all of them are kept."""
    kept = KeptAnswers(job.checkpoints / "answers.jsonl", Answer)
    keys = {number: hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest() for number, question in questions.items()}
    missing = {key: questions[number] for number, key in keys.items() if key not in kept.answers}
    if missing:
        job.log("info", f"starting vLLM {version('vllm')}")
        with VllmServer(
            job.directory, job.inputs["model"], settings, params.start_seconds, job.exit_if_stopping
        ) as server:
            began = time.monotonic()
            server.start(next(iter(missing.values())) | {"max_tokens": 1})
            job.log("info", f"vLLM answers, {time.monotonic() - began:.0f} s after its start")
            ask_all(missing, server, job, params.batch, kept, len(questions))
    return {number: kept.answers[key] for number, key in keys.items()}


def ask_all(
    missing: dict[str, dict[str, Any]], server: VllmServer, job: Job, at_once: int, kept: KeptAnswers[Answer], total: int
) -> None:
    """Threads ask and this one writes. The first failure ends the server, and with it the other requests."""
    pool = ThreadPoolExecutor(min(at_once, len(missing)))
    pending: dict[Future[dict[str, Any]], str] = {pool.submit(server.ask, question): key for key, question in missing.items()}
    try:
        while pending:
            done, _ = wait(pending, POLL_SECONDS, FIRST_COMPLETED)
            kept.add({pending.pop(future): answer_in(future.result()) for future in done})
            if done:
                job.progress(total - len(pending), total, "responses")
            job.exit_if_stopping()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def answer_in(completion: dict[str, Any]) -> Answer:
    choice = completion["choices"][0]
    return Answer(choice["token_ids"], choice["finish_reason"] == "stop")


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sys.exit(main(work))
