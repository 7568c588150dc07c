"""Checks that a model directory is complete. A broken one is an error that names the file; transformers would end in a traceback, or
continue with random numbers in place of a missing weight.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import transformers
from safetensors import SafetensorError, safe_open
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, PreTrainedModel
from transformers.utils import is_torchvision_available

from trainers.job import JobError

MEND = "Bring in a whole copy of the model: download it again (a git clone needs `git lfs pull`), or make it again with `save_pretrained`."
NAMED = 3  # weights that an error names


def require_whole(directory: Path) -> None:
    """Checks that the files can be read: settings are JSON, every file of weights has a header and its full length."""
    if not (directory / "config.json").is_file():
        raise JobError(f"The model directory {directory} has no config.json.", MEND)
    for path in sorted(directory.glob("*.json")):
        content = _json(path)
        if path.name.endswith("config.json") and not isinstance(content, dict):
            raise JobError(f"{path} is broken: it is no JSON object.", MEND)
        if path.name == "config.json" and not isinstance(content.get("model_type"), str):
            raise JobError(f"{path} names no model_type.", MEND)
        if path.name.endswith(".safetensors.index.json"):
            _require_shards(path, content)
    if not weight_files(directory):
        raise JobError(f"The model directory {directory} has no *.safetensors.", MEND)
    for path in weight_files(directory):
        try:
            with safe_open(path, "pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise JobError(f"{path} is broken: {_said(error)}.", MEND) from None


def weight_files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.safetensors"))


def load_whole(kind: Any, directory: Path, **how: Any) -> PreTrainedModel:
    """Loads the model with every weight from the directory; a missing weight, or one of another shape, is an error."""
    try:
        # Different shapes pass here and are named below.
        model, loading = kind.from_pretrained(directory, output_loading_info=True, ignore_mismatched_sizes=True, **how)
    except Exception as error:
        raise unloadable(error, kind) from None
    require_loaded(directory, loading)
    return model


@contextlib.contextmanager
def loading_whole() -> Iterator[None]:
    """Whatever loads a model meanwhile, such as another maker's code, loads a whole one or fails as `load_whole`."""
    usual = PreTrainedModel.from_pretrained.__func__

    def from_pretrained(kind: Any, directory: Any, *more: Any, **how: Any) -> PreTrainedModel:
        how |= {"output_loading_info": True, "ignore_mismatched_sizes": True}
        model, loading = usual(kind, directory, *more, **how)
        require_loaded(directory, loading)
        return model

    with mock.patch.object(PreTrainedModel, "from_pretrained", classmethod(from_pretrained)):
        yield


def require_loaded(directory: Path, loading: dict[str, Any]) -> None:
    """Refuses a loading that left weights out; `loading` is what transformers reports of it."""
    misshapen = [f"{name} is {list(there)}, not {list(due)}" for name, there, due in sorted(loading["mismatched_keys"])]
    missing = [f"{name} is missing" for name in sorted(loading["missing_keys"])]
    unknown = [f"{name} is none of its weights" for name in sorted(loading["unexpected_keys"])]
    if misshapen or missing:
        # Unused weights alone are no error; beside a missing one they may be that one under another name.
        wrong = [*misshapen[:NAMED], *missing[:NAMED], *unknown[:NAMED]]
        count = len(misshapen) + len(missing)
        raise JobError(
            f"The weights in {directory} are not those of the model that its config.json describes, {count} of them: {'; '.join(wrong)}.",
            "Give config.json and weights of one model: download both again, or save both with `save_pretrained`.",
        )


def unloadable(error: Exception, kind: Any = AutoModelForImageTextToText) -> JobError:
    """The error for readable files from which transformers makes no model of this kind; `error` is any exception of a library."""
    said = _said(error)
    missing = "torchvision" in said.lower() and not is_torchvision_available()
    what, reader = ("language model", "AutoTokenizer") if kind is AutoModelForCausalLM else ("image-text model", "AutoProcessor")
    return JobError(
        f"The input is no {what} that transformers {transformers.__version__} can load here. {said[:300]}",
        "Its processor needs torchvision: add it to a Python of your own, and name that in PIPE_PYTHON."
        if missing
        else f"Give a directory that {kind.__name__} and {reader} load, its weights as safetensors.",
    )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # of the encoding, too
        raise JobError(f"{path} is broken: it is no JSON ({_said(error)}).", MEND) from None


def _require_shards(path: Path, index: Any) -> None:
    shards = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(shards, dict):
        raise JobError(f"{path} is broken: it has no weight_map.", MEND)
    missing = sorted({str(shard) for shard in shards.values()} - {file.name for file in path.parent.iterdir()})
    if missing:
        raise JobError(f"{path} names files of weights that are not there: {', '.join(missing[:NAMED])}.", MEND)


def _said(error: Exception) -> str:
    """The error's text in one line, with its class unless it is an error about files: other texts may say little without it."""
    words = " ".join(str(error).split()).rstrip(".")
    return words if isinstance(error, (OSError, ValueError, ImportError, SafetensorError)) else f"{type(error).__name__}: {words}"
