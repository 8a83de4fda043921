import pandas as pd
import pytest

from genir.base.errors import AnalysisError
from genir.tables.retrieval_differences import SplitFiles, make, shown

DOCUMENTS = [f"d{i}" for i in range(12)]


def _run(path, first):
    """A run that puts the relevant document of query i first if first[i], else second."""
    lines = []
    for number, hit in enumerate(first):
        names = [f"d{number}", "other"] if hit else ["other", f"d{number}"]
        lines += [f"q{number} Q0 {d} {rank} {10 - rank} run" for rank, d in enumerate(names, 1)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def files(tmp_path):
    queries = [f"q{i}" for i in range(12)]
    frame = pd.DataFrame({"query_id": queries, "doc_id": DOCUMENTS, "split": "test"})
    frame.to_parquet(tmp_path / "queries.parquet")
    qrels = tmp_path / "qrels.txt"
    qrels.write_text("".join(f"q{i} 0 d{i} 1\n" for i in range(12)))
    return tmp_path, qrels


def test_differences_are_paired_and_corrected(files):
    folder, qrels = files
    runs = {
        "ours": _run(folder / "ours", [True] * 12),
        "worse": _run(folder / "worse", [True] * 2 + [False] * 10),
        "same": _run(folder / "same", [True] * 12),
    }
    split = SplitFiles("test", qrels, runs)
    table = make("ours", [split], folder / "queries.parquet", seed=1).rows
    rows = table.set_index(["against", "metric"])
    assert list(rows.index) == [
        (a, m) for a in ("worse", "same") for m in ("hits_at_1", "hits_at_10")
    ]
    worse = rows.loc[("worse", "hits_at_1")]
    assert worse["value"] == pytest.approx(100 * 10 / 12)
    assert (worse["low"], worse["n"]) <= (worse["value"], 12)
    assert worse["p"] == pytest.approx(2 / 2**10)
    assert worse["p_holm"] == pytest.approx(4 * worse["p"])
    # Both find the document within ten.
    assert rows.loc[("worse", "hits_at_10"), "value"] == 0
    assert rows.loc[("same", "hits_at_1"), "p_holm"] == 1
    assert len(shown(table)) == 4


def test_qrels_must_hold_every_query(files):
    folder, qrels = files
    qrels.write_text("q0 0 d0 1\n")
    runs = {name: _run(folder / name, [True] * 12) for name in ("ours", "other")}
    with pytest.raises(AnalysisError, match="q1"):
        make("ours", [SplitFiles("test", qrels, runs)], folder / "queries.parquet", seed=1)
