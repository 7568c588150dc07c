"""Any image-text model of transformers as a policy: what `AutoModelForImageTextToText` and `AutoProcessor` load, with a chat template.

The prompt is the row's image and then its `query`, one turn of a user through the processor's chat template; without the picture it is
the query alone. Prompts of different lengths are padded on the left. The differences to a micro model, all of them:

  * Responses come from the model's own `generate`. One logits processor replaces its settings (top_k, penalties and so
    on) and chooses as decode.py does, from the same tables of random numbers and forced tokens: a row's response depends on its own
    numbers alone, and a batch is decoded in parts of `at_once` rows.
  * Tokens that stand for pictures and other media are never chosen, and the learner gives them no probability: in a response they
    would refer to a missing picture.
  * Log-probabilities come from the model's own `forward` over prompt and response. A group's picture is encoded once for each response.
    Layers that support gradient checkpointing use it where their activations would take more than `ROOM`, without dropout: the model
    stays in evaluation mode. Gradients are the same, and without it the host has a third less to do (30 thin layers, on a CPU).
  * Weights, gradients and the optimiser's state are float32, 16 bytes a weight, 4 more for a reference. On a GPU the computation is
    bfloat16, by autocast, so that small updates are not lost; on a CPU it is float32. What is saved is float32.
  * Logits of a micro-batch are held a few times over, responses × tokens × vocabulary × 4 bytes each. So `batch` should be no more
    than a group, and a divergence k3, which needs fewer of them than the exact one.
  * A forced caption is tokenized by itself, which may differ from the model's own tokens in the middle of a response.

The model computes positions. With rotary embeddings, which all current models have, padding on the left changes nothing; a model with
learned position embeddings would see its padded prompts shifted.
"""

import contextlib
import copy
import inspect
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jinja2 import TemplateError
from PIL import Image
from torch import Tensor
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    GenerationConfig,
    LogitsProcessor,
    PretrainedConfig,
    PreTrainedModel,
    ProcessorMixin,
)
from transformers.modeling_layers import GradientCheckpointingLayer

from trainers.data import Split
from trainers.decode import FREE, Decoded, OnEnded, Sampling, choose, ignore_ended
from trainers.end_tokens import ends_of, name_ends
from trainers.job import JobError
from trainers.model import device, is_micro
from trainers.model_files import load_whole, unloadable
from trainers.without_torchvision import without_torchvision

ROOM = 8 * 2**30  # bytes of activations
ACTIVATIONS = 17  # numbers of a layer's activations for each of its width and of the tokens (arXiv 2205.05198, eq. 2, in 16 bits)
IMPOSSIBLE = -1e9  # as a logit: no chance at any temperature, and finite, so that no divergence is 0 · ∞
MEDIA = re.compile(r"(image|video|audio|vision|boi|eoi|boa|eoa)\w*_token_(id|index)$")
# A caption may contain the text of a special token, which is plain text here.
AS_WORDS = {"add_special_tokens": False, "split_special_tokens": True}
# The files of a directory apart from its weights; of these, `save_pretrained` of a model writes config.json alone.
WORDS = {".json", ".jinja", ".txt", ".model", ".tiktoken"}


@dataclass(frozen=True)
class Prompt:
    """One turn of a user; `picture` is (height, width, 1 or 3), None where it is not shown."""

    query: str
    picture: np.ndarray | None

    @property
    def chat(self) -> list[dict[str, Any]]:
        text = {"type": "text", "text": self.query}
        if self.picture is None:
            return [{"role": "user", "content": [text]}]
        image = Image.fromarray(self.picture.repeat(3 // self.picture.shape[2], 2))
        return [{"role": "user", "content": [{"type": "image", "image": image}, text]}]


class HubPolicy:
    """A model directory with the pictures and questions of a split; at most `at_once` responses are decoded together."""

    has_fixed_shapes = False  # prompts and pictures differ in length and size

    def __init__(self, source: Path | tuple[ProcessorMixin, PreTrainedModel], split: Split, at_once: int):
        """`source` is a directory, or the processor and the model where they are in memory, as in a training; their settings stay as they
        are."""
        self.source, self.split, self.at_once = source, split, at_once
        self.processor, self.model = load(source) if isinstance(source, Path) else source
        self.device = self.model.device
        self.tokenizer = self.processor.tokenizer
        self.unknown = self.tokenizer.unk_token_id
        self.ends = ends_of(self.model.generation_config, self.processor)
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.convert_ids_to_tokens(self.ends[0])
        self.media = torch.tensor(media_of(self.model.config, self.ends), device=self.device, dtype=torch.long)
        self._takes = inspect.signature(self.model.forward).parameters
        self.is_micro = not isinstance(source, Path) or is_micro(source)
        self.longest = self.model.generation_config.max_new_tokens if self.is_micro else None
        if not isinstance(source, Path):
            return
        # `generate` merges its arguments with the model's own settings; these set the end of a response, and no more.
        self.model.generation_config = GenerationConfig(
            eos_token_id=list(self.ends), pad_token_id=self.tokenizer.pad_token_id, do_sample=False
        )
        if self.model.supports_gradient_checkpointing:
            self.model.gradient_checkpointing_enable({"use_reentrant": False})

    @property
    def description(self) -> str:
        weights = sum(weight.numel() for weight in self.model.parameters())
        kind = "MICRO InternVL trained from scratch" if self.is_micro else type(self.model).__name__
        return f"{kind}, {weights / 1e6:.2f} M weights"

    def on(self, split: Split) -> "HubPolicy":
        other = copy.copy(self)
        other.split = split
        return other

    def prompts(self, rows: np.ndarray | Tensor) -> list[Prompt]:
        return [Prompt(self.split.columns["query"][row], self.split.images[row]) for row in rows]

    def prompts_without_pictures(self, rows: np.ndarray) -> tuple[list[Prompt], Tensor]:
        queries = [self.split.columns["query"][row] for row in rows]
        places = {query: place for place, query in enumerate(dict.fromkeys(queries))}
        return [Prompt(query, None) for query in places], torch.tensor([places[query] for query in queries])

    def decoder(self, longest: int, between: Callable[[], None] = lambda: None) -> "HubDecoder":
        return HubDecoder(self, longest, between)

    def logits(self, rows: np.ndarray | Tensor, group: Tensor, tokens: Tensor) -> Tensor:
        prompts = self.prompts(rows)
        inputs = self.read([prompts[place] for place in group.tolist()])
        prompted, width = inputs["input_ids"].shape, tokens.shape[1]
        for name, value in inputs.items():
            if value.shape[:2] == prompted:  # one value a token: its id, that it is one, or that it is no text
                added = {"input_ids": tokens[:, :-1].to(value), "attention_mask": value.new_ones(len(value), width - 1)}
                inputs[name] = torch.cat([value, added.get(name, value.new_zeros(len(value), width - 1))], 1)
        last = {"logits_to_keep": width} if "logits_to_keep" in self._takes else {}
        with self.computing(), checkpointing(self.model, inputs["input_ids"].numel()):
            said = self.model(**inputs, **last, use_cache=False).logits[:, -width:]
        return self.possible(said.float())

    def read(self, prompts: list[Prompt]) -> dict[str, Tensor]:
        """The model's inputs for these prompts, padded on the left."""
        inputs = self.processor.apply_chat_template(
            [prompt.chat for prompt in prompts],
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            add_generation_prompt=True,
            processor_kwargs={"padding": True, "padding_side": "left"},
        )
        return {name: value.to(self.device) for name, value in inputs.items() if isinstance(value, Tensor)}

    def possible(self, logits: Tensor) -> Tensor:
        """(…, V) without the tokens that stand for media; in place, since a vocabulary may be large."""
        return logits.index_fill_(-1, self.media, IMPOSSIBLE)

    def computing(self) -> contextlib.AbstractContextManager:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type != "cpu")

    def encode(self, texts: list[str]) -> list[list[int]]:
        return self.tokenizer(texts, **AS_WORDS)["input_ids"]

    def text(self, ids: list[int]) -> str:
        return decode_words(self.tokenizer, ids)

    def save(self, directory: Path, card: str) -> None:
        """Writes the current weights, with the processor's files and the generation settings of the directory that the model came from."""
        self.model.save_pretrained(directory)
        assert isinstance(self.source, Path)  # a training that began without a directory writes its own words
        copy_words(self.source, directory, self.processor)
        (directory / "README.md").write_text(card, encoding="utf-8")


class HubDecoder:
    """Decodes with `generate`; decode.py explains the arguments."""

    def __init__(self, policy: HubPolicy, longest: int, between: Callable[[], None]):
        self.policy, self.longest, self.between = policy, longest, between
        self.on_ended: OnEnded = ignore_ended  # `generate` gives whole batches

    def __call__(
        self, prompts: list[Prompt], group: Tensor | None = None, forced: Tensor | None = None, sampling: Sampling | None = None
    ) -> Decoded:
        group = torch.arange(len(prompts)) if group is None else group
        forced = torch.full((len(group), 1), FREE) if forced is None else forced
        parts = []
        for rows in torch.arange(len(group)).split(self.policy.at_once):
            numbers = None if sampling is None else Sampling(sampling.temperature, sampling.draws[rows])
            parts.append(self._part([prompts[place] for place in group[rows].tolist()], forced[rows], numbers))
        tokens = torch.cat(parts)
        ended = torch.isin(tokens, torch.tensor(self.policy.ends))
        # The first end token counts; `generate` pads after it.
        lengths = torch.where(ended.any(1), ended.int().argmax(1) + 1, self.longest)
        after = torch.arange(self.longest) >= lengths[:, None]
        return Decoded(tokens.masked_fill(after, self.policy.ends[0]), lengths)

    @torch.no_grad()
    def _part(self, prompts: list[Prompt], forced: Tensor, sampling: Sampling | None) -> Tensor:
        """Decodes tokens (n, longest), filled up after the end."""
        policy, inputs = self.policy, self.policy.read(prompts)
        start = inputs["input_ids"].shape[1]
        chooser = Chooser(policy, start, forced, sampling, self.between)
        # Weights are converted to bfloat16 once a call: without gradients autocast caches them.
        with policy.computing():
            made = policy.model.generate(**inputs, max_new_tokens=self.longest, logits_processor=[chooser])
        tokens = torch.full((len(prompts), self.longest), policy.ends[0])
        tokens[:, : made.shape[1] - start] = made[:, start:].cpu()
        return tokens


class Chooser(LogitsProcessor):
    """Leaves `generate`, which is greedy, one token a row: the forced token or, if it is FREE, the one that decode.py chooses."""

    def __init__(self, policy: HubPolicy, start: int, forced: Tensor, sampling: Sampling | None, between: Callable[[], None]):
        self.policy, self.start, self.between = policy, start, between
        self.forced = forced.to(policy.device)
        self.sampling = None if sampling is None else Sampling(sampling.temperature, sampling.draws.to(policy.device))

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self.between()
        position = input_ids.shape[1] - self.start
        draws = None if self.sampling is None else self.sampling.draws[:, position, None]
        new = choose(self.policy.possible(scores), self.sampling, draws)
        if position < self.forced.shape[1]:
            given = self.forced[:, position]
            new = torch.where(given == FREE, new, given)
        return torch.full_like(scores, float("-inf")).scatter_(1, new[:, None], 0.0)


def load(directory: Path) -> tuple[ProcessorMixin, PreTrainedModel]:
    """The processor and the model, in evaluation mode; the model on the GPU if there is one."""
    processor = load_processor(directory)
    model = load_whole(AutoModelForImageTextToText, directory, dtype=torch.float32, use_safetensors=True)
    return processor, model.to(device()).eval()


def load_processor(directory: Path) -> ProcessorMixin:
    try:
        with without_torchvision():
            processor = AutoProcessor.from_pretrained(directory)
    except Exception as error:
        raise unloadable(error) from None
    if not getattr(processor, "chat_template", None):
        raise JobError("The model has no chat template.", "Use a model that was trained to answer in chats.")
    require_picture(processor)
    return processor


def require_picture(processor: ProcessorMixin) -> None:
    """The chat template must show the picture of a question. A language model's, beside an image-text model, leaves it out."""
    text = {"type": "text", "text": "?"}
    fix = "Put the template that the model was trained with into its directory, chat_template.jinja."
    try:
        blind, seeing = (
            processor.apply_chat_template([{"role": "user", "content": parts}], tokenize=False)
            for parts in ([text], [{"type": "image"}, text])
        )
    except (TypeError, TemplateError) as error:
        raise JobError(f"The model's chat template refuses a question with a picture: {error}.", fix) from None
    if blind == seeing:
        raise JobError("The model's chat template leaves out the picture of a question.", fix)


def encode_words(tokenizer: Any, text: str) -> list[int]:
    return tokenizer.encode(text, **AS_WORDS)


def decode_words(tokenizer: Any, ids: list[int]) -> str:
    return tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def media_of(config: PretrainedConfig, ends: tuple[int, ...]) -> list[int]:
    """The tokens that stand for pictures, videos and sounds in the model's input."""
    named = {value for name, value in config.to_dict().items() if MEDIA.search(name) and isinstance(value, int)}
    return sorted(named - set(ends))


@contextlib.contextmanager
def checkpointing(model: PreTrainedModel, tokens: int) -> Iterator[None]:
    """Turns on gradient checkpointing if gradients are computed and `ROOM` does not hold the activations of so many tokens. Layers checkpoint
    in training mode only, hence the flag: on the layers and not on their modules, so that nothing drops out."""
    text = model.config.get_text_config()
    numbers = ACTIVATIONS * text.num_hidden_layers * text.hidden_size * tokens
    is_needed = torch.is_grad_enabled() and numbers * (4 if model.device.type == "cpu" else 2) > ROOM
    layers = [module for module in model.modules() if is_needed and isinstance(module, GradientCheckpointingLayer)]
    for layer in layers:
        layer.training = True
    try:
        yield
    finally:
        for layer in layers:
            layer.training = False


def copy_words(start: Path, directory: Path, processor: Any) -> None:
    """Copies the files of the model directory `start` that training leaves unchanged, and names the ends that it teaches."""
    for path in start.rglob("*"):
        name = path.relative_to(start)
        is_hidden = any(part.startswith(".") for part in name.parts)
        is_about_weights = path.name in ("config.json", "model.json") or path.name.endswith(".index.json")
        if not path.is_file() or path.suffix not in WORDS or is_hidden or is_about_weights:
            continue
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    name_ends(directory, processor)
