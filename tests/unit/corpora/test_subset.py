import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genir.base.errors import CorpusError
from genir.base.names import SPLITS
from genir.corpora.corpus import Corpus
from genir.corpora.subset import DatasetConfig, alike_in_training, draw_dataset
from genir.corpora.words import fold

FILE = Path("results/export_corpus/x/documents.parquet")
CONFIG = DatasetConfig(20, 2, "drop", "query", 1, 6, 5)


def small_corpus(counts=None) -> Corpus:
    """Document i has as many queries as `counts` says; unsorted ids."""
    counts = counts or [i % 5 for i in range(60)]
    documents = pd.DataFrame({"doc_id": [f"d{(7 * i) % 61}" for i in range(len(counts))]})
    documents = documents.assign(
        title="Title", text=[f"bones number{i}" for i in range(len(counts))]
    )
    pairs = [
        (f"{doc_id}-q{j}", doc_id)
        for doc_id, count in zip(documents["doc_id"], counts, strict=True)
        for j in range(count)
    ]
    qrels = pd.DataFrame(pairs, columns=["query_id", "doc_id"])
    texts = [f"the bone of foot q{i}" for i in range(len(qrels))]
    queries = qrels[["query_id"]].assign(text=texts, verbatim=False)
    return Corpus(documents, queries, qrels)


def _splits_per_document(dataset) -> dict[str, list[str]]:
    splits = dataset.queries.set_index("query_id")["split"]
    pairs = pd.concat(dataset.qrels.values())
    return pairs["query_id"].map(splits).groupby(pairs["doc_id"]).agg(list).to_dict()


def test_columns_and_order():
    dataset = draw_dataset(small_corpus(), CONFIG, FILE)
    assert list(dataset.documents) == ["doc_id", "title", "text"]
    assert list(dataset.queries) == "query_id text doc_id split verbatim shared_words".split()
    assert dataset.documents["doc_id"].is_monotonic_increasing
    assert dataset.queries["query_id"].is_monotonic_increasing
    assert list(dataset.qrels) == list(SPLITS)
    assert (dataset.queries["shared_words"] == 1).all()


def test_qrels_and_queries_say_the_same():
    dataset = draw_dataset(small_corpus(), CONFIG, FILE)
    for split, qrels in dataset.qrels.items():
        rows = dataset.queries[dataset.queries["split"] == split]
        assert qrels["query_id"].tolist() == rows["query_id"].tolist()
        assert qrels["doc_id"].tolist() == rows["doc_id"].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_a_smaller_dataset_is_part_of_a_larger_one(seed):
    def drawn(documents):
        config = replace(CONFIG, documents=documents, seed=seed)
        return frozenset(draw_dataset(small_corpus(), config, FILE).documents["doc_id"])

    assert drawn(12) < drawn(20) < drawn(36) == drawn("all")


def test_another_seed_draws_other_documents():
    one = draw_dataset(small_corpus(), CONFIG, FILE)
    other = draw_dataset(small_corpus(), replace(CONFIG, seed=2), FILE)
    assert one.documents["doc_id"].tolist() != other.documents["doc_id"].tolist()


def test_the_order_of_rows_changes_nothing():
    corpus = small_corpus()
    turned = Corpus(corpus.documents[::-1], corpus.queries[::-1], corpus.qrels[::-1])
    one, other = (draw_dataset(c, CONFIG, FILE) for c in (corpus, turned))
    pd.testing.assert_frame_equal(one.documents, other.documents)
    pd.testing.assert_frame_equal(one.queries, other.queries)


def test_the_hash_seed_of_the_process_changes_nothing():
    program = (
        "from test_subset import *; d = draw_dataset(small_corpus(), CONFIG, FILE);"
        "print(d.documents.to_csv(), d.queries.to_csv())"
    )

    def printed(hash_seed):
        paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": paths}
        return subprocess.run(
            [sys.executable, "-c", program], env=environment, check=True, capture_output=True
        ).stdout

    assert printed("1") == printed("2")


@pytest.mark.parametrize("seed", range(5))
def test_split_query_holds_out_one_query_of_a_document_at_most(seed):
    dataset = draw_dataset(small_corpus(), replace(CONFIG, seed=seed), FILE)
    assert dataset.queries["split"].value_counts()[["validation", "test"]].tolist() == [6, 5]
    for splits in _splits_per_document(dataset).values():
        assert "train" in splits
        assert sum(split != "train" for split in splits) <= 1


@pytest.mark.parametrize("seed", range(5))
def test_split_document_holds_out_every_query_of_a_document(seed):
    dataset = draw_dataset(small_corpus(), replace(CONFIG, split="document", seed=seed), FILE)
    splits = _splits_per_document(dataset)
    assert all(len(frozenset(of_document)) == 1 for of_document in splits.values())
    firsts = [of_document[0] for of_document in splits.values()]
    assert (firsts.count("validation"), firsts.count("test")) == (6, 5)


def _several_relevant() -> Corpus:
    """Every query is relevant to two neighbouring documents."""
    corpus = small_corpus([2] * 40)
    neighbour = dict(zip(corpus.documents["doc_id"], corpus.documents["doc_id"][1:], strict=False))
    more = corpus.qrels.assign(doc_id=corpus.qrels["doc_id"].map(neighbour)).dropna()
    return Corpus(corpus.documents, corpus.queries, pd.concat([corpus.qrels, more]))


def test_split_query_with_several_relevant_documents():
    dataset = draw_dataset(_several_relevant(), replace(CONFIG, documents=40), FILE)
    for splits in _splits_per_document(dataset).values():
        assert "train" in splits
        assert sum(split != "train" for split in splits) <= 1


@pytest.mark.parametrize("seed", range(5))
def test_split_document_with_several_relevant_documents(seed):
    config = replace(CONFIG, documents=40, split="document", seed=seed)
    splits = _splits_per_document(draw_dataset(_several_relevant(), config, FILE)).values()
    whole = [of_document[0] for of_document in splits if len(frozenset(of_document)) == 1]
    assert whole.count("validation") >= 6
    assert whole.count("test") >= 5


def _asked_twice() -> Corpus:
    """Of the four queries of a document, the first says what the first of its neighbour says."""
    corpus = small_corpus([4] * 40)
    alike = ("bone foot {}", "Foots, bone {}!")
    texts = [f"bone {i}" if i % 4 else alike[i // 4 % 2].format(i // 8) for i in range(160)]
    return Corpus(corpus.documents, corpus.queries.assign(text=texts), corpus.qrels)


@pytest.mark.parametrize("split", ["query", "document"])
@pytest.mark.parametrize("seed", range(5))
def test_queries_that_say_the_same_come_into_one_split(split, seed):
    config = DatasetConfig(40, 2, "drop", split, seed, 12, 10)
    dataset = draw_dataset(_asked_twice(), config, FILE)
    splits = dataset.queries.groupby(dataset.queries["text"].map(fold))["split"].agg(list)
    assert {len(of_text) for of_text in splits} == {1, 2}
    assert all(len(frozenset(of_text)) == 1 for of_text in splits)
    assert alike_in_training(dataset.queries) == 0
    if split == "query":
        assert dataset.queries["split"].value_counts()[["validation", "test"]].tolist() == [12, 10]
        assert all("train" in of_text for of_text in splits if len(of_text) == 2)


def test_queries_that_a_given_split_trains_on_are_counted():
    corpus = _with_given(_asked_twice(), {"d0-q0": "validation", "d7-q1": "test", "d14-q0": "test"})
    dataset = draw_dataset(corpus, DatasetConfig("all", 2, "drop", "given", 1), FILE)
    assert alike_in_training(dataset.queries) == 2


def test_relevant_pairs_outside_the_dataset_are_dropped():
    dataset = draw_dataset(_several_relevant(), CONFIG, FILE)
    pairs = pd.concat(dataset.qrels.values())
    assert pairs["doc_id"].isin(dataset.documents["doc_id"]).all()
    assert sorted(pairs["query_id"].unique()) == dataset.queries["query_id"].tolist()
    assert dataset.queries["query_id"].is_unique


def test_the_first_relevant_document_is_the_cluster():
    dataset = draw_dataset(_several_relevant(), replace(CONFIG, documents=40), FILE)
    pairs = pd.concat(dataset.qrels.values())
    first = pairs.groupby("query_id")["doc_id"].min()
    assert dataset.queries["doc_id"].tolist() == first[dataset.queries["query_id"]].tolist()


def test_below_minimum_keep_draws_documents_without_queries():
    config = replace(CONFIG, documents="all", below_minimum="keep")
    assert len(draw_dataset(small_corpus(), config, FILE).documents) == 60


def test_below_minimum_error_names_the_first_such_document():
    message = (
        r"x/documents\.parquet, row 3: document 'd14' has 1 queries, minimum_queries is 2; add"
    )
    with pytest.raises(CorpusError, match=message):
        draw_dataset(small_corpus([2, 3, 1, 0]), replace(CONFIG, below_minimum="error"), FILE)


def test_more_documents_than_there_are():
    message = (
        r"37 documents are asked for, results/.*documents\.parquet has 36 with 2 queries or more"
    )
    with pytest.raises(CorpusError, match=message):
        draw_dataset(small_corpus(), replace(CONFIG, documents=37), FILE)


def test_all_documents_of_none():
    with pytest.raises(CorpusError, match=r"all documents are asked for, .* has 0 with 9 queries"):
        draw_dataset(small_corpus(), replace(CONFIG, documents="all", minimum_queries=9), FILE)


@pytest.mark.parametrize(
    ("split", "what", "possible"), [("query", "queries", 20), ("document", "documents", 19)]
)
def test_more_held_out_than_possible(split, what, possible):
    message = (
        f"15 validation and 6 test {what} are asked for, {possible} {what} can be held out; write "
        f"at most validation_queries: 14 and test_queries: {possible - 14}, or"
    )
    config = replace(CONFIG, split=split, validation_queries=15, test_queries=6)
    with pytest.raises(CorpusError, match=message):
        draw_dataset(small_corpus(), config, FILE)
    draw_dataset(small_corpus(), replace(config, validation_queries=possible - 6), FILE)


@pytest.mark.parametrize("split", ["query", "document"])
@pytest.mark.parametrize("numbers", [(30, 30), (3, 90), (90, 3), (400, 400), (25, 20)])
def test_the_largest_numbers_that_are_named_work_and_one_more_does_not(split, numbers):
    config = replace(CONFIG, documents=40, split=split)
    config = replace(config, validation_queries=numbers[0], test_queries=numbers[1])
    with pytest.raises(CorpusError) as raised:
        draw_dataset(_several_relevant(), config, FILE)
    told = re.search(r"validation_queries: (\d+) and test_queries: (\d+)", str(raised.value))
    first, second = map(int, told.groups())
    working = replace(config, validation_queries=first, test_queries=second)
    held_out = draw_dataset(_several_relevant(), working, FILE).queries["split"].value_counts()
    assert min(held_out["validation"], held_out["test"]) > 0
    with pytest.raises(CorpusError, match="can be held out"):
        draw_dataset(_several_relevant(), replace(working, test_queries=second + 1), FILE)


def test_nothing_can_be_held_out():
    corpus = small_corpus([1] * 12)
    with pytest.raises(CorpusError, match="0 queries can be held out, too few for one of each"):
        draw_dataset(corpus, replace(CONFIG, documents=12, minimum_queries=1), FILE)


def _with_given(corpus: Corpus, held_out: dict[str, str]) -> Corpus:
    split = [held_out.get(query, "train") for query in corpus.queries["query_id"]]
    return Corpus(corpus.documents, corpus.queries.assign(split=split), corpus.qrels)


def test_split_given_is_taken_as_it_is():
    held_out = {"d0-q0": "validation", "d7-q1": "test", "d7-q0": "test"}
    corpus = _with_given(small_corpus([2, 3, 2]), held_out)
    dataset = draw_dataset(corpus, DatasetConfig("all", 2, "drop", "given", 1), FILE)
    splits = dict(zip(dataset.queries["query_id"], dataset.queries["split"], strict=True))
    assert {query: split for query, split in splits.items() if split != "train"} == held_out


def test_split_given_without_the_column():
    with pytest.raises(CorpusError, match="split: given needs the key split"):
        draw_dataset(small_corpus(), replace(CONFIG, split="given"), FILE)


def test_split_given_without_test_queries():
    corpus = _with_given(small_corpus([2, 3, 2]), {"d0-q0": "validation"})
    with pytest.raises(
        CorpusError, match=r"no test query .* 1 validation, 0 test .* or write split: q"
    ):
        draw_dataset(corpus, DatasetConfig("all", 2, "drop", "given", 1), FILE)


def test_split_given_leaves_a_document_without_training_query():
    held_out = {"d0-q0": "validation", "d7-q0": "test", "d7-q1": "test"}
    corpus = _with_given(small_corpus([2, 2, 2]), held_out)
    config = DatasetConfig("all", 1, "drop", "given", 1)
    message = r"documents\.parquet, row 2: document 'd7' has no training query; add one, or write"
    with pytest.raises(CorpusError, match=message):
        draw_dataset(corpus, config, FILE)
    kept = draw_dataset(corpus, replace(config, below_minimum="keep"), FILE)
    assert len(kept.documents) == 3


@pytest.mark.parametrize("split", ["query", "document"])
def test_fewer_training_queries_are_part_of_more_and_held_out_ones_stay(split):
    def drawn(number):
        config = replace(CONFIG, split=split, queries_per_document=number)
        return draw_dataset(small_corpus(), config, FILE)

    everything, two, one = (drawn(number) for number in ("all", 2, 1))
    for dataset, most in ((one, 1), (two, 2)):
        for name in ("validation", "test"):
            pd.testing.assert_frame_equal(dataset.qrels[name], everything.qrels[name])
        pd.testing.assert_frame_equal(dataset.documents, everything.documents)
        there = everything.qrels["train"]["doc_id"].value_counts().clip(upper=most)
        kept = dataset.qrels["train"]["doc_id"].value_counts()
        assert kept.to_dict() == there.to_dict()
        named = pd.concat(dataset.qrels.values())["query_id"]
        assert set(dataset.queries["query_id"]) == set(named)
    tables = [drawn.qrels["train"] for drawn in (one, two, everything)]
    pairs = [set(table.itertuples(index=False, name=None)) for table in tables]
    assert pairs[0] < pairs[1] < pairs[2]


def test_a_training_query_of_several_documents_counts_for_each():
    corpus = small_corpus([3] * 20)
    shared = corpus.qrels.assign(doc_id=np.roll(corpus.qrels["doc_id"].to_numpy(), 3))
    both = Corpus(corpus.documents, corpus.queries, pd.concat([corpus.qrels, shared]))
    config = replace(CONFIG, documents="all", below_minimum="keep", queries_per_document=1)
    config = replace(config, split="document", validation_queries=2, test_queries=2)
    counts = draw_dataset(both, config, FILE).qrels["train"]["doc_id"].value_counts()
    assert len(counts) > 5
    assert (counts == 1).all()
