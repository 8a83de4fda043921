import json
from itertools import product

import pandas as pd
import pytest
import synthetic_results as synthetic

from genir.base.errors import AnalysisError
from genir.base.names import COMPONENTS, PATCHED_STAGES
from genir.base.patched_files import patch_files
from genir.estimates.patch_effects import DIFFERENCE_LOST
from genir.estimates.ranks import read_ranks, select, views
from genir.tables import (
    contributions,
    encoder_swap,
    page,
    partial_swap,
    patching,
    patching_by_stage,
    patching_heads,
    published,
    rank_development,
    retrieval,
    training,
)
from genir.tables.page import p_value, to_markdown, wide, with_interval, write_table

SWAP_PAPER = synthetic.PAPER / "table2_encoder_swap.csv", synthetic.PAPER / "in_text_numbers.csv"
STAGE_PAPER = synthetic.PAPER / "table3_stage_patching.csv"


def assert_intervals(frame, value, low="low", high="high", n="n"):
    known = frame.dropna(subset=value)
    assert (known[n] > 0).all()
    assert (known[low] <= known[value] + 1e-12).all()
    assert (known[value] <= known[high] + 1e-12).all()


def one(frame, **wanted):
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1
    return frame.iloc[0]


@pytest.fixture(scope="module")
def swap(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("swap")
    clean = list(synthetic.clean_ranks()["vocabulary_rank"])
    planted = {"full": clean, "pretrained": [2 * rank for rank in clean], "random": [2000] * 24}
    planted |= {f"rd{number}": synthetic.reduced_ranks(number) for number in range(1, 5)}
    files = [
        encoder_swap.SwapFile("full", name, synthetic.write_ranks(tmp_path, name, values))
        for name, values in planted.items()
    ]
    correct = {"full": synthetic.write_correct(tmp_path)}
    removed = {"full": synthetic.write_removed(tmp_path)}
    return encoder_swap.make(files, correct, removed, *SWAP_PAPER, seed=1).rows


def test_diagonal_and_control_of_the_encoder_swap(swap):
    def hits(encoder, queries):
        names = {"encoder": encoder, "queries": queries, "measure": "hits_at_1"}
        return one(swap, rank_kind="vocabulary", **names)

    for number in range(1, 5):
        assert hits(f"rd{number}", "removed")["value"] == 0
        assert hits(f"rd{number}", "control")["value"] == 1
        assert hits(f"rd{number}", "control")["n"] == 12
        for other in range(1, 5):
            expected = 0 if other == number else 1
            assert hits(f"rd{number}", f"removed{other}")["value"] == expected
    assert hits("full", "removed")["value"] == 1
    assert hits("full", "removed")["n"] == 16
    assert hits("rd1", "correct")["value"] == 12 / 16


def test_pooled_reduced_encoders(swap):
    rows = swap[(swap["encoder"] == "rd") & (swap["rank_kind"] == "vocabulary")]
    assert one(rows, queries="removed", measure="hits_at_1")["value"] == 0
    assert one(rows, queries="removed", measure="mrr")["value"] == pytest.approx(0.2)
    assert one(rows, queries="control", measure="hits_at_1")["value"] == 1
    difference = one(rows, queries=encoder_swap.DIFFERENCE)
    assert difference["value"] == 1
    assert difference["low"] < 1
    p_values = swap.loc[swap["queries"] == encoder_swap.DIFFERENCE, "p_holm"]
    assert list(p_values) == [pytest.approx(2 * 2 / 2**8)] * 2
    assert swap["p_holm"].notna().sum() == 2
    assert set(rows["n"]) == {16}


def test_paper_values_stand_beside_the_vocabulary_rank_only(swap):
    given = swap.dropna(subset="paper")
    assert set(given["rank_kind"]) == {"vocabulary"}
    assert one(given, encoder="rd2", measure="mrr")["paper"] == 0.754
    assert one(given, encoder="rd2", measure="hits_at_1")["paper"] == 0.7
    assert one(given, encoder="pretrained")["paper"] == 21.66
    assert len(given) == 11
    shown = encoder_swap.shown(swap)
    cell = one(shown, encoder="rd1", queries="removed")["T5-large, NQ10k (paper)"]
    assert cell == "MRR 0.867, Hits@1 0.8"


def test_every_swap_row_has_an_interval(swap):
    assert_intervals(swap, "value")
    assert swap[["value", "low", "high", "n"]].notna().all(axis=None)
    assert list(swap.columns) == encoder_swap.COLUMNS


def test_a_model_without_reduced_models_has_correct_rows_only(tmp_path):
    path = synthetic.write_ranks(tmp_path, "full", [1] * 24)
    files = [encoder_swap.SwapFile("other", "full", path)]
    correct = {"other": synthetic.write_correct(tmp_path)}
    table = encoder_swap.make(files, correct, {}, *SWAP_PAPER, seed=1).rows
    assert set(table["queries"]) == {"correct"}


def test_partial_swap(tmp_path):
    files = [
        partial_swap.PartFile("full", part, synthetic.write_ranks(tmp_path, part, values))
        for part, values in {
            "embedding": [1] * 24,
            "layer0.mlp": [1] * 12 + [3] * 12,
            "up_to.layer1": [2] * 24,
        }.items()
    ]
    correct = {"full": synthetic.write_correct(tmp_path)}
    clean = {"full": synthetic.write_ranks(tmp_path, "clean", [1] * 16 + [7] * 8)}
    table = partial_swap.make(files, correct, clean, seed=1).rows
    mlp = one(table, part="layer0.mlp", rank_kind="vocabulary")
    assert (mlp["percent_not_first"], mlp["mean_rank"], mlp["n"]) == (25, 1.5, 16)
    assert (mlp["kind"], mlp["layer"]) == ("mlp", 0)
    assert one(table, part="up_to.layer1", rank_kind="docid")["percent_not_first"] == 100
    assert table.loc[table["kind"] == "embedding", "layer"].isna().all()
    assert_intervals(table, "percent_not_first")
    assert_intervals(table, "mean_rank", "mean_rank_low", "mean_rank_high")
    # From a logit difference of 2 to one of -2 in four of 16 correct queries.
    assert mlp["logit_difference_lost"] == pytest.approx(4 * 4 / (16 * 2))
    assert (table["logit_difference_lost_n"] == 16).all()
    assert_intervals(table, *DIFFERENCE_LOST[:3])


@pytest.mark.parametrize("part", ["layer1", "up_to.layer0.mlp", "head", "layer1.cross_attention"])
def test_unknown_part(part):
    with pytest.raises(AnalysisError, match="no part of an encoder"):
        partial_swap.kind_and_layer(part)


def test_patching(tmp_path):
    patched = [1] * 12 + [2] * 4 + [1] * 2 + [7] * 6
    sweep, clean = write_sweep(tmp_path, patched), {"full": write_clean(tmp_path)}
    table = patching.make([sweep], clean, seed=1).rows
    assert set(zip(table["layer"], table["component"], strict=True)) == set(PLACES)
    row = one(table, method="zero", rank_kind="vocabulary", **PLANTED)
    assert (row["broken_percent"], row["n"]) == (25, 16)
    assert (row["repaired"], row["repaired_n"]) == (25, 8)
    assert row["net_hits_at_1"] == pytest.approx(100 * -2 / 24)
    assert table.loc[table["method"] == "mean", "unchanged"].all()
    assert not row["unchanged"]
    assert_intervals(table, "broken_percent")
    assert_intervals(table, "net_hits_at_1", "net_low", "net_high", "net_n")
    assert (table["net_p_holm"] == 1).all()


def test_the_net_change_is_tested_and_corrected_within_the_table(tmp_path):
    sweep, clean = write_sweep(tmp_path, [2] * 16 + [7] * 8), {"full": write_clean(tmp_path)}
    table = patching.make([sweep], clean, seed=1).rows
    # All of 8 documents lose; 2 of 2^8 sign patterns are as extreme, and 24 tests are in the table.
    assert len(table) == 24
    lost = (table["method"] == "zero") & (table["layer"] == 0) & (table["component"] == "mlp")
    assert list(table.loc[lost, "net_p_holm"]) == [pytest.approx(24 * 2 / 2**8)] * 2
    assert (table.loc[~lost, "net_p_holm"] == 1).all()
    assert "0.188" in to_markdown(patching.shown(table))


PLACES = list(product((0, 1), COMPONENTS))
PLANTED = {"layer": 0, "component": "mlp"}


def write_sweep(folder, patched):
    """Two methods and layers of patches that change nothing, but for one."""
    sweep = patching.Sweep("full", folder, ["zero", "mean"], 2)
    for patch, path in patch_files(folder, sweep.methods, range(2)).items():
        values = synthetic.clean_ranks()["vocabulary_rank"]
        ranks = patched if patch == ("zero", 0, "mlp") else list(values)
        synthetic.write_ranks(path.parent, path.stem, ranks)
    return sweep


def write_clean(folder):
    return synthetic.write_ranks(folder, "clean", list(synthetic.clean_ranks()["vocabulary_rank"]))


def test_patching_by_stage(tmp_path):
    table = stage_table(tmp_path)
    place = {"stage": "II", "component": "self_attention"}
    row = one(table, rank_kind="vocabulary", **place)
    assert (row["broken_percent"], row["paper"]) == (100, 2.02)
    # From 2 to -2 in every correct query; all 24 queries would give less.
    assert tuple(row[list(DIFFERENCE_LOST)]) == (2, 2, 2, 16)
    assert (row["stage_layers"], row["stages"]) == ("1-2", "imposed")
    assert row["low"] < 100
    assert pd.isna(one(table, rank_kind="docid", **place)["paper"])
    assert list(table.columns) == patching_by_stage.COLUMNS


def test_a_component_patched_in_all_layers_has_no_number_of_the_study(tmp_path):
    table = stage_table(tmp_path)
    assert len(table) == 4 * 3 * 2
    whole = table[table["stage"] == "all"]
    assert set(whole["stage_layers"]) == {"0-3"}
    assert whole["paper"].isna().all()
    assert len(table.dropna(subset="paper")) == 3 * 3


def stage_table(folder):
    """Every patch puts all documents third."""
    for path in patch_files(folder, ["mean"], PATCHED_STAGES).values():
        synthetic.write_ranks(path.parent, path.stem, [3] * 24)
    sweep = patching_by_stage.StageSweep("full", folder, ["mean"])
    stages, clean = {"full": synthetic.write_stages(folder)}, {"full": write_clean(folder)}
    return patching_by_stage.make([sweep], clean, stages, STAGE_PAPER, seed=1).rows


def test_patching_heads(tmp_path):
    sweep = patching.Sweep("full", tmp_path, ["mean"], 2)
    for path in patch_files(tmp_path, ["mean"], range(2), COMPONENTS[:2]).values():
        heads = [synthetic.ranks([1] * 12 + [2] * 12), synthetic.clean_ranks()]
        path.parent.mkdir(exist_ok=True)
        pd.concat([ranks.assign(head=i) for i, ranks in enumerate(heads)]).to_parquet(path)
    table = patching_heads.make([sweep], {"full": write_clean(tmp_path)}, seed=1).rows
    assert list(table.columns) == patching_heads.COLUMNS
    assert len(table) == 2 * 2 * 2 * 2
    wanted = {"layer": 1, "component": "cross_attention", "rank_kind": "vocabulary"}
    row = one(table, head=0, **wanted)
    assert (row["broken_percent"], row["n"], row["unchanged"]) == (25, 16, False)
    assert row["logit_difference_lost"] == pytest.approx(4 * 3 / (16 * 2))
    assert_intervals(table, *DIFFERENCE_LOST)
    assert one(table, head=1, **wanted)["unchanged"]
    assert_intervals(table, "broken_percent")
    assert len(patching_heads.shown(table)) == len(table) / 2


def test_all_27_cells_of_the_paper():
    cells = published.patching_by_stage(STAGE_PAPER)
    assert len(cells) == 27
    assert cells["zero", "III", "mlp"] == 96.72


VIEWS = ("correct", "ranked_2_to_10", "failed", "all")


def _clean_file(folder):
    path = folder / "clean.parquet"
    synthetic.clean_ranks().to_parquet(path)
    return path


def test_views_part_the_queries_by_their_rank_in_the_unmodified_model():
    clean = synthetic.ranks([1] * 10 + [2] * 5 + [10] * 3 + [11] * 6)
    parts = views(clean.sample(frac=1, random_state=0), clean)
    assert {name: len(part) for name, part in parts.items()} == {
        "correct": 10,
        "ranked_2_to_10": 8,
        "ranked_below_10": 6,
        "failed": 14,
        "all": 24,
    }
    assert "ranked_below_10" not in views(clean, synthetic.clean_ranks())
    with pytest.raises(AnalysisError, match="q23"):
        views(clean, clean[:23])


def test_contributions(tmp_path):
    path = tmp_path / "contributions.parquet"
    synthetic.contributions().to_parquet(path)
    clean = {"full": _clean_file(tmp_path)}
    table = contributions.make({"full": path}, clean, seed=1).rows
    wanted = {"layer": 2, "component": "mlp", "measure": "ratio"}
    assert one(table, queries="correct", **wanted)["value"] == 3
    assert one(table, queries="failed", **wanted)["n"] == 8
    assert one(table, queries="all", **wanted)["value"] == pytest.approx((16 * 3 + 8 * 0.5) / 24)
    assert_intervals(table, "value")
    assert len(table) == len(VIEWS) * 4 * 3 * 3


def test_rank_development(tmp_path):
    path = tmp_path / "development.parquet"
    frame = synthetic.rank_development()
    frame[frame["layer"] < 2].to_parquet(path)
    clean = {"full": _clean_file(tmp_path)}
    table = rank_development.make({"full": path}, clean, seed=1).rows
    row = one(table, queries="all", layer=1, source="mlp", measure="vocabulary_rank_median")
    assert (row["value"], row["n"]) == (101, 24)
    assert_intervals(table, "value")
    assert len(table) == len(VIEWS) * 2 * 3 * 4


def test_retrieval_keeps_all_rows_and_adds_the_paper(tmp_path):
    path = tmp_path / "full.csv"
    synthetic.retrieval_rows("full").to_csv(path, index=False)
    table = retrieval.make([path], synthetic.PAPER / "table1_retrieval.csv").rows
    ours, theirs = table[table["system"] == "full"], table[table["system"] == published.SYSTEM]
    assert len(ours) == 30
    assert_intervals(ours, "value")
    assert one(theirs, metric="hits_at_10")["value"] == pytest.approx(0.639)
    assert theirs[["low", "high", "n"]].isna().all(axis=None)
    assert "0.404" in to_markdown(retrieval.shown(table))


def test_training_keeps_all_curves(tmp_path):
    files = []
    for number, name in enumerate(["full", "full/rd1"]):
        path = tmp_path / f"{number}.csv"
        synthetic.curve(number).to_csv(path, index=False)
        files.append(training.CurveFile(name, path))
    table = training.make(files).rows
    assert list(table["model"].unique()) == ["full", "full/rd1"]
    assert list(training.shown(table)["step"]) == [180, 180]


def test_markdown_cells():
    frame = pd.DataFrame({"value": [0.6189, 40.0], "low": [0.5, None], "high": [0.66, None]})
    assert list(with_interval(frame)) == ["0.619 [0.500, 0.660]", "40.0"]
    table = to_markdown(pd.DataFrame({"a|b": ["x|y"], "n": [12], "nothing": [None]}))
    assert table.splitlines()[-1] == r"| x\|y | 12 |  |"


def test_small_p_values_are_bounded():
    assert [p_value(p) for p in (1.0, 0.0123, 1e-9, float("nan"), None)] == [
        *("1.000", "0.012", "< 0.001", "", "")
    ]


def test_wide_keeps_the_order_of_rows_and_columns():
    frame = pd.DataFrame({"row": ["z", "z", "a"], "column": ["p", "b", "b"], "value": [1.0, 2, 3]})
    table = wide(frame.assign(low=0.0, high=9.0), ["row"], "column")
    assert list(table.columns) == ["row", "p", "b"]
    assert list(table["row"]) == ["z", "a"]
    assert pd.isna(table.loc[1, "p"])


def test_first_line_names_release_split_and_rank_kind(tmp_path):
    line = page.heading([synthetic.write_manifest(tmp_path)], page.VOCABULARY_RANK)
    assert "dataset terms of corpus hpo (release 2025-01-16), split mode: query" in line
    frame = pd.DataFrame({"n": [1]})
    write_table(frame, frame, line, tmp_path / "t.csv", tmp_path / "t.md")
    assert (tmp_path / "t.md").read_text().startswith(line)


def test_incomplete_manifest(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"corpus": "hpo"}))
    with pytest.raises(AnalysisError, match="lacks release, split_mode"):
        page.dataset_facts(tmp_path / "manifest.json")


def test_missing_and_double_queries(tmp_path):
    with pytest.raises(AnalysisError, match="no rank for query 'q99'"):
        select(synthetic.clean_ranks(), pd.Series(["q01", "q99"]), "file")
    doubled = pd.concat([synthetic.clean_ranks()] * 2)
    doubled.to_parquet(tmp_path / "doubled.parquet")
    with pytest.raises(AnalysisError, match="twice"):
        read_ranks(tmp_path / "doubled.parquet")
