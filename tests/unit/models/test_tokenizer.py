import re

import pytest
from tiny_text import SENTINELS, sentences, tiny_tokenizer
from transformers import AutoTokenizer

from genir.base.errors import ConfigError
from genir.models.tokenizer import END, PAD, UNKNOWN, sentinel, train_tokenizer


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


def test_the_vocabulary_is_as_large_as_asked(tokenizer):
    assert len(tokenizer) == 60
    assert len(train_tokenizer(sentences(), 50, SENTINELS)) == 50


def test_two_trainings_write_the_same_bytes(tmp_path):
    for name in ("once", "again"):
        train_tokenizer(sentences(), 60, SENTINELS).save_pretrained(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "once").iterdir())
    assert "tokenizer.json" in files
    for file in files:
        assert (tmp_path / "once" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


def test_training_is_silent(capfd):
    train_tokenizer(sentences(), 60, SENTINELS)
    assert capfd.readouterr() == ("", "")


def test_digits_stand_alone_and_a_long_text_counts_whole():
    text = " ".join(sentences()) + " 345 1200" * 100
    assert len(text) > 4192
    tokenizer = train_tokenizer([text], 60, SENTINELS)
    assert tokenizer.tokenize("345")[-3:] == list("345")
    assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]


@pytest.mark.parametrize(
    ("texts", "vocabulary", "words"),
    [
        (sentences(), 8192, "8192 rows are more than .* write at most 64, or add text"),
        (sentences(), 30, "30 rows are fewer than .* write at least"),
        ([" ", ""], 64, "no tokenizer can be trained"),
    ],
)
def test_a_vocabulary_that_does_not_fit_the_text_is_refused(texts, vocabulary, words):
    with pytest.raises(ConfigError, match=words):
        train_tokenizer(texts, vocabulary, SENTINELS)


def test_the_bounds_that_a_refusal_names_are_right():
    text = sentences()
    for wrong in (8192, 30):
        with pytest.raises(ConfigError) as refused:
            train_tokenizer(text, wrong, SENTINELS)
        bound = int(re.search(r"at (?:most|least) (\d+)", str(refused.value))[1])
        assert len(train_tokenizer(text, bound, SENTINELS)) == bound


def test_a_saved_tokenizer_gives_the_same_tokens(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    text = f"Broad {sentinel(0)} skull"
    assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert len(loaded) == len(tokenizer)
    assert set(loaded.all_special_tokens) == set(tokenizer.all_special_tokens)
