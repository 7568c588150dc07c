"""Reads a dataset artifact (Hub layout, Parquet) into arrays, and orders its rows for training."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
from transformers import PreTrainedTokenizerFast

from trainers.job import JobError
from trainers.pictures import BrokenPicture, decode_picture
from trainers.streams import stream
from trainers.tokenizer import CAPTION_CLOSE, CAPTION_OPEN, END, Words, encode, has_plain_words, words_of

_TEXT_COLUMNS = ["id", "task", "query", "ground_truth", "perception", "response"]


@dataclass(frozen=True)
class Split:
    """One split, in file order. `images` is uint8 (N, height, width, channels), with one channel where all are grey and three
    otherwise; where sizes differ it is N such images. `columns` holds the text columns by name."""

    images: np.ndarray
    columns: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def words(self) -> Words:
        """The words of the responses."""
        return words_of(self.columns["response"])


@dataclass(frozen=True)
class Responses:
    """Encoded training responses: `tokens` (N, longest) padded, `caption_lengths` and `lengths` (N,), ends included."""

    tokens: np.ndarray
    caption_lengths: np.ndarray
    lengths: np.ndarray

    @property
    def bound(self) -> int:
        """Tokens of a few lines more than the longest training response; a longer answer is a failure."""
        return self.tokens.shape[1] * 5 // 4

    @property
    def captions(self) -> "Responses":
        """Without what follows the captions: not even an end, since a response goes on there."""
        return Responses(self.tokens[:, : self.caption_lengths.max()], self.caption_lengths, self.caption_lengths)


def split_files(directory: Path, split: str) -> list[Path]:
    """The parquet files of a split, in order; a missing split is an error that names the existing ones."""
    files = sorted(directory.glob(f"data/{split}-*-of-*.parquet"))
    if not files:
        there = sorted({path.name.rsplit("-", 3)[0] for path in directory.glob("data/*-*-of-*.parquet")})
        have = f"It has: {', '.join(there)}." if there else "It has no splits at all."
        raise JobError(f"The dataset has no split `{split}`. {have}", "Name one of these splits, or render this one.")
    _require_all_shards(split, files)
    return files


def _require_all_shards(split: str, files: list[Path]) -> None:
    """The names say how many files a split has: `test-00001-of-00003.parquet`."""
    fix = "Copy the whole dataset, or make it again."
    totals = sorted({path.stem.rsplit("-of-", 1)[1] for path in files})
    if len(totals) > 1:
        raise JobError(f"Split `{split}` has shards of {' and of '.join(totals)}.", fix)
    expected = [f"{split}-{number:0{len(totals[0])}}-of-{totals[0]}.parquet" for number in range(int(totals[0]))]
    absent = sorted(set(expected) - {path.name for path in files})
    if absent:
        raise JobError(f"Split `{split}` lacks {first_names(absent)}.", fix)


def read_split(directory: Path, split: str, limit: int | None = None, any_size: bool = False) -> Split:
    """Read a split, or its first `limit` rows, with every image decoded. Images of different sizes are an error unless `any_size`."""
    columns: dict[str, list] = {name: [] for name in [*_TEXT_COLUMNS, "image"]}
    for path in split_files(directory, split):
        table = parquet.read_table(path, columns=list(columns))
        for name, values in columns.items():
            values.extend(table.column(name).to_pylist())
    pictures = columns.pop("image")[:limit]
    columns = {name: values[:limit] for name, values in columns.items()}
    if not pictures:
        raise JobError(f"Split `{split}` is empty.", "Ask for at least one row of it where the dataset is rendered.")
    arrays = [_decode(picture["bytes"], name, split) for picture, name in zip(pictures, columns["id"])]
    channels = max(array.shape[2] for array in arrays)
    arrays = [array if array.shape[2] == channels else array.repeat(channels, axis=2) for array in arrays]
    if len({array.shape for array in arrays}) == 1:
        return Split(np.stack(arrays), columns)
    if not any_size:
        _require_one_size(arrays, columns["id"], split)
    mixed = np.empty(len(arrays), dtype=object)
    for index, array in enumerate(arrays):
        mixed[index] = array
    return Split(mixed, columns)


def _decode(file: bytes | None, name: str, split: str) -> np.ndarray:
    try:
        if file is None:
            raise BrokenPicture("it has no bytes")
        return decode_picture(file)
    except BrokenPicture as error:
        message = f"The picture of row {name} of split `{split}` can't be read: {error}."
        raise JobError(message, "Make the dataset again, or bring in a whole copy; pictures have 8 bits a sample.") from None


def _require_one_size(images: list[np.ndarray], ids: list[str], split: str) -> None:
    usual, _ = Counter(image.shape for image in images).most_common(1)[0]
    odd = [f"{name} ({image.shape[1]}x{image.shape[0]})" for name, image in zip(ids, images) if image.shape != usual]
    if odd:
        raise JobError(
            f"Images of split `{split}` differ in size. Most are {usual[1]}x{usual[0]}; {len(odd)} are not: {first_names(odd)}.",
            "Render all images of a dataset at one size.",
        )


def encode_responses(tokenizer: PreTrainedTokenizerFast, split: Split) -> Responses:
    """Token ids of every response with the end token after it, and where its caption ends.

    The perception span is `<caption>…</caption>` with both tags, at the very start; everything after it, the end token
    included, is the reasoning span.
    """
    require_captions(split)
    tokenizes = _looked_up if has_plain_words(tokenizer, split.columns["response"]) else _tokenized
    ids, lengths, caption_lengths = tokenizes(tokenizer, split)
    tokens = np.full((len(split), lengths.max() + 1), tokenizer.pad_token_id)
    tokens[np.arange(tokens.shape[1]) < lengths[:, None]] = ids
    tokens[np.arange(len(split)), lengths] = tokenizer.convert_tokens_to_ids(END)
    return Responses(tokens, caption_lengths, lengths + 1)


Encoded = tuple[np.ndarray, np.ndarray, np.ndarray]  # ids of one response after another; tokens of each, and of its caption (N,)


def _looked_up(tokenizer: PreTrainedTokenizerFast, split: Split) -> Encoded:
    """Responses of plain words alone. A caption ends with a word, since no word goes on after a closing tag."""
    words, ids = split.words, tokenizer.get_vocab()
    places, starts = words.places, words.lengths.cumsum() - words.lengths
    closings = np.flatnonzero(np.array([word.endswith(CAPTION_CLOSE) for word in words.distinct])[places])
    first = closings[closings.searchsorted(starts)]
    return np.array([ids.get(word, tokenizer.unk_token_id) for word in words.distinct])[places], words.lengths, first - starts + 1


def _tokenized(tokenizer: PreTrainedTokenizerFast, split: Split) -> Encoded:
    rows, heads = encode(tokenizer, split.columns["response"]), encode(tokenizer, captions_of(split))
    return np.concatenate(rows), np.array(list(map(len, rows))), np.array(list(map(len, heads)))


def captions_of(split: Split) -> list[str]:
    """The beginnings of the responses, with both tags."""
    return [text[: text.index(CAPTION_CLOSE) + len(CAPTION_CLOSE)] for text in split.columns["response"]]


def require_captions(split: Split) -> None:
    texts = split.columns["response"]
    broken = [
        name
        for name, text in zip(split.columns["id"], texts)
        if not text.startswith(CAPTION_OPEN) or CAPTION_CLOSE not in text
    ]
    if broken:
        raise JobError(
            f"{len(broken)} of {len(texts)} training responses have no {CAPTION_OPEN}…{CAPTION_CLOSE} at their start: "
            f"{first_names(broken)}.",
            "Train on the output of `distill`, whose transcripts all have one.",
        )


def pad(rows: list[list[int]], filler: int) -> np.ndarray:
    """Rows of unequal length as one (N, longest) array, filled up on the right."""
    padded = np.full((len(rows), max(map(len, rows))), filler, dtype=np.int64)
    for target, row in zip(padded, rows):
        target[: len(row)] = row
    return padded


class BatchOrder:
    """Which rows step k sees: the rows in a fresh random order every epoch, cut into batches across epoch borders.

    An epoch's order depends on (seed, epoch) alone, so a step's batch is a function of (seed, step), and a resumed run needs no
    state of the earlier ones.
    """

    def __init__(self, rows: int, batch: int, seed: int):
        self.rows = rows
        self.batch = batch
        self.seed = seed
        self._epoch: tuple[int, np.ndarray] = (-1, np.empty(0, dtype=np.int64))

    def __call__(self, step: int) -> np.ndarray:
        positions = np.arange(step * self.batch, (step + 1) * self.batch)
        return np.array([self._permutation(position // self.rows)[position % self.rows] for position in positions.tolist()])

    def _permutation(self, epoch: int) -> np.ndarray:
        if self._epoch[0] != epoch:
            self._epoch = (epoch, stream("order", self.seed, epoch).permutation(self.rows))
        return self._epoch[1]


def first_names(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
