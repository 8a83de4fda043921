import torch
from plain_t5 import docid_tokens, lean, plain_ranks, small_model

from genir.engine import ranking


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
