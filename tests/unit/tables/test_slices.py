"""Slices split what the other tables say: one slice of all queries is the table itself."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import synthetic_results as synthetic

from genir.analyses.run_metrics import retrieval_metrics
from genir.base.errors import AnalysisError
from genir.base.names import COMPONENTS, PATCHED_STAGES
from genir.base.patched_files import patch_files
from genir.corpora.query_slices import KINDS
from genir.corpora.trec import write_qrels, write_run
from genir.estimates.paired_tests import holm
from genir.estimates.patch_effects import patching_effects
from genir.files.io import write_parquet
from genir.tables import query_words, slices
from genir.tables.slice_measures import Analysed, Baseline

BROKEN_BY_PATCH = 3
HALF = synthetic.CORRECT // 2


def named_slices(shared):
    frame = synthetic.clean_ranks()[["query_id", "doc_id"]]
    parts = [frame.assign(split=split) for split in ("validation", "test")]
    parts[1] = parts[1].assign(query_id="t" + parts[1]["query_id"])
    others = {kind: names[0] for kind, names in KINDS.items()}
    table = pd.concat(parts, ignore_index=True).assign(**others)
    return table.assign(shared_word=list(shared) * 2, shared_words=1)


def for_test(ranks):
    return ranks.assign(query_id="t" + ranks["query_id"])


def write_files(folder, shared):
    """A patch breaks the first three correct queries."""
    clean = synthetic.clean_ranks()
    write_parquet(folder / "validation.parquet", clean)
    write_parquet(folder / "test.parquet", for_test(clean))
    write_parquet(folder / "slices.parquet", named_slices(shared))
    patched = synthetic.ranks([4] * BROKEN_BY_PATCH + list(clean["vocabulary_rank"])[3:])
    for path in patch_files(folder / "stage", ["mean"], PATCHED_STAGES).values():
        write_parquet(path, patched)
    write_parquet(folder / "circuit/study.test.parquet", for_test(patched))
    write_parquet(folder / "random.parquet", patched)
    write_parquet(folder / "development.parquet", synthetic.rank_development())
    direct = [patched.assign(source=component) for component in COMPONENTS]
    write_parquet(folder / "direct.parquet", pd.concat(direct))
    names = clean[["query_id", "doc_id"]]
    signed = [
        names.assign(layer=0, component=part, head=head, logit_difference=added)
        for part, head, added in (
            *(("embedding", -1, 0.0), ("mlp", -1, 0.5), ("cross_attention", -1, 1.5)),
            *(("cross_attention", 0, 99.0), ("self_attention", -1, 0.0)),
        )
    ]
    write_parquet(folder / "signed.parquet", pd.concat(signed))
    words = [
        patched[: synthetic.CORRECT].assign(word=n, text="word", pieces=1, of_words=2, where=where)
        for n in (0, 1)
        for where in ("layer0", "all")
    ]
    write_parquet(folder / "words.parquet", pd.concat(words))
    tested = for_test(clean)
    write_qrels(folder / "qrels.txt", tested)
    ranked = np.array([["other", d] for d in tested["doc_id"]], dtype=object)
    ranked[:HALF] = ranked[:HALF, ::-1]
    write_run(folder / "test.run", tested["query_id"].tolist(), ranked, "tag")
    model = Analysed(
        "full",
        {split: folder / f"{split}.parquet" for split in ("validation", "test")},
        *(folder / "stage", ["mean"], folder / "circuit", ["study"]),
        {"random": folder / "random.parquet"},
        *(folder / f"{name}.parquet" for name in ("development", "direct", "signed", "words")),
    )
    baseline = Baseline("bm25_text", folder / "test.run", folder / "qrels.txt")
    return slices.Sliced(folder / "slices.parquet", [baseline], [model])


SHARED = ["yes"] * HALF + ["no"] * (synthetic.QUERIES - HALF)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("slices"), SHARED)


@pytest.fixture(scope="module")
def made(files):
    return slices.make([files], seed=1).rows


def rows_of(table, /, **wanted):
    for name, value in wanted.items():
        table = table[table[name] == value]
    return table


def row_of(table, /, **wanted):
    (row,) = rows_of(table, **wanted).to_dict("records")
    return row


def test_a_slice_of_all_queries_is_what_the_other_tables_say(made, files, tmp_path):
    whole = {"model": "full", "kind": "nearest_query", "slice": "high"}
    folder = files.slices.parent
    clean = synthetic.clean_ranks()
    effects = patching_effects(clean, pd.read_parquet(folder / "random.parquet"), 1).iloc[0]
    cell = whole | {"table": "patching_by_stage", "item": "mean I mlp"}
    row = row_of(made, measure="broken_percent", **cell)
    expected = effects[["broken_percent", "low", "high", "n"]].tolist()
    assert [row[k] for k in ("value", "low", "high", "n")] == expected
    row = row_of(made, measure="logit_difference_lost", **cell)
    ends = ("", "_low", "_high", "_n")
    expected = effects[[f"logit_difference_lost{end}" for end in ends]].tolist()
    assert [row[k] for k in ("value", "low", "high", "n")] == expected
    documents = pd.DataFrame({"doc_id": clean["doc_id"].unique(), "title": "", "text": "text"})
    write_parquet(tmp_path / "documents.parquet", documents)
    by_word = query_words.make(
        {"full": folder / "words.parquet"},
        {"full": folder / "validation.parquet"},
        {"full": tmp_path / "documents.parquet"},
        seed=1,
    ).rows
    for measure in ("broken_percent", "logit_difference_lost"):
        own = row_of(made, table="query_words", item="all", measure=measure, **whole)
        table = row_of(by_word, where="all", kind="all", measure=measure)
        assert own["value"] == pytest.approx(table["value"])
        # Queries here, words there.
        assert (own["n"], table["n"]) == (synthetic.CORRECT, 2 * synthetic.CORRECT)
    assert row_of(made, table="signed_contributions", item="mlp", **whole)["value"] == 0.25
    emerged = row_of(made, table="rank_development", measure="layer", **whole)
    assert emerged["value"] == 3


def test_retrieval_is_that_of_the_run(made, files):
    baseline = files.baselines[0]
    tested = named_slices(SHARED).query("split == 'test'")
    queries = tested.assign(verbatim=False, shared_words=1 * (tested["shared_word"] == "yes"))
    table = retrieval_metrics(baseline.run, baseline.qrels, queries, seed=1)
    for metric in ("hits_at_1", "hits_at_10", "mrr_at_10"):
        own = row_of(made, model="bm25_text", kind="shared_word", slice="no", measure=metric)
        theirs = row_of(table, slice="no_shared_word", metric=metric)
        assert [own[k] for k in ("value", "low", "high", "n")] == [
            theirs[k] for k in ("value", "low", "high", "n")
        ]
    hits = rows_of(made, model="full", kind="shared_word", table="retrieval", measure="hits_at_1")
    assert hits["value"].tolist()[:2] == [1, 0.5]


def test_slices_by_hand(made):
    cell = {"model": "full", "kind": "shared_word", "item": "mean I mlp"}
    broken = rows_of(made, measure="broken_percent", **cell).set_index("slice")["value"]
    share = 100 * BROKEN_BY_PATCH / HALF
    assert broken.to_dict() == {"yes": share, "no": 0, "yes - no": share}
    counts = rows_of(made, measure="broken_percent", **cell).set_index("slice")["n"]
    assert counts.to_dict() == {"yes": HALF, "no": HALF, "yes - no": 2 * HALF}
    # Three of eight differences fall from 2 to 0 - 3.
    lost = rows_of(made, measure="logit_difference_lost", **cell).set_index("slice")["value"]
    assert lost.to_dict() == {"yes": 15 / 16, "no": 0, "yes - no": 15 / 16}
    circuit = rows_of(made, table="circuit", kind="shared_word", measure="hits_at_1")
    assert circuit.set_index("slice")["value"].to_dict()["yes"] == 5 / 8


def test_only_what_was_chosen_before_is_tested(made):
    tested = made[made["p"].notna()]
    assert set(tested["model"]) == {"full"}
    assert set(tested["kind"]) == {"shared_word"}
    names = zip(tested["table"], tested["item"], tested["measure"], strict=True)
    assert set(names) <= set(slices.TESTED)
    assert tested["slice"].eq("yes - no").all()
    assert tested["p_holm"].tolist() == holm(tested["p"]).tolist()
    assert len(tested) == 7
    ends = rows_of(made, table="rank_development", slice="yes - no", measure="layer")
    assert ends["p"].tolist() == [1]


def test_a_kind_thought_of_later_has_no_test(files, tmp_path):
    table = named_slices(SHARED).assign(shared_with=["query", "neither"] * synthetic.QUERIES)
    write_parquet(tmp_path / "slices.parquet", table)
    later = replace(files, slices=tmp_path / "slices.parquet")
    rows = slices.make([later], seed=1).rows
    apart = rows_of(rows, kind="shared_with", slice="query - neither")
    assert len(apart)
    assert apart["p"].isna().all()


def test_one_document_has_no_difference_to_compare(files, tmp_path):
    lonely = ["yes"] * 2 + ["no"] * (synthetic.QUERIES - 2)
    write_parquet(tmp_path / "slices.parquet", named_slices(lonely))
    rows = slices.make([replace(files, slices=tmp_path / "slices.parquet")], seed=1).rows
    part = rows_of(rows, kind="shared_word", table="patching_by_stage", item="mean I mlp")
    part = part[part["measure"] == "logit_difference_lost"]
    assert part["slice"].tolist() == ["yes", "no"]


def test_slices_of_other_queries_are_refused(files, tmp_path):
    write_parquet(tmp_path / "slices.parquet", named_slices(SHARED).iloc[1:])
    with pytest.raises(AnalysisError, match="query_slices lacks 'q00'"):
        slices.make([replace(files, slices=tmp_path / "slices.parquet")], seed=1)


def test_the_page_has_a_table_for_each_system_and_kind(made):
    page = slices.shown(made)
    headings = [line for line in page.splitlines() if line.startswith("### ")]
    assert len(headings) == 2 * len(KINDS)
    assert "| measure | yes | no | yes - no | p (Holm) |" in page
