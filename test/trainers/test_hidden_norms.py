"""The norms that a sharded NGDiff goes by, beside their formula."""

import functools
import weakref

import pytest
import torch

from trainers.hidden_norms import hidden_norms, with_hidden
from trainers.losses import Spans

B, T, D, V = 6, 7, 5, 9


class Toy(torch.nn.Module):
    """A layer, and an output layer on its hidden states."""

    def __init__(self):
        super().__init__()
        self.layer, self.head = torch.nn.Linear(D, D), torch.nn.Linear(D, V)

    def get_output_embeddings(self):
        return self.head

    def forward(self, features):
        return self.head(torch.tanh(self.layer(features)))


@pytest.fixture
def batch():
    torch.manual_seed(0)
    place, captions = torch.arange(T), torch.tensor([2, 3, 1, 2, 4, 3])
    perception = place < captions[:, None]
    return Toy(), torch.randn(B, T, D), torch.randint(V, (B, T)), perception, ~perception


def step(batch, parts: int, add_up=lambda _: None):
    model, features, targets, perception, reasoning = batch

    def forward(rows):
        logits = model(features[rows])
        return Spans(logits, logits[:, :0], targets[rows], perception[rows], reasoning[rows])

    micro_batches = (with_hidden(model, functools.partial(forward, rows)) for rows in torch.arange(B).split(B // parts))
    return hidden_norms(micro_batches, int(perception.sum()), int(reasoning.sum()), add_up)


@pytest.mark.parametrize("parts", [1, 3])
def test_they_are_of_the_errors_through_the_output_layer(batch, parts):
    model, features, targets, *masks = batch
    with torch.no_grad():
        errors = model(features).softmax(-1) - torch.nn.functional.one_hot(targets, V)
        expected = [((errors * mask[..., None] / mask.sum()) @ model.head.weight).norm() for mask in masks]
        losses = [-(model(features).log_softmax(-1).gather(-1, targets[..., None])[..., 0] * mask).sum() / mask.sum() for mask in masks]
    totals, norms = step(batch, parts)
    torch.testing.assert_close(norms, torch.stack(expected))
    torch.testing.assert_close(totals, torch.stack(losses))
    assert all(weight.grad is None for weight in model.parameters())


def test_squares_of_several_processes_are_added_up(batch):
    """Each of two processes that has the same part: the losses double, the norms grow by the root of two."""
    totals, norms = step(batch, 1)
    both = step(batch, 1, lambda tensors: [tensor.mul_(2) for tensor in tensors])
    torch.testing.assert_close(both, (2 * totals, 2**0.5 * norms))


def test_one_graph_is_in_memory_at_a_time(batch):
    model, features, targets, *masks = batch
    made: list[weakref.ref[torch.Tensor]] = []
    left: list[int] = []

    def forward() -> Spans:
        left.append(sum(logits() is not None for logits in made))
        logits = model(features)
        made.append(weakref.ref(logits))
        return Spans(logits, logits[:, :0], targets, *masks)

    hidden_norms((with_hidden(model, forward) for _ in range(3)), 1, 1)
    assert left == [0, 0, 0]


def test_the_hook_goes_with_the_forward_pass(batch):
    model = batch[0]
    step(batch, 1)

    def broken() -> Spans:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        with_hidden(model, broken)
    assert not model.head._forward_pre_hooks
