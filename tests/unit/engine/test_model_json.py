"""Damaged JSON files of a model folder are named."""

import pytest
from family_checkpoints import INDEX, cut_into_shards, write_checkpoint

from genir.base.errors import ModelError
from genir.models.load import load_start
from genir.models.start import Start


@pytest.fixture
def folder(tmp_path):
    write_checkpoint(tmp_path / "model", "t5")
    return tmp_path / "model"


JSON_FAULTS = [
    (lambda text: "\ufeff" + text, "begins with a byte-order mark; save it as UTF-8 without"),
    (lambda text: text[: len(text) // 2], "is no JSON"),
    (lambda text: "", "is no JSON"),
    (lambda text: f'{{"a": {"9" * 5000}}}', "holds a number of thousands of digits"),
    (lambda text: '{"a": ' + "[" * 100_000, "is nested too deeply"),
    (lambda text: "[1]", "must be a JSON object"),
    (lambda text: "null", "must be a JSON object"),
    (lambda text: '{"a": 1, "a": 2}', "says 'a' twice"),
]


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "tokenizer.json", INDEX])
@pytest.mark.parametrize(("damage", "message"), JSON_FAULTS)
def test_a_json_file_is_named(folder, name, damage, message):
    if name == INDEX:
        cut_into_shards(folder)
    path = folder / name
    path.write_text(damage(path.read_text()))
    with pytest.raises(ModelError, match=f"{name} {message}"):
        load_start(Start("folder", str(folder)), 1)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_json_that_is_not_utf8_is_named(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes().replace(b"{", b'{"\xe9": 1,', 1))
    with pytest.raises(ModelError, match=f"{name} is not UTF-8"):
        load_start(Start("folder", str(folder)), 1)
