import random

import pytest

from conftest import row
from trainers.tokenizer import SPECIAL, encode, has_plain_words, split, train_tokenizer, words_of

SUDOKU = (
    '<caption>[["-",2,3,"-"],[1,"-",3,4]]</caption>\nr1c1 . 2 3 . . 1 . 2 -> 4\nr1c4 4 2 3 . -> ?'
    "\n<answer>[[1,2,3,4],[2,1,4,3]]</answer>"
)


def pieces(text: str) -> list[str]:
    return [piece for piece, _ in split().pre_tokenize_str(text)]


def test_known_words_come_back_as_they_were():
    texts = [row(index)["response"] for index in range(20)] + [SUDOKU]
    tokenizer = train_tokenizer(words_of(texts))
    for text, ids in zip(texts, encode(tokenizer, texts)):
        assert tokenizer.decode(ids) == text
        assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_the_split_loses_nothing():
    for text in [SUDOKU, "", "\n\n  a<b <caption> [ \t{}é \"x\": <|im_end|>"]:
        assert "".join(pieces(text)) == text


def test_an_edge_and_a_cell_are_one_token_each():
    graph = ["<caption>[", "[0,1]", ",[1,12]", "]</caption>", "\nadj 0", " 1"]
    assert pieces("<caption>[[0,1],[1,12]]</caption>\nadj 0 1") == graph
    assert pieces('<caption>[["-",2],["-",4]]</caption>') == ["<caption>[[", '"-"', ",2", "],[", '"-"', ",4", "]]</caption>"]


def test_unknown_words_are_unk():
    tokenizer = train_tokenizer(words_of(["\na b c"]))
    assert tokenizer.decode(encode(tokenizer, ["\na zebra c"])[0]) == "\na<unk> c"


def test_ids_depend_on_the_text_alone_and_not_on_its_order():
    texts = [row(index)["response"] for index in range(20)]
    assert train_tokenizer(words_of(texts)).get_vocab() == train_tokenizer(words_of(texts[::-1])).get_vocab()


def test_special_tokens_are_single_ids_in_text():
    tokenizer = train_tokenizer(words_of(["\na"]))
    assert encode(tokenizer, ["<|vision_start|><|image_pad|>\na<|im_end|>"]) == [
        tokenizer.convert_tokens_to_ids(["<|vision_start|>", "<|image_pad|>", "\na", "<|im_end|>"])
    ]


def any_text(choose: random.Random) -> str:
    """A text of fragments that the pieces are about, and of any characters."""
    fragments = ["<caption>", "</caption>", "<answer>", "</answer>", "[", "]", "{", "}", "[1,12]", "],[", ',"-"', ',"3":', ",4", "adj ", "->", " ", "\n"]
    letters = [*map(chr, range(128)), "é", "\u00a0", "\u0085", "\u0661", "𝟙", "\u2028"]
    return "".join(choose.choice(choose.choice([fragments, letters])) for _ in range(choose.randrange(40)))


def test_texts_are_cut_as_the_tokenizer_cuts_them():
    choose = random.Random(0)
    texts = [any_text(choose) for _ in range(3000)]
    words = words_of(texts + texts[:5])
    ends = words.lengths.cumsum()
    rows = [[words.distinct[place] for place in words.places[end - length : end]] for end, length in zip(ends, words.lengths)]
    assert rows == [pieces(text) for text in texts + texts[:5]]
    assert len(set(words.distinct)) == len(words.distinct)


@pytest.mark.parametrize("token", SPECIAL)
def test_a_special_token_is_no_plain_word(token):
    tokenizer = train_tokenizer(words_of(["\na"]))
    assert has_plain_words(tokenizer, ["\na <b |>"])
    assert not has_plain_words(tokenizer, ["\na", f"a{token}b"])


def test_words_of_a_tokenizer_with_another_split_are_not_plain(tmp_path):
    tokenizer = train_tokenizer(words_of(["\na"]))
    tokenizer.save_pretrained(tmp_path)
    assert has_plain_words(type(tokenizer).from_pretrained(tmp_path), ["\na"])
    file = tmp_path / "tokenizer.json"
    file.write_text(file.read_text().replace("adj", "near"))
    assert not has_plain_words(type(tokenizer).from_pretrained(tmp_path), ["\na"])
