from itertools import combinations

import numpy as np

from trainers.streams import stream


def test_streams_are_the_ones_they_always_were():
    assert stream("order", 0, 3).integers(1000, size=4).tolist() == [726, 593, 391, 63]
    assert stream("response", 7, 12).integers(1000, size=4).tolist() == [866, 232, 769, 946]


def test_no_name_shares_a_stream_with_another():
    orders = [(0,), (0, 0), (0, 0, 0), (2**32,), (0, 1), (1, 0), (10,)]
    streams = [stream("wave", 0), *(stream("order", *numbers) for numbers in orders)]
    firsts = [each.integers(2**63, size=2) for each in streams]
    assert not any(np.array_equal(one, other) for one, other in combinations(firsts, 2))


def test_numbers_of_numpy_are_numbers():
    assert stream("order", np.int64(5)).random() == stream("order", 5).random()
