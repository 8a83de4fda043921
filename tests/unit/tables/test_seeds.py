import numpy as np
import pandas as pd
import pytest
import synthetic_views
from scipy import stats

from genir.figures.style import read_table
from genir.tables.page import to_markdown
from genir.tables.seeds import COLUMNS, SeedTables, long_rows, make, shown, t_interval

SEEDS = {"full": [1, 2, 3]}
SHIFT = {"full": 0.0, "full-seed2": 1.0, "full-seed3": 5.0}


def trained_three_times(table: pd.DataFrame) -> pd.DataFrame:
    """The model's rows three times, the copies shifted by 1 and 5, and another model's."""
    column = "system" if "system" in table else "model"
    number = "broken_percent" if "broken_percent" in table else "value"
    own, others = table[table[column] == "full"], table[table[column] != "full"]
    copies = [
        own.assign(**{column: name, number: own[number] + shift}) for name, shift in SHIFT.items()
    ]
    return pd.concat([*copies, others], ignore_index=True)


@pytest.fixture
def tables(tmp_path) -> SeedTables:
    paths = {name: tmp_path / f"{name}.csv" for name in SeedTables.__annotations__}
    for name, path in paths.items():
        trained_three_times(getattr(synthetic_views, name)()).to_csv(path, index=False)
    return SeedTables(**paths)


def test_mean_and_interval_between_seeds(tables):
    frame = make(tables, SEEDS).rows
    own = pd.read_csv(tables.communication).query("model == 'full'").iloc[0]
    item = "correct all embedding I mlp"
    row = frame[(frame["table"] == "communication") & (frame["item"] == item)].iloc[0]
    values = own["value"] + np.array([0, 1, 5])
    low, high = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert (row["value"], row["low"], row["high"]) == pytest.approx((values.mean(), low, high))
    assert (row["seeds"], row["n"], row["measure"]) == (3, 30, "share")
    assert (row["query_low"], row["query_high"]) == pytest.approx((own["low"], own["high"]))
    assert list(frame.columns) == COLUMNS


def test_every_table_is_compared_and_other_models_are_left_out(tables):
    frame = make(tables, SEEDS).rows
    assert set(frame["table"]) == set(SeedTables.__annotations__)
    assert set(frame["model"]) == {"full"}
    assert not frame.duplicated(["table", "item", "measure"]).any()
    retrieval = frame[frame["table"] == "retrieval"]
    assert retrieval["item"].str.startswith("test ").all()
    contributions = frame[frame["table"] == "contributions"]
    assert contributions["item"].str.startswith("correct ").all()
    effects = frame.loc[frame["table"] == "patching_by_stage", "measure"]
    assert set(effects) == {"broken_percent", "repaired", "net_hits_at_1", "logit_difference_lost"}


def test_rows_that_one_training_lacks_are_left_out(tables):
    whole = len(make(tables, SEEDS).rows)
    table = pd.read_csv(tables.circuit)
    missing = (table["model"] == "full-seed3") & (table["variant"] == "mean")
    table[~missing].to_csv(tables.circuit, index=False)
    assert len(make(tables, SEEDS).rows) == whole - missing.sum()


def test_equal_trainings_claim_no_certainty(tables):
    assert np.isnan(t_interval(np.zeros(3))).all()
    frame = make(tables, SEEDS).rows
    effect = frame[frame["measure"] == "repaired"]
    assert (effect["value"] == 5).all()
    assert effect[["low", "high"]].isna().all(axis=None)


def test_a_table_becomes_long_without_losing_a_row():
    table = synthetic_views.docid_share()
    assert len(long_rows("docid_share", table)) == len(table)


def test_headline_rows_are_shown(tables):
    text = to_markdown(shown(make(tables, SEEDS).rows))
    assert "| full | retrieval | test all | hits_at_1 | 3 |" in text
    assert "| full | circuit | study test relative vocabulary | hits_at_1 | 3 |" in text
    assert text.count("\n") == 2 + 2 + 6 + 1


@pytest.mark.parametrize("name", ["retrieval", "communication"])
def test_figures_leave_the_copies_out(tables, name):
    table = read_table(getattr(tables, name))
    models = set(table["system" if name == "retrieval" else "model"])
    assert {"full", "random_start"} <= models
    assert not {"full-seed2", "full-seed3"} & models


def test_a_figure_of_nothing_is_left_to_its_own_message(tmp_path):
    synthetic_views.communication().iloc[:0].to_csv(tmp_path / "empty.csv", index=False)
    assert read_table(tmp_path / "empty.csv").empty
