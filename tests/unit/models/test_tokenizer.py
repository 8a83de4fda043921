import pytest
from tiny_text import SENTINELS, sentences, tiny_tokenizer
from transformers import AutoTokenizer

from genir.models.tokenizer import END, PAD, UNKNOWN, sentinel


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer()


def test_sentinels_are_single_tokens(tokenizer):
    for number in range(SENTINELS):
        (token,) = tokenizer(sentinel(number), add_special_tokens=False)["input_ids"]
        assert tokenizer.convert_ids_to_tokens(token) == sentinel(number)


def test_a_sentinel_inside_a_text_stays_whole(tokenizer):
    pieces = tokenizer.tokenize(f"broad {sentinel(3)} foot")
    assert pieces.count(sentinel(3)) == 1


def test_special_tokens_come_first_and_padding_is_0(tokenizer):
    assert tokenizer.convert_tokens_to_ids([PAD, END, UNKNOWN]) == [0, 1, 2]
    assert (tokenizer.pad_token, tokenizer.eos_token, tokenizer.unk_token) == (PAD, END, UNKNOWN)


def test_every_text_ends_with_the_end_token(tokenizer):
    for ids in tokenizer(["broad foot", "", "nerve"])["input_ids"]:
        assert ids[-1] == tokenizer.eos_token_id
        assert ids.count(tokenizer.eos_token_id) == 1


def test_case_and_compatibility_forms_are_folded(tokenizer):
    plain = tokenizer("broad foot")["input_ids"]
    assert tokenizer("BROAD Foot")["input_ids"] == plain
    assert tokenizer("ｂｒｏａｄ foot")["input_ids"] == plain


def test_known_text_survives(tokenizer):
    for text in sentences(20, seed=5):
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.unk_token_id not in ids
        assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_the_vocabulary_is_not_larger_than_asked(tokenizer):
    assert SENTINELS + 3 < len(tokenizer) <= 120


def test_a_saved_tokenizer_gives_the_same_tokens(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    text = f"Broad {sentinel(0)} skull"
    assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert len(loaded) == len(tokenizer)
    assert set(loaded.all_special_tokens) == set(tokenizer.all_special_tokens)
