"""The micro tokenizer: a closed vocabulary of words, made from the training text.

A sub-word vocabulary would spend most of a micro model on spelling, so one word, one edge of a graph and one cell of a grid
is one token each. The split is lossless (every character belongs to exactly one piece), so decoding gives back the text.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

PAD = "<|endoftext|>"
END = "<|im_end|>"
IMAGE = "<|image_pad|>"
VISION_START = "<|vision_start|>"
VISION_END = "<|vision_end|>"
VIDEO = "<|video_pad|>"
UNKNOWN = "<unk>"
SPECIAL = [PAD, "<|im_start|>", END, VISION_START, VISION_END, IMAGE, VIDEO, UNKNOWN]

CAPTION_OPEN = "<caption>"
CAPTION_CLOSE = "</caption>"
TAGS = [CAPTION_OPEN, CAPTION_CLOSE]

# Tried in this order at every position. A tag includes its brackets, a JSON element the comma before it, a word the
# blank or line break before it: a character that its neighbour predicts should not cost a step of its own. An opening tag excludes the
# bracket of a first edge, so that an edge is one token at any place. The words of a trace that announce the next word are joined to it.
# `distill` counts tokens by the same file.
PIECES = Path(__file__).parent.parent / "tasks" / "pieces.json"


def split() -> pre_tokenizers.PreTokenizer:
    """The lossless split of text into words."""
    return pre_tokenizers.Split(Regex(_pattern()), behavior="isolated")


def _pattern() -> str:
    return "|".join(json.loads(PIECES.read_text()))


@dataclass(frozen=True)
class Words:
    """Texts cut into words: the distinct ones in order of appearance, the number of every text's words (N,), and for each word of one
    text after another its place among the distinct ones."""

    distinct: list[str]
    lengths: np.ndarray
    places: np.ndarray


def words_of(texts: Iterable[str]) -> Words:
    """Cuts texts as `split` does, several times as fast. Small tasks repeat texts, so each distinct text is cut once."""
    splitter, pattern = split(), re.compile(_pattern(), re.ASCII)
    table: defaultdict[str, int] = defaultdict(count().__next__)
    cut: dict[str, np.ndarray] = {}
    texts = list(texts)
    for text in dict.fromkeys(texts):
        # The two regular expressions agree on what is a blank or a digit only within ASCII.
        words = pattern.findall(text) if text.isascii() else [word for word, _ in splitter.pre_tokenize_str(text)]
        cut[text] = np.fromiter(map(table.__getitem__, words), np.int32, len(words))
    rows = [cut[text] for text in texts]
    return Words(list(table), np.array([len(row) for row in rows]), np.concatenate(rows))


def train_tokenizer(words: Words) -> PreTrainedTokenizerFast:
    """A tokenizer that knows all these words; ids follow frequency, then code points, so equal texts give equal ids."""
    counts = dict(zip(words.distinct, np.bincount(words.places).tolist()))
    return PreTrainedTokenizerFast(
        tokenizer_object=_word_level(sorted(counts, key=lambda word: (-counts[word], word))),
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        extra_special_tokens={"image_token": IMAGE},
        clean_up_tokenization_spaces=False,
        # Read by the processor as its default: Qwen3-VL finds its image positions by these ids (see model.py).
        return_mm_token_type_ids=True,
    )


def _word_level(words: list[str]) -> Tokenizer:
    vocabulary = {word: index for index, word in enumerate(SPECIAL + words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    tokenizer.pre_tokenizer = split()
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def encode(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> list[list[int]]:
    """Token ids of each text, nothing added. Small tasks repeat texts, so each distinct text is encoded once."""
    different = list(dict.fromkeys(texts))
    encodings = tokenizer.backend_tokenizer.encode_batch(different, add_special_tokens=False)
    ids = {text: encoding.ids for text, encoding in zip(different, encodings)}
    return [ids[text] for text in texts]


def has_plain_words(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> bool:
    """Whether `encode` only looks up the words of these texts: the tokenizer is one of `train_tokenizer`, and no text holds a special
    token, which `encode` reads as that token."""
    is_ours = _settings(tokenizer.backend_tokenizer) == _settings(_word_level([]))
    return is_ours and not any("<|" in text or UNKNOWN in text for text in texts)


def _settings(tokenizer: Tokenizer) -> dict[str, Any]:
    """What `encode` depends on beside the vocabulary."""
    settings = json.loads(tokenizer.to_str())
    del settings["model"]["vocab"], settings["post_processor"], settings["decoder"]
    return settings
