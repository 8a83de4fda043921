import numpy as np
import pytest
import torch
from plain_t5 import FAMILIES, PIECES
from small_subjects import small_subject

from genir.analyses.contributions import contributions
from genir.analyses.logit_lens import (
    _docid_rank_sum,
    _sums_on_cpu,
    mean_token_ranks,
    sums_on_device,
)
from genir.analyses.rank_development import rank_development
from genir.analyses.rank_queries import rank_queries


@pytest.fixture(params=FAMILIES)
def subject(request):
    return small_subject(request.param)


def test_the_lens_after_the_last_layer_is_the_model(subject):
    table = rank_development(subject).query("layer == 2 and source == 'residual'")
    clean = rank_queries(subject)
    assert table["vocabulary_rank"].tolist() == clean["vocabulary_rank"].tolist()
    assert table["docid_rank"].tolist() == clean["docid_rank"].tolist()


def test_mean_token_ranks_equal_a_plain_sort(subject):
    unembedding = subject.decoder.unembedding
    states = torch.randn(4, 16, generator=torch.Generator().manual_seed(2))
    docid, other = mean_token_ranks(unembedding, states)
    for row, logits in enumerate(unembedding.logits(states).tolist()):
        order = sorted(range(len(logits)), key=lambda token: (-logits[token], token))
        ranks = np.empty(len(order))
        ranks[order] = np.arange(1, len(order) + 1)
        assert docid[row] == pytest.approx(ranks[PIECES:].mean())
        assert other[row] == pytest.approx(ranks[:PIECES].mean())


def test_an_accelerator_sums_the_same_ranks(subject):
    unembedding = subject.decoder.unembedding
    states = torch.randn(6, 16, generator=torch.Generator().manual_seed(2))
    # Whole numbers, so that many are equal.
    for logits in (unembedding.logits(states), torch.randint(-3, 4, (6, 100)).float()):
        expected = _sums_on_cpu(logits, unembedding)
        assert sums_on_device(logits, unembedding).tolist() == expected.tolist()


def test_ties_between_docids_and_other_tokens_go_by_token_id(subject):
    unembedding = subject.decoder.unembedding
    unembedding.head = torch.zeros_like(unembedding.head)
    docid, other = mean_token_ranks(unembedding, torch.ones(2, 16))
    assert docid.tolist() == [np.arange(61, 101).mean()] * 2
    assert other.tolist() == [np.arange(1, 61).mean()] * 2


@pytest.mark.parametrize("documents", [5, 30, 55])
@pytest.mark.parametrize("values", [3, 40, 10**6])
def test_rank_sums_with_ties_equal_a_stable_sort(documents, values):
    random = np.random.default_rng(documents)
    for _ in range(5):
        logits = random.integers(values, size=60).astype(np.float32)
        docids = np.sort(random.permutation(60)[:documents])
        others = np.setdiff1d(np.arange(60), docids)
        ranks = np.empty(60, dtype=int)
        ranks[np.argsort(-logits, kind="stable")] = np.arange(1, 61)
        assert _docid_rank_sum(logits, docids, others) == ranks[docids].sum()


def test_contributions_hold_the_definitions(subject):
    table = contributions(subject)
    assert len(table) == 11 * 3 * 3
    _, trace = subject.trace()
    row = table.query("query_id == 'q05' and layer == 1 and component == 'mlp'").iloc[0]
    before, after = trace.residual[1][5], trace.residual[2][5]
    output = trace.outputs["mlp"][1][5]
    assert row["norm"] == pytest.approx(output.norm().item(), rel=1e-4)
    assert row["ratio"] == pytest.approx((output.norm() / (after - before).norm()).item(), rel=1e-4)
    cosine = (output @ after / (output.norm() * after.norm())).item()
    assert row["cosine_output"] == pytest.approx(cosine, abs=1e-4)
    assert table["cosine_input"].between(-1 - 1e-6, 1 + 1e-6).all()


def test_ratios_obey_the_triangle_inequality(subject):
    sums = contributions(subject).groupby(["query_id", "layer"])["ratio"].sum()
    assert (sums >= 1 - 1e-5).all()
