from conftest import row
from trainers.tokenizer import encode, split, train_tokenizer

SUDOKU = (
    '<caption>[["-",2,3,"-"],[1,"-",3,4]]</caption>\nr1c1 . 2 3 . . 1 . 2 -> 4\nr1c4 4 2 3 . -> ?'
    "\n<answer>[[1,2,3,4],[2,1,4,3]]</answer>"
)


def pieces(text: str) -> list[str]:
    return [piece for piece, _ in split().pre_tokenize_str(text)]


def test_known_words_come_back_as_they_were():
    texts = [row(index)["response"] for index in range(20)] + [SUDOKU]
    tokenizer = train_tokenizer(texts)
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
    tokenizer = train_tokenizer(["\na b c"])
    assert tokenizer.decode(encode(tokenizer, ["\na zebra c"])[0]) == "\na<unk> c"


def test_ids_depend_on_the_text_alone_and_not_on_its_order():
    texts = [row(index)["response"] for index in range(20)]
    assert train_tokenizer(texts).get_vocab() == train_tokenizer(texts[::-1]).get_vocab()


def test_special_tokens_are_single_ids_in_text():
    tokenizer = train_tokenizer(["\na"])
    assert encode(tokenizer, ["<|vision_start|><|image_pad|>\na<|im_end|>"]) == [
        tokenizer.convert_tokens_to_ids(["<|vision_start|>", "<|image_pad|>", "\na", "<|im_end|>"])
    ]
