"""Whether a circuit that is a model of its own ranks as the patched model does.

Both compute in float32, in another order, so two tokens whose logits differ by less than rounding
may change places.
"""

from pathlib import Path

import numpy as np

from genir.analyses.rank_queries import rank_queries
from genir.base.errors import AnalysisError
from genir.base.joins import check_known
from genir.base.names import RANK_KINDS
from genir.files.io import read_parquet
from genir.subjects.subject import Subject

TOLERANCE = 1e-5
"""Of the largest logit: what is further apart does not change places by rounding."""


def agreement(circuit: Subject, patched: Path) -> dict[str, int | float]:
    """How many queries there are, how many of them have another rank than the Parquet `patched`
    says, and how far apart logits that changed places are at most, as a part of the largest logit.

    Raises AnalysisError if a query has another rank by more than rounding, or is not in `patched`.
    """
    ranks, table = rank_queries(circuit), read_parquet(patched)
    check_known(ranks["query_id"], table["query_id"], patched)
    expected = table.set_index("query_id").loc[ranks["query_id"]]
    gaps: dict[int, float] = {}
    for kind in RANK_KINDS:
        own, theirs = ranks[f"{kind}_rank"].to_numpy(), expected[f"{kind}_rank"].to_numpy()
        for row in np.flatnonzero(own != theirs).tolist():
            gaps[row] = max(gaps.get(row, 0.0), _gap(circuit, row, kind, int(theirs[row])))
    row = max(gaps, key=gaps.__getitem__, default=0)
    largest = gaps.get(row, 0.0)
    if not largest <= TOLERANCE:
        raise AnalysisError(
            f"query {ranks['query_id'][row]!r} and {len(gaps) - 1} others have other ranks than in "
            f"{patched}, by more than rounding: it was made from other files or by another "
            "version; delete it and run snakemake again"
        )
    return {"queries": len(ranks), "different": len(gaps), "largest_gap": largest}


def _gap(circuit: Subject, row: int, kind: str, rank: int) -> float:
    """Between the logit of the relevant token of a query and that of the token at a rank among the
    tokens of a kind, as a part of the largest logit."""
    _, trace = circuit.trace(np.array([row]))
    logits = circuit.decoder.unembedding.logits(trace.states[-1])[0]
    relevant = circuit.queries.relevant[row]
    best = logits[relevant[relevant >= 0]].max()
    if kind == "docid":
        logits = logits[circuit.docid_tokens]
    ordered = logits.sort(descending=True).values
    return float((ordered[rank - 1] - best).abs() / logits.abs().max())
