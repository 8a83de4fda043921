"""What tokenizer files bring along, and mappings of docids, as people have them."""

import json

import pytest
from family_checkpoints import write_checkpoint, write_finetuned
from tiny_text import tiny_tokenizer
from tiny_training import training_files, write_inputs
from tokenizers import Tokenizer

from genir.base.errors import ModelError
from genir.engine.t5 import load_t5
from genir.models.docids import load_docids
from genir.models.import_folder import import_checkpoint
from genir.models.load import load_start, load_tokenizer, save_model
from genir.models.start import Start
from genir.models.tokens import read_pieces, truncated_tokens
from genir.training.doc2query.train import GeneratorTraining, make_query_generator
from genir.training.outputs import FinetuningOutputs

TEXT = "broad narrow long short curved foot hand skull nose mouth bone nerve muscle"
PADDING = {
    "strategy": {"Fixed": 40},
    "direction": "Left",
    "pad_to_multiple_of": 8,
    "pad_id": 0,
    "pad_type_id": 0,
    "pad_token": "<pad>",
}
LONGEST = {"strategy": "BatchLongest"}
TRUNCATION = {"direction": "Left", "max_length": 3, "strategy": "LongestFirst", "stride": 1}
STATES = [
    {"padding": PADDING},
    {"padding": PADDING | LONGEST},
    {"truncation": TRUNCATION},
    {"padding": PADDING, "truncation": TRUNCATION},
]
states = pytest.mark.parametrize("state", STATES)


@pytest.fixture
def folder(tmp_path):
    write_checkpoint(tmp_path / "model", "t5")
    return tmp_path / "model"


def _edit(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def _ids():
    return tiny_tokenizer()(TEXT)["input_ids"]


@states
def test_saved_state_is_switched_off_where_it_is_read(folder, state):
    _edit(folder / "tokenizer.json", **state)
    texts = [TEXT, "foot"]
    expected = [_ids(), tiny_tokenizer()("foot")["input_ids"]]
    for pieces in (read_pieces(folder), load_tokenizer(folder).backend_tokenizer):
        assert [encoding.ids for encoding in pieces.encode_batch(texts)] == expected
        cut = truncated_tokens(texts, pieces, 5)
        assert [row.tolist() for row in cut] == [
            tiny_tokenizer()(text, truncation=True, max_length=5)["input_ids"] for text in texts
        ]


def _assert_plain(folder):
    saved = json.loads((folder / "tokenizer.json").read_text())
    assert saved["padding"] is saved["truncation"] is None
    assert Tokenizer.from_file(str(folder / "tokenizer.json")).encode(TEXT).ids == _ids()
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    assert not {"max_length", "stride", "truncation_side", "padding_side"} & settings.keys()


@pytest.mark.parametrize("state", [{}, *STATES])
def test_a_finetuned_model_saves_the_tokenizer_alone(tmp_path, folder, state):
    _edit(folder / "tokenizer.json", **state)
    model, _ = write_finetuned(tmp_path, Start("folder", str(folder)), steps=1)
    _assert_plain(model)
    docids = model / "docids.json"
    _edit(model / "tokenizer.json", **state)
    import_checkpoint(model, docids, json.loads(docids.read_text()), tmp_path / "copy")
    _assert_plain(tmp_path / "copy")


@states
def test_a_query_generator_saves_the_tokenizer_alone(tmp_path, state):
    inputs = write_inputs(tmp_path)
    _edit(inputs / "start/tokenizer.json", **state)
    settings = GeneratorTraining(
        seed=1, steps=1, batch_size=2, document_tokens=8, query_tokens=6, dropout_rate=0.0,
        learning_rate=0.01, warmup_steps=1, decay_fraction=0.1, checkpoint_every=10,
    )  # fmt: skip
    names = ("model", "curve.csv", "run.json", "checkpoints")
    outputs = FinetuningOutputs(*(tmp_path / name for name in names))
    start = Start("folder", str(inputs / "start"))
    make_query_generator(training_files(inputs), start, settings, outputs)
    _assert_plain(outputs.model)


@pytest.mark.parametrize(
    ("name", "value"), [("alpha", 0.1), ("nbest_size", 8)]
)  # of unigram pieces; `dropout` is BPE's
def test_random_pieces_are_switched_off(folder, name, value):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for key, default in {"alpha": 0.1, "nbest_size": 8, name: value}.items():
        setattr(tokenizer.model, key, default)
    tokenizer.save(str(folder / "tokenizer.json"))
    pieces = read_pieces(folder)
    assert {tuple(pieces.encode(TEXT).ids) for _ in range(20)} == {tuple(_ids())}


def _without_the_end(folder):
    _edit(folder / "tokenizer.json", post_processor=None)


def _more_tokens_than_rows(folder):
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    last = tokenizer["added_tokens"][-1]
    rows = len(load_t5(folder).embedding)
    pieces = [[f"new{number}", -9.0] for number in range(rows)]
    tokenizer["model"]["vocab"] += pieces
    tokenizer["added_tokens"][-1] = last
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


@pytest.mark.parametrize("load", [read_pieces, load_tokenizer])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without_the_end, r"ends a text with .* and not with the end token of config.json, 1"),
        (_more_tokens_than_rows, r"has tokens up to \d+ .*, the model \d+ rows"),
        (lambda f: _edit(f / "config.json", eos_token_id=5), "not with the end token"),
        (lambda f: _edit(f / "config.json", pad_token_id=3), "pad_token is '<pad>'"),
        (
            lambda f: (f / "added_tokens.json").write_text('{"foot": 7}'),
            "adds tokens that tokenizer.json does not have",
        ),
        (
            lambda f: _edit(
                f / "tokenizer_config.json", added_tokens_decoder={"5": {"content": "x y"}}
            ),
            "adds tokens that tokenizer.json does not have",
        ),
        (lambda f: (f / "tokenizer.json").write_text('{"version": "1.0"}'), "tokenizer.json"),
        (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json"),
    ],
)
def test_a_tokenizer_of_another_model_is_refused(folder, load, damage, message):
    damage(folder)
    with pytest.raises(ModelError, match=message):
        load(folder)


def test_a_saved_tokenizer_does_not_change_by_its_use(tmp_path, folder):
    model, tokenizer = load_start(Start("folder", str(folder)), 1)
    truncated_tokens([TEXT], tokenizer.backend_tokenizer, 4)
    save_model(tmp_path / "saved", model, tokenizer, {"d": 5})
    _assert_plain(tmp_path / "saved")


# --- docids


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"1": 5, "1": 6}', "says '1' twice; keep one"),
        ('{"1": 5, "1": 5}', "says '1' twice"),
        ('{"a": %s}' % ("9" * 5000), "number of thousands of digits"),
        ('{"a": %s}' % ("[" * 100_000), "nested too deeply"),
        ('{"a": 1e3}', "has token 1000.0; write a whole number"),
        ('{"a": NaN}', "has token nan"),
        ('{"a": null}', "has token None"),
        ('{"a": [5]}', r"has token \[5\]"),
        ('{"\\ud800": 5}', "is no text"),
    ],
)
def test_a_mapping_is_taken_as_it_is_meant_or_refused(tmp_path, content, message):
    path = tmp_path / "docids.json"
    path.write_text(content)
    with pytest.raises(ModelError, match=message) as caught:
        load_docids(path, 1000)
    assert str(path) in str(caught.value)


def test_a_mapping_may_begin_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "docids.json"
    path.write_bytes(b'\xef\xbb\xbf{"1": 5, "01": 6, "NA": 7, "\xef\xbb\xbfx": 8}')
    assert load_docids(path, 10) == {"1": 5, "01": 6, "NA": 7, "\ufeffx": 8}
    path.write_bytes('{"a": 5}'.encode("utf-16"))
    with pytest.raises(ModelError, match="is not UTF-8"):
        load_docids(path, 10)


def test_a_mapping_that_counts_documents_is_told_of(tmp_path, folder, caplog):
    (tmp_path / "docids.json").write_text('{"a": 20, "b": 21}')
    import_checkpoint(folder, tmp_path / "docids.json", ["a"], tmp_path / "copy")
    assert "2 docid tokens are pieces of text too, that of 'a' first" in caplog.text
    rows = len(load_t5(folder).embedding)
    (tmp_path / "docids.json").write_text(json.dumps({"a": rows - 2, "b": rows - 1}))
    caplog.clear()
    import_checkpoint(folder, tmp_path / "docids.json", ["a"], tmp_path / "copy")
    assert not caplog.text
