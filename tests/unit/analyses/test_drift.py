import copy

import numpy as np
import pandas as pd
import pytest
import torch
from plain_t5 import ALL_FAMILIES, DOCUMENTS, PIECES, small_model
from small_subjects import small_subject
from tiny_text import sentences, tiny_tokenizer
from tiny_training import SHAPE
from transformers import T5ForConditionalGeneration

from genir.analyses.drift import drift
from genir.corpora.trec import write_qrels
from genir.engine.one_step import OneStep
from genir.engine.t5 import t5_of
from genir.models.load import add_docids, load_start, save_model
from genir.models.start import Start
from genir.subjects.blocks import Limits
from genir.subjects.subject import QuerySource, Subject, load_subject
from genir.training.pretraining import small_t5_config

START = Start("folder", "unused")


@pytest.fixture
def moved(monkeypatch):
    """Drift of a small model from another, which is given as a plain one."""

    def of(subject, before):
        monkeypatch.setattr(Subject, "origin", lambda self, start: t5_of(before))
        return drift(subject, START)

    return of


@pytest.mark.parametrize("family", ALL_FAMILIES)
def test_a_model_has_not_drifted_from_itself(moved, family):
    subject = small_subject(family)
    table = moved(subject, subject.plain)
    assert (table["change_norm"] == 0).all()
    assert (table["drift"] == 0).all()
    assert (table["start_norm"] > 0).all()


@pytest.mark.parametrize("family", ALL_FAMILIES)
def test_weights_that_doubled_have_drifted_by_their_own_length(moved, family):
    subject = small_subject(family)
    before = copy.deepcopy(subject.plain)
    for weight in before.parameters():
        weight.data /= 2
    assert moved(subject, before)["drift"].to_numpy() == pytest.approx(1)


@pytest.mark.parametrize("family", ALL_FAMILIES)
def test_what_is_measured_is_what_one_step_trains(moved, family):
    """But for the rows of docids. Rows of the embedding that no token stands for count too."""
    subject = small_subject(family)
    OneStep(subject.plain).logits(subject.queries.inputs).square().sum().backward()
    trained = {n for n, w in subject.plain.named_parameters() if w.grad is not None}
    assert 0 < len(trained) < len(dict(subject.plain.named_parameters()))
    expected = sum(w.numel() for n, w in subject.plain.named_parameters() if n in trained)
    tables = sum(name in ("shared.weight", "lm_head.weight") for name in trained)
    expected -= tables * DOCUMENTS * subject.model.architecture.d_model
    table = moved(subject, subject.plain)
    assert len(table) == len(trained)
    assert table["weights"].sum() == expected
    assert not table.duplicated(["stack", "layer", "component", "matrix"]).any()


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("encoder.block.1.layer.0.SelfAttention.k.weight", ("encoder", 1, "self_attention", "k")),
        ("encoder.block.0.layer.1.DenseReluDense.wo.weight", ("encoder", 0, "mlp", "wo")),
        (
            "decoder.block.2.layer.1.EncDecAttention.q.weight",
            ("decoder", 2, "cross_attention", "q"),
        ),
        ("decoder.block.0.layer.0.SelfAttention.v.weight", ("decoder", 0, "self_attention", "v")),
        ("decoder.block.1.layer.2.layer_norm.weight", ("decoder", 1, "norms", "mlp.layer_norm")),
        ("decoder.final_layer_norm.weight", ("decoder", -1, "final_norm", "final_layer_norm")),
        (
            "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
            ("encoder", -1, "position_bias", "relative_attention_bias"),
        ),
        ("lm_head.weight", ("words", -1, "head", "lm_head")),
        ("shared.weight", ("words", -1, "embedding", "shared")),
    ],
)
def test_a_change_is_found_where_it_is(moved, name, place):
    subject = small_subject("gated-untied")
    before = copy.deepcopy(subject.plain)
    weight = dict(before.named_parameters())[name]
    change = torch.randn_like(weight) * (torch.arange(len(weight)) < PIECES).view(
        -1, *[1] * (weight.dim() - 1)
    )
    weight.data += change
    table = moved(subject, before)
    (row,) = table[table["change_norm"] > 0].to_dict("records")
    assert tuple(row[key] for key in ("stack", "layer", "component", "matrix")) == place
    assert row["change_norm"] == pytest.approx(change.norm().item(), rel=1e-5)
    kept = weight[:PIECES] if weight.shape[0] > PIECES else weight
    assert row["drift"] == pytest.approx((change.norm() / kept.norm()).item(), rel=1e-5)


def test_rows_of_docids_do_not_count(moved):
    subject = small_subject()
    before = copy.deepcopy(subject.plain)
    before.shared.weight.data[PIECES:] += 1
    assert (moved(subject, before)["change_norm"] == 0).all()
    smaller = small_model()
    smaller.set_input_embeddings(
        torch.nn.Embedding.from_pretrained(smaller.shared.weight[: PIECES + 5])
    )
    smaller.lm_head.weight = smaller.shared.weight
    table = moved(subject, smaller)
    assert table["weights"].iloc[0] == PIECES * subject.model.architecture.d_model
    assert (table["change_norm"] == 0).all()


def test_a_start_of_zeros_has_no_relative_change(moved):
    subject = small_subject()
    before = copy.deepcopy(subject.plain)
    before.decoder.final_layer_norm.weight.data.zero_()
    table = moved(subject, before)
    assert table.loc[table["drift"].isna(), ["stack", "component"]].to_numpy().tolist() == [
        ["decoder", "final_norm"]
    ]


@pytest.fixture
def folder(tmp_path):
    """A T5 in half precision and queries."""
    model = T5ForConditionalGeneration(small_t5_config(SHAPE, 0.2, tiny_tokenizer()))
    for saved in (model.to(torch.float16), tiny_tokenizer()):
        saved.save_pretrained(tmp_path / "start")
    queries = pd.DataFrame({"query_id": ["q0"], "text": sentences(1), "doc_id": ["a"]})
    queries.assign(split="validation").to_parquet(tmp_path / "queries.parquet")
    write_qrels(tmp_path / "qrels.txt", queries)
    return tmp_path


def _begun(folder, start):
    """A model as it is before the first step of fine-tuning with seed 3."""
    model, tokenizer = load_start(start, 3)
    docids = add_docids(model, list("abc"), 3)
    save_model(folder / "model", model, tokenizer, docids)
    source = QuerySource(folder / "queries.parquet", folder / "qrels.txt", "validation", 8)
    return load_subject(folder / "model", source, Limits(4000))


@pytest.mark.parametrize("kind", ["folder", "random"])
def test_before_the_first_step_nothing_has_moved(folder, kind):
    """From a start in half precision, and from a random one, which is drawn again."""
    start = Start(kind, str(folder / "start"))
    subject = _begun(folder, start)
    table = drift(subject, start, seed=3)
    assert (table["change_norm"] == 0).all()
    assert set(table["start"]) == {"random" if kind == "random" else "pretrained"}
    if kind == "random":
        assert (drift(subject, start, seed=4)["change_norm"] > 0).any()
    assert np.isfinite(table["drift"]).all()
