import math

import pandas as pd
import pytest
import torch
from plain_t5 import plain_logits
from tiny_text import sentences, tiny_tokenizer
from transformers import T5ForConditionalGeneration

from genir.corpora.dataset import document_text
from genir.files.checkpoint import Checkpoint
from genir.models.load import add_docids
from genir.models.tokens import pad_rows, truncated_tokens
from genir.training.finetuning import FinetuningConfig, build_examples, finetune, without_documents
from genir.training.pretraining import small_t5_config

SHAPE = {"d_model": 16, "d_ff": 32, "d_kv": 8, "num_heads": 2, "num_layers": 1}
DOCUMENTS = pd.DataFrame(
    {
        "doc_id": ["d0", "d1", "d2", "d3"],
        "title": ["Broad foot", "Narrow skull", "Curved nerve", ""],
        "text": sentences(4, seed=3),
    }
)
PIECES = tiny_tokenizer().backend_tokenizer
PAIRS = pd.DataFrame(
    {
        "text": ["wide foot", "long skull", "nerve of the hand", "absent mouth", "colour"],
        "doc_id": ["d0", "d1", "d2", "d3", "d1"],
    }
)


def _config(**changed) -> FinetuningConfig:
    settings = {"seed": 1, "steps": 80, "batch_size": 6, "indexing_ratio": 1.0}
    settings |= {"document_tokens": 16, "query_tokens": 8, "dropout_rate": 0.0}
    settings |= {"learning_rate": 0.03, "warmup_steps": 5, "decay_fraction": 0.2}
    settings |= {"precision": "float32", "accumulation": 1, "gradient_checkpointing": False}
    return FinetuningConfig(**(settings | {"checkpoint_every": 1000} | changed))


def _task() -> tuple[T5ForConditionalGeneration, dict[str, int]]:
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(small_t5_config(SHAPE, 0.1, tiny_tokenizer()))
    return model, add_docids(model, DOCUMENTS["doc_id"].tolist(), seed=1)


@pytest.mark.parametrize(
    ("ratio", "batch", "expected"),
    [
        (0, 8, {"retrieval": 8}),
        (1, 8, {"indexing": 4, "retrieval": 4}),
        (3, 8, {"indexing": 6, "retrieval": 2}),
        (32, 8, {"indexing": 7, "retrieval": 1}),
        (32, 66, {"indexing": 64, "retrieval": 2}),
        (0.01, 8, {"indexing": 1, "retrieval": 7}),
    ],
)
def test_halves_of_a_batch(ratio, batch, expected):
    assert _config(indexing_ratio=ratio, batch_size=batch).halves() == expected


def test_truncation_keeps_the_end_token():
    tokenizer = tiny_tokenizer()
    whole = tokenizer("broad foot of the hand with absent nerve")["input_ids"]
    (cut,) = truncated_tokens(
        ["broad foot of the hand with absent nerve"], tokenizer.backend_tokenizer, 5
    )
    assert cut.tolist() == [*whole[:4], tokenizer.eos_token_id]
    (short,) = truncated_tokens(["foot"], tokenizer.backend_tokenizer, 50)
    assert short.tolist() == tokenizer("foot")["input_ids"]


def test_the_indexed_text_is_title_and_body():
    assert document_text(DOCUMENTS).tolist() == [
        f"Broad foot. {DOCUMENTS['text'][0]}",
        f"Narrow skull. {DOCUMENTS['text'][1]}",
        f"Curved nerve. {DOCUMENTS['text'][2]}",
        DOCUMENTS["text"][3],
    ]


def test_labels_are_the_tokens_of_the_documents():
    docids = {"d0": 50, "d1": 40, "d2": 30, "d3": 20}
    tokenizer, config = tiny_tokenizer(), _config(document_tokens=12)
    examples = build_examples(DOCUMENTS, PAIRS, docids, tokenizer.backend_tokenizer, config)
    assert examples["indexing"].labels.tolist() == [50, 40, 30, 20]
    assert examples["retrieval"].labels.tolist() == [50, 40, 30, 20, 40]
    assert examples["retrieval"].inputs[3].tolist() == tokenizer("absent mouth")["input_ids"][:8]
    assert max(map(len, examples["indexing"].inputs)) == 12
    assert max(map(len, examples["retrieval"].inputs)) <= 8


def test_a_small_task_is_learnt(tmp_path):
    model, docids = _task()
    examples = build_examples(DOCUMENTS, PAIRS, docids, PIECES, _config())
    curve = finetune(model, examples, _config(), Checkpoint(tmp_path), min(docids.values()))
    assert list(curve[0])[:4] == ["step", "loss", "indexing_loss", "retrieval_loss"]
    assert curve[-1]["loss"] < 0.1 * math.log(model.config.vocab_size)
    for part in examples.values():
        ids = torch.from_numpy(pad_rows(part.inputs, 0))
        logits = plain_logits(model.eval(), ids, (ids != 0).long())
        assert logits.argmax(1).tolist() == part.labels.tolist()
    assert model.lm_head.weight is model.shared.weight


def test_the_loss_is_the_mean_over_all_examples_of_a_batch(tmp_path):
    model, docids = _task()
    config = _config(steps=4, indexing_ratio=2.0)
    examples = build_examples(DOCUMENTS, PAIRS, docids, PIECES, config)
    for row in finetune(model, examples, config, Checkpoint(tmp_path), min(docids.values())):
        expected = (4 * row["indexing_loss"] + 2 * row["retrieval_loss"]) / 6
        assert row["loss"] == pytest.approx(expected, rel=1e-5)


def test_without_indexing_only_queries_are_seen(tmp_path):
    model, docids = _task()
    config = _config(steps=2, indexing_ratio=0.0)
    examples = build_examples(DOCUMENTS, PAIRS, docids, PIECES, config)
    curve = finetune(model, examples, config, Checkpoint(tmp_path), min(docids.values()))
    assert "indexing_loss" not in curve[0]
    assert curve[0]["loss"] == pytest.approx(curve[0]["retrieval_loss"])


def test_an_interrupted_run_with_dropout_ends_the_same(tmp_path):
    config = _config(steps=8, dropout_rate=0.2, checkpoint_every=3)
    weights = []
    for folder in ("whole", "parts", "parts"):
        model, docids = _task()
        examples = build_examples(DOCUMENTS, PAIRS, docids, PIECES, config)
        finetune(model, examples, config, Checkpoint(tmp_path / folder), min(docids.values()))
        torch.rand(3)
        weights.append(model.shared.weight.detach().clone())
    whole, first, resumed = weights
    assert Checkpoint(tmp_path / "parts").load()["step"] == 6
    assert torch.equal(first, whole)
    assert torch.equal(resumed, whole)


def _trained(folder, **changed):
    model, docids = _task()
    config = _config(**({"steps": 3} | changed))
    examples = build_examples(DOCUMENTS, PAIRS, docids, PIECES, config)
    curve = finetune(model, examples, config, Checkpoint(folder), min(docids.values()))
    return curve, model.shared.weight.detach().clone()


def test_dropout_changes_the_training(tmp_path):
    without, dropped = (_trained(tmp_path, dropout_rate=rate)[0] for rate in (0.0, 0.5))
    assert without[0]["loss"] != dropped[0]["loss"]


def test_computing_a_batch_in_parts_changes_nothing(tmp_path):
    curve, weights = _trained(tmp_path)
    for parts in (2, 3, 6):
        again, same = _trained(tmp_path, accumulation=parts)
        torch.testing.assert_close(same, weights, atol=1e-5, rtol=1e-4)
        for name in ("loss", "indexing_loss", "retrieval_loss"):
            assert again[-1][name] == pytest.approx(curve[-1][name], rel=1e-4)


def test_computing_inner_states_again_changes_nothing(tmp_path):
    curve, weights = _trained(tmp_path, dropout_rate=0.2)
    again, same = _trained(tmp_path, dropout_rate=0.2, gradient_checkpointing=True)
    assert torch.equal(same, weights)
    assert [row["loss"] for row in again] == [row["loss"] for row in curve]


def test_bfloat16_products_learn_the_same_task(tmp_path):
    exact, rough = _trained(tmp_path, steps=80), _trained(tmp_path, steps=80, precision="bfloat16")
    assert rough[0][-1]["loss"] == pytest.approx(exact[0][-1]["loss"], abs=0.05)
    assert rough[1].dtype == torch.float32
    assert not torch.equal(rough[1], exact[1])


def test_removed_documents_leave_both_tasks():
    documents, pairs = without_documents(DOCUMENTS, PAIRS, ["d1", "d3"])
    assert documents["doc_id"].tolist() == ["d0", "d2"]
    assert pairs["doc_id"].tolist() == ["d0", "d2"]
    same = without_documents(DOCUMENTS, PAIRS, [])
    assert [len(frame) for frame in same] == [4, 5]


def test_a_reduced_model_keeps_the_tokens_of_the_full_one():
    docids = {"d0": 50, "d1": 40, "d2": 30, "d3": 20}
    kept = without_documents(DOCUMENTS, PAIRS, ["d1"])
    examples = build_examples(*kept, docids, PIECES, _config())
    assert examples["indexing"].labels.tolist() == [50, 30, 20]
    assert examples["retrieval"].labels.tolist() == [50, 30, 20]
