import pytest
import torch
from torch.nn import functional

from trainers.job import JobError
from trainers.losses import Spans, backward, balance_for, check_loss, mix_at

B, T, V, HEAD = 8, 9, 7, 4
CAPTIONS = torch.tensor([2, 3, 4, 3, 2, 4, 3, 3])
LENGTHS = torch.tensor([9, 7, 8, 5, 6, 9, 9, 7])
FIXED = {"kind": "fixed", "lambda": 0.3}


class Toy(torch.nn.Module):
    """Stands in for a model: features (B, T, 5) -> logits, with a weight that captions alone would use as well."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(5, 6)
        self.second = torch.nn.Linear(6, V)

    def forward(self, features):
        return self.second(torch.tanh(self.first(features)))


@pytest.fixture
def toy():
    torch.manual_seed(0)
    model = Toy().double()
    features, targets = torch.randn(B, T, 5, dtype=torch.double), torch.randint(V, (B, T))
    place = torch.arange(T)
    perception = place < CAPTIONS[:, None]
    reasoning = (place >= CAPTIONS[:, None]) & (place < LENGTHS[:, None])
    return model, features, targets, perception, reasoning


def micro_batches(toy, parts: int):
    model, features, targets, perception, reasoning = toy
    for rows in torch.arange(B).split(B // parts):
        head, tail = model(features[rows, :HEAD]), model(features[rows, HEAD:])
        yield Spans(head, tail, targets[rows], perception[rows], reasoning[rows])


def step(loss, toy, parts=1, **more):
    parameters = list(toy[0].parameters())
    tokens_p, tokens_r = int(CAPTIONS.sum()), int((LENGTHS - CAPTIONS).sum())
    done = backward(loss, micro_batches(toy, parts), tokens_p, tokens_r, parameters, **more)
    return done, [parameter.grad.clone() for parameter in parameters]


def by_hand(toy):
    """L_p, L_r and their gradients, written out from the definition."""
    model, features, targets, perception, reasoning = toy
    logits = model(features)
    entropy = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(B, T)
    results = []
    for mask in (perception, reasoning):
        mean = entropy[mask].mean()
        results += [mean.item(), torch.autograd.grad(mean, list(model.parameters()), retain_graph=True)]
    return results


def total_norm(gradients):
    return torch.sqrt(sum(gradient.square().sum() for gradient in gradients)).item()


def test_fixed_is_the_weighted_sum_of_both_gradients(toy):
    loss_p, g_p, loss_r, g_r = by_hand(toy)
    done, gradients = step(FIXED, toy)
    assert (done.perception, done.reasoning, done.weight) == (pytest.approx(loss_p), pytest.approx(loss_r), 0.3)
    torch.testing.assert_close(gradients, [0.3 * p + 0.7 * r for p, r in zip(g_p, g_r)])


def test_ngdiff_gives_both_spans_equal_say(toy):
    _, g_p, _, g_r = by_hand(toy)
    norm_p, norm_r = total_norm(g_p), total_norm(g_r)
    weight = norm_r / (norm_p + norm_r)
    done, gradients = step({"kind": "ngdiff"}, toy)
    assert (done.weight, done.norm_p, done.norm_r) == tuple(pytest.approx(value) for value in (weight, norm_p, norm_r))
    torch.testing.assert_close(gradients, [weight * p + (1 - weight) * r for p, r in zip(g_p, g_r)])
    assert done.weight * done.norm_p == pytest.approx((1 - done.weight) * done.norm_r)


NGDIFF = {"kind": "ngdiff"}
CPU = torch.device("cpu")


def test_ngdiff_without_options_has_no_memory():
    assert balance_for(NGDIFF, CPU) is None and balance_for({"kind": "token"}, CPU) is None


def test_a_gradient_has_the_strides_of_its_weight(toy):
    first = toy[0].first
    # A convolution on a GPU returns the gradient of its weight with strides of its own, and AdamW, fused, refuses it there. So does this.
    first.forward = lambda features: features @ first.weight.t().contiguous() + first.bias
    assert torch.autograd.grad(toy[0](toy[1]).sum(), first.weight)[0].stride() != first.weight.stride()
    step({"kind": "ngdiff"}, toy)
    assert first.weight.grad.stride() == first.weight.stride()


@pytest.mark.parametrize("options", [{"gamma": 0}, {"smoothing": 0.0}, {"clamp": [0, 1]}, {"gamma": 0.5}, {"smoothing": 0.9}])
def test_options_that_change_nothing_in_a_first_step_give_ngdiff(toy, options):
    plain, gradients = step(NGDIFF, toy)
    loss = check_loss(NGDIFF | options)
    varied, same = step(loss, toy, balance=balance_for(loss, CPU))
    assert varied.weight == pytest.approx(plain.weight, rel=1e-5)
    torch.testing.assert_close(same, gradients, rtol=1e-5, atol=1e-7)


def weights(options, series):
    """λ_t for a series of (L_p, L_r, ‖g_p‖, ‖g_r‖)."""
    balance = balance_for(NGDIFF | options, CPU)
    assert balance is not None
    return [float(balance(torch.tensor([p, r]), torch.tensor([norm_p, norm_r]))) for p, r, norm_p, norm_r in series]


SERIES = [(2.0, 4.0, 1.0, 3.0), (1.0, 0.25, 2.0, 0.5), (0.5, 0.01, 1.5, 0.1)]


@pytest.mark.parametrize("gamma", [0.25, 1.0])
def test_gamma_gives_the_span_with_more_loss_left_more_say(gamma):
    for weight, (loss_p, loss_r, norm_p, norm_r) in zip(weights({"gamma": gamma}, SERIES), SERIES):
        left = (loss_p / 2.0) / (loss_r / 4.0)
        assert weight * norm_p / ((1 - weight) * norm_r) == pytest.approx(left**gamma, rel=1e-4)


def test_smoothing_averages_the_norms():
    mean_p = mean_r = 0.0
    for weight, (_, _, norm_p, norm_r) in zip(weights({"smoothing": 0.8}, SERIES), SERIES):
        mean_p, mean_r = 0.8 * mean_p + 0.2 * norm_p, 0.8 * mean_r + 0.2 * norm_r
        assert weight == pytest.approx(mean_r / (mean_p + mean_r), rel=1e-5)


def test_preconditioned_norms_are_of_gradients_as_adam_scales_them(toy):
    loss = check_loss(NGDIFF | {"preconditioned": True})
    _, g_p, _, g_r = by_hand(toy)
    moments = [(place + 1) * (torch.rand_like(gradient) + 0.1) for place, gradient in enumerate(g_p)]
    norm_p, norm_r = (total_norm([gradient / moment.sqrt() for gradient, moment in zip(of, moments)]) for of in (g_p, g_r))
    done, gradients = step(loss, toy, balance=balance_for(loss, CPU), moments=lambda: moments)
    assert done.weight == pytest.approx(norm_r / (norm_p + norm_r), rel=1e-5)
    torch.testing.assert_close(gradients, [done.weight * p + (1 - done.weight) * r for p, r in zip(g_p, g_r)])
    # The first step has no moments.
    plain, _ = step(NGDIFF, toy)
    assert plain.weight != pytest.approx(done.weight, rel=1e-3)
    assert step(loss, toy, balance=balance_for(loss, CPU))[0].weight == pytest.approx(plain.weight, rel=1e-5)


def test_clamp_bounds_the_weight():
    assert weights({"clamp": [0.3, 0.6]}, SERIES) == pytest.approx([0.6, 0.3, 0.3])


def test_a_loss_that_is_gone_leaves_a_weight():
    vanished = [(1.0, 1.0, 1.0, 1.0), (1.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 0.0)]
    assert all(0 <= weight <= 1 for weight in weights({"gamma": 0.5}, vanished))


def test_token_is_exactly_fixed_at_the_token_share(toy):
    share = int(CAPTIONS.sum()) / int(LENGTHS.sum())
    token, gradients = step({"kind": "token"}, toy)
    fixed, same = step({"kind": "fixed", "lambda": share}, toy)
    assert token == fixed
    assert all(torch.equal(a, b) for a, b in zip(gradients, same))


def test_a_schedule_is_straight_between_its_points_and_jumps_at_a_step_named_twice():
    loss = check_loss({"kind": "schedule", "points": [[2, 1], [6, "token"], [6, 0.5], [8, 0.1]]})
    at = [mix_at(loss, step) for step in (0, 2, 3, 5, 6, 7, 8, 100)]
    expected = [(1, 0), (1, 0), (0.75, 0.25), (0.25, 0.75), (0.5, 0), (0.3, 0), (0.1, 0), (0.1, 0)]
    assert at == [pytest.approx(pair) for pair in expected]
    assert mix_at({"kind": "token"}, 0) is None


@pytest.mark.parametrize("apart", [False, True])
def test_a_schedule_weighs_both_losses(toy, apart):
    tokens_p, tokens_r = int(CAPTIONS.sum()), int((LENGTHS - CAPTIONS).sum())
    parameters = list(toy[0].parameters())
    loss = {"kind": "schedule", "points": [[0, 1], [10, "token"]]}
    done = backward(loss, micro_batches(toy, 1), tokens_p, tokens_r, parameters, mix=mix_at(loss, 5), apart=apart)
    weight = 0.5 + 0.5 * tokens_p / (tokens_p + tokens_r)
    gradients = [parameter.grad.clone() for parameter in parameters]
    backward({"kind": "fixed", "lambda": weight}, micro_batches(toy, 1), tokens_p, tokens_r, parameters, apart=apart)
    assert done.weight == pytest.approx(weight)
    for gradient, parameter in zip(gradients, parameters):
        torch.testing.assert_close(gradient, parameter.grad)


def test_token_is_the_mean_over_all_tokens(toy):
    model, features, targets, perception, reasoning = toy
    mask = perception | reasoning
    mean = functional.cross_entropy(model(features)[mask], targets[mask])
    _, gradients = step({"kind": "token"}, toy)
    torch.testing.assert_close(gradients, list(torch.autograd.grad(mean, list(model.parameters()))))


@pytest.mark.parametrize("loss", [{"kind": "token"}, FIXED, {"kind": "ngdiff"}])
def test_accumulating_four_parts_equals_one_batch(toy, loss):
    whole, gradients = step(loss, toy)
    parts, same = step(loss, toy, parts=4)
    assert parts.weight == pytest.approx(whole.weight)
    assert (parts.perception, parts.reasoning) == (pytest.approx(whole.perception), pytest.approx(whole.reasoning))
    torch.testing.assert_close(gradients, same)


IMPOSSIBLE = [
    {"kind": "fixed", "lambda": 1.7},
    {"kind": "fixed"},
    {"kind": "mean"},
    {},
    NGDIFF | {"gamma": -1},
    NGDIFF | {"smoothing": 1},
    NGDIFF | {"clamp": [0.6, 0.1]},
]


@pytest.mark.parametrize("loss", IMPOSSIBLE)
def test_an_impossible_loss_is_refused(loss):
    with pytest.raises(JobError, match="no loss"):
        check_loss(loss)
