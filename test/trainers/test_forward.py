"""The batched forward and decoding against transformers' own, on a trained model read back from disk."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from conftest import GENERATE
from trainers import module_layers
from trainers.data import pad, read_split
from trainers.decode import Decoder, choose
from trainers.few_kernels import FewKernels
from trainers.forward import Batched, Pixels
from trainers.generate import Params, forced_captions, sampling
from trainers.tokenizer import encode


@pytest.fixture(scope="module")
def loaded(trained, monkeypatch_module):
    monkeypatch_module.setenv("HF_HUB_OFFLINE", "1")
    return AutoModelForImageTextToText.from_pretrained(trained).eval(), AutoProcessor.from_pretrained(trained)


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module", params=[False, True], ids=["modules", "few kernels"])
def batched(loaded, request):
    model, processor = loaded
    return batched_over(model, processor, request.param)


def batched_over(model, processor, few: bool) -> Batched:
    made = Batched(model, 32, Pixels(processor.image_processor.image_mean, processor.image_processor.image_std))
    made.kernels = FewKernels(made.device) if few else module_layers
    return made


@pytest.fixture(scope="module")
def split(dataset):
    return read_split(dataset, "test")


def picture(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def chat_inputs(processor, image: np.ndarray, response: str | None):
    chat = [{"role": "user", "content": [{"type": "image", "image": picture(image)}, {"type": "text", "text": "Colour this."}]}]
    if response is None:
        return processor.apply_chat_template(chat, tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True)
    chat.append({"role": "assistant", "content": [{"type": "text", "text": response}]})
    return processor.apply_chat_template(chat, tokenize=True, return_dict=True, return_tensors="pt", continue_final_message=True)


def test_patches_are_the_image_processors(loaded, batched, split):
    expected = loaded[1].image_processor(images=[picture(image) for image in split.images], return_tensors="pt").pixel_values
    torch.testing.assert_close(batched.patches(torch.from_numpy(split.images)).flatten(0, 1), expected, rtol=0, atol=1e-6)
    colour = torch.from_numpy(split.images).expand(-1, -1, -1, 3)
    torch.testing.assert_close(batched.patches(colour), batched.patches(torch.from_numpy(split.images)))


@pytest.mark.parametrize("head", [1, 4, 12, "all"])
def test_logits_are_model_forwards(loaded, batched, split, head):
    model, processor = loaded
    texts = split.columns["response"][:6]
    tokens = encode(processor.tokenizer, texts)
    shortest = min(map(len, tokens))
    words = torch.tensor([ids[:shortest] for ids in tokens])
    first, rest = batched.logits(torch.from_numpy(split.images[:6]), words, shortest if head == "all" else head)
    ours = torch.cat([first, rest], 1)
    for row, text in enumerate(texts):
        inputs = chat_inputs(processor, split.images[row], text)
        with torch.no_grad():
            theirs = model(**inputs).logits[0, batched.prompt_length - 1 :][:shortest]
        assert inputs["input_ids"][0, batched.prompt_length :][:shortest].tolist() == tokens[row][:shortest]
        torch.testing.assert_close(ours[row], theirs, rtol=0, atol=2e-4 * theirs.abs().max().item())


def test_few_kernels_give_the_gradients_of_the_modules(loaded, split):
    model, processor = loaded
    tokens = torch.from_numpy(pad(encode(processor.tokenizer, split.columns["response"][:6]), 0))
    weights = list(model.parameters())
    passes = [batched_over(model, processor, few).logits(torch.from_numpy(split.images[:6]), tokens, 4) for few in (False, True)]
    for piece in (0, 1):
        modules, few = (
            torch.autograd.grad(logits[piece].square().mean(), weights, retain_graph=True, materialize_grads=True) for logits in passes
        )
        for expected, gradient in zip(modules, few):
            torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-5 * float(expected.abs().max()) + 1e-9)


def test_padding_on_the_right_changes_nothing(batched, split, loaded):
    tokens = torch.tensor(encode(loaded[1].tokenizer, split.columns["response"][:1]))
    padded = torch.cat([tokens, torch.zeros(1, 5, dtype=torch.long)], 1)
    images = torch.from_numpy(split.images[:1])
    plain, longer = batched.logits(images, tokens, 3)[1], batched.logits(images, padded, 3)[1]
    torch.testing.assert_close(longer[:, : plain.shape[1]], plain)


def ours(batched, split, forced, longest=60, **params):
    rows = range(len(split))
    table = torch.full((len(split), max(map(len, forced)) + 1), -1)
    for row, ids in enumerate(forced):
        table[row, : len(ids)] = torch.tensor(ids)
    how = sampling(Params(**GENERATE | params), rows, longest)
    return Decoder(batched, longest)(torch.from_numpy(split.images), None, table, how).lists()


@pytest.mark.parametrize("counterfactual", [False, True])
def test_decoding_says_what_generate_says(loaded, batched, split, counterfactual):
    model, processor = loaded
    prefixes = forced_captions(split) if counterfactual else [None] * len(split)
    forced = encode(processor.tokenizer, [prefix or "" for prefix in prefixes])
    mine = ours(batched, split, forced)
    for row, prefix in enumerate(prefixes):
        inputs = chat_inputs(processor, split.images[row], prefix)
        text = model.generate(**inputs, max_new_tokens=60 - len(forced[row]))[0, batched.prompt_length :].tolist()
        assert mine[row] == text
    assert any(ids[-1] == processor.tokenizer.eos_token_id for ids in mine)


def test_a_sample_is_a_function_of_seed_and_row(batched, split):
    free: list[list[int]] = [[]] * len(split)
    once = ours(batched, split, free, temperature=1.0, seed=5)
    assert once == ours(batched, split, free, temperature=1.0, seed=5)
    assert once != ours(batched, split, free, temperature=1.0, seed=6)


def test_samples_follow_the_models_distribution():
    probabilities = torch.tensor([0.5, 0.0, 0.3, 0.2])
    rows = range(4000)
    how = sampling(Params(**GENERATE | {"temperature": 1.0}), rows, 1)
    assert how is not None
    drawn = choose(probabilities.log().expand(len(rows), 4), how, how.draws)
    shares = torch.bincount(drawn, minlength=4) / len(rows)
    torch.testing.assert_close(shares, probabilities, rtol=0, atol=0.03)
    assert shares[1] == 0


def test_logits_without_padding_are_the_same_at_every_word(batched, split, loaded):
    rows = encode(loaded[1].tokenizer, split.columns["response"][:6])
    lengths, tokens = torch.tensor(list(map(len, rows))), torch.from_numpy(pad(rows, 0))
    images, head = torch.from_numpy(split.images[:6]), 7
    whole, packed = batched.logits(images, tokens, head)[1], batched.logits(images, tokens, head, lengths)[1]
    real = torch.arange(whole.shape[1]) < (lengths - head)[:, None]
    assert 0 < real.sum() < real.numel()
    torch.testing.assert_close(packed[real], whole[real], rtol=1e-4, atol=1e-4)
    assert not packed[~real].any()
