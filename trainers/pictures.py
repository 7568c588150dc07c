"""Decodes the pictures of a dataset.

`render` writes a PNG as one zlib stream of unfiltered rows, 8 bits a sample. Reading that stream takes a third of the time that Pillow
takes for the whole file; Pillow reads every other picture.

Every chunk of a PNG is checked against its checksum, which Pillow does not do for the pixels: a changed byte would pass as another picture.
"""

import io
import struct
import zlib

import numpy as np
from PIL import Image, UnidentifiedImageError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_START = _SIGNATURE + b"\x00\x00\x00\rIHDR"
_HEADER = struct.Struct(">II5B")  # width, height, bits a sample, colour type, compression, filter, interlacing
_CHUNK = struct.Struct(">I4s")  # bytes of its content, type; a checksum of CRC bytes follows the content
_SUM = struct.Struct(">I")
_CRC = _SUM.size
_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_PALETTE = 3
_DEEP = ("I", "F")  # Pillow's modes of 16 and 32 bits, of which it would make white pictures
_SAMPLES = {0: 1, 2: 3, _PALETTE: 1}  # samples of a pixel, by colour type: grey, RGB, an index into a palette


class BrokenPicture(Exception):
    """A file that holds no picture that can be read; the text says what is wrong."""


def decode_picture(file: bytes) -> np.ndarray:
    """The pixels: uint8 (height, width, 1) of a grey picture, (height, width, 3) of any other."""
    if file.startswith(_SIGNATURE):
        _check_chunks(file)
    pixels = _decode_unfiltered(file)
    return _decode_by_pillow(file) if pixels is None else pixels


def _check_chunks(file: bytes) -> None:
    place, kind, content = len(_SIGNATURE), b"", memoryview(file)
    while kind != b"IEND":
        end = place + _CHUNK.size
        length, kind = _CHUNK.unpack_from(file, place) if end <= len(file) else (len(file), b"")
        end += length
        if end + _CRC > len(file):
            raise BrokenPicture("the PNG ends too early")
        if zlib.crc32(content[place + 4 : end]) != _SUM.unpack_from(file, end)[0]:
            raise BrokenPicture(f"the PNG's {kind.decode('latin-1')} does not match its checksum")
        place = end + _CRC


def _decode_by_pillow(file: bytes) -> np.ndarray:
    try:
        opened = Image.open(io.BytesIO(file))
        if opened.mode.startswith(_DEEP):
            raise BrokenPicture(f"its pixels have the mode {opened.mode}, more than 8 bits a sample")
        image = opened if opened.mode == "L" else opened.convert("RGB")
        return np.asarray(image).reshape(image.height, image.width, -1)
    except UnidentifiedImageError:
        raise BrokenPicture("it is no picture that Pillow knows") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BrokenPicture(" ".join(str(error).split())) from None


def _decode_unfiltered(file: bytes) -> np.ndarray | None:
    """The pixels of a PNG with whole chunks as `render` writes it; None for any other file."""
    place = len(_START) + _HEADER.size + _CRC
    if not file.startswith(_START):
        return None
    width, height, bits, colour, *how = _HEADER.unpack_from(file, len(_START))
    if bits != 8 or colour not in _SAMPLES or any(how) or not width * height:
        return None
    palette = None
    kind, content, place = _read_chunk(file, place)
    if colour == _PALETTE and kind == b"PLTE" and len(content) % 3 == 0:
        palette = np.frombuffer(content, np.uint8).reshape(-1, 3)
        kind, content, place = _read_chunk(file, place)
    if kind != b"IDAT" or file[place:] != _END:
        return None
    rows = _inflate(content, height, 1 + width * _SAMPLES[colour])
    if rows is None or rows[:, 0].any():  # a row begins with the number of its filter
        return None
    pixels = rows[:, 1:].reshape(height, width, -1)
    if colour != _PALETTE:
        return pixels
    if palette is None or pixels.max() >= len(palette):
        return None
    return palette[pixels[..., 0]]


def _read_chunk(file: bytes, place: int) -> tuple[bytes, bytes, int]:
    """Type and content of the chunk at `place`, and the place after it."""
    start = place + _CHUNK.size
    length, kind = _CHUNK.unpack_from(file, place)
    return kind, file[start : start + length], start + length + _CRC


def _inflate(stream: bytes, rows: int, length: int) -> np.ndarray | None:
    try:
        data = zlib.decompress(stream, bufsize=rows * length)
    except zlib.error:
        return None  # Pillow may say what is wrong with it
    return np.frombuffer(data, np.uint8).reshape(rows, length) if len(data) == rows * length else None
