"""Queries beside their donors: other queries, whose outputs are put in place of their own."""

import numpy as np
import pandas as pd
import torch

from genir.base.joins import check_known
from genir.subjects.queries import Queries
from genir.subjects.subject import Subject


def with_donors(subject: Subject, table: pd.DataFrame) -> tuple[Subject, Subject]:
    """The model before the queries that have a donor in `table` (query_id, donor_id, donor_tokens,
    donor_doc_id), in its own order of them, and before their donors, of which the donor's document
    is the relevant one.

    Raises AnalysisError if `table` is not of the queries of `subject`.
    """
    check_known(subject.queries.ids, table["query_id"], "the table of donors")
    known = table.set_index("query_id").loc[subject.queries.ids]
    rows = np.flatnonzero(known["donor_doc_id"].notna())
    found = known.iloc[rows]
    tokens = [[subject.docids[doc_id]] for doc_id in found["donor_doc_id"]]
    donors = Queries(
        found["donor_id"].to_numpy(object),
        found["donor_doc_id"].to_numpy(object),
        [np.asarray(row, dtype=np.int64) for row in found["donor_tokens"]],
        torch.tensor(tokens, dtype=torch.long),
    )
    return subject.over(subject.queries.take(rows)), subject.over(donors)
