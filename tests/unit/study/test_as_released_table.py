"""What is computed with a mask beside what is as released, with planted ranks."""

import numpy as np
import pandas as pd
import pytest
import synthetic_results as synthetic

from genir.base.names import COMPONENTS, PATCHED_STAGES
from genir.base.patched_files import patch_files, patch_name
from genir.files.io import write_csv, write_parquet
from genir.study.as_released import BOTH, MASKED, OWN, ReleasedModel, make

CLEAN = [1] * 16 + [7] * 8
LAYERS = range(2)


def released(folder, lists):
    """Files of as_released: every second query is correct padded to 128 tokens; of those that are
    correct with a mask padding alone breaks the first four, a mean in Stage II the first twelve."""
    evaluation = [
        synthetic.ranks([1, 4] * 12).assign(split=split) for split in ("validation", "test")
    ]
    write_parquet(folder / "evaluation.parquet", pd.concat(evaluation))
    patching, circuit = [], []
    rows = {"released": np.arange(0, 24, 2), "with_mask": np.arange(16)}
    for name in lists:
        broken = {"unmodified": 4} | {
            patch_name(method, place, component): 12 if (method, place) == ("mean", "II") else 4
            for method in ("zero", "mean")
            for place in (*PATCHED_STAGES, *LAYERS)
            for component in COMPONENTS
        }
        for patch, first in broken.items():
            table = synthetic.ranks([9] * first + [1] * (24 - first)).iloc[rows[name]]
            patching.append(table.assign(list=name, patch=patch, padded_tokens=19))
        for of, hits in (("unmodified", 10), ("study", 5)):
            table = synthetic.ranks([1] * hits + [20] * (24 - hits))
            circuit.append(table.assign(list=name, circuit=of, padded_tokens=19))
    write_parquet(folder / "patching.parquet", pd.concat(patching))
    write_parquet(folder / "circuit.parquet", pd.concat(circuit))
    swap = synthetic.ranks([2] * 24).assign(encoder="rd1")
    write_parquet(folder / "encoder_swap.parquet", swap)
    shares = {"target_stage": "III", "source": "mlp", "source_stage": "all"}
    shares |= {"value": 0.5, "low": 0.4, "high": 0.6, "n": 16}
    both = [{"norm_weights": name} | shares for name in ("left_out", "kept")]
    write_parquet(folder / "communication.parquet", pd.DataFrame(both))


def table_of(folder, lists=("released", "with_mask")):
    released(folder / "released", lists)
    for split in ("validation", "test"):
        synthetic.write_ranks(folder / "evaluated", f"{split}.ranks", CLEAN)
    for rule, places in (("stage", PATCHED_STAGES), ("component", LAYERS)):
        for path in patch_files(folder / rule, ["zero", "mean"], places).values():
            write_parquet(path, synthetic.ranks([3] * 2 + CLEAN[2:]))
    synthetic.write_ranks(folder / "circuit", "study.test", [1] * 8 + [20] * 16)
    synthetic.write_ranks(folder / "swap", "rd1", [1] * 24)
    names = {"model": "full", "queries": "correct", "target": "mlp", "target_stage": "III"}
    names |= {"source": "mlp", "source_stage": "all", "value": 0.2, "low": 0.1, "high": 0.3}
    write_csv(folder / "communication.csv", pd.DataFrame([names | {"n": 16}]))
    model = ReleasedModel(
        "full",
        folder / "released",
        folder / "evaluated",
        folder / "stage",
        folder / "component",
        folder / "circuit",
        ["zero", "mean"],
        len(LAYERS),
        "NQ320k",
        folder / "swap",
        synthetic.write_removed(folder),
    )
    return make([model], folder / "communication.csv", synthetic.PAPER, 128, seed=1)


def cell(table, name, queries, cell):
    rows = table.rows
    rows = rows[(rows["table"] == name) & (rows["queries"] == queries) & (rows["cell"] == cell)]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return table_of(tmp_path_factory.mktemp("released"))


def test_the_mask_is_told_from_the_patch(table):
    padding = cell(table, "patching_by_stage", MASKED, "unmodified")
    assert (padding["with_mask"], padding["as_released"]) == (0, 25)
    assert (padding["with_mask_n"], padding["as_released_n"]) == (16, 16)
    patch = "mean II cross_attention"
    row = cell(table, "patching_by_stage", MASKED, patch)
    assert (row["with_mask"], row["as_released"]) == (12.5, 75)
    row = cell(table, "patching_by_stage", BOTH, patch)
    assert (row["with_mask"], row["as_released"], row["with_mask_n"]) == (
        0,
        pytest.approx(200 / 3),
        12,
    )
    row = cell(table, "patching_by_stage", OWN, patch)
    assert (row["with_mask"], row["with_mask_n"]) == (12.5, 16)
    assert (row["as_released"], row["as_released_n"]) == (50, 12)
    assert row["padded_tokens"] == 19
    assert cell(table, "patching", BOTH, "zero layer1 mlp")["as_released"] == 0


def test_the_study_stands_beside_what_it_printed(table):
    paper = pd.read_csv(synthetic.PAPER / "table3_stage_patching.csv").query("dataset == 'NQ320k'")
    printed = paper.query("method == 'zero' and stage == 'I' and component == 'mlp'").iloc[0]
    row = cell(table, "patching_by_stage", OWN, "zero I mlp")
    assert row["paper"] == printed["percent_not_rank_1"]
    assert np.isnan(cell(table, "patching_by_stage", BOTH, "zero I mlp")["paper"])
    assert cell(table, "retrieval", "test", "hits_at_1")["paper"] == 20.0
    assert cell(table, "circuit", OWN, "hits_at_1 relative")["paper"] == 82


def test_the_circuit_is_relative_to_what_was_padded_alike_or_to_the_evaluation(table):
    row = cell(table, "circuit", MASKED, "hits_at_1 relative")
    assert (row["with_mask"], row["as_released"]) == (50, 50)
    assert cell(table, "circuit", OWN, "hits_at_1 relative")["as_released"] == pytest.approx(
        500 / 12
    )
    row = cell(table, "retrieval", "test", "hits_at_1")
    assert (row["with_mask"], row["as_released"]) == (pytest.approx(200 / 3), 50)
    assert row["padded_tokens"] == 128


def test_swap_and_communication_stand_beside_ours(table):
    row = cell(table, "encoder_swap", "removed", "rd1 mrr")
    assert (row["with_mask"], row["as_released"], row["as_released_n"]) == (1, 0.5, 4)
    assert pd.isna(row["padded_tokens"])
    row = cell(table, "communication", MASKED, "mlp III from mlp all")
    assert (row["with_mask"], row["as_released"]) == (20, 50)


def test_without_two_queries_that_are_correct_as_released_that_side_is_empty(tmp_path):
    table = table_of(tmp_path, ("with_mask",))
    for name, of in (("patching_by_stage", "zero I mlp"), ("circuit", "hits_at_1 relative")):
        row = cell(table, name, OWN, of)
        assert np.isnan(row["as_released"])
        assert row["as_released_n"] == 0
        assert row["with_mask_n"] > 0
    assert "| full | own | zero I mlp | 12.5" in table.shown


def test_every_interval_holds_its_value_and_single_layers_are_for_programs(table):
    for side in ("with_mask", "as_released"):
        known = table.rows.dropna(subset=f"{side}_low")
        assert len(known) > 100
        assert (known[f"{side}_low"] <= known[side] + 1e-9).all()
        assert (known[side] <= known[f"{side}_high"] + 1e-9).all()
    assert "layer1" not in table.shown
