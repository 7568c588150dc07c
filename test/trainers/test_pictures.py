"""Pictures as `render` writes them are read without Pillow, and every picture as Pillow reads it."""

import io
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from trainers import pictures
from trainers.pictures import decode_picture

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
    "16 bits": saved("I;16"),
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


@pytest.mark.parametrize("name", RENDERED)
def test_a_damaged_picture_is_left_to_pillow(name, monkeypatch):
    class Asked(Exception):
        pass

    def ask(_):
        raise Asked

    monkeypatch.setattr(pictures.Image, "open", ask)
    file = b64decode(RENDERED[name])
    inside = file.index(b"IDAT") + 19
    changed = file[:inside] + bytes([file[inside] ^ 255]) + file[inside + 1 :]
    for damaged in (*(file[:length] for length in range(len(file))), file + b"x", changed):
        with pytest.raises(Asked):
            decode_picture(damaged)
