"""A model whose generation settings and tokenizer name another end first than its chat template writes, as Gemma 3 and Llama 3 do."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import prepare as prepare_job
from conftest import result
from transformers import AutoTokenizer, GenerationConfig

from tiny_models import END, PAD, START, build
from trainers import prepare
from trainers.data import read_split
from trainers.decode import FREE
from trainers.end_tokens import ends_of
from trainers.generate_vllm import Words
from trainers.hub_forward import encode_responses
from trainers.hub_policy import HubPolicy
from trainers.job import main


def named(directory: Path) -> list[int]:
    return json.loads((directory / "generation_config.json").read_text())["eos_token_id"]


def rename_ends(directory: Path, *ends: int) -> Path:
    path = directory / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token_id": list(ends)}))
    tokens = AutoTokenizer.from_pretrained(directory)
    tokens.eos_token = PAD
    tokens.save_pretrained(directory)
    return directory


@pytest.fixture(params=["qwen3_vl", "gemma3"])
def start(request, tmp_path) -> Path:
    return build(request.param, tmp_path / "start")


def prepared(start: Path, tmp_path: Path) -> Path:
    job = prepare_job(tmp_path / "job", {"vision": None}, model=start)
    assert main(prepare.work, [str(job)]) == 0, result(job)
    return job / "output"


def test_a_response_is_taught_with_the_end_that_the_chat_template_writes(start, dataset, tmp_path):
    pad, end = AutoTokenizer.from_pretrained(start).convert_tokens_to_ids([PAD, END])
    base = prepared(rename_ends(start, pad, end), tmp_path)
    assert named(base) == [pad, end]  # nothing was missing
    split = read_split(dataset, "train_sft", 3)
    policy = HubPolicy(base, split, 4)
    taught = encode_responses(policy, split)
    assert policy.ends == (end, pad)
    assert [row[length - 1] for row, length in zip(taught.tokens, taught.lengths)] == [end] * 3

    word = policy.encode(["a"])[0][0]
    forced = torch.tensor([[word, pad, FREE], [word, end, FREE], [word, word, word]])
    made = policy.decoder(3)(policy.prompts(np.arange(3)), None, forced)
    assert made.lengths.tolist() == [2, 2, 3]


def test_an_end_that_the_settings_lack_counts_and_is_named(start, dataset, tmp_path):
    pad, end = AutoTokenizer.from_pretrained(start).convert_tokens_to_ids([PAD, END])
    rename_ends(start, pad)
    assert HubPolicy(start, read_split(dataset, "test", 1), 1).ends == (end, pad)
    assert Words(start).ends == (end, pad)
    assert named(prepared(start, tmp_path)) == [end, pad]


def test_a_saved_model_names_its_ends_and_keeps_the_other_settings(start, dataset, tmp_path):
    pad, end = AutoTokenizer.from_pretrained(start).convert_tokens_to_ids([PAD, END])
    rename_ends(start, pad)
    path = start / "generation_config.json"
    settings = json.loads(path.read_text()) | {"do_sample": True, "temperature": 0.3}
    path.write_text(json.dumps(settings))
    HubPolicy(start, read_split(dataset, "test", 1), 1).save(tmp_path / "saved", "A card.")
    assert json.loads((tmp_path / "saved/generation_config.json").read_text()) == settings | {"eos_token_id": [end, pad]}


class Template:
    """A processor whose chat template writes a mark before each turn and nothing after it."""

    def __init__(self, tokenizer, mark: str):
        self.tokenizer, self.mark = tokenizer, mark

    def apply_chat_template(self, chat, tokenize):
        return "".join(f"{self.mark}{turn['content'][0]['text']}" for turn in chat)


def test_without_an_end_in_the_template_its_next_turn_counts_or_the_settings_order(tmp_path):
    tokens = AutoTokenizer.from_pretrained(build("llava", tmp_path / "start"))
    pad, begin, end = tokens.convert_tokens_to_ids([PAD, START, END])
    settings = GenerationConfig(eos_token_id=[pad, begin])
    assert ends_of(settings, Template(tokens, START)) == (begin, pad, end)
    assert ends_of(settings, Template(tokens, "USER: ")) == (pad, begin, end)
    assert ends_of(GenerationConfig(), Template(tokens, START)) == (begin, end)


class TextTemplate(Template):
    """Takes an assistant's words as a string, and closes its turn."""

    def apply_chat_template(self, chat, tokenize):
        return "".join("?" if turn["role"] == "user" else turn["content"] + self.mark for turn in chat)


def test_a_template_that_takes_an_answer_as_a_string_has_its_end_too(tmp_path):
    tokens = AutoTokenizer.from_pretrained(build("llava", tmp_path / "start"))
    pad, end = tokens.convert_tokens_to_ids([PAD, END])
    assert ends_of(GenerationConfig(eos_token_id=[pad, end]), TextTemplate(tokens, END)) == (end, pad)
