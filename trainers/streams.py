"""Random numbers by name: a stream for each purpose and each tuple of numbers."""

import hashlib

import numpy as np


def stream(purpose: str, *numbers: int | np.integer) -> np.random.Generator:
    """The generator of these numbers for this purpose; another purpose, other numbers or more of them give an independent one.

    NumPy pads a seed with zeros, so `default_rng([s, e])` equals `default_rng([s, e, 0])`. A hash of the whole name has no such twins.
    """
    name = " ".join([purpose, *map(str, map(int, numbers))])
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest(), "little"))
