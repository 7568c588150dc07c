"""Pictures as `render` writes them are read without Pillow, and every picture as Pillow reads it."""

import io
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from conftest import row, write_split
from trainers import pictures
from trainers.data import read_split
from trainers.job import JobError
from trainers.pictures import BrokenPicture, decode_picture

# 4x4 pixels by `encodePng` of tasks/draw/png.ts.
RENDERED = {
    "grey": "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAAAAACMmsGiAAAAHElEQVR4AWNg4JfTZbDxjspkqGiftpRhy+FLDwEtyAcJLFpQmwAAAABJRU5ErkJggg==",
    "rgb": "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAIAAAAmkwkpAAAAP0lEQVR4XgE0AMv/AAAFCg8UGR4jKC0yNwA8QUZLUFVaX2RpbnMAeH2Ch4yRlpugpaqvALS5vsPIzdLX3OHm63sXFgmitUDEAAAAAElFTkSuQmCC",
    "palette": "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAMAAACeL25MAAAACVBMVEX///8BAgPIAAfcoNQtAAAAGElEQVR4AQXBAQEAAACCIOz/6IBGk2k0BwCnABD7YicbAAAAAElFTkSuQmCC",
}


def saved(mode: str, kind: str = "PNG", **how) -> bytes:
    image = Image.fromarray(np.arange(17 * 23 * 3, dtype=np.uint8).reshape(17, 23, 3)).convert(mode)
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


OTHERS = {
    **{mode: saved(mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")},
    "transparent": saved("P", transparency=3),
    "two bits": saved("P", bits=2),
    "JPEG": saved("RGB", "JPEG"),
}


def by_pillow(file: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(file))
    return np.asarray(image.convert("L" if image.mode == "L" else "RGB")).reshape(image.height, image.width, -1)


@pytest.mark.parametrize("name", RENDERED)
def test_a_rendered_picture_needs_no_pillow(name, monkeypatch):
    file = b64decode(RENDERED[name])
    expected = by_pillow(file)
    monkeypatch.setattr(pictures.Image, "open", None)
    decoded = decode_picture(file)
    assert decoded.dtype == np.uint8 and np.array_equal(decoded, expected)


@pytest.mark.parametrize("name", OTHERS)
def test_any_other_picture_is_as_pillow_reads_it(name):
    decoded = decode_picture(OTHERS[name])
    assert decoded.dtype == np.uint8 and np.array_equal(decoded, by_pillow(OTHERS[name]))


def changed(file: bytes, place: int) -> bytes:
    return file[:place] + bytes([file[place] ^ 1]) + file[place + 1 :]


@pytest.mark.parametrize("name", [*RENDERED, "P", "RGBA"])
def test_a_changed_byte_or_a_missing_end_is_an_error(name):
    """Also in the pixels of a PNG that Pillow reads, and in the lengths of chunks; 8 bytes are the signature, without which it is no PNG."""
    file = b64decode(RENDERED[name]) if name in RENDERED else OTHERS[name]
    for damaged in (*(file[:length] for length in range(len(file))), *(changed(file, place) for place in range(len(file)))):
        with pytest.raises(BrokenPicture):
            decode_picture(damaged)


def test_a_picture_of_16_bits_is_refused_where_pillow_would_make_it_white():
    file = io.BytesIO()
    Image.fromarray((np.arange(64).reshape(8, 8) * 1000).astype(np.uint16)).save(file, "PNG")
    with pytest.raises(BrokenPicture, match="8 bits a sample"):
        decode_picture(file.getvalue())


def test_a_file_that_is_no_picture_or_too_large_a_one_is_refused():
    with pytest.raises(BrokenPicture, match="^it is no picture that Pillow knows$"):
        decode_picture(b"")
    huge = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(huge, "TIFF", compression="group4")
    with pytest.raises(BrokenPicture, match="decompression bomb"):
        decode_picture(huge.getvalue())


def test_the_error_names_the_row(tmp_path):
    rows = [row(index) for index in range(3)]
    rows[1]["image"]["bytes"] = changed(rows[1]["image"]["bytes"], 60)
    with pytest.raises(JobError, match="row-1 of split `test` can't be read: the PNG's IDAT does not match"):
        read_split(write_split(tmp_path, "test", rows), "test")
