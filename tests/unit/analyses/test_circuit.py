import logging
import math

import numpy as np
import pandas as pd
import pytest
import synthetic_results as synthetic
import torch
from plain_t5 import FAMILIES, component_module, docid_tokens, plain_logits, plain_ranks, replaced
from small_subjects import relevant_lists, small_subject

from genir.analyses.circuit import (
    FIXED,
    automatic_cells,
    automatic_record,
    cell_effects,
    recorded_cells,
    replacements,
)
from genir.analyses.patching import patch_means, patched_ranks
from genir.analyses.rank_queries import rank_queries
from genir.analyses.stages import patched_stages
from genir.base.names import COMPONENTS, PATCHED_STAGES, STAGES
from genir.estimates.intervals import Interval, wilson
from genir.files.io import write_json
from genir.models.tokens import pad_rows
from genir.tables import published
from genir.tables.circuit import COLUMNS, CircuitFiles, make, shown

LAYERS = {"I": (0, 0), "II": (1, 1), "III": (2, 2)}
CORRECT = np.array([True, False, True, True, False, False, True])
NOTHING = Interval(0.0, 0.0, 1.0, 396)
EVERYTHING = Interval(100.0, 99.0, 100.0, 396)


def _outputs(subject):
    """Output `[query, d_model]` of every component, captured by plain hooks."""
    seen, handles = {}, []
    for place in [(layer, component) for layer in range(3) for component in COMPONENTS]:

        def keep(module, inputs, output, place=place):
            seen[place] = (output[0] if isinstance(output, tuple) else output)[:, 0]

        handles.append(component_module(subject.plain, *place).register_forward_hook(keep))
    plain_logits(subject.plain, *_padded(subject))
    for handle in handles:
        handle.remove()
    return seen


def _padded(subject):
    ids = torch.from_numpy(pad_rows(subject.queries.inputs, 0))
    return ids, (ids != 0).long()


@pytest.mark.parametrize("family", FAMILIES)
def test_circuits_of_other_queries_equal_plain_hooks_with_means_of_validation(family):
    whole, start = small_subject(family), small_subject(family, seed=9)
    split = {"validation": np.arange(7), "test": np.arange(7, 11)}
    own, other = (whole.over(whole.queries.take(rows)) for rows in split.values())
    donor = start.over(other.queries)
    patches = {name: replacements(cells, LAYERS) for name, cells in FIXED.items()}
    means = patch_means(own, CORRECT, patches)
    tables = patched_ranks(other, means, donor, patches)
    clean, theirs = _outputs(own), _outputs(donor)
    seen = set()
    for name, patch in patches.items():
        values = {
            place: {
                "zero": torch.zeros(16),
                "mean": clean[place][torch.from_numpy(CORRECT)].mean(0),
                "pretrained": theirs[place],
            }[method]
            for place, method in patch.items()
        }
        with replaced(whole.plain, values):
            logits = plain_logits(whole.plain, *_padded(other))
        relevant = relevant_lists(other)
        every = plain_ranks(logits, relevant, torch.arange(logits.shape[1]))
        assert tables[name]["vocabulary_rank"].tolist() == every
        assert tables[name]["docid_rank"].tolist() == plain_ranks(logits, relevant, docid_tokens())
        seen.add(tuple(every))
    assert len(seen) > 2


def test_a_circuit_that_replaces_nothing_is_the_model(caplog):
    subject = small_subject()
    with caplog.at_level(logging.WARNING):
        tables = patched_ranks(subject, None, None, {"automatic": replacements({}, LAYERS)})
    assert tables["automatic"].equals(rank_queries(subject))
    assert not caplog.text


def test_the_circuits_of_the_study_on_t5_large():
    layers = {"I": (0, 6), "II": (7, 17), "III": (18, 23)}
    active = {name: 72 - len(replacements(cells, layers)) for name, cells in FIXED.items()}
    assert active == {"study": 23, "zero": 23, "mean": 23, "pretrained": 12}
    study = replacements(FIXED["study"], layers)
    assert {study[layer, "self_attention"] for layer in range(24)} == {"zero"}
    assert {layer for layer, name in study if name == "cross_attention"} == set(range(7))
    assert {layer for layer, name in study if name == "mlp"} == set(range(18))
    assert {study[layer, "mlp"] for layer in range(18)} == {"mean"}


def _effects(planted, default=EVERYTHING):
    """Effects of every cell, `default` under either method unless `planted` says otherwise."""
    cells = [(component, stage) for component in COMPONENTS for stage in PATCHED_STAGES]
    return {cell: {"zero": default, "mean": default} | planted.get(cell, {}) for cell in cells}


def _bound(high):
    return Interval(high / 2, high / 4, high, 396)


def test_the_upper_bound_decides_and_zero_comes_first():
    effects = _effects(
        {
            ("mlp", "I"): {"zero": _bound(24.9), "mean": _bound(0.1)},
            ("mlp", "II"): {"zero": _bound(25.0), "mean": _bound(24.9)},
            ("mlp", "III"): {"zero": _bound(25.0), "mean": _bound(25.0)},
        }
    )
    assert automatic_cells(effects, 25) == {("mlp", "I"): "zero", ("mlp", "II"): "mean"}
    assert automatic_cells(effects, 24.95) == automatic_cells(effects, 25)
    assert automatic_cells(effects, 24.9) == {("mlp", "I"): "mean"}
    assert automatic_cells(effects, 0.05) == {}


def test_a_stage_stays_where_stages_stand_in_for_one_another():
    bounds = {"I": 6, "II": 17, "III": 7}
    alone = {("cross_attention", s): {"zero": _bound(bound)} for s, bound in bounds.items()}
    effects = _effects(alone)
    assert set(automatic_cells(effects, 25)) == {("cross_attention", s) for s in ("I", "III")}
    effects = _effects(alone | {("cross_attention", "all"): {"mean": _bound(24)}})
    assert set(automatic_cells(effects, 25)) == {("cross_attention", s) for s in STAGES}


def test_a_cell_without_a_bound_or_a_method_stays():
    unknown = Interval(0.0, math.nan, math.nan, 3)
    for effects in (_effects({}, unknown), _effects({}, wilson(0, 0))):
        assert automatic_cells(effects, 100) == {}
    record = automatic_record(_effects({}, unknown), LAYERS, 100)
    assert record["cells"][0]["no_longer_first"]["zero"] == {
        **{"percent": 0.0, "low": None, "high": None, "n": 3}
    }
    none = {cell: {} for cell in _effects({})}
    assert recorded_cells(automatic_record(none, LAYERS, 25)) == {}


def test_the_rule_finds_the_components_that_the_study_replaces():
    """From the percentages of Table 3 and the 396 correct queries that fit them."""
    cells = published.patching_by_stage(synthetic.PAPER / "table3_stage_patching.csv")
    effects = _effects(
        {
            (component, stage): {
                method: wilson(round(3.96 * cells[method, stage, component]), 396).times(100)
                for method in ("zero", "mean")
            }
            for component in COMPONENTS
            for stage in STAGES
        }
        | {("self_attention", "all"): {"zero": NOTHING}}
    )
    cells = automatic_cells(effects, 20)
    assert cells.keys() == FIXED["study"].keys()
    assert cells["mlp", "I"] == "mean"
    more = {("cross_attention", "II"): "mean"}
    assert automatic_cells(effects, 25) == cells | more


def test_the_record_says_what_was_chosen_and_why(tmp_path):
    clean = synthetic.clean_ranks()
    half = synthetic.ranks([1] * 8 + [2] * 8 + [1] * 8)
    patched = {cell: {"zero": half, "mean": half} for cell in _effects({})}
    patched["self_attention", "II"] = {"zero": half, "mean": clean}
    effects = cell_effects(clean, patched, seed=1)
    layers = patched_stages(synthetic.LAYERS)
    record = automatic_record(effects, layers, 40)
    write_json(tmp_path / "automatic.json", record)
    assert recorded_cells(record) == {("self_attention", "II"): "mean"}
    (cell,) = [cell for cell in record["cells"] if cell["choice"] == "inactive"]
    assert (cell["component"], cell["stage"], cell["layers"]) == ("self_attention", "II", [1, 2])
    assert cell["no_longer_first"]["zero"]["percent"] == 50
    assert cell["no_longer_first"]["mean"]["high"] < 40
    assert cell["no_longer_first"]["mean"]["n"] == 16
    assert "below 40" in record["rule"]
    assert "zero, mean" in record["rule"]
    assert record["all_layers"]["mlp"]["zero"]["percent"] == 50
    assert len(record["cells"]) == 9


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("circuit")
    clean = [1] * 12 + [4] * 4 + [7] * 4 + [50] * 4
    lost = [1] * 9 + [3] * 7 + [7] * 4 + [50] * 4
    for split in ("test", "validation"):
        synthetic.write_ranks(folder, f"{split}.ranks", clean)
        synthetic.write_ranks(folder, f"study.{split}", lost)
        synthetic.write_ranks(folder, f"automatic.{split}", [50] * 24)
    effects = _effects({("self_attention", "III"): {"zero": NOTHING}})
    layers = patched_stages(synthetic.LAYERS)
    write_json(folder / "automatic.json", automatic_record(effects, layers, 25))
    files = [
        CircuitFiles("m", ["study", "automatic"], folder, folder, synthetic.write_stages(folder))
    ]
    return make(files, synthetic.PAPER / "table4_circuit.csv", seed=1).rows


def _row(table, **wanted):
    chosen = {"split": "test", "rank_kind": "vocabulary", "kind": "absolute"} | wanted
    for name, value in chosen.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_metrics_of_a_circuit_by_hand(table):
    assert list(table.columns) == COLUMNS
    for metric, value in {
        "hits_at_1": 9 / 24,
        "recall_at_5": 16 / 24,
        "hits_at_10": 20 / 24,
    }.items():
        assert _row(table, variant="study", metric=metric)["value"] == pytest.approx(value)
    relative = _row(table, variant="study", metric="hits_at_1", kind="relative")
    assert relative["value"] == pytest.approx(9 / 12)
    assert relative["low"] < 9 / 12 < relative["high"] <= 1
    same = _row(table, variant="study", metric="recall_at_5", kind="relative")
    assert same["value"] == 1
    assert same["low"] < 1 < same["high"]
    nothing = _row(table, variant="automatic", metric="hits_at_1", kind="relative")
    assert nothing["value"] == 0 == nothing["low"]
    assert nothing["high"] > 0
    assert _row(table, variant="study", metric="hits_at_1", rank_kind="docid")["n"] == 24


def test_active_components_and_the_unmodified_model(table):
    active = table.groupby("variant")["active"].first().to_dict()
    assert active == {"full": 12, "study": 12 - 4 - 1 - 3, "automatic": 11}
    assert set(table["components"]) == {12}
    full = table[table["variant"] == "full"]
    assert set(full["kind"]) == {"absolute"}
    assert _row(full, metric="hits_at_1")["value"] == 0.5


def test_the_paper_stands_beside_its_own_circuit_as_shares(table):
    given = table.dropna(subset="paper")
    assert set(zip(given["variant"], given["split"], given["rank_kind"], strict=True)) == {
        ("study", "test", "vocabulary")
    }
    assert _row(given, metric="hits_at_1")["paper"] == pytest.approx(0.38)
    assert _row(given, metric="hits_at_10", kind="relative")["paper"] == pytest.approx(0.97)
    assert len(given) == 6
    text = shown(table)
    assert len(text) == 2 * 3
    assert "Hits@1 0.38" in text.iloc[1].iloc[-1]


def test_without_a_hit_of_the_model_there_is_no_ratio(tmp_path):
    for split in ("test", "validation"):
        synthetic.write_ranks(tmp_path, f"{split}.ranks", [3] * 24)
        synthetic.write_ranks(tmp_path, f"study.{split}", [1] * 24)
    write_json(tmp_path / "automatic.json", automatic_record(_effects({}), LAYERS, 25))
    files = [CircuitFiles("m", ["study"], tmp_path, tmp_path, synthetic.write_stages(tmp_path))]
    table = make(files, synthetic.PAPER / "table4_circuit.csv", seed=1).rows
    row = _row(table, variant="study", metric="hits_at_1", kind="relative")
    assert pd.isna(row["value"])
    assert row["n"] == 0
    assert set(shown(table)["n"]) == {24}
