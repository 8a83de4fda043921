from importlib import import_module

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import seaborn as sns
import synthetic_tables

from genir.base.errors import AnalysisError
from genir.figures.bars import bar_positions
from genir.figures.partial_swap import matrix
from genir.figures.patch_measures import BROKEN, LOST
from genir.figures.style import (
    PALETTE,
    count_note,
    in_order,
    save_figure,
    shades,
    theme,
    top_percent,
)

NAMES = (
    *("retrieval", "encoder_swap", "partial_swap", "patching", "patching_by_stage"),
    *("patching_heads", "circuit", "circuit_curve", "faithfulness"),
    *("edges", "edges_by_stage", "attribution"),
    *("contributions", "rank_development", "direct_contribution", "docid_share", "training"),
    *("signed_contributions", "query_words"),
    *("communication", "top_heads", "late_cosines", "drift", "slices"),
)


def draw(name, table):
    return import_module(f"genir.figures.{name}").draw(table)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_table_gives_the_same_bytes(name, tmp_path):
    table = getattr(synthetic_tables, name)()
    for run in ("first", "second"):
        save_figure(draw(name, table), tmp_path / run, ["svg", "png"])
    for suffix in (".svg", ".png"):
        first, second = ((tmp_path / run).with_suffix(suffix) for run in ("first", "second"))
        assert first.stat().st_size > 5_000
        assert first.read_bytes() == second.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{run}.{suffix}" for run in ("first", "second") for suffix in ("svg", "png")
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_table_survives_its_csv(name, tmp_path):
    path = tmp_path / "table.csv"
    getattr(synthetic_tables, name)().to_csv(path, index=False)
    draw(name, pd.read_csv(path))


@pytest.mark.parametrize("name", NAMES)
def test_one_model_is_enough(name):
    table = getattr(synthetic_tables, name)()
    column = "system" if name == "retrieval" else "model"
    draw(name, table[table[column] == "random_start"])


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_table_is_refused(name):
    with pytest.raises(AnalysisError, match="holds no rows"):
        draw(name, getattr(synthetic_tables, name)().iloc[:0])


def test_titles_name_model_and_n():
    figure = draw("patching", synthetic_tables.patching())
    titles = [axes.get_title() for axes in figure.axes]
    assert "full: zero\nn = 200" in titles
    assert "random_start: pre-trained\nnot defined" in titles


def test_the_paper_is_a_hollow_marker_over_its_bar():
    table = synthetic_tables.patching_by_stage()
    row = table["stage"].eq("II") & table["component"].eq("mlp")
    axes = draw("patching_by_stage", table[row & table["method"].eq("zero")]).axes[0]
    marker = axes.collections[-1]
    assert marker.get_offsets().tolist() == [[pytest.approx(bar_positions(3, 2, 3)[1]), 40.0]]
    assert len(marker.get_facecolors()) == 0


def test_all_layers_are_a_fourth_group_without_a_number_of_the_study():
    table = synthetic_tables.patching_by_stage()
    axes = draw("patching_by_stage", table).axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert [label.split("\n")[0] for label in labels] == [
        *("Stage I", "Stage II", "Stage III", "all layers")
    ]
    assert len(axes.patches) == 4 * 3
    assert len(axes.collections[-1].get_offsets()) == 3 * 3


def test_patching_has_one_decimal_and_a_scale_up_to_the_largest_percent():
    table = synthetic_tables.patching().assign(broken_percent=0.34)
    table.loc[table.index[:2], "broken_percent"] = [0, 7.25]
    axes = draw("patching", table).axes
    meshes = [panel.collections[0] for panel in axes if panel.get_xlabel() == "decoder layer"]
    assert {mesh.get_clim() for mesh in meshes} == {(0, 7.25), (-1.4, 1.4)}
    texts = [text.get_text() for text in axes[0].texts]
    assert texts.count("0") == 1
    assert set(texts) == {"0", "0.3", BROKEN.text(7.25)}


def test_the_logit_difference_lost_stands_below_each_model_s_percents():
    table = synthetic_tables.patching()
    of_full = table[(table["model"] == "full") & (table["method"] == "zero")]
    panels = [axes for axes in draw("patching", table).axes if axes.get_title().startswith("full")]
    lost = panels[3].collections[0].get_array()
    expected = of_full.pivot(
        index="component", columns="layer", values="logit_difference_lost"
    ).reindex(["self_attention", "cross_attention", "mlp"])
    assert np.asarray(lost).ravel() == pytest.approx(expected.to_numpy().ravel())
    assert panels[3].texts[0].get_text() == LOST.text(expected.iloc[0, 0])
    labels = [axes.get_ylabel() for axes in draw("patching", table).axes]
    assert [labels.count(measure.label) for measure in (BROKEN, LOST)] == [2, 2]


def test_bars_of_the_logit_difference_have_a_scale_of_their_own():
    table = synthetic_tables.patching_by_stage()
    panels = draw("patching_by_stage", table).axes
    assert panels[0].get_ylim() == (0, 102)
    low, high = panels[3].get_ylim()
    assert low <= table["logit_difference_lost_low"].min()
    assert high >= table["logit_difference_lost_high"].max()
    assert not [drawn for drawn in panels[3].collections if len(drawn.get_offsets()) == 9]


def test_heads_share_one_scale_up_to_the_largest_percent():
    table = synthetic_tables.patching_heads()
    figure = draw("patching_heads", table)
    meshes = [axes.collections[0] for axes in figure.axes if axes.get_xlabel() == "head"]
    assert len(meshes) == 2 * (2 * 3 + 2 * 2)
    assert {mesh.get_clim() for mesh in meshes} == {
        (0, table["broken_percent"].max()),
        (-1.4, 1.4),
    }
    part = table[(table["model"] == "full") & (table["component"] == "self_attention")]
    expected = part[part["method"] == "zero"]["broken_percent"].to_numpy()
    assert meshes[0].get_array().ravel().tolist() == expected.tolist()
    assert len(figure.axes[0].texts) == len(expected)
    assert figure.axes[0].yaxis_inverted()
    titles = [axes.get_title() for axes in figure.axes]
    assert "full: cross-attention,\nmean, n = 200" in titles
    assert "random_start: self-attention,\npre-trained\nnot defined" in titles


def test_a_circuit_stands_over_its_number_of_components_beside_the_study():
    table = synthetic_tables.circuit()
    absolute, relative = draw("circuit", table).axes[:2]
    assert absolute.get_xticklabels()[0].get_text() == "unmodified\n8 of 24"
    assert len(absolute.patches) == 6 * 3
    assert len(relative.patches) == 5 * 3
    (markers,) = [drawn for drawn in relative.collections if len(drawn.get_offsets()) == 3]
    assert markers.get_offsets()[:, 1].tolist() == [0.9] * 3
    assert markers.get_offsets()[0, 0] == pytest.approx(bar_positions(5, 0, 3)[0])
    assert relative.get_title() == "full, test queries, n = 200, stages imposed"


def test_boundaries_become_vertical_lines():
    table = synthetic_tables.contributions()
    module = import_module("genir.figures.contributions")
    stages = {"used": {"I": [0, 1], "II": [2, 5], "III": [6, 7]}, "status": "imposed"}
    panels = module.draw(table, {"full": stages}).axes
    dashed = [line.get_xdata()[0] for line in panels[0].lines if line.get_linestyle() == "--"]
    assert dashed == [1.5, 5.5]
    assert panels[0].get_title() == "full, correct queries, n = 200, stages imposed"
    assert panels[2].get_title() == "random_start, correct queries, n = 200"


def test_contributions_of_all_models_share_their_scales():
    table = synthetic_tables.contributions()
    larger = table["model"].eq("random_start") & table["measure"].eq("ratio")
    for name in ("value", "low", "high"):
        table[name] = table[name].where(~larger, 2 * table[name])
    panels = draw("contributions", table).axes
    assert panels[0].get_ylim() == panels[2].get_ylim() == (0, 1.03 * table["high"].max())
    assert panels[1].get_ylim() == panels[3].get_ylim()


def test_the_embedding_is_the_first_row_of_the_partial_swap():
    table = synthetic_tables.partial_swap()
    values = matrix(table[table["model"] == "full"])
    assert list(values.index) == ["embedding", "0", "1", "2"]
    assert values.loc["embedding", ["self_attention", "mlp"]].isna().all()
    assert values.loc["embedding", "up_to"] == table["percent_not_first"].iloc[0]


def test_bars_are_as_wide_for_a_model_without_reduced_models():
    panels = draw("encoder_swap", synthetic_tables.encoder_swap()).axes
    widths = {bar.get_width() for panel in (panels[0], panels[2]) for bar in panel.patches}
    assert {round(width, 6) for width in widths} == {round(0.8 / 3, 6)}
    centres = [bar.get_x() + bar.get_width() / 2 for bar in panels[2].patches]
    assert centres == pytest.approx([0, 1])


def test_a_marker_at_zero_is_drawn_whole():
    axes = draw("docid_share", synthetic_tables.docid_share()).axes[0]
    marker = axes.collections[-1]
    assert marker.get_offsets()[0, 1] == 0
    assert not marker.get_clip_on()


def test_the_look_is_seaborns():
    look = sns.axes_style("whitegrid") | sns.plotting_context("notebook", font_scale=0.9)
    chosen = {"font.family", "font.sans-serif", "axes.titlesize", "image.cmap"}
    with theme():
        drawn = {key: mpl.rcParams[key] for key in look.keys() - chosen}
    assert drawn == {key: look[key] for key in drawn}
    assert list(PALETTE) == sns.color_palette("colorblind")
    assert shades("Blues", 5) == sns.color_palette("Blues", 5)


def test_unknown_format(tmp_path):
    figure = draw("training", synthetic_tables.training())
    with pytest.raises(AnalysisError, match="'gif' is no figure format"):
        save_figure(figure, tmp_path / "figure", ["gif"])


def test_helpers():
    assert in_order(["b", "z", "a", "b"], ["a", "b", "c"]) == ["a", "b", "z"]
    assert count_note([40, 40]) == "n = 40"
    assert count_note([120.0, 40, float("nan")]) == "n = 40 to 120"
    assert bar_positions(2, 1, 3).tolist() == [0, 1]
    assert bar_positions(1, 1, 2, total=0.4).tolist() == pytest.approx([0.1])
    assert [BROKEN.text(value) for value in (0, 0.34, 100)] == ["0", "0.3", "100.0"]
    assert top_percent(pd.Series([1.0, 3.0])) == 5
    assert top_percent(pd.Series([1.0, 30.0])) == 30


def test_the_training_figure_shows_losses_above_those_of_its_first_panel():
    steps = range(1, 6)
    frame = pd.DataFrame({"model": "full", "step": steps, "indexing_loss": 0.1})
    frame = frame.assign(loss=5.0, retrieval_loss=[9.0, 7.0, 5.0, 3.0, 1.0])
    figure = draw("training", frame)
    assert all(axes.get_ylim()[0] == 0 and axes.get_ylim()[1] >= 9 for axes in figure.axes)
