"""A broken model directory, ours or of another making, fails with a sentence that names the file and says what to do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from conftest import GENERATE, GRPO, prepare, result
from tiny_models import build
from trainers import generate, grpo
from trainers.data import read_split
from trainers.job import JobError, main
from trainers.policy import load_policy

WEIGHTS = "model.safetensors"


@pytest.fixture(scope="session", params=["micro", "hub"])
def whole(request, tmp_path_factory) -> Path:
    if request.param == "micro":
        return request.getfixturevalue("trained")
    return build("qwen3_vl", tmp_path_factory.mktemp("whole") / "model")


def written(name: str, content: str) -> Callable[[Path], object]:
    return lambda model: (model / name).write_text(content)


def gone(name: str) -> Callable[[Path], object]:
    return lambda model: (model / name).unlink()


def cut(keep: slice) -> Callable[[Path], object]:
    return lambda model: (model / WEIGHTS).write_bytes((model / WEIGHTS).read_bytes()[keep])


def config(**values: object) -> Callable[[Path], object]:
    def change(model: Path) -> None:
        settings = json.loads((model / "config.json").read_text()) | values
        (model / "config.json").write_text(json.dumps({name: value for name, value in settings.items() if value is not None}))

    return change


def weights(change: Callable[[dict], None]) -> Callable[[Path], object]:
    def rewrite(model: Path) -> None:
        tensors = load_file(model / WEIGHTS)
        change(tensors)
        save_file(tensors, model / WEIGHTS, {"format": "pt"})

    return rewrite


EMBEDDING = "model.language_model.embed_tokens.weight"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
BROKEN = {
    "no config": (gone("config.json"), "no config.json"),
    "config cut": (written("config.json", '{"model_type": "qw'), "config.json is broken"),
    "config no object": (written("config.json", "[]"), "config.json is broken"),
    "config without type": (config(model_type=None), "config.json names no model_type"),
    "config of another type": (config(model_type="gpt2"), "gpt2"),
    "config with nonsense": (config(text_config=5), "text_config"),
    "config in another encoding": (lambda model: (model / "config.json").write_bytes(b"\xff\xfe{"), "config.json is broken"),
    "settings cut": (written("generation_config.json", "{"), "generation_config.json is broken"),
    "settings no object": (written("generation_config.json", "[]"), "generation_config.json is broken"),
    "tokenizer cut": (written("tokenizer.json", "{"), "tokenizer.json is broken"),
    "tokenizer of nothing": (written("tokenizer.json", "{}"), "no image-text model"),
    "tokenizer gone": (gone("tokenizer.json"), "no image-text model"),
    "no weights": (gone(WEIGHTS), "no *.safetensors"),
    "weights empty": (cut(slice(0, 0)), f"{WEIGHTS} is broken"),
    "weights cut in the header": (cut(slice(0, 100)), f"{WEIGHTS} is broken"),
    "weights cut at the end": (cut(slice(0, -1)), f"{WEIGHTS} is broken"),
    "weights a pointer": (written(WEIGHTS, POINTER), f"{WEIGHTS} is broken"),
    "a weight gone": (weights(lambda all: all.pop(EMBEDDING)), f"{EMBEDDING} is missing"),
    "a weight misnamed": (weights(lambda all: all.update(other=all.pop(EMBEDDING))), "other is none of its weights"),
    "a weight misshapen": (weights(lambda all: all.update({EMBEDDING: all[EMBEDDING][:3].clone()})), f"{EMBEDDING} is [3, "),
    "index without map": (written("model.safetensors.index.json", "{}"), "no weight_map"),
    "index of what is gone": (
        written("model.safetensors.index.json", json.dumps({"weight_map": {EMBEDDING: "model-2.safetensors"}})),
        "model-2.safetensors",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_model_is_refused_by_what_is_wrong(whole, dataset, tmp_path, how):
    shutil.copytree(whole, tmp_path / "model")
    damage, says = BROKEN[how]
    damage(tmp_path / "model")
    with pytest.raises(JobError) as error:
        load_policy(tmp_path / "model", read_split(dataset, "test"), 4)
    assert says in error.value.message and error.value.fix


@pytest.mark.parametrize(
    ("role", "work", "params", "split"),
    [
        ("model", generate.work, GENERATE | {"max_tokens": 4}, "dataset"),
        ("model", grpo.work, GRPO, "prompts"),
        ("captioner", grpo.work, GRPO | {"perception": {"surrogate": "teacher", "as": "exact"}}, "prompts"),
        ("solver", grpo.work, GRPO | {"perception": {"surrogate": "blind-solve"}}, "prompts"),
    ],
)
def test_whatever_it_is_there_for_the_job_ends_with_what_to_do(request, trained, tmp_path, capsys, role, work, params, split):
    broken = shutil.copytree(trained, tmp_path / "broken")
    cut(slice(0, -1))(broken)
    job = prepare(tmp_path / "job", params, data=request.getfixturevalue(split), **{"model": trained, role: broken})
    assert main(work, [str(job)]) == 1
    said = result(job)
    assert f"{broken / WEIGHTS} is broken" in said["message"] and "whole copy" in said["fix"]
    assert "Traceback" not in capsys.readouterr().err
