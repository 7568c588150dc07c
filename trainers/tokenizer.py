"""The micro tokenizer: a closed vocabulary of words, made from the training text.

A sub-word vocabulary would spend most of a micro model on spelling, so one word, one edge of a graph and one cell of a grid
is one token each. The split is lossless (every character belongs to exactly one piece), so decoding gives back the text.
"""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

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
    return pre_tokenizers.Split(Regex("|".join(json.loads(PIECES.read_text()))), behavior="isolated")


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A tokenizer that knows every word of `texts`; ids follow frequency, then code points, so equal texts give equal ids."""
    splitter = split()
    counts: Counter[str] = Counter()
    for text, repeats in Counter(texts).items():
        for word, _ in splitter.pre_tokenize_str(text):
            counts[word] += repeats
    words = sorted(counts, key=lambda word: (-counts[word], word))
    vocabulary = {word: index for index, word in enumerate(SPECIAL + words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        extra_special_tokens={"image_token": IMAGE},
        clean_up_tokenization_spaces=False,
        # Read by the processor as its default: Qwen3-VL finds its image positions by these ids (see model.py).
        return_mm_token_type_ids=True,
    )


def encode(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> list[list[int]]:
    """Token ids of each text, nothing added. Small tasks repeat texts, so each distinct text is encoded once."""
    different = list(dict.fromkeys(texts))
    encodings = tokenizer.backend_tokenizer.encode_batch(different, add_special_tokens=False)
    ids = {text: encoding.ids for text, encoding in zip(different, encodings)}
    return [ids[text] for text in texts]
