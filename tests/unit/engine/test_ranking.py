import pytest
import torch
from plain_t5 import docid_tokens, lean, plain_ranks, small_model

from genir.engine import counters, ranking


def _states(rows: int = 9) -> torch.Tensor:
    return torch.randn(rows, 16, generator=torch.Generator().manual_seed(5))


def test_ranks_equal_a_plain_sort():
    unembedding = lean(small_model()).unembedding
    states = _states()
    relevant = [[60 + i, 99 - i] for i in range(9)]
    ranks = unembedding.ranks(states, torch.tensor(relevant))
    logits = unembedding.logits(states)
    assert ranks.vocabulary.tolist() == plain_ranks(logits, relevant, torch.arange(100))
    assert ranks.docid.tolist() == plain_ranks(logits, relevant, docid_tokens())


def test_blocks_of_rows_change_no_rank(monkeypatch):
    unembedding = lean(small_model()).unembedding
    relevant = torch.full((9, 1), 70)
    whole = unembedding.ranks(_states(), relevant)
    monkeypatch.setattr(ranking, "SLICE_ROWS", 2)
    monkeypatch.setattr(ranking, "SLICE_TOKENS", 7)
    parts = unembedding.ranks(_states(), relevant)
    assert whole.vocabulary.tolist() == parts.vocabulary.tolist()
    assert whole.docid.tolist() == parts.docid.tolist()


def test_equal_logits_rank_by_token_id():
    model = small_model()
    model.shared.weight.data.zero_()
    unembedding = lean(model).unembedding
    ranks = unembedding.ranks(_states(2), torch.tensor([[60, -1], [75, 63]]))
    assert ranks.vocabulary.tolist() == [61, 64]
    assert ranks.docid.tolist() == [1, 4]


def test_docid_rank_is_never_worse_than_vocabulary_rank():
    unembedding = lean(small_model()).unembedding
    ranks = unembedding.ranks(_states(), torch.full((9, 1), 80))
    assert (ranks.docid <= ranks.vocabulary).all()
    assert (ranks.docid >= 1).all()


def test_padding_of_the_relevant_tokens_is_ignored():
    unembedding = lean(small_model()).unembedding
    bare = unembedding.ranks(_states(), torch.full((9, 1), 80))
    padded = unembedding.ranks(_states(), torch.tensor([[80, -1, -1]] * 9))
    assert bare.vocabulary.tolist() == padded.vocabulary.tolist()


def test_rank_one_means_the_highest_logit():
    model = small_model()
    unembedding = lean(model).unembedding
    states = _states()
    best = unembedding.logits(states).argmax(1)
    assert unembedding.ranks(states, best[:, None]).vocabulary.tolist() == [1] * 9


def test_the_best_other_document_is_none_of_the_relevant_ones():
    unembedding = lean(small_model()).unembedding
    logits = unembedding.logits(_states())
    ranked = logits[:, docid_tokens()].argsort(dim=1, descending=True) + int(docid_tokens()[0])
    two = unembedding.ranks_and_logits(_states(), ranked[:, :2])
    assert two.docid.tolist() == [1] * 9
    torch.testing.assert_close(two.relevant_logit.float(), logits.gather(1, ranked[:, :1])[:, 0])
    torch.testing.assert_close(two.other_logit.float(), logits.gather(1, ranked[:, 2:3])[:, 0])
    last = unembedding.ranks_and_logits(_states(), ranked[:, -1:])
    assert (last.relevant_logit < last.other_logit).all()
    torch.testing.assert_close(last.other_logit.float(), logits.gather(1, ranked[:, :1])[:, 0])


def test_without_another_document_there_is_no_other_logit():
    unembedding = lean(small_model()).unembedding
    both = unembedding.ranks_and_logits(_states(), docid_tokens().repeat(9, 1))
    assert both.other_logit.isnan().all()
    assert both.relevant_logit.isfinite().all()


@pytest.mark.parametrize("documents", [torch.arange(400, 600), torch.arange(1, 600, 3)])
def test_what_bfloat16_leaves_open_is_decided_as_in_double_precision(documents, monkeypatch):
    """Relevant documents in the middle, where a hundredth of all tokens is too close to call, ties
    and tokens a rounding of float32 apart."""
    monkeypatch.setattr(ranking, "SLICE_ROWS", 50)
    monkeypatch.setattr(ranking, "SLICE_TOKENS", 150)
    draw = torch.Generator().manual_seed(3)
    head = torch.randn(600, 32, generator=draw)
    head[411] = head[410]
    head[413] = head[412] * (1 + 2e-7)
    states = torch.randn(120, 32, generator=draw)
    relevant = documents[torch.randint(len(documents), (120, 1), generator=draw)]
    relevant[:60] = documents[(documents >= 410).nonzero()[0]]
    rechecked: list[int] = []
    plain = counters.Recheck.__call__

    def counted(self, block, part, rows, columns):
        rechecked.append(len(rows))
        return plain(self, block, part, rows, columns)

    monkeypatch.setattr(counters.Recheck, "__call__", counted)
    unembedding = ranking.Unembedding(
        head, torch.ones(32), 1e-6, 1.0, documents, precision=torch.bfloat16
    )
    ranks = unembedding.ranks(states, relevant)
    logits = unembedding.state(states).double() @ head.double().T
    gold = logits.gather(1, relevant)
    order = torch.arange(600)
    ahead = (logits > gold) | ((logits == gold) & (order < relevant))
    assert ranks.vocabulary.tolist() == (1 + ahead.sum(1)).tolist()
    assert ranks.docid.tolist() == (1 + ahead[:, documents].sum(1)).tolist()
    assert sum(rechecked) > 500


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("entries", ["of one sign", "one row aligned", "of both signs"])
def test_rounding_of_large_sums_changes_no_rank(precision, entries):
    """Where all terms of a sum have one sign, as those of a document that is far ahead, rounding is
    relative to the sum and not to the norm of its terms."""
    draw = torch.Generator().manual_seed(1)
    head, states = torch.randn(3000, 128, generator=draw), torch.randn(400, 128, generator=draw)
    if entries == "of one sign":
        head, states = head.abs(), states.abs()
    relevant = torch.randint(3000, (400, 1), generator=draw)
    if entries == "one row aligned":
        states = 0.3 * states + 3 * head[relevant[:, 0]]
    documents = torch.arange(3000)
    unembedding = ranking.Unembedding(
        head, torch.ones(128), 1e-6, 1.0, documents, precision=precision
    )
    ranks = unembedding.ranks_and_logits(states, relevant)
    logits = unembedding.state(states).double() @ head.double().T
    ahead = logits > logits.gather(1, relevant)
    assert ranks.vocabulary.tolist() == (1 + ahead.sum(1)).tolist()
    others = logits.scatter(1, relevant, -torch.inf).amax(1)
    torch.testing.assert_close(ranks.other_logit, others, atol=1e-12, rtol=1e-12)
    best = unembedding.top(states, 10)
    assert torch.equal(best, logits.argsort(dim=1, descending=True, stable=True)[:, :10])
