"""Queries with several relevant documents, some of them graded, against ir-measures."""

import ir_measures
import numpy as np
import pandas as pd
import pytest
import torch
from ir_measures import RR, R, Success, nDCG
from plain_t5 import docid_tokens, lean, small_model

from genir.analyses.run_metrics import query_metrics
from genir.corpora.sources.files import read_corpus
from genir.corpora.subset import DatasetConfig, draw_dataset
from genir.corpora.trec import write_qrels, write_run
from genir.estimates.ranks import rank_measures

QUERIES = 60
TOKENS = docid_tokens()
NAMES = {int(token): f"d{int(token)}" for token in TOKENS}


@pytest.fixture(scope="module")
def graded() -> pd.DataFrame:
    """Judgements (query_id, doc_id, relevance) of one to eight relevant documents for a query."""
    draw = np.random.default_rng(4)
    rows = [
        (f"q{query:02d}", NAMES[int(token)], int(draw.integers(-1, 4)))
        for query in range(QUERIES)
        for token in draw.choice(TOKENS, 1 + query % 9, replace=False)
    ]
    table = pd.DataFrame(rows, columns=["query_id", "doc_id", "relevance"])
    table.loc[~table.duplicated("query_id"), "relevance"] = 1 + np.arange(QUERIES) % 3
    return table


@pytest.fixture(scope="module")
def found(graded):
    """Ranks among docid tokens, and the first 20 documents, of random states."""
    unembedding = lean(small_model()).unembedding
    states = torch.randn(QUERIES, 16, generator=torch.Generator().manual_seed(2))
    token_of = {name: token for token, name in NAMES.items()}
    positive = graded[graded["relevance"] > 0]
    relevant = [[token_of[d] for d in docs] for _, docs in positive.groupby("query_id")["doc_id"]]
    width = max(map(len, relevant))
    padded = torch.tensor([row + [-1] * (width - len(row)) for row in relevant])
    top = unembedding.top(states, len(TOKENS))
    documents = np.array([[NAMES[t] for t in row] for row in top.tolist()], dtype=object)
    return unembedding.ranks(states, padded), documents


@pytest.fixture
def files(tmp_path, graded, found):
    write_qrels(tmp_path / "qrels.txt", graded[graded["relevance"] > 0])
    query_ids = sorted(graded["query_id"].unique())
    write_run(tmp_path / "run", query_ids, found[1], "tag")
    return tmp_path / "run", tmp_path / "qrels.txt", pd.Series(query_ids)


def _measured(run, judged: pd.DataFrame, measures) -> pd.DataFrame:
    """By ir-measures, from a table of judgements."""
    results = ir_measures.iter_calc(measures, judged, ir_measures.read_trec_run(str(run)))
    rows = [(r.query_id, str(r.measure), r.value) for r in results]
    table = pd.DataFrame(rows, columns=["query_id", "measure", "value"])
    return table.pivot(index="query_id", columns="measure", values="value")


def test_metrics_are_those_of_ir_measures_on_the_graded_judgements(files, graded):
    run, qrels, query_ids = files
    ours = query_metrics(run, qrels, query_ids)
    theirs = _measured(run, graded, [Success @ 1, Success @ 10, R @ 5, RR @ 10])
    for name, measure in (
        ("hits_at_1", "Success@1"),
        ("hits_at_10", "Success@10"),
        ("recall_at_5", "R@5"),
        ("mrr_at_10", "RR@10"),
    ):
        np.testing.assert_allclose(ours[name], theirs.loc[query_ids, measure])
    assert ours["recall_at_5"].between(0.01, 0.99).any()


def test_ndcg_counts_every_grade_above_0_as_1(files, graded):
    run, qrels, query_ids = files
    binary = graded.assign(relevance=(graded["relevance"] > 0).astype(int))
    ours = query_metrics(run, qrels, query_ids)["ndcg_at_10"]
    np.testing.assert_allclose(ours, _measured(run, binary, [nDCG @ 10]).loc[query_ids, "nDCG@10"])
    with_grades = _measured(run, graded, [nDCG @ 10]).loc[query_ids, "nDCG@10"]
    assert not np.allclose(ours, with_grades)


def test_ranks_are_those_of_the_best_ranked_relevant_document(files, graded, found):
    run, _, query_ids = files
    theirs = _measured(run, graded, [RR, Success @ 1]).loc[query_ids]
    ranks = found[0].docid.numpy()
    np.testing.assert_allclose(1 / ranks, theirs["RR"])
    measures = rank_measures(ranks, query_ids, seed=1)
    assert measures["mrr"].value == pytest.approx(theirs["RR"].mean())
    assert measures["hits_at_1"].value == pytest.approx(theirs["Success@1"].mean())


def test_the_exported_pairs_are_those_above_0(tmp_path, graded):
    pd.DataFrame({"doc_id": NAMES.values(), "text": "x"}).to_parquet(tmp_path / "d.parquet")
    queries = pd.DataFrame({"query_id": graded["query_id"].unique()})
    queries.assign(text=queries["query_id"]).to_parquet(tmp_path / "q.parquet")
    lines = (f"{q} 0 {d} {grade}\n" for q, d, grade in graded.itertuples(index=False))
    (tmp_path / "qrels.txt").write_text("".join(lines))
    corpus = read_corpus(tmp_path / "d.parquet", tmp_path / "q.parquet", tmp_path / "qrels.txt")
    positive = graded[graded["relevance"] > 0]
    assert sorted(corpus.qrels.itertuples(index=False, name=None)) == sorted(
        positive[["query_id", "doc_id"]].itertuples(index=False, name=None)
    )
    corpus.queries["verbatim"] = False
    config = DatasetConfig("all", 1, "keep", "document", 1, 5, 5)
    drawn = draw_dataset(corpus, config, tmp_path / "d.parquet")
    assert sum(map(len, drawn.qrels.values())) == len(positive)
    first = positive.groupby("query_id")["doc_id"].min()
    assert drawn.queries["doc_id"].tolist() == first[drawn.queries["query_id"]].tolist()
