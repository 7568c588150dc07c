import io

import numpy as np
import pytest
from PIL import Image

from conftest import row, write_split
from trainers.data import BatchOrder, encode_responses, read_split
from trainers.job import JobError
from trainers.model import image_statistics
from trainers.tokenizer import encode, train_tokenizer


def test_reads_pixels_and_text_in_file_order(dataset):
    split = read_split(dataset, "test")
    assert split.images.shape == (13, 32, 32, 1) and split.images.dtype == np.uint8
    assert split.columns["id"] == [f"row-{index}" for index in range(1000, 1013)]
    assert len(read_split(dataset, "test", limit=4)) == 4


def test_a_split_in_several_files_needs_all_of_them(tmp_path):
    rows = [row(index) for index in range(3)]
    for number, one in enumerate(rows):
        written = write_split(tmp_path / str(number), "test", [one]) / "data/test-00000-of-00001.parquet"
        (tmp_path / "data").mkdir(exist_ok=True)
        written.rename(tmp_path / f"data/test-{number:05}-of-00003.parquet")
    assert read_split(tmp_path, "test").columns["id"] == [one["id"] for one in rows]
    lost = tmp_path / "data/test-00001-of-00003.parquet"
    lost.rename(lost.with_name("test-00000-of-00001.parquet"))
    with pytest.raises(JobError, match="has shards of 00001 and of 00003"):
        read_split(tmp_path, "test")
    lost.with_name("test-00000-of-00001.parquet").unlink()
    with pytest.raises(JobError, match="lacks test-00001-of-00003.parquet"):
        read_split(tmp_path, "test")


def test_one_picture_in_colour_makes_three_channels(tmp_path):
    colour = io.BytesIO()
    Image.new("RGB", (32, 32), (1, 2, 3)).save(colour, "PNG")
    rows = [row(0), row(1) | {"image": {"bytes": colour.getvalue(), "path": "1.png"}}]
    images = read_split(write_split(tmp_path, "test", rows), "test").images
    assert images.shape == (2, 32, 32, 3) and images[1, 0, 0].tolist() == [1, 2, 3]


def test_spans_meet_at_the_end_of_the_caption(dataset):
    split = read_split(dataset, "train_sft")
    tokenizer = train_tokenizer(split.words)
    responses = encode_responses(tokenizer, split)
    lengths = zip(responses.caption_lengths, responses.lengths)
    for tokens, (caption, length), text in zip(responses.tokens, lengths, split.columns["response"]):
        cut = text.index("</caption>") + len("</caption>")
        assert tokenizer.decode(tokens[:caption]) == text[:cut]
        assert tokenizer.decode(tokens[caption:length]) == text[cut:] + "<|im_end|>"
        assert (tokens[length:] == tokenizer.pad_token_id).all()


@pytest.mark.parametrize("said", ["", " and é", "<|im_end|>", "</caption><unk>"])
def test_spans_are_those_of_the_tokenizer_in_plain_and_other_words(said, tmp_path):
    rows = [row(0), row(1) | {"response": f"<caption>[[0,1]{said}]</caption>{said}\n</caption>{said}"}, row(2)]
    split = read_split(write_split(tmp_path, "train_sft", rows), "train_sft")
    tokenizer = train_tokenizer(split.words)
    responses = encode_responses(tokenizer, split)
    for index, text in enumerate(split.columns["response"]):
        whole, caption = encode(tokenizer, [text, text[: text.index("</caption>") + len("</caption>")]])
        assert responses.lengths[index] == len(whole) + 1 and responses.caption_lengths[index] == len(caption)
        assert responses.tokens[index, : len(whole) + 1].tolist() == [*whole, tokenizer.eos_token_id]
        assert (responses.tokens[index, len(whole) + 1 :] == tokenizer.pad_token_id).all()


def failure(act) -> str:
    with pytest.raises(JobError) as caught:
        act()
    assert caught.value.fix
    return caught.value.message


def test_an_unknown_split_names_those_there_are(dataset):
    assert "test, train_sft" in failure(lambda: read_split(dataset, "train_rl"))


def test_an_empty_split_is_an_error(tmp_path):
    assert "empty" in failure(lambda: read_split(write_split(tmp_path, "test", []), "test"))


def test_images_of_another_size_are_named(tmp_path):
    rows = [row(0), row(1), row(2, side=48), row(3)]
    said = failure(lambda: read_split(write_split(tmp_path, "test", rows), "test"))
    assert "row-2 (48x48)" in said and "row-1" not in said


def test_responses_without_a_caption_are_named(tmp_path):
    rows = [row(0), row(1) | {"response": "no"}, row(2) | {"response": ""}]
    split = read_split(write_split(tmp_path, "train_sft", rows), "train_sft")
    tokenizer = train_tokenizer(split.words)
    said = failure(lambda: encode_responses(tokenizer, split))
    assert "row-1, row-2" in said and "row-0" not in said


def test_every_epoch_sees_every_row_once_in_another_order():
    order = BatchOrder(rows=10, batch=4, seed=3)
    seen = np.concatenate([order(step) for step in range(5)])
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert list(seen[:10]) != list(seen[10:])


def test_a_batch_depends_on_seed_and_step_alone():
    straight = BatchOrder(rows=10, batch=4, seed=3)
    for step in range(7):
        straight(step)
    assert list(straight(7)) == list(BatchOrder(rows=10, batch=4, seed=3)(7))
    assert list(straight(7)) != list(BatchOrder(rows=10, batch=4, seed=4)(7))


def test_a_batch_may_be_larger_than_the_data():
    assert sorted(BatchOrder(rows=3, batch=6, seed=0)(1)) == [0, 0, 1, 1, 2, 2]


def test_blank_pictures_have_a_spread():
    """Rounding leaves a variance below 0 for 90 of these, whose root would be NaN, and so every loss."""
    for level in range(256):
        for count in (1, 3, 7, 40):
            mean, deviation = image_statistics(np.full((count, 16, 16, 1), level, np.uint8))
            assert mean == pytest.approx([level / 255] * 3, abs=1e-4) and deviation == [0.01] * 3
