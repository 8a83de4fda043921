"""Queries as an analysis needs them: tokens, relevant docid tokens."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer

from genir.base.errors import AnalysisError
from genir.base.joins import check_known
from genir.engine.ranking import NO_TOKEN
from genir.models.tokens import pad_rows, truncated_tokens


@dataclass(frozen=True)
class Queries:
    """Query ids, the first relevant document of each (its cluster in the bootstrap), encoder inputs
    and relevant docid tokens `[query, token]`, filled up with -1."""

    ids: np.ndarray
    doc_ids: np.ndarray
    inputs: list[np.ndarray]
    relevant: torch.Tensor

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> "Queries":
        inputs = [self.inputs[row] for row in rows]
        return Queries(self.ids[rows], self.doc_ids[rows], inputs, self.relevant[rows])

    @property
    def longest(self) -> int:
        """Tokens of the longest query, its end token included."""
        return max(map(len, self.inputs))

    def padded(self, tokens: int, pad_token: int) -> "Queries":
        """The same queries, shorter ones filled up to `tokens` on the right with a token that is
        read like any other: a model without an attention mask."""
        fill = [(0, max(0, tokens - len(row))) for row in self.inputs]
        inputs = [
            np.pad(row, width, constant_values=pad_token)
            for row, width in zip(self.inputs, fill, strict=True)
        ]
        return Queries(self.ids, self.doc_ids, inputs, self.relevant)


def build_queries(
    table: pd.DataFrame,
    qrels: pd.DataFrame,
    docids: dict[str, int],
    tokenizer: Tokenizer,
    tokens: int,
) -> Queries:
    """Queries of `table` (query_id, text, doc_id) with the relevant documents of `qrels`.

    Raises AnalysisError if a relevant document has no docid token, or if `table` and `qrels` do
    not hold the same queries.
    """
    check_known(table["query_id"], qrels["query_id"], "the qrels file")
    check_known(qrels["query_id"], table["query_id"], "the queries file")
    unknown = qrels.loc[~qrels["doc_id"].isin(docids.keys())]
    if len(unknown):
        row = unknown.iloc[0]
        raise AnalysisError(
            f"document {row['doc_id']!r} of query {row['query_id']!r} has no docid token; "
            "use the docid mapping of a model trained on these documents"
        )
    tokens_of = qrels["doc_id"].map(docids).groupby(qrels["query_id"]).agg(list)
    relevant = [np.array(sorted(tokens_of[query])) for query in table["query_id"]]
    return Queries(
        table["query_id"].to_numpy(),
        table["doc_id"].to_numpy(),
        truncated_tokens(table["text"], tokenizer, tokens),
        torch.from_numpy(pad_rows(relevant, NO_TOKEN)),
    )


def ranks_table(queries: Queries, found: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """query_id, doc_id, vocabulary_rank, docid_rank, relevant_logit and other_logit of what
    `Unembedding.ranks_and_logits` found, `[query]` each; `donor_logit` too, where it is."""
    donors = {key: found[key] for key in ("donor_logit",) if key in found}
    return pd.DataFrame(
        {
            "query_id": queries.ids,
            "doc_id": queries.doc_ids,
            "vocabulary_rank": found["vocabulary"],
            "docid_rank": found["docid"],
            "relevant_logit": found["relevant_logit"],
            "other_logit": found["other_logit"],
        }
        | donors
    )


def per_query_table(
    queries: Queries, names: pd.DataFrame, values: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Every row of `names` for every query: query_id, doc_id, the columns of `names`, and `values`,
    each `[query, name]`."""
    ids = {"query_id": queries.ids, "doc_id": queries.doc_ids}
    return pd.DataFrame(
        {column: np.repeat(value, len(names)) for column, value in ids.items()}
        | {column: np.tile(names[column], len(queries)) for column in names}
        | {column: value.ravel() for column, value in values.items()}
    )


def per_name_table(
    queries: Queries,
    names: pd.DataFrame,
    parts: Iterable[tuple[np.ndarray, dict[str, np.ndarray]]],
) -> pd.DataFrame:
    """The same columns from blocks of queries: their rows and the block's values, each
    `[name, query]`. Block after block, and in it one row of `names` after the other."""
    tables = []
    for rows, values in parts:
        ids = {"query_id": queries.ids[rows], "doc_id": queries.doc_ids[rows]}
        columns = {column: np.tile(value, len(names)) for column, value in ids.items()}
        columns |= {column: np.repeat(names[column], len(rows)) for column in names}
        columns |= {column: value.ravel() for column, value in values.items()}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)
