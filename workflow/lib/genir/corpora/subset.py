"""Drawing a dataset, some documents and all their queries, from an exported corpus."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from genir.base.errors import CorpusError
from genir.base.names import SPLITS
from genir.base.seeding import generator
from genir.corpora.corpus import Corpus, first_alike
from genir.corpora.split import given_split, hold_out_documents, hold_out_queries
from genir.corpora.words import content_words


@dataclass(frozen=True)
class DatasetConfig:
    """How many documents are drawn, which of them may be, and what is held out.

    With `split: document`, `validation_queries` and `test_queries` count documents, all queries of
    which are held out; with `split: given` they are not used. `queries_per_document` is how many
    training queries are kept of a document.
    """

    documents: int | Literal["all"]
    minimum_queries: int
    below_minimum: Literal["drop", "keep", "error"]
    split: Literal["query", "document", "given"]
    seed: int
    validation_queries: int = 0
    test_queries: int = 0
    queries_per_document: int | Literal["all"] = "all"


@dataclass(frozen=True)
class Dataset:
    """Documents (doc_id, title, text), queries (query_id, text, doc_id, split, verbatim,
    shared_words) and the qrels (query_id, doc_id) of each split, all sorted by their ids."""

    documents: pd.DataFrame
    queries: pd.DataFrame
    qrels: dict[str, pd.DataFrame]


def draw_dataset(corpus: Corpus, config: DatasetConfig, documents_file: Path) -> Dataset:
    """Draw documents and split their queries, depending on the seed and the ids alone.

    With the same seed and minimum, fewer documents are part of more documents, and fewer training
    queries of a document part of more; validation and test queries are the same then. Relevant
    pairs with other documents are dropped, and so are queries left without any. `documents_file` is
    what errors name. Raises CorpusError if the corpus does not hold what the config asks for.
    """
    drawn = _draw_documents(corpus, config, documents_file)
    documents = corpus.documents[corpus.documents["doc_id"].isin(drawn)].sort_values("doc_id")
    qrels = corpus.qrels[corpus.qrels["doc_id"].isin(drawn)]
    qrels = qrels.sort_values(["query_id", "doc_id"], ignore_index=True)
    queries = corpus.queries[corpus.queries["query_id"].isin(qrels["query_id"])]
    split = _split(queries, qrels, config)
    _check_training(corpus, drawn, qrels, split, config, documents_file)
    qrels = _fewer_trained(qrels, split, config)
    queries = queries[queries["query_id"].isin(qrels["query_id"])]
    table = _query_table(queries.sort_values("query_id"), documents, qrels, split)
    return Dataset(documents.reset_index(drop=True), table, _split_qrels(qrels, split))


def _draw_documents(corpus: Corpus, config: DatasetConfig, file: Path) -> list[str]:
    counts = corpus.qrels["doc_id"].value_counts()
    queries = corpus.documents["doc_id"].map(counts).fillna(0).astype(int)
    enough = queries >= config.minimum_queries
    if config.below_minimum == "error" and not enough.all():
        row = int(enough.argmin())
        raise CorpusError(
            f"{file}, row {row + 1}: document {corpus.documents['doc_id'].iloc[row]!r} has "
            f"{queries.iloc[row]} queries, minimum_queries is {config.minimum_queries}; add "
            "queries, lower minimum_queries, or write below_minimum: drop or below_minimum: keep"
            f"{_and_others(int((~enough).sum()))}"
        )
    everything = enough | (config.below_minimum == "keep")
    eligible = sorted(corpus.documents["doc_id"][everything])
    wanted = len(eligible) if config.documents == "all" else config.documents
    if wanted > len(eligible) or not eligible:
        raise CorpusError(
            f"{config.documents} documents are asked for, {file} has {len(eligible)} with "
            f"{config.minimum_queries} queries or more; lower documents or minimum_queries"
        )
    order = generator(config.seed, "documents").permutation(len(eligible))
    return [eligible[i] for i in order[:wanted]]


def _split(queries: pd.DataFrame, qrels: pd.DataFrame, config: DatasetConfig) -> pd.Series:
    """Split of every query, by query_id.

    Queries that say the same never come into two splits, unless the corpus itself gives the split:
    with `split: query` all of them are trained on, with `split: document` they stay together.
    """
    query_ids, first = queries["query_id"], first_alike(queries)
    numbers = (config.validation_queries, config.test_queries, config.seed)
    if config.split == "given":
        held_out = given_split(queries)
    elif config.split == "query":
        held_out = hold_out_queries(qrels, *numbers, frozenset(query_ids[first.duplicated(False)]))
    else:
        same = dict(zip(query_ids, first, strict=True))
        groups = qrels.assign(query_id=qrels["query_id"].map(same)).drop_duplicates()
        held_out = hold_out_documents(groups, *numbers)
        held_out = {q: held_out[f] for q, f in same.items() if f in held_out}
    splits = [held_out.get(query_id, "train") for query_id in query_ids]
    return pd.Series(splits, index=query_ids, dtype="str")


def _fewer_trained(qrels: pd.DataFrame, split: pd.Series, config: DatasetConfig) -> pd.DataFrame:
    """The relevant pairs without those training pairs of a document that are too many, in an order
    drawn for all of them."""
    if config.queries_per_document == "all":
        return qrels
    trained = qrels[qrels["query_id"].map(split) == "train"].reset_index()
    order = generator(config.seed, "training-queries").permutation(len(trained))
    places = trained.iloc[order].groupby("doc_id").cumcount()
    surplus = places.index[places >= config.queries_per_document]
    return qrels.drop(index=trained.loc[surplus, "index"])


def _check_training(
    corpus: Corpus,
    drawn: list[str],
    qrels: pd.DataFrame,
    split: pd.Series,
    config: DatasetConfig,
    file: Path,
) -> None:
    """Documents without a training query are an error unless the config asks for them."""
    if config.below_minimum == "keep" or config.split == "document":
        return
    trained = frozenset(qrels["doc_id"][qrels["query_id"].map(split) == "train"])
    missing = frozenset(drawn) - trained
    for row, doc_id in enumerate(corpus.documents["doc_id"], start=1):
        if doc_id in missing:
            raise CorpusError(
                f"{file}, row {row}: document {doc_id!r} has no training query; add one, or write "
                "below_minimum: keep to learn such documents by indexing alone"
                f"{_and_others(len(missing))}"
            )


def _and_others(number: int) -> str:
    return f" (and {number - 1} more documents)" if number > 1 else ""


def _query_table(
    queries: pd.DataFrame, documents: pd.DataFrame, qrels: pd.DataFrame, split: pd.Series
) -> pd.DataFrame:
    first = qrels.drop_duplicates("query_id").set_index("query_id")["doc_id"]
    shared = _shared_words(queries, documents, qrels)
    return pd.DataFrame(
        {
            "query_id": queries["query_id"].to_numpy(),
            "text": queries["text"].to_numpy(),
            "doc_id": queries["query_id"].map(first).to_numpy(),
            "split": queries["query_id"].map(split).to_numpy(),
            "verbatim": queries["verbatim"].to_numpy(),
            "shared_words": shared,
        }
    )


def _shared_words(queries: pd.DataFrame, documents: pd.DataFrame, qrels: pd.DataFrame) -> list[int]:
    """How many content words each query has in common with its relevant documents."""
    texts = dict(
        zip(documents["doc_id"], documents["title"] + " " + documents["text"], strict=True)
    )
    asked = {row.query_id: content_words(row.text) for row in queries.itertuples()}
    shared: dict[str, frozenset[str]] = {query_id: frozenset() for query_id in asked}
    for doc_id, query_ids in qrels.groupby("doc_id")["query_id"]:
        words = content_words(texts[doc_id])
        for query_id in query_ids:
            shared[query_id] |= asked[query_id] & words
    return [len(shared[query_id]) for query_id in queries["query_id"]]


def _split_qrels(qrels: pd.DataFrame, split: pd.Series) -> dict[str, pd.DataFrame]:
    splits = qrels["query_id"].map(split)
    return {name: qrels[splits == name].reset_index(drop=True) for name in SPLITS}


def alike_in_training(queries: pd.DataFrame) -> int:
    """How many validation and test queries say what a training query says."""
    trained = queries["split"].eq("train")
    first = first_alike(queries)
    return int(first[~trained].isin(first[trained]).sum())
