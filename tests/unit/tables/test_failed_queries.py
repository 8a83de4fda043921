from itertools import product

import numpy as np
import pandas as pd
import pytest
import synthetic_results as synthetic
import synthetic_views

from genir.base.errors import AnalysisError
from genir.base.names import COMPONENTS, PATCHED_STAGES
from genir.figures.failed_queries import draw
from genir.figures.style import save_figure
from genir.tables.failed_queries import COLUMNS, VIEWS, RankFiles, ViewTables, make, page, shown

CLEAN = [1] * 10 + [4] * 8 + [50] * 6
SIZES = {"correct": 10, "ranked_2_to_10": 8, "ranked_below_10": 6}


@pytest.fixture
def tables(tmp_path) -> ViewTables:
    paths = {name: tmp_path / f"{name}.csv" for name in ViewTables.__annotations__}
    for name, path in paths.items():
        getattr(synthetic_views, name)().to_csv(path, index=False)
    return ViewTables(**paths)


def rank_files(folder, clean=tuple(CLEAN), **more) -> RankFiles:
    """Every patch puts the first five correct and the first two failed queries' documents where
    the others were."""
    patched = [2] * 5 + [1] * 7 + list(clean[12:])
    for method, stage, component in product(("zero", "mean"), PATCHED_STAGES, COMPONENTS):
        synthetic.write_ranks(folder / "patch_stage" / method, f"{stage}.{component}", patched)
    direct = pd.concat([synthetic.ranks(list(clean)).assign(source=s) for s in COMPONENTS])
    direct.to_parquet(folder / "direct.parquet")
    return RankFiles(
        model="full",
        clean=synthetic.write_ranks(folder, "clean", list(clean)),
        patch_stage=folder / "patch_stage",
        methods=["zero", "mean"],
        direct_contribution=folder / "direct.parquet",
        **more,
    )


@pytest.fixture
def table(tables, tmp_path) -> pd.DataFrame:
    swapped = synthetic.write_ranks(tmp_path, "pretrained", [2] * 24)
    files = rank_files(tmp_path, pretrained_encoder=swapped)
    return make(tables, [files], seed=1).rows


def value(table: pd.DataFrame, analysis: str, item: str, measure: str, queries: str) -> pd.Series:
    names = {"analysis": analysis, "item": item, "measure": measure, "queries": queries}
    rows = table[(table[list(names)] == pd.Series(names)).all(axis=1)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_ranking_of_every_view(table):
    for view, rank in {"correct": 1, "ranked_2_to_10": 4, "ranked_below_10": 50}.items():
        row = value(table, "evaluate", "unmodified", "mrr", view)
        assert (row["value"], row["n"]) == (pytest.approx(1 / rank), SIZES[view])
        assert value(table, "direct_contribution", "mlp", "median_rank", view)["value"] == rank
        assert value(table, "encoder_swap", "pretrained", "mrr", view)["value"] == 0.5


def test_a_patch_breaks_correct_queries_and_repairs_failed_ones(table):
    item = "mean II cross_attention"
    assert value(table, "patch_stage", item, "hits_at_1", "correct")["value"] == 0.5
    assert value(table, "patch_stage", item, "net_hits_at_1", "correct")["value"] == -50
    assert value(table, "patch_stage", item, "net_hits_at_1", "ranked_2_to_10")["value"] == 25
    row = value(table, "patch_stage", item, "net_hits_at_1", "ranked_below_10")
    assert row["value"] == 0
    assert row["low"] < 0 < row["high"]


def test_the_other_tables_keep_their_numbers(table):
    flow = synthetic_views.communication()
    chosen = {"model": "full", "queries": "ranked_below_10", "target": "mlp", "target_stage": "III"}
    chosen |= {"source": "cross_attention", "source_stage": "II"}
    expected = flow[(flow[list(chosen)] == pd.Series(chosen)).all(axis=1)].iloc[0]
    found = value(
        table, "communication", "II cross_attention -> III mlp", "share", "ranked_below_10"
    )
    assert found["value"] == pytest.approx(expected["value"])
    value(table, "contributions", "layer3 mlp", "ratio", "ranked_2_to_10")
    value(table, "rank_development", "layer7", "docid_rank_median", "correct")
    value(table, "docid_share", "II head top100", "docid_percent", "correct")


def test_rows_are_named_once_and_whole(table):
    assert not table.duplicated(COLUMNS[:5]).any()
    assert table.notna().all(axis=None)
    assert set(table["queries"]) == set(VIEWS)
    assert set(table["model"]) == {"full"}
    assert (table["low"] <= table["value"] + 1e-12).all()
    assert (table["value"] <= table["high"] + 1e-12).all()
    lines = shown(table).set_index(["analysis", "item", "measure"])["correct (n = 30)"]
    assert lines["evaluate", "unmodified", "mrr"].endswith("], n = 10")
    assert lines["contributions", "layer3 mlp", "ratio"].endswith("]")


def test_a_view_without_queries_is_left_out(tables, tmp_path):
    clean = tuple([1] * 10 + [4] * 14)
    frame = make(tables, [rank_files(tmp_path, clean)], seed=1).rows
    assert "ranked_below_10" not in set(frame.loc[frame["analysis"] == "evaluate", "queries"])
    assert "encoder_swap" not in set(frame["analysis"])


def test_the_figure_has_a_line_for_every_view(table, tmp_path):
    figure = draw(table)
    save_figure(figure, tmp_path / "first", ["svg"])
    save_figure(draw(table), tmp_path / "second", ["svg"])
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()
    drawn = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 8]
    assert len(drawn) == len(VIEWS)
    points = [bars.lines[0].get_ydata().astype(float) for bars in figure.axes[1].containers]
    assert [len(values) for values in points] == [6] * len(VIEWS)
    assert np.isfinite(points).all()
    assert points[0].tolist() == [-50] * 6
    assert points[1].tolist() == [25] * 6
    assert "correct (n = " in figure.axes[0].get_title()


def test_the_title_says_where_the_stages_come_from(table):
    title = draw(table, {"full": {"status": "imposed"}}).axes[1].get_title()
    assert title.endswith("stages imposed")


def test_every_model_has_its_own_block_without_empty_columns(table):
    other = table.assign(model="other", n=table["n"] + 1)
    both = pd.concat([table, other], ignore_index=True)
    first, own, others = page(both).split("### ")
    assert first == ""
    assert own.startswith("full\n")
    assert others.startswith("other\n")
    assert "| correct (n = 31) |" in others
    assert own.count("| correct (n = 30) |") == own.count("| correct") == 1
    assert "|  |" not in own


def test_the_figure_does_without_a_view(table, tmp_path):
    save_figure(draw(table[table["queries"] == "correct"]), tmp_path / "one", ["png"])


def test_a_figure_of_nothing_is_refused(table):
    with pytest.raises(AnalysisError, match="holds no rows"):
        draw(table.iloc[:0])


def test_a_table_without_the_model_is_named(tables, tmp_path):
    rows = pd.read_csv(tables.docid_share)
    rows[rows["model"] != "full"].to_csv(tables.docid_share, index=False)
    with pytest.raises(AnalysisError, match=r"docid_share\.csv lacks 'full', 1 of 1"):
        make(tables, [rank_files(tmp_path)], seed=1)
