import math

import numpy as np
import pytest

from trainers.advantages import Normalization, advantages, comparable, span_advantages, total
from trainers.job import JobError

GRPO = Normalization("group-std", "unbiased", False)
outcome = np.array([1.0, 0, 0, 0, 1, 1, 1, 1])
perception = np.array([1.0, 1, 0, 0, 0, 0, 0, 1])


def test_unbiased_std():
    # 1, 0, 0, 0: mean 1/4, squares 9/16 + 3/16 = 3/4, divided by 3
    made = advantages([(1, outcome)], 4, GRPO)
    assert made[:4] == pytest.approx([0.75 / 0.5, -0.25 / 0.5, -0.25 / 0.5, -0.25 / 0.5], abs=1e-5)


def test_population_std():
    made = advantages([(1, outcome)], 4, Normalization("group-std", "population", False))
    assert made[:2] == pytest.approx([0.75 / math.sqrt(3 / 16), -0.25 / math.sqrt(3 / 16)], abs=1e-5)


def test_without_std_a_hard_and_an_even_group_weigh_by_their_variance():
    made = advantages([(1, outcome), (0, perception)], 4, Normalization("none", "unbiased", False))
    assert made[:4] == pytest.approx([0.75, -0.25, -0.25, -0.25])


def test_each_span_has_the_advantage_of_its_own_reward():
    made = span_advantages([(0.25, perception), (0.75, outcome)], 4, GRPO)
    assert made[:, 0] == pytest.approx(0.25 * advantages([(1, perception)], 4, GRPO))
    assert made[:, 1] == pytest.approx(0.75 * advantages([(1, outcome)], 4, GRPO))


def test_equal_rewards_give_nothing_to_learn():
    third = np.full(8, 0.1) + 0.2  # a mean that misses its numbers by a bit
    assert not advantages([(1, third)], 8, GRPO).any()
    assert not advantages([(1, outcome)], 4, GRPO)[4:].any()


def test_rewards_are_added_with_their_weights():
    rewards = [(0.25, perception), (0.75, outcome)]
    assert total(rewards).tolist() == [1, 0.25, 0, 0, 0.75, 0.75, 0.75, 1]
    mixed = np.array([1, 0.25, 0, 0])
    assert advantages(rewards, 4, GRPO)[:4] == pytest.approx((mixed - mixed.mean()) / mixed.std(ddof=1), abs=1e-5)


def test_gdpo_normalises_each_reward_and_then_the_batch():
    apart = 0.5 * np.array([1.5, -0.5, -0.5, -0.5, 0, 0, 0, 0])  # outcome, by hand as above
    half = math.sqrt(1 / 3)  # the unbiased std of 1, 1, 0, 0
    apart = apart + 0.5 * np.array([0.5 / half, 0.5 / half, -0.5 / half, -0.5 / half, -0.5, -0.5, -0.5, 1.5])
    made = advantages([(0.5, perception), (0.5, outcome)], 4, Normalization("group-std", "unbiased", True))
    assert made == pytest.approx(apart / apart.std(ddof=1), abs=1e-5)
    assert advantages([(0.5, perception), (0.5, outcome)], 4, GRPO) != pytest.approx(made, abs=1e-2)


def test_a_group_is_alive_where_what_is_compared_differs():
    # Who saw right answered wrong and the other way round: R is 1/2 throughout, and no response is better than another.
    crossed = [(0.5, np.array([1.0, 0, 1, 1])), (0.5, np.array([0.0, 1, 1, 1]))]
    apart = Normalization("group-std", "unbiased", True)
    assert comparable(crossed, 2, GRPO).tolist() == [False, False]
    assert not advantages(crossed, 2, GRPO).any()
    assert comparable(crossed, 2, apart).tolist() == [True, False]
    unequal = [(0.25, crossed[0][1]), (0.75, crossed[1][1])]
    assert comparable(unequal, 2, GRPO).tolist() == [True, False]
    # A reward of no weight makes no group alive.
    for how in (GRPO, apart):
        assert comparable([(0, perception), (1, outcome)], 4, how).tolist() == [True, False]


@pytest.mark.parametrize("how", [Normalization("max", "unbiased", False), Normalization("none", "sample", False)])
def test_unknown_normalisations_are_refused(how):
    with pytest.raises(JobError):
        how.check()
