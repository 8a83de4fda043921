import numpy as np
import pandas as pd
import pytest

from genir.tables import query_words

DOCUMENTS = pd.DataFrame(
    {
        "doc_id": ["a", "b", "c"],
        "title": ["Vertigo", "Cough", "Fever"],
        "text": ["A spinning feeling.", "A cough that lasts.", "High temperature."],
    }
)
# query, document, words with how many logits each carries
QUERIES = [
    ("q1", "a", [("spinning", 4.0), ("head", 1.0)]),
    ("q2", "b", [("lasting", 1.0), ("cough", 3.0), ("the", 0.5)]),
    ("q3", "c", [("fever", 2.0)]),
]


@pytest.fixture
def made(tmp_path):
    rows, clean = [], []
    for query, document, words in QUERIES:
        clean.append((query, document, 1, 1, 5.0, 0.0))
        for number, (text, carried) in enumerate(words):
            names = {"query_id": query, "doc_id": document, "word": number, "text": text}
            names |= {"pieces": 1 + (number == 1), "of_words": len(words)}
            for where, share in (("layer0", 0.5), ("all", 1.0)):
                ranks = {"vocabulary_rank": 1 + (carried >= 3), "docid_rank": 1}
                logits = {"relevant_logit": 5.0 - share * carried, "other_logit": 0.0}
                rows.append(names | {"where": where} | ranks | logits)
    pd.DataFrame(rows).to_parquet(tmp_path / "words.parquet")
    columns = "query_id doc_id vocabulary_rank docid_rank relevant_logit other_logit".split()
    pd.DataFrame(clean, columns=columns).to_parquet(tmp_path / "clean.parquet")
    DOCUMENTS.to_parquet(tmp_path / "documents.parquet")
    files = {name: {"full": tmp_path / f"{name}.parquet"} for name in ("words", "clean")}
    documents = {"full": tmp_path / "documents.parquet"}
    return query_words.make(files["words"], files["clean"], documents, seed=1)


def _one(table, **wanted):
    for name, value in wanted.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_words_by_kind(made):
    table = made.rows
    assert list(table.columns) == query_words.COLUMNS
    lost = {"where": "all", "measure": "logit_difference_lost"}
    assert _one(table, kind="all", **lost)["value"] == pytest.approx(11.5 / 30)
    groups = {"in_document": (9, 15), "not_in_document": (2, 10), "function_word": (0.5, 5)}
    for group, (taken, whole) in groups.items():
        assert _one(table, kind="in_document", group=group, **lost)["value"] == taken / whole
    broken = {"where": "all", "measure": "broken_percent"}
    assert _one(table, kind="all", **broken)[["value", "n"]].tolist() == [pytest.approx(100 / 3), 6]
    assert _one(table, kind="position", group="only", **broken)["n"] == 1
    assert _one(table, kind="position", group="last", **broken)["n"] == 2
    half = _one(table, kind="all", where="layer0", measure="logit_difference_lost")
    assert half["value"] == pytest.approx(11.5 / 60)


def test_groups_are_compared_within_queries_that_have_both(made):
    table = made.rows[made.rows["measure"] == "difference"]
    row = _one(table, where="all", kind="in_document")
    assert row["group"] == "in_document - not_in_document"
    # 4 - 1 and 3 - 1
    assert row[["value", "n"]].tolist() == [2.5, 2]
    assert row["p"] == 0.5
    tested = table[table["p"].notna()]
    assert (tested["p_holm"] >= tested["p"]).all()
    assert made.rows.loc[made.rows["measure"] != "difference", "p"].isna().all()


def test_a_query_without_another_document_has_no_difference_to_lose(made, tmp_path):
    clean = pd.read_parquet(tmp_path / "clean.parquet")
    clean.loc[0, "other_logit"] = np.nan
    clean.to_parquet(tmp_path / "clean.parquet")
    files = {"full": tmp_path / "words.parquet"}, {"full": tmp_path / "clean.parquet"}
    table = query_words.make(*files, {"full": tmp_path / "documents.parquet"}, seed=1).rows
    whole = {"where": "all", "kind": "all"}
    assert _one(table, measure="logit_difference_lost", **whole)["value"] == 6.5 / 20
    assert _one(table, measure="broken_percent", **whole)["n"] == 6
