"""Small result files with planted numbers, for the tests of tables, figures and the summary."""

from pathlib import Path

import numpy as np
import pandas as pd

from genir.files.io import write_csv, write_json, write_parquet

REPOSITORY = Path(__file__).resolve().parents[2]
PAPER = REPOSITORY / "resources" / "paper"
QUERIES, CORRECT = 24, 16
LAYERS = {"I": [0, 0], "II": [1, 2], "III": [3, 3]}


def query_ids() -> list[str]:
    return [f"q{number:02d}" for number in range(QUERIES)]


def ranks(vocabulary: list[int]) -> pd.DataFrame:
    """Ranks of all queries; two queries share a document, the docid rank is at most 3."""
    documents = [f"d{number // 2:02d}" for number in range(QUERIES)]
    names = {"query_id": query_ids(), "doc_id": documents, "vocabulary_rank": vocabulary}
    return with_logits(pd.DataFrame(names | {"docid_rank": np.minimum(vocabulary, 3)}))


def with_logits(frame: pd.DataFrame) -> pd.DataFrame:
    """Logits that fit the ranks: the logit difference is 2 for rank 1, else 1 - rank."""
    rank = frame["vocabulary_rank"]
    return frame.assign(relevant_logit=np.where(rank == 1, 5.0, 4.0 - rank), other_logit=3.0)


def clean_ranks() -> pd.DataFrame:
    """The first 16 queries are correct, the others have rank 7."""
    return ranks([1] * CORRECT + [7] * (QUERIES - CORRECT))


def removed_sets() -> pd.DataFrame:
    """Four sets of two documents, two queries each."""
    frame = clean_ranks()[["query_id", "doc_id"]][:CORRECT]
    return frame.assign(set=np.repeat([1, 2, 3, 4], 4))[["set", "doc_id", "query_id"]]


def write_ranks(folder: Path, name: str, vocabulary: list[int]) -> Path:
    path = folder / f"{name}.parquet"
    write_parquet(path, ranks(vocabulary))
    return path


def write_correct(folder: Path) -> Path:
    path = folder / "correct.csv"
    write_csv(path, clean_ranks()[["query_id", "doc_id"]][:CORRECT])
    return path


def write_removed(folder: Path) -> Path:
    path = folder / "removed.csv"
    write_csv(path, removed_sets())
    return path


def write_manifest(folder: Path) -> Path:
    path = folder / "terms" / "manifest.json"
    write_json(path, {"corpus": "hpo", "release": "2025-01-16", "split_mode": "query"})
    return path


def write_stages(folder: Path, status: str = "imposed") -> Path:
    path = folder / "stages.json"
    write_json(path, {"used": LAYERS, "status": status, "detected": {}})
    return path


def reduced_ranks(own: int) -> list[int]:
    """Behind encoder rd<own> the own removed set has rank 5, everything else its clean rank."""
    return [5 if row // 4 + 1 == own and row < CORRECT else rank for row, rank in _clean()]


def _clean() -> list[tuple[int, int]]:
    return list(enumerate(clean_ranks()["vocabulary_rank"]))


def contributions() -> pd.DataFrame:
    """Ratio = layer + 1 for correct queries, 0.5 for failed ones; cosines constant."""
    base = clean_ranks()[["query_id", "doc_id"]]
    parts = []
    for layer in range(4):
        for component in ("self_attention", "cross_attention", "mlp"):
            ratio = [layer + 1.0] * CORRECT + [0.5] * (QUERIES - CORRECT)
            columns = {"layer": layer, "component": component, "ratio": ratio}
            parts.append(base.assign(**columns, norm=1.0, cosine_input=0.1, cosine_output=-0.2))
    return pd.concat(parts, ignore_index=True)


def rank_development() -> pd.DataFrame:
    """Vocabulary rank 1000, 100, 10, 1 by layer; docid tokens ahead of others at the end."""
    base = clean_ranks()[["query_id", "doc_id"]]
    parts = []
    for layer in range(4):
        for source in ("residual", "cross_attention", "mlp"):
            rank = 10 ** (3 - layer) + (np.arange(QUERIES) % 3) * (layer < 3)
            names = {"layer": layer, "source": source, "vocabulary_rank": rank}
            means = {"mean_docid_rank": 800.0 - 100 * layer, "mean_other_rank": 400.0 + 90 * layer}
            parts.append(base.assign(**names, docid_rank=np.minimum(rank, 50), **means))
    return pd.concat(parts, ignore_index=True)


def retrieval_rows(system: str, dataset: str = "terms") -> pd.DataFrame:
    """One row per split, slice and metric, all 0.6 [0.5, 0.7]."""
    rows = [
        {"system": system, "dataset": dataset, "split_mode": "query", "split": split}
        | {"slice": part, "metric": metric, "value": 0.6, "low": 0.5, "high": 0.7, "n": 50}
        for split in ("validation", "test")
        for part in ("all", "no_shared_word", "not_verbatim")
        for metric in ("hits_at_1", "hits_at_10", "recall_at_5", "mrr_at_10", "ndcg_at_10")
    ]
    return pd.DataFrame(rows)


def curve(seed: int) -> pd.DataFrame:
    steps = np.arange(0, 200, 20)
    loss = np.exp(-steps / (60 + 10 * seed)) * 6
    losses = {"loss": loss, "indexing_loss": 1.1 * loss, "retrieval_loss": 0.9 * loss}
    rates = {"learning_rate": 0.01, "docid_learning_rate": 0.03}
    return pd.DataFrame({"step": steps} | losses | rates)
