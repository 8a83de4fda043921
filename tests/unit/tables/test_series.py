import numpy as np
import pytest
import synthetic_series

from genir.base.errors import AnalysisError
from genir.estimates.paired_tests import holm
from genir.figures import series as figure
from genir.files.io import read_csv, write_csv
from genir.tables import series, series_trend
from genir.tables.page import to_markdown

STEPS = {"zero": "0", "some": "500", "many": "2000", "most": "30000"}
SEEDS = {"zero": [1, 2], "many": [1, 2]}
FIRST = [2, 3, 3, synthetic_series.LAYERS - 1, synthetic_series.LAYERS]


def made(folder, values=STEPS, seeds=SEEDS):
    members = synthetic_series.members(values, seeds)
    trainings = [member.training for member in members]
    return series.make(
        "emergence",
        members,
        synthetic_series.tables(folder, trainings),
        synthetic_series.stages(folder, trainings),
        synthetic_series.development(folder, trainings, FIRST),
        synthetic_series.clean(folder, trainings, FIRST),
        seed=1,
    )


@pytest.fixture
def table(tmp_path):
    return made(tmp_path)


@pytest.fixture
def rows(table, tmp_path):
    """As a reader has them."""
    write_csv(tmp_path / "series.csv", table.rows)
    return read_csv(tmp_path / "series.csv")


def test_every_training_has_a_row_of_every_measure(table):
    frame = table.rows
    assert list(frame.columns) == series.COLUMNS
    assert not frame.duplicated(["model", "seed", "measure"]).any()
    counts = frame.groupby(["model", "seed"])["measure"].nunique()
    assert len(counts) == len(STEPS) + 2
    assert counts.nunique() == 1
    assert frame["n"].notna().all()
    assert dict(zip(frame["model"], frame["quantity"], strict=True)) == STEPS
    assert set(frame["measure"].str.split().str[0]) == {
        *("retrieval", "encoder_swap", "patching_by_stage", "direct_contribution"),
        *("docid_share", "contributions", "stages", "emergence"),
    }


def test_a_number_is_that_of_its_table(tmp_path, table):
    own = read_csv(tmp_path / "patching_by_stage.csv")
    cell = {"model": "many-seed2", "method": "mean", "stage": "III", "component": "mlp"}
    for name, value in cell.items():
        own = own[own[name] == value]
    rows = table.rows[(table.rows["model"] == "many") & (table.rows["seed"] == 2)]
    rows = rows.set_index("measure")
    cell = "patching_by_stage mean III mlp"
    assert rows.loc[f"{cell} broken_percent", "value"] == own["broken_percent"].item()
    assert (
        rows.loc[f"{cell} logit_difference_lost", "low"] == own["logit_difference_lost_low"].item()
    )
    assert rows.loc["docid_share base_rate", "value"] == pytest.approx(14)


def test_the_document_emerges_where_it_stays_first(table):
    rows = table.rows[table.rows["model"] == "some"].set_index("measure")
    layers = np.array([start for start in FIRST if start < synthetic_series.LAYERS])
    assert rows.loc["emergence layer", ["value", "n"]].tolist() == [layers.mean(), len(layers)]
    share = (layers + 1).mean() / synthetic_series.LAYERS
    assert rows.loc["emergence share_of_depth", "value"] == pytest.approx(share)
    assert rows.loc["emergence layer", "low"] < layers.mean() < rows.loc["emergence layer", "high"]


def test_what_is_detected_is_counted_and_its_least_lead_has_an_interval(table):
    own = (table.rows["model"] == "many") & (table.rows["seed"] == 1)
    rows = table.rows[own].set_index("measure")
    found = rows["value"].filter(like="stages ").to_dict()
    expected = {"segments": 4, "supported": 0, "p_order": 0.25, "least_lead": 0.1}
    assert found == {f"stages {name}": value for name, value in expected.items()}
    assert rows.loc["stages least_lead", "high"] == 0.1


def test_the_page_has_a_column_for_each_training_and_no_single_layers(table):
    text = to_markdown(table.shown)
    head = text.splitlines()[0]
    assert "| 0 (zero), seed 1 | 0 (zero), seed 2 | 500 (some) |" in head
    assert "patching_by_stage mean III mlp broken_percent" in text
    assert "contributions 0" not in text


def test_a_model_that_the_tables_lack_is_named(tmp_path):
    made(tmp_path)
    with pytest.raises(AnalysisError, match="no row of absent"):
        series.make(
            "emergence",
            synthetic_series.members({"absent": "1"}, {}),
            series.SeriesTables(
                *(tmp_path / f"{n}.csv" for n in series.SeriesTables.__annotations__)
            ),
            *({}, {}, {}),
            seed=1,
        )


def test_the_trend_is_over_means_of_trainings(table, tmp_path):
    write_csv(tmp_path / "series.csv", table.rows)
    trends = series_trend.make(tmp_path / "series.csv", "pretraining_steps", seed=1)
    frame = trends.rows
    assert list(frame.columns) == series_trend.COLUMNS
    assert tuple(frame["measure"]) == series_trend.TESTED
    hits = frame[frame["measure"] == "retrieval hits_at_1"].iloc[0]
    rows = table.rows[table.rows["measure"] == "retrieval hits_at_1"]
    means = rows.groupby("model")["value"].mean()
    assert hits["value"] == pytest.approx(means["most"] - means["zero"])
    assert hits["low"] < hits["value"] < hits["high"]
    assert (hits["n"], hits["tau"], hits["p"]) == (4, 1, pytest.approx(2 / 24))
    assert frame["p_holm"].tolist() == holm(frame["p"]).tolist()
    assert "no p can be below 0.083" in trends.note
    assert "| retrieval hits_at_1 |" in to_markdown(trends.shown)


def test_a_panel_for_each_kind_of_number_and_each_value(rows):
    drawn = figure.draw(rows, "pretraining_steps")
    titles = [axes.get_title().partition("\n")[0] for axes in drawn.axes if axes.axison]
    assert titles[0] == "Retrieval, test queries"
    assert titles[-4:] == [f"pretraining steps {value}" for value in STEPS.values()]
    assert len(titles) == 11 + 4
    first = drawn.axes[0]
    assert [label.get_text() for label in first.get_xticklabels()] == list(STEPS.values())
    means = rows[rows["measure"] == "retrieval hits_at_1"].groupby("quantity")["value"].mean()
    assert first.lines[0].get_ydata() == pytest.approx([means[value] for value in STEPS.values()])
    assert len(first.lines[1].get_ydata()) == len(STEPS) + 2


def test_words_have_their_own_order_and_what_no_model_has_is_left_out(tmp_path):
    rows = made(tmp_path, {"zero": "random", "some": "mini-T5"}, {}).rows
    rows = rows[~rows["measure"].str.contains("pretrained")]
    drawn = figure.draw(rows, "start")
    titles = [axes.get_title().partition("\n")[0] for axes in drawn.axes if axes.axison]
    assert titles[-2:] == ["start random", "start mini-T5"]
    assert "Pre-trained encoder before the decoder" not in titles
    with pytest.raises(AnalysisError, match="holds no rows"):
        figure.draw(rows.iloc[:0], "start")


def test_models_without_a_pretrained_encoder_have_no_row_of_it(tmp_path):
    made(tmp_path, {"zero": "1", "some": "2"}, {})
    table = read_csv(tmp_path / "encoder_swap.csv")
    write_csv(tmp_path / "encoder_swap.csv", table[table["encoder"] == "full"])
    paths = (tmp_path / f"{name}.csv" for name in series.SeriesTables.__annotations__)
    members = synthetic_series.members({"zero": "1", "some": "2"}, {})
    rows = series.make("x", members, series.SeriesTables(*paths), {}, {}, {}, seed=1).rows
    assert set(rows["model"]) == {"zero", "some"}
    assert not rows["measure"].str.startswith("encoder_swap").any()
