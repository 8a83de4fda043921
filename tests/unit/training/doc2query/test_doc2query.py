import json
from dataclasses import replace

import generate_queries
import pandas as pd
import pytest
import torch
import train_query_generator
from family_checkpoints import CHECKPOINTS, UNTIED, write_checkpoint
from tiny_text import sentences, tiny_tokenizer
from transformers import T5ForConditionalGeneration

from genir.base.errors import CorpusError
from genir.corpora.dataset import TrainingFiles, read_generated
from genir.corpora.sources.files import read_generated_queries
from genir.corpora.trec import write_qrels
from genir.files.checkpoint import Checkpoint
from genir.files.fingerprint import sha256
from genir.files.io import read_json
from genir.models.load import load_start
from genir.models.start import Start
from genir.training.doc2query.clean import clean_queries
from genir.training.doc2query.sample import Sampling, generate_until
from genir.training.doc2query.sample import generate_queries as sample_queries
from genir.training.doc2query.train import GeneratorTraining, build_pairs
from genir.training.doc2query.train import train_query_generator as train
from genir.training.finetuned_model import make_finetuned_model
from genir.training.finetuning import FinetuningConfig
from genir.training.outputs import FinetuningOutputs
from genir.training.pretraining import small_t5_config

SHAPE = {"d_model": 16, "d_ff": 32, "d_kv": 8, "num_heads": 2, "num_layers": 1}
SHAPE |= {"num_decoder_layers": 3}
DOCUMENTS = pd.DataFrame(
    {"doc_id": ["d0", "d1", "d2"], "title": ["Broad foot", "Long skull", ""]}
    | {"text": sentences(3, seed=3)}
)
KNOWN = pd.DataFrame(
    {
        "query_id": ["q0", "q1", "q2", "q3", "q4"],
        "text": ["wide foot", "long head", "absent nerve", "short hands", "curved nose"],
        "doc_id": ["d0", "d1", "d2", "d0", "d1"],
        "split": ["train", "train", "train", "validation", "test"],
    }
)
SAMPLING = Sampling(4, 10, 1.0, 16, 8, 1)


def _training(**changed) -> GeneratorTraining:
    settings = {"seed": 1, "steps": 8, "batch_size": 4, "document_tokens": 16, "query_tokens": 8}
    settings |= {"dropout_rate": 0.2, "learning_rate": 0.03, "warmup_steps": 2}
    return GeneratorTraining(
        **(settings | {"decay_fraction": 0.2, "checkpoint_every": 3} | changed)
    )


def _model() -> T5ForConditionalGeneration:
    torch.manual_seed(0)
    return T5ForConditionalGeneration(small_t5_config(SHAPE, 0.0, tiny_tokenizer())).eval()


@pytest.fixture
def folder(tmp_path):
    """A start, and a dataset as subset_corpus writes it."""
    _model().save_pretrained(tmp_path / "start")
    tiny_tokenizer().save_pretrained(tmp_path / "start")
    DOCUMENTS.to_parquet(tmp_path / "documents.parquet")
    KNOWN.to_parquet(tmp_path / "queries.parquet")
    write_qrels(tmp_path / "qrels.txt", KNOWN[KNOWN["split"] == "train"])
    return tmp_path


def _data(folder, generated=None):
    names = ("documents.parquet", "queries.parquet", "qrels.txt")
    return TrainingFiles(*(folder / name for name in names), generated)


def _outputs(folder):
    return FinetuningOutputs(*(folder / n for n in ("model", "curve.csv", "run.json", "points")))


def _generate(folder, name="generated", **source):
    generate_queries.main(
        folder / "documents.parquet",
        folder / "queries.parquet",
        source.pop("source"),
        source.pop("drop_held_out", True),
        folder / f"{name}.parquet",
        folder / f"{name}.json",
        **source,
    )
    return pd.read_parquet(folder / f"{name}.parquet"), read_json(folder / f"{name}.json")


def _file(folder, rows):
    path = folder / "mine.jsonl"
    lines = [json.dumps(dict(zip(("doc_id", "text"), row, strict=True))) for row in rows]
    path.write_text("\n".join(lines))
    return path


ROWS = [
    ("d2", "absent nerve"),
    ("d0", "broad foot"),
    ("d0", "Foot, broad"),
    ("d0", "short hand"),
    ("d1", "the skull"),
    ("d1", "Wide feet?"),
    ("d9", "of no document here"),
    ("d2", "- ?"),
    ("d2", "short hands"),
]


def test_a_file_is_cleaned_and_counted(folder):
    queries, manifest = _generate(folder, source=_file(folder, ROWS))
    assert queries.to_numpy().tolist() == [
        ["d0", "broad foot"],
        ["d1", "the skull"],
        ["d1", "Wide feet?"],
        ["d2", "absent nerve"],
    ]
    assert manifest["generated"] == 9
    assert manifest["removed"] == {
        "of_other_documents": 1,
        "without_words": 1,
        "repeated": 1,
        "held_out": 2,
    }
    assert manifest["counts"] == {"documents": 3, "queries": 4}
    assert manifest["equal_to_held_out_query"] == {"any_document": 2, "own_document": 1}
    assert manifest["equal_to_training_query"] == {"any_document": 1, "own_document": 1}
    assert manifest["mean_words"] == 2
    assert manifest["inputs"]["mine.jsonl"]["sha256"] == sha256(folder / "mine.jsonl")
    assert manifest["outputs"]["queries"]["sha256"] == sha256(folder / "generated.parquet")


def test_test_text_stays_only_where_it_is_asked_for(folder):
    queries, manifest = _generate(folder, source=_file(folder, ROWS), drop_held_out=False)
    assert queries["text"].tolist().count("short hands") == 1
    assert manifest["removed"]["held_out"] == 0
    assert manifest["equal_to_held_out_query"]["any_document"] == 2


def test_the_share_of_words_is_of_content_words():
    documents = pd.DataFrame({"doc_id": ["d"], "title": ["Broad foot"], "text": ["A wide foot."]})
    generated = pd.DataFrame({"doc_id": "d", "text": ["the feet", "broad and long foot", "wide"]})
    facts = clean_queries(generated, documents, KNOWN, drop_held_out=True).facts()
    assert facts["mean_share_of_words_in_document"] == pytest.approx((0 + 2 / 3 + 1) / 3)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("d0", "a foot"), ("d1", "skull")], r"'d2' has no generated query \(1 of 3 .*add it"),
        ([("x0", "a"), ("x1", "b")], r"'d0' has no generated query \(3 of 3"),
        ([("d0", "a foot"), ("d1", "b"), ("d2", "short hands")], r"its 1 were left out.*drop_held"),
    ],
)
def test_a_document_without_a_query_is_named(folder, rows, said):
    with pytest.raises(CorpusError, match=said):
        _generate(folder, source=_file(folder, rows))
    assert not (folder / "generated.parquet").exists()


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"doc_id": "d0", "query": "foot"}\n')
    with pytest.raises(CorpusError, match=r"a\.jsonl, line 1: no text; add"):
        read_generated_queries(tmp_path / "a.jsonl")
    pd.DataFrame({"doc": ["d0"], "text": ["foot"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match="no column doc_id"):
        read_generated_queries(tmp_path / "a.parquet")


def test_the_queries_of_another_dataset_are_refused(folder):
    _generate(folder, source=_file(folder, ROWS))
    other = DOCUMENTS.assign(doc_id=["d0", "d1", "e2"])
    with pytest.raises(CorpusError, match="another dataset: document 'd2' is only in that file"):
        read_generated(folder / "generated.parquet", other)
    more = pd.concat([DOCUMENTS, DOCUMENTS[:1].assign(doc_id="a")])
    with pytest.raises(CorpusError, match="document 'a' is only in the dataset"):
        read_generated(folder / "generated.parquet", more)


def test_the_same_seed_draws_the_same_queries(tmp_path):
    def drawn(seed, documents=DOCUMENTS):
        sampling = Sampling(4, 10, 1.0, 16, 8, seed)
        checkpoint = Checkpoint(tmp_path / "unused")
        return sample_queries(_model(), tiny_tokenizer(), documents, sampling, checkpoint)

    first = drawn(1)
    assert first["doc_id"].tolist() == ["d0"] * 4 + ["d1"] * 4 + ["d2"] * 4
    pd.testing.assert_frame_equal(drawn(1), first)
    assert drawn(2)["text"].tolist() != first["text"].tolist()


def test_only_the_most_probable_tokens_are_drawn(tmp_path):
    sampling = Sampling(3, 1, 1.0, 16, 8, 1)
    queries = sample_queries(
        _model(), tiny_tokenizer(), DOCUMENTS, sampling, Checkpoint(tmp_path / "unused")
    )
    assert (queries.groupby("doc_id")["text"].nunique() == 1).all()
    ids = tiny_tokenizer()(
        ["Broad foot. " + DOCUMENTS["text"][0]], max_length=16, truncation=True, return_tensors="pt"
    )
    greedy = _model().generate(
        **{name: ids[name] for name in ("input_ids", "attention_mask")},
        **{"do_sample": False, "max_new_tokens": 8, "use_cache": False},
    )
    text = tiny_tokenizer().batch_decode(greedy, skip_special_tokens=True)[0].strip()
    assert queries["text"][0] == text


def test_interrupted_generation_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr("genir.training.doc2query.sample.SEQUENCES_PER_BATCH", 4)
    monkeypatch.setattr("genir.training.doc2query.sample.BATCHES_PER_CHECKPOINT", 2)
    whole = sample_queries(
        _model(), tiny_tokenizer(), DOCUMENTS, SAMPLING, Checkpoint(tmp_path / "whole")
    )
    assert len(Checkpoint(tmp_path / "whole").load()["texts"]) == 8
    model, seen = _model(), []
    plain = model.generate
    model.generate = lambda ids, **others: seen.append(len(ids)) or plain(ids, **others)
    resumed = sample_queries(
        model, tiny_tokenizer(), DOCUMENTS, SAMPLING, Checkpoint(tmp_path / "whole")
    )
    assert seen == [1]
    pd.testing.assert_frame_equal(resumed, whole)


def test_documents_without_a_usable_query_are_drawn_again(tmp_path):
    asked = []

    def lacking(drawn):
        asked.append(len(drawn))
        return DOCUMENTS[1:2] if len(asked) < 3 else DOCUMENTS[:0]

    source = (_model(), tiny_tokenizer(), DOCUMENTS, SAMPLING, Checkpoint(tmp_path))
    queries = generate_until(lacking, *source)
    assert asked == [12, 16, 20]
    again = queries[queries["doc_id"] == "d1"]["text"].tolist()
    assert len(again) == 12
    assert again[:4] != again[4:8] != again[8:]
    hopeless = generate_until(lambda drawn: DOCUMENTS[1:2], *source)
    assert len(hopeless) == 12 + 9 * 4


def test_training_lowers_the_loss_of_the_plain_model(tmp_path):
    config = _training(steps=60, dropout_rate=0.0)
    pieces = tiny_tokenizer().backend_tokenizer
    known = KNOWN[KNOWN["split"] == "train"]
    pairs = build_pairs(DOCUMENTS, known, pieces, config)
    whole = tiny_tokenizer()("long head")["input_ids"]
    assert pairs.queries[1].tolist() == [*whole[:7], tiny_tokenizer().eos_token_id]
    model = _model()
    curve = train(model, pairs, config, Checkpoint(tmp_path))
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]
    ids = torch.from_numpy(pairs.documents[0])[None]
    labels = torch.from_numpy(pairs.queries[0])[None]
    assert (
        model(input_ids=ids, labels=labels).loss < 0.5 * _model()(input_ids=ids, labels=labels).loss
    )


def test_dropout_is_what_the_settings_say(tmp_path):
    pairs = build_pairs(DOCUMENTS, KNOWN[:3], tiny_tokenizer().backend_tokenizer, _training())
    curves = [
        train(_model(), pairs, replace(_training(), dropout_rate=rate), Checkpoint(tmp_path / name))
        for name, rate in (("none", 0.0), ("some", 0.2), ("more", 0.5))
    ]
    first = [curve[0]["loss"] for curve in curves]
    assert len(set(first)) == 3


@pytest.mark.parametrize("family", CHECKPOINTS)
def test_a_generator_starts_with_the_weights_of_its_start(tmp_path, family):
    plain = write_checkpoint(tmp_path, family).state_dict()
    begun = load_start(Start("folder", str(tmp_path)), 1)[0]
    assert all(torch.equal(begun.state_dict()[name], plain[name]) for name in plain)
    assert (begun.lm_head.weight is begun.shared.weight) == (family not in UNTIED)


def test_an_interrupted_training_ends_the_same(tmp_path):
    pairs = build_pairs(DOCUMENTS, KNOWN[:3], tiny_tokenizer().backend_tokenizer, _training())
    weights = []
    for folder in ("whole", "parts", "parts"):
        model = _model()
        train(model, pairs, _training(), Checkpoint(tmp_path / folder))
        torch.rand(3)
        weights.append(model.shared.weight.detach().clone())
    assert Checkpoint(tmp_path / "parts").load()["step"] == 6
    assert torch.equal(weights[2], weights[0])
    assert not torch.equal(weights[0], _model().shared.weight)


def test_a_trained_generator_writes_queries_that_a_model_learns(folder, monkeypatch):
    monkeypatch.chdir(folder)
    start = Start("folder", str(folder / "start"))
    train_query_generator.main(_data(folder), start, _training(), _outputs(folder / "generator"))
    record = read_json(folder / "generator/run.json")
    assert record["start"] == {"type": "folder", "path": "start"}
    assert record["training_queries"] == 3
    assert record["inputs_sha256"].keys() == {"documents", "queries", "qrels"}
    source = {"source": folder / "generator/model", "sampling": SAMPLING}
    queries, manifest = _generate(folder, checkpoints=folder / "points", **source)
    again, _ = _generate(folder, "again", checkpoints=folder / "points", **source)
    pd.testing.assert_frame_equal(queries, again)
    assert manifest["generated"] == 12
    assert manifest["sampling"]["top_k"] == 10
    assert "model.safetensors" in manifest["inputs"]
    assert not (folder / "points").exists()

    settings = FinetuningConfig(*(1, 4, 4, 1.0, 16, 8, 0.0, 0.03, 1, 0.2, "float32", 1, False, 100))
    data = _data(folder, folder / "generated.parquet")
    outputs = _outputs(folder / "reduced")
    make_finetuned_model(data, start, settings, outputs, removed=["d1"])
    record = read_json(outputs.run)
    assert record["indexing_examples"] == (queries["doc_id"] != "d1").sum()
    assert record["documents"] == 2
    assert record["inputs_sha256"]["generated"] == sha256(folder / "generated.parquet")
    direct = _outputs(folder / "direct")
    make_finetuned_model(_data(folder), start, settings, direct, removed=["d1"])
    assert read_json(direct.run)["indexing_examples"] == 2
    losses = [pd.read_csv(o.curve)["indexing_loss"].tolist() for o in (outputs, direct)]
    assert losses[0] != losses[1]


def test_a_folder_that_asks_for_other_sampling_is_overruled(folder):
    start = folder / "start"
    asked = read_json(start / "generation_config.json") | {"num_beams": 3, "max_length": 2}
    (start / "generation_config.json").write_text(json.dumps(asked))
    queries, _ = _generate(folder, source=start, sampling=SAMPLING, checkpoints=folder / "points")
    own = sample_queries(
        *load_start(Start("folder", str(start)), 1), DOCUMENTS, SAMPLING, Checkpoint(folder / "p")
    )
    assert own["text"].map(len).max() > 10
    assert frozenset(queries["text"]) <= frozenset(own["text"])
