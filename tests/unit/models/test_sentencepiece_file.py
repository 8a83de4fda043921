"""Tokenizers made of sentencepiece models, beside sentencepiece itself."""

import json

import pytest
import sentencepiece
from sentencepiece_models import KINDS, write_pieces
from tokenizers.normalizers import Lowercase

from genir.base.errors import ModelError
from genir.models import sentencepiece_file
from genir.models.load import load_tokenizer
from genir.models.sentencepiece_file import RECORD, convert_tokenizer
from genir.models.tokenizer import sentinel_tokens
from genir.models.tokens import read_pieces

TEXTS = [
    "broad foot",
    " Two  spaces  ",
    "the\nline",
    "\u00e9t\u00e9 \u00bd \u6771\u4eac \U0001f600",
    "growth, of the 1234 nose",
    "",
]
FILES = {"t5": "spiece.model", "llama": "tokenizer.model"}
kinds = pytest.mark.parametrize("kind", KINDS)


def _folder(path, kind, model_type="umt5", rows=500, settings=None, **changed):
    path.mkdir()
    write_pieces(path / FILES[kind], kind, **changed)
    end = KINDS[kind]["eos_id"]
    config = {"model_type": model_type, "vocab_size": rows, "eos_token_id": end}
    (path / "config.json").write_text(json.dumps(config))
    if settings is not None:
        (path / "tokenizer_config.json").write_text(json.dumps(settings))
    return path


@kinds
@pytest.mark.parametrize("spaces", [True, False])
@pytest.mark.parametrize("rule", ["nmt_nfkc", "nfkc_cf", "identity"])
def test_tokens_are_those_of_sentencepiece_and_the_end(kind, spaces, rule, tmp_path):
    changed = {"remove_extra_whitespaces": spaces, "normalization_rule_name": rule}
    folder = _folder(tmp_path / "model", kind, **changed)
    convert_tokenizer(folder, "mine")
    reference = sentencepiece.SentencePieceProcessor(model_file=str(folder / FILES[kind]))
    end = KINDS[kind]["eos_id"]
    for tokenizer in (read_pieces(folder), load_tokenizer(folder).backend_tokenizer):
        for text in TEXTS:
            ids = tokenizer.encode(text).ids
            assert ids == [*reference.encode(text), end], text
            if 2 not in ids[:-1] and 0 not in ids:
                assert tokenizer.decode(ids) == reference.decode(ids)


@kinds
def test_a_conversion_is_recorded_and_done_once(kind, tmp_path):
    folder = _folder(tmp_path / "model", kind)
    (folder / "special_tokens_map.json").write_text("{}")
    convert_tokenizer(folder, "mine")
    record = json.loads((folder / RECORD).read_text())
    assert record["made_of"] == FILES[kind]
    assert record["texts_compared"] > 8
    assert record["texts_different"] == 0
    assert set(record["versions"]) == {"sentencepiece", "tokenizers", "transformers"}
    assert not (folder / "special_tokens_map.json").exists()
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    convert_tokenizer(folder, "mine")
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_sentinels_are_numbered_as_t5_does_unless_files_say_otherwise(tmp_path):
    t5 = _folder(tmp_path / "t5", "t5", "t5")
    none = _folder(tmp_path / "mt5", "t5", "mt5", settings={"tokenizer_class": "MT5Tokenizer",
                                                            "extra_ids": 0})  # fmt: skip
    listed = {str(330 + i): {"content": f"<extra_id_{i}>"} for i in range(3)}
    pile = _folder(tmp_path / "pile", "llama", settings={"added_tokens_decoder": listed})
    for folder, sentinels in ((t5, list(range(149, 49, -1))), (none, []), (pile, [330, 331, 332])):
        convert_tokenizer(folder, "mine")
        assert sentinel_tokens(load_tokenizer(folder)) == sentinels
    ids = load_tokenizer(pile)("foot <extra_id_1> hand")["input_ids"]
    assert ids.count(331) == 1


def test_numbers_with_a_gap_are_refused(tmp_path):
    settings = {"added_tokens_decoder": {"340": {"content": "<extra_id_0>"}}}
    folder = _folder(tmp_path / "model", "llama", settings=settings)
    with pytest.raises(ModelError, match=r"mine: tokenizer.model .*'<extra_id_0>' is token 340"):
        convert_tokenizer(folder, "mine")


@pytest.mark.parametrize("kind", ["word", "char"])
def test_pieces_that_no_t5_has_are_refused(kind, tmp_path):
    folder = _folder(tmp_path / "model", "t5")
    write_pieces(folder / "spiece.model", "t5", model_type=kind, vocab_size=25)
    with pytest.raises(ModelError, match=r"words or characters"):
        convert_tokenizer(folder, "mine")


def test_a_file_that_is_cut_off_is_refused(tmp_path):
    folder = _folder(tmp_path / "model", "t5")
    path = folder / "spiece.model"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ModelError, match=r"mine: spiece.model is no sentencepiece model"):
        convert_tokenizer(folder, "mine")


def test_other_tokens_than_sentencepiece_gives_are_not_written(monkeypatch, tmp_path):
    folder = _folder(tmp_path / "model", "t5")
    monkeypatch.setattr(sentencepiece_file, "normalizer_of", lambda file: Lowercase())
    with pytest.raises(ModelError, match=r"of \d+ texts, such as .* have other tokens"):
        convert_tokenizer(folder, "mine")
    assert not (folder / "tokenizer.json").exists()


def test_a_model_of_another_size_is_refused(tmp_path):
    folder = _folder(tmp_path / "model", "t5")
    (folder / "config.json").write_text(json.dumps({"model_type": "umt5", "eos_token_id": 60}))
    with pytest.raises(ModelError, match=r"has 50 pieces, but config.json says .* end 60"):
        convert_tokenizer(folder, "mine")
