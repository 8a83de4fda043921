import csv
import re
from collections import Counter

import pandas as pd
import pytest
import synthetic_results as synthetic
import synthetic_views

from genir.estimates.intervals import wilson
from genir.files.io import write_json
from genir.study import paper
from genir.study.paper_comparison import COLUMNS, OurModel, OurTables, derived_interval, make, shown
from genir.tables.page import to_markdown

NUMBER = re.compile(r"-?\d+(\.\d+)?")


def published_numbers() -> Counter:
    """(file, number) of every cell that holds one, read without the code under test."""
    found = []
    for path in sorted(synthetic.PAPER.glob("*.csv")):
        with path.open() as lines:
            for row in csv.DictReader(lines):
                cells = [row["value"]] if "value" in row else row.values()
                for cell in cells:
                    if NUMBER.fullmatch(cell):
                        found.append((path.stem, float(cell)))
                    elif re.fullmatch(r"\d+-\d+", cell):
                        found += [(path.stem, float(end)) for end in cell.split("-")]
                    elif cell == "one third":
                        found.append((path.stem, 1 / 3))
    return Counter(found)


@pytest.fixture
def tables(tmp_path) -> OurTables:
    paths = {name: tmp_path / f"{name}.csv" for name in OurTables.__annotations__}
    for name, path in paths.items():
        getattr(synthetic_views, name)().to_csv(path, index=False)
    return OurTables(**paths)


def our_model(tmp_path, dataset="NQ10k", model="full") -> OurModel:
    manifest, stages = synthetic.write_manifest(tmp_path), synthetic.write_stages(tmp_path)
    return OurModel(dataset, model, manifest, stages)


@pytest.fixture
def compared(tables, tmp_path) -> pd.DataFrame:
    return make(synthetic.PAPER, tables, [our_model(tmp_path)]).rows


def one(frame: pd.DataFrame, **wanted) -> pd.Series:
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def test_every_number_of_the_six_files_appears_exactly_once(compared):
    expected = published_numbers()
    assert sum(expected.values()) == 163
    assert Counter(zip(compared["table"], compared["paper"], strict=True)) == expected
    assert not compared.duplicated(["table", "dataset", "item"]).any()
    assert list(compared.columns) == COLUMNS


def test_ours_stand_beside_nq10k_only(compared):
    known = compared.dropna(subset="ours")
    assert set(known["dataset"]) == {"NQ10k", "all", "T5-large"}
    assert set(known["model"]) == {"full"}
    assert set(known["corpus"]) == {"hpo/terms, split query"}
    assert len(known) == (compared["dataset"].isin(known["dataset"])).sum()
    assert (
        compared.loc[compared["ours"].isna(), ["low", "high", "n", "model", "corpus"]]
        .isna()
        .all(axis=None)
    )


def test_ours_have_the_unit_of_the_study(compared, tables):
    swap = pd.read_csv(tables.encoder_swap)
    own = swap[(swap["model"] == "full") & (swap["queries"] == "removed")]
    hits = one(own, encoder="rd2", measure="hits_at_1")["value"]
    row = one(compared, item="rd2 hits_at_1", dataset="NQ10k")
    assert (row["unit"], row["paper"]) == ("of 10", 7)
    assert row["ours"] == pytest.approx(10 * hits)
    circuit = pd.read_csv(tables.circuit)
    chosen = {"model": "full", "variant": "study", "split": "test", "kind": "relative"}
    share = one(circuit, **chosen, metric="recall_at_5", rank_kind="vocabulary")["value"]
    row = one(compared, item="recall_at_5 relative", dataset="NQ10k")
    assert (row["paper"], row["ours"]) == (98, pytest.approx(100 * share))
    cell = one(compared, item="mean II self_attention", dataset="NQ10k")
    assert (cell["paper"], cell["rank_kind"]) == (2.02, "vocabulary")
    assert one(compared, item="active_components")["ours"] == pytest.approx(8 / 24)
    assert one(compared, item="stage_2_layers last")["ours"] == synthetic.LAYERS["II"][1]


def test_table_1_is_compared_by_vocabulary_rank_with_the_whole_model(compared, tables):
    rows = pd.read_csv(tables.circuit)
    chosen = {"model": "full", "variant": "full", "split": "test", "kind": "absolute"}
    for metric in ("hits_at_1", "recall_at_5", "hits_at_10"):
        own = one(rows, **chosen, metric=metric, rank_kind="vocabulary")
        row = one(compared, table="table1_retrieval", item=metric, dataset="NQ10k")
        assert row["rank_kind"] == "vocabulary"
        assert row["ours"] == pytest.approx(100 * own["value"])


def test_the_cosine_is_the_largest_of_stage_three(tables, tmp_path):
    cosines = pd.read_csv(tables.late_cosines)
    own = (cosines["model"] == "full") & (cosines["queries"] == "correct")
    cosines.loc[own & (cosines["layer"] < 6), "value"] = 1.0
    cosines.to_csv(tables.late_cosines, index=False)
    model = our_model(tmp_path)
    for first, ours in ((6, cosines.loc[own & (cosines["layer"] == 6), "value"].max()), (5, 1.0)):
        write_json(
            model.stages,
            {"used": {"I": [0, 1], "II": [2, first - 1], "III": [first, 7]}, "status": "imposed"},
        )
        compared = make(synthetic.PAPER, tables, [model]).rows
        assert one(compared, item="stage3_vs_stage1_cosine")["ours"] == ours
    write_json(
        model.stages,
        {"used": {"I": [0, 1], "II": [2, 6], "III": [7, 7]}, "status": "imposed"},
    )
    compared = make(synthetic.PAPER, tables, [model]).rows
    note = shown(compared, synthetic.PAPER).set_index("item")["note"]
    assert "Stage III has no layer but the last" in note["stage3_vs_stage1_cosine"]


def test_another_model_stands_beside_the_dataset_it_names(tables, tmp_path):
    models = [our_model(tmp_path, "Trivia-QA QG", "random_start")]
    frame = make(synthetic.PAPER, tables, models).rows
    known = frame.dropna(subset="ours")
    assert set(known["dataset"]) == {"Trivia-QA QG"}
    assert set(known["model"]) == {"random_start"}
    assert set(known["table"]) == {"table1_retrieval", "table4_circuit", "table5_docid_share"}


def test_the_reason_for_every_empty_number_is_given(compared, tables, tmp_path):
    table = shown(compared, synthetic.PAPER)
    empty = compared["ours"].isna()
    assert table.loc[empty, "note"].str.startswith("not compared: no model has study_dataset").all()
    assert not table.loc[~empty, "note"].str.contains("not compared").any()
    random_start = our_model(tmp_path, "NQ10k", "random_start")
    other = make(synthetic.PAPER, tables, [random_start]).rows
    notes = shown(other, synthetic.PAPER).set_index(["dataset", "item"])["note"]
    assert "no such reduced model" in notes["NQ10k", "rd1 mrr"]
    assert "pre-trained weights" in notes["NQ10k", "pretrained III mlp"]
    assert "pre-trained weights" in notes["NQ10k", "pretrained_encoder_mean_rank"]


def test_the_note_says_that_the_study_counts_from_zero(compared):
    note = shown(compared, synthetic.PAPER).set_index("item")["note"]
    assert "count from 0, ours from 1" in note["pretrained_encoder_mean_rank"]
    assert "| 21.66 |" in to_markdown(shown(compared, synthetic.PAPER))


def test_the_corpus_stands_beside_ours(compared):
    table = shown(compared, synthetic.PAPER)
    assert table["corpus"].equals(compared["corpus"])
    assert "hpo/terms, split query" in to_markdown(table)


def test_all_cells_of_table_3_for_nq10k_but_one_are_counts_of_396():
    rows = paper.numbers(synthetic.PAPER)
    cells = rows[(rows["table"] == "table3_stage_patching") & (rows["dataset"] == "NQ10k")]
    found = {
        row.item: derived_interval(row.table, row.dataset, row.unit, row.paper)
        for row in cells.itertuples()
    }
    assert len(found) == 27
    assert [item for item, interval in found.items() if interval is None] == ["zero I mlp"]
    assert found["zero III mlp"] == wilson(383, 396).times(100)
    assert derived_interval("table2_encoder_swap", "NQ10k", "of 10", 8.0) == wilson(8, 10).times(10)
    assert derived_interval("table1_retrieval", "NQ10k", "percent", 40.4) is None


def test_the_comparison_survives_other_stages(tables, tmp_path):
    write_json(
        tmp_path / "deep.json",
        {"used": {"I": [0, 6], "II": [7, 17], "III": [18, 23]}, "status": "supported"},
    )
    model = OurModel("NQ10k", "full", synthetic.write_manifest(tmp_path), tmp_path / "deep.json")
    frame = make(synthetic.PAPER, tables, [model]).rows
    layers = frame[frame["unit"] == "layer"]
    assert list(layers["ours"]) == list(layers["paper"])
