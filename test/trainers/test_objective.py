import math

import numpy as np
import pytest
import torch

from trainers.advantages import Normalization, advantages
from trainers.objective import Clipping, caption_factors, exact_kl, k3, log_ratio, policy_loss, token_weights


def slow_loss(new: float, old: float, advantage: float, low: float, high: float, dual: float | None) -> float:
    """verl's compute_policy_loss_vanilla, one token at a time and as literally as can be."""
    ratio = math.exp(max(-20.0, min(20.0, new - old)))
    first = -advantage * ratio
    second = -advantage * max(1 - low, min(1 + high, ratio))
    clipped = max(first, second)
    if dual is None or advantage >= 0:
        return clipped
    return min(-advantage * dual, clipped)


@pytest.mark.parametrize("dual", [None, 3.0])
@pytest.mark.parametrize("high", [0.2, 0.28])
def test_the_clipped_objective_is_the_literal_one(dual, high):
    generator = torch.Generator().manual_seed(1)
    old = -3 * torch.rand(40, 6, generator=generator)
    new = old + 4 * (torch.rand(40, 6, generator=generator) - 0.5)  # ratios from 0.13 to 7.4: beyond every bound
    new[0, 0] = old[0, 0] + 30
    advantage = 2 * torch.randn(40, generator=generator)
    made = policy_loss(new - old, advantage[:, None], Clipping(0.2, high, dual))
    slow = [
        [slow_loss(*pair, float(a), 0.2, high, dual) for pair in zip(row.tolist(), before.tolist())]
        for row, before, a in zip(new, old, advantage)
    ]
    assert torch.allclose(made, torch.tensor(slow), rtol=1e-4)


def test_the_dual_clip_stops_the_pull_on_a_token_that_has_become_likely():
    new = torch.tensor([[2.0]], requires_grad=True)
    loss = policy_loss(new - torch.zeros(1, 1), torch.tensor([[-1.0]]), Clipping(0.2, 0.2, 3.0))
    loss.sum().backward()
    assert loss.item() == pytest.approx(3.0) and new.grad is not None and new.grad.item() == 0


def test_the_first_update_follows_the_plain_policy_gradient():
    new = torch.tensor([[-1.0, -2.0]], requires_grad=True)
    policy_loss(new - new.detach(), torch.tensor([[1.5]]), Clipping(0.2, 0.2, 3.0)).sum().backward()
    assert new.grad is not None and new.grad.tolist() == [[-1.5, -1.5]]


def test_k3_is_never_negative_and_right_on_the_average():
    generator = torch.Generator().manual_seed(2)
    policy, reference = (torch.randn(7, generator=generator).log_softmax(-1) for _ in range(2))
    every_token = k3(policy, reference)
    assert (every_token >= 0).all() and k3(policy, policy).abs().max() == 0
    by_hand = sum(p.exp() * (p - q) for p, q in zip(policy, reference))
    assert (policy.exp() * every_token).sum().item() == pytest.approx(by_hand.item(), rel=1e-4)
    assert exact_kl(policy[None, None], reference[None, None]).item() == pytest.approx(by_hand.item(), rel=1e-5)


def test_k3_keeps_to_its_bounds():
    assert k3(torch.tensor([-50.0, 0.0]), torch.tensor([0.0, -50.0])).tolist() == [10.0, 10.0]


@pytest.mark.parametrize(
    ("aggregate", "weights"), [("token-mean", [1 / 8, 1 / 8]), ("sequence-mean", [1 / 4, 1 / 12]), ("constant", [1 / 20, 1 / 20])]
)
def test_what_a_token_weighs(aggregate, weights):
    assert token_weights(torch.tensor([2, 6]), aggregate, longest=10).tolist() == pytest.approx(weights)


def test_the_ratio_of_a_sequence_is_the_geometric_mean_over_its_tokens():
    generator = torch.Generator().manual_seed(2)
    old = -3 * torch.rand(5, 7, generator=generator)
    new = (old + torch.rand(5, 7, generator=generator) - 0.5).requires_grad_()
    now = new.detach()
    lengths = torch.tensor([7, 3, 1, 5, 2])
    mask = torch.arange(7) < lengths[:, None]
    advantage = torch.tensor([1.0, -0.5, 2.0, -1.0, 0.3])
    loss = policy_loss(log_ratio(new, old, mask, "sequence"), advantage[:, None], Clipping(0.03, 0.05, None))
    made = (loss * mask * token_weights(lengths, "sequence-mean", 7)[:, None]).sum()
    literal = 0.0
    for row in range(5):
        s = math.exp(sum(float(now[row, t] - old[row, t]) for t in range(lengths[row])) / int(lengths[row]))
        literal -= min(s * float(advantage[row]), max(0.97, min(1.05, s)) * float(advantage[row])) / 5
    assert made.item() == pytest.approx(literal, rel=1e-5)
    made.backward()
    assert new.grad is not None and not new.grad[~mask].any()


@pytest.mark.parametrize("aggregate", ["token-mean", "sequence-mean", "constant"])
def test_a_caption_that_counts_more_keeps_the_sum(aggregate):
    captions, lengths = torch.tensor([2, 0, 5]), torch.tensor([6, 4, 5])
    weights = token_weights(lengths, aggregate, longest=10)
    factors = caption_factors(captions, lengths, weights, 3.0)
    assert float(factors[0, 0] / factors[0, 1]) == pytest.approx(3)
    weighed = weights * (factors[:, 0] * captions + factors[:, 1] * (lengths - captions))
    assert float(weighed.sum()) == pytest.approx(float((weights * lengths).sum()))


@pytest.mark.parametrize("normalize", ["group-std", "none"])
def test_a_bandit_learns_its_best_arm(normalize):
    payoff = torch.tensor([0.1, 0.2, 0.9, 0.3])
    logits = torch.zeros(4, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    random = np.random.default_rng(0)
    expected = [float(payoff @ logits.detach().softmax(-1))]
    for _ in range(60):
        arms = random.choice(4, size=(8, 8), p=logits.detach().double().softmax(-1).numpy())
        won = random.random((8, 8)) < payoff.numpy()[arms]
        advantage = advantages([(1.0, won.astype(float).ravel())], 8, Normalization(normalize, "unbiased", False))
        chosen = logits.log_softmax(-1)[torch.from_numpy(arms.ravel())][:, None]
        optimizer.zero_grad()
        policy_loss(chosen - chosen.detach(), torch.from_numpy(advantage).float()[:, None], Clipping(0.2, 0.2, 3.0)).mean().backward()
        optimizer.step()
        expected.append(float(payoff @ logits.detach().softmax(-1)))
    assert expected[0] == pytest.approx(0.375) and expected[-1] > 0.8
