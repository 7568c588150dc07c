import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from trainers import decode, layer_operations
from trainers.data import pad, read_split
from trainers.decode import FREE, Decoder, Sampling, StaticSteps
from trainers.micro_policy import MicroPolicy
from trainers.sampling import Sampler, caption_of
from trainers.streams import stream
from trainers.tokenizer import encode

LONGEST = 40


@pytest.fixture(scope="module")
def split(prompts):
    return read_split(prompts, "train_rl")


@pytest.fixture(scope="module")
def policy(trained, split):
    return MicroPolicy.load(trained, split)


def some_sampling(rows: int) -> Sampling:
    return Sampling(1.3, torch.from_numpy(np.random.default_rng(5).random((rows, LONGEST), dtype=np.float32)))


def attend_plainly(heads, attention, rotary, keys, values, place, ended):
    """The promise of attend_kernel.py; nothing of the cache from `place` on is read."""
    scales = attention.q_norm.weight, attention.k_norm.weight
    cos, sin = (table[place] for table in rotary)
    query, key, value = layer_operations.heads(heads, cos, sin, scales, attention.q_norm.variance_epsilon)
    keys[~ended, :, place], values[~ended, :, place] = key[~ended, :, 0].to(keys), value[~ended, :, 0].to(values)
    seen = int(place) + 1
    mixed = functional.scaled_dot_product_attention(query, keys[:, :, :seen].float(), values[:, :, :seen].float())
    return mixed.masked_fill(ended[:, None, None, None], 0)


@pytest.mark.parametrize("attend", [None, attend_plainly])
@pytest.mark.parametrize("sampled", [False, True])
def test_steps_made_for_graphs_choose_the_same_tokens(policy, split, sampled, attend):
    images, group = torch.from_numpy(split.images[:3]), torch.tensor([0, 0, 1, 1, 2, 2])
    captions = encode(policy.tokenizer, split.columns["perception"][:3])
    forced = torch.from_numpy(pad([[*captions[index], FREE] if index < 2 else [FREE] for index in group.tolist()], FREE))
    sampling = some_sampling(6) if sampled else None
    usual = Decoder(policy.batched, LONGEST)(images, group, forced, sampling)
    # With room for more rows than there are, as after a larger batch.
    with torch.inference_mode():
        static = StaticSteps(policy.batched, 8, LONGEST, policy.ends[0])
        static.attend = attend
        for _ in range(2):
            made = static.decode(images, group, forced, sampling, lambda: None)
            assert made.tokens.tolist() == usual.tokens.tolist()
            assert made.lengths.tolist() == usual.lengths.tolist()


@pytest.mark.skipif(
    not torch.cuda.is_available() and os.environ.get("TRITON_INTERPRET") != "1", reason="Triton needs a GPU and --gpu, or TRITON_INTERPRET=1"
)
@pytest.mark.parametrize("place", [0, 1, 64, 130])
@pytest.mark.parametrize("size", [24, 32])
def test_the_kernel_of_attention_keeps_its_promise(place, size):
    from trainers.attend_kernel import attend

    device = "cuda" if torch.cuda.is_available() else "cpu"
    random = torch.Generator(device).manual_seed(0)
    draw = lambda *shape: torch.randn(shape, generator=random, device=device)  # noqa: E731
    norms = (SimpleNamespace(weight=draw(size), variance_epsilon=1e-6) for _ in range(2))
    attention = SimpleNamespace(**dict(zip(("q_norm", "k_norm"), norms)))
    angles = draw(200, size // 2).repeat(1, 2)
    caches, ended = draw(2, 3, 4, 192, size).half(), torch.tensor([False, True, False], device=device)
    caches[:, :, :, place:] = float("nan")
    theirs = caches.clone()
    given = draw(3, 1, 12, size), attention, (angles.cos(), angles.sin())
    now = torch.tensor([place], device=device)
    mixed = attend(*given, caches[0], caches[1], now, ended)
    assert torch.allclose(mixed, attend_plainly(*given, theirs[0], theirs[1], now, ended), atol=2e-3)
    assert torch.allclose(caches.nan_to_num(), theirs.nan_to_num(), atol=2e-3)


def test_rows_that_share_a_picture_are_as_if_each_had_its_own(policy, split):
    images, group = torch.from_numpy(split.images[:4]), torch.arange(4).repeat_interleave(3)
    decode = Decoder(policy.batched, LONGEST)
    assert decode(images, group, None, some_sampling(12)).lists() == decode(images[group], None, None, some_sampling(12)).lists()


def test_rows_are_handed_on_once_while_others_are_decoded(policy, split, monkeypatch):
    monkeypatch.setattr(decode, "LOOK_EVERY", 4)
    images, group = torch.from_numpy(split.images[:4]), torch.arange(4).repeat_interleave(3)
    handed: list[tuple[int, list[int]]] = []
    with torch.inference_mode():
        static = StaticSteps(policy.batched, 12, LONGEST, policy.ends[0])
        made = static.decode(images, group, torch.full((12, 1), FREE), some_sampling(12), lambda: None, lambda *ended: handed.extend(zip(*ended)))
    numbers = [number for number, _ in handed]
    assert len(set(numbers)) == len(numbers) > 0
    assert all(made.lists()[number] == tokens for number, tokens in handed)
    assert made.tokens.tolist() == Decoder(policy.batched, LONGEST)(images, group, None, some_sampling(12)).tokens.tolist()


def test_a_sampler_hands_on_the_texts_of_responses_that_end_early(policy, monkeypatch):
    sampler = Sampler(policy, 3, 1.3, LONGEST)
    heard: list[tuple[int, str]] = []
    usual = sampler(np.array([0, 3]), stream("test", 1))
    decode_all = Decoder._drop_the_ended

    def telling(self, *given):
        made = decode_all(self, *given)
        self.on_ended([4, 1], [made.lists()[4], made.lists()[1]])
        return made

    monkeypatch.setattr(Decoder, "_drop_the_ended", telling)
    again = sampler(np.array([0, 3]), stream("test", 1), on_ended=lambda *ended: heard.extend(zip(*ended)))
    assert heard == [(3, usual.texts[4]), (0, usual.texts[1])]
    assert again.texts == usual.texts


def test_a_group_differs_and_can_be_drawn_again(policy):
    sampler = Sampler(policy, 6, 1.5, LONGEST)
    first, again, other = (sampler(np.array([0, 3]), stream("test", *key)) for key in ([1, 2], [1, 2], [1, 3]))
    assert first.texts == again.texts != other.texts
    assert len(set(first.texts[:6])) > 1


def test_text_is_what_the_tokenizer_says(policy):
    made = Sampler(policy, 4, 2.0, LONGEST)(np.arange(5), stream("test", 0))
    for text, ids, length in zip(made.texts, made.tokens.tolist(), made.lengths.tolist()):
        assert text == policy.tokenizer.decode(ids[:length], skip_special_tokens=True)
    ended = [ids[length - 1] in policy.ends for ids, length in zip(made.tokens.tolist(), made.lengths.tolist())]
    assert made.finished.tolist() == ended


def test_forced_captions_stand_as_they_were_given(policy):
    made = Sampler(policy, 2, 1.0, LONGEST)(np.array([0, 1]), stream("test", 0), ["[[0,1]]", "[[0,99]]"])
    assert [caption_of(text) for text in made.texts] == ["[[0,1]]", "[[0,1]]", "[[0,99]]", "[[0,99]]"]


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ("<caption>[]</caption>x", "[]"),
        ("a <caption> b <caption>[]</caption><caption>[[0,1]]</caption>", "[]"),
        ("<caption>[]", None),
        ("</caption>", None),
    ],
)
def test_the_caption_is_the_one_the_scorer_reads(text, caption):
    assert caption_of(text) == caption


def test_logits_of_groups_are_those_of_each_row(policy, split):
    images, group = torch.from_numpy(split.images[:2]), torch.tensor([0, 0, 1])
    tokens = torch.from_numpy(np.random.default_rng(0).integers(8, len(policy.words), (3, 12)))
    with torch.no_grad():
        together = policy.batched.logits_of_groups(images, group, tokens)
        first, rest = policy.batched.logits(images[group], tokens, 5)
    assert torch.allclose(together, torch.cat([first, rest], 1), atol=1e-4)
