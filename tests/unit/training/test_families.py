"""Every family of T5 from checkpoint to fine-tuned model, beside plain Hugging Face."""

import json

import pandas as pd
import pytest
import torch
from family_checkpoints import (
    CHECKPOINTS,
    DOCUMENTS,
    UNTIED,
    change_config,
    plain_model,
    write_checkpoint,
    write_finetuned,
)
from plain_t5 import plain_logits, plain_ranks, random_inputs
from safetensors.torch import load_file, save_file
from tiny_text import tiny_tokenizer
from transformers import AutoTokenizer

from genir.analyses.rank_queries import rank_queries
from genir.base.errors import ModelError
from genir.engine.decoder import LeanDecoder
from genir.engine.encoder import LeanEncoder, token_batch
from genir.engine.one_step import OneStep
from genir.engine.t5 import load_t5, t5_of
from genir.models.load import add_docids, load_model, load_tokenizer, random_like, save_model
from genir.models.start import Start
from genir.subjects.blocks import Limits
from genir.subjects.subject import load_subject
from genir.verification.verify import verify_engine

DOC_IDS = [f"d{i}" for i in range(5)]
families = pytest.mark.parametrize("family", CHECKPOINTS)
spellings = pytest.mark.parametrize("as_on_hub", [True, False], ids=["hub", "transformers-5"])


def _engine_logits(model):
    ids, mask = random_inputs()
    batch = token_batch([row[kept.bool()].numpy() for row, kept in zip(ids, mask, strict=True)])
    decoder = LeanDecoder(model, torch.tensor([3]))
    with torch.no_grad():
        memory = decoder.memory(LeanEncoder(model)(batch), batch.layout)
    return decoder.unembedding.logits(decoder.trace(memory).states[-1])


@families
@spellings
def test_every_loader_computes_what_the_model_of_the_family_does(family, as_on_hub, tmp_path):
    expected = plain_logits(write_checkpoint(tmp_path, family, as_on_hub), *random_inputs())
    loaded, engine = load_model(tmp_path), load_t5(tmp_path)
    assert torch.equal(plain_logits(loaded, *random_inputs()), expected)
    torch.testing.assert_close(_engine_logits(engine), expected, atol=1e-4, rtol=1e-5)
    assert engine.architecture == t5_of(loaded).architecture
    assert (loaded.lm_head.weight is loaded.shared.weight) == (family not in UNTIED)
    assert (engine.head is engine.embedding) == (family not in UNTIED)
    assert (engine.architecture.scale < 1) == (family not in UNTIED)


@families
def test_docids_get_rows_in_embedding_and_head(family, tmp_path):
    plain = write_checkpoint(tmp_path, family)
    rows, before = len(plain.shared.weight), plain_logits(plain, *random_inputs())
    model = load_model(tmp_path)
    docids = add_docids(model, DOC_IDS, seed=3)
    assert docids == {doc_id: rows + i for i, doc_id in enumerate(DOC_IDS)}
    assert len(model.shared.weight) == len(model.lm_head.weight) == rows + 5
    after = plain_logits(model, *random_inputs())
    torch.testing.assert_close(after[:, :rows], before)
    same = torch.equal(model.lm_head.weight[rows:], model.shared.weight[rows:])
    assert same == (family not in UNTIED)


@families
def test_training_has_the_gradients_of_the_model_of_the_family(family, tmp_path):
    plain = write_checkpoint(tmp_path, family)
    model = load_model(tmp_path)
    for each in (plain, model):
        add_docids(each, DOC_IDS, seed=3)
    ids, mask = random_inputs(6, 9)
    labels = torch.arange(len(model.shared.weight) - 6, len(model.shared.weight))
    start = torch.zeros(6, 1, dtype=torch.long)
    whole = plain(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False)
    torch.nn.functional.cross_entropy(whole.logits[:, 0], labels).backward()
    inputs = [row[kept.bool()].numpy() for row, kept in zip(ids, mask, strict=True)]
    logits = OneStep(model).logits(inputs)
    torch.testing.assert_close(logits, whole.logits[:, 0], atol=1e-4, rtol=1e-5)
    torch.nn.functional.cross_entropy(logits, labels).backward()
    expected = dict(plain.named_parameters())
    assert set(expected) == set(dict(model.named_parameters()))
    assert model.lm_head.weight.grad.abs().max() > 1e-3
    for name, parameter in model.named_parameters():
        if expected[name].grad is None or parameter.grad is None:
            for gradient in (expected[name].grad, parameter.grad):
                assert gradient is None or not gradient.any(), name
        else:
            torch.testing.assert_close(parameter.grad, expected[name].grad, atol=1e-5, rtol=1e-3)


@families
def test_a_saved_model_is_the_same_to_hugging_face_and_to_us(family, tmp_path):
    write_checkpoint(tmp_path / "start", family)
    model = load_model(tmp_path / "start")
    docids = add_docids(model, DOC_IDS, seed=3)
    save_model(tmp_path / "saved", model, tiny_tokenizer(), docids)
    expected = plain_logits(model, *random_inputs())
    for loaded in (
        load_model(tmp_path / "saved"),
        plain_model(tmp_path / "saved"),
    ):
        assert torch.equal(plain_logits(loaded, *random_inputs()), expected)
    engine = load_t5(tmp_path / "saved")
    torch.testing.assert_close(_engine_logits(engine), expected, atol=1e-4, rtol=1e-5)
    assert torch.equal(engine.head, model.lm_head.weight)
    tensors = load_file(tmp_path / "saved/model.safetensors")
    config = json.loads((tmp_path / "saved/config.json").read_text())
    assert ("lm_head.weight" in tensors) == (family in UNTIED)
    assert config["tie_word_embeddings"] == (family not in UNTIED)


@pytest.fixture(scope="module", params=CHECKPOINTS)
def finetuned(request, tmp_path_factory):
    """Family, checkpoint, and the folder and queries of a model fine-tuned from it."""
    folder = tmp_path_factory.mktemp(request.param)
    write_checkpoint(folder / "checkpoint", request.param)
    start = Start("folder", path=str(folder / "checkpoint"))
    return request.param, folder / "checkpoint", *write_finetuned(folder, start)


def test_fine_tuning_changes_embedding_and_head(finetuned):
    family, checkpoint, folder, _ = finetuned
    before, after = load_t5(checkpoint), load_t5(folder)
    rows = len(before.embedding)
    for old, new in ((before.embedding, after.embedding), (before.head, after.head)):
        assert not torch.equal(new[:rows], old)
    assert (after.head is after.embedding) == (family not in UNTIED)


def test_ranks_of_a_fine_tuned_model_are_those_of_plain_hugging_face(finetuned):
    family, _, folder, source = finetuned
    subject = load_subject(folder, source, Limits(4000))
    ranks = rank_queries(subject)
    texts = pd.read_parquet(source.queries).query("split == 'validation'")["text"].tolist()
    cut = {"truncation": True, "max_length": source.query_tokens, "padding": True}
    encoded = AutoTokenizer.from_pretrained(folder)(texts, **cut, return_tensors="pt")
    inputs = encoded["input_ids"], encoded["attention_mask"]
    plain = plain_model(folder)
    logits = plain_logits(plain, *inputs)
    relevant = subject.queries.relevant.tolist()
    docids = torch.tensor(sorted(subject.docids.values()))
    assert len(docids) == DOCUMENTS
    assert ranks["docid_rank"].tolist() == plain_ranks(logits, relevant, docids)
    every = torch.arange(logits.shape[1])
    assert ranks["vocabulary_rank"].tolist() == plain_ranks(logits, relevant, every)
    if family in UNTIED:
        with torch.no_grad():
            plain.lm_head.weight.copy_(plain.shared.weight)
        assert (plain_logits(plain, *inputs) - logits).abs().max() > 0.1


def test_the_engine_is_verified_on_a_fine_tuned_model(finetuned):
    _, checkpoint, folder, source = finetuned
    table = verify_engine(folder, source, checkpoint, 1, Limits(4000)).table()
    assert (table["largest_difference"] <= table["tolerance"]).all()
    assert "component patched, pretrained: logits" in table["quantity"].tolist()


@pytest.mark.parametrize("family", UNTIED)
def test_a_random_start_like_an_untied_checkpoint_is_untied(family, tmp_path):
    write_checkpoint(tmp_path, family)
    model = random_like(tmp_path, 1)
    assert model.lm_head.weight is not model.shared.weight
    assert model.lm_head.weight.std().item() == pytest.approx(1, abs=0.1)
    assert t5_of(model).architecture.scale == 1
    assert torch.equal(model.lm_head.weight, random_like(tmp_path, 1).lm_head.weight)
    assert not torch.equal(model.lm_head.weight, random_like(tmp_path, 2).lm_head.weight)


def test_a_relative_of_t5_is_refused(tmp_path):
    write_checkpoint(tmp_path, "mt5")
    change_config(tmp_path, model_type="longt5")
    for load in (load_model, load_t5):
        with pytest.raises(ModelError, match=r"'longt5' is not a T5; .* t5, mt5, umt5"):
            load(tmp_path)


@pytest.mark.parametrize(("family", "other"), [("mt5", "umt5"), ("umt5", "mt5")])
def test_position_biases_of_the_other_family_are_refused(family, other, tmp_path):
    """Every layer of umT5 has its own; transformers would draw what is missing at random."""
    write_checkpoint(tmp_path, family)
    change_config(tmp_path, model_type=other)
    how = "3 missing" if other == "umt5" else "3 unexpected"
    for load in (load_model, load_t5):
        with pytest.raises(ModelError, match=f"{how}: .*relative_attention_bias"):
            load(tmp_path)


def test_a_umt5_without_an_output_projection_of_its_own_is_refused(tmp_path):
    """Whether its logits are scaled cannot be told."""
    write_checkpoint(tmp_path, "umt5")
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    del tensors["lm_head.weight"]
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 missing: lm_head.weight"):
        load_t5(tmp_path)


def test_a_checkpoint_with_sentencepiece_only_is_explained(tmp_path):
    write_checkpoint(tmp_path, "mt5")
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "spiece.model").write_bytes(b"pieces")
    with pytest.raises(
        ModelError, match=r"(?s)no readable tokenizer.json: .*sentencepiece and protobuf"
    ):
        load_tokenizer(tmp_path)
