import json
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from synthetic_results import with_logits

from genir.base.names import COMPONENTS, PATCHED_STAGES
from genir.estimates.intervals import Interval
from genir.estimates.paired_tests import holm
from genir.files.io import write_csv, write_json, write_parquet
from genir.study.claim_rules import CLAIMS, Evidence, Inequality, judge
from genir.study.claims import COLUMNS, UNITS, ClaimFiles, make, read_evidence, shown
from genir.tables.communication import stage_shares
from genir.tables.encoder_swap import SwapModel
from genir.tables.page import to_markdown

QUERIES, CORRECT = 80, 60
USED = {"I": [0, 0], "II": [1, 1], "III": [2, 2]}
ABOUT_STAGES = {
    *("stage_one_mlps_query_agnostic", "cross_attention_bridges", "stage_three_mlps_adapted_most"),
    *("heads_speak_words", "stage_one_primes_stage_two", "stage_two_feeds_stage_three"),
    "one_third_suffices",
}


def ranks(broken: int = 0, rank: int = 9, failed: int = 7) -> pd.DataFrame:
    """Of the correct queries the first `broken` have `rank`, of the others all have `failed`."""
    names = [f"q{number:02d}" for number in range(QUERIES)]
    values = [rank] * broken + [1] * (CORRECT - broken) + [failed] * (QUERIES - CORRECT)
    frame = {"query_id": names, "doc_id": [f"d{name}" for name in names]}
    return with_logits(pd.DataFrame(frame | {"vocabulary_rank": values, "docid_rank": values}))


def patches(**broken: int) -> dict[tuple[str, str, str], pd.DataFrame]:
    """`mean_II_mlp=20` breaks 20 queries; every other cell breaks two."""
    cells = product(("zero", "mean", "pretrained"), PATCHED_STAGES, COMPONENTS)
    return {cell: ranks(broken.get("_".join(cell), 2)) for cell in cells}


def swap(removed_rank: int = 1, pretrained: int = 3, encoders: int = 2) -> SwapModel:
    """Behind rd<i> the documents of set i have `removed_rank`; random gives everything 900."""
    clean = ranks()
    removed = clean[["query_id", "doc_id"]][:20].assign(set=np.repeat([1, 2], 10))
    found = {"full": clean, "random": ranks(CORRECT, 900), "pretrained": ranks(CORRECT, pretrained)}
    for number in range(1, encoders + 1):
        own = np.where(removed["set"] == number, removed_rank, 1)
        reduced = clean.copy()
        reduced.loc[:19, "vocabulary_rank"] = own
        found[f"rd{number}"] = reduced
    return SwapModel(found, clean[["query_id", "doc_id"]][:CORRECT], removed)


def direct(mlp: int, cross_attention: int) -> pd.DataFrame:
    broken = {"mlp": mlp, "cross_attention": cross_attention, "self_attention": CORRECT}
    return pd.concat([ranks(number).assign(source=name) for name, number in broken.items()])


def by_layer(priming: float, feeding: float) -> pd.DataFrame:
    """What the rule communication writes for three layers, each a stage: shares of Stage I MLPs in
    Stage II cross-attention, and of cross-attention in Stage III MLPs, a third from each stage; the
    other sources have equal parts of the rest."""
    rest = (1 - priming) / 4
    shares = {
        ("cross_attention", 1, *source): rest
        for source in (("embedding", -1), ("self_attention", 0), ("cross_attention", 0))
    }
    shares["cross_attention", 1, "self_attention", 1] = rest
    shares["cross_attention", 1, "mlp", 0] = priming
    for source in (("embedding", -1), ("self_attention", 1), ("mlp", 0)):
        shares["mlp", 2, *source] = (1 - feeding) / 3
    for layer in range(3):
        shares["mlp", 2, "cross_attention", layer] = feeding / 3
    noise = np.random.default_rng(0).normal(scale=0.01, size=(len(shares), QUERIES))
    columns = "target target_layer source source_layer".split()
    return pd.concat(
        [
            ranks()[["query_id", "doc_id"]].assign(
                share=share + noise[row], **dict(zip(columns, place, strict=True))
            )
            for row, (place, share) in enumerate(shares.items())
        ]
    )


def communication(priming: float, feeding: float) -> pd.DataFrame:
    return stage_shares(by_layer(priming, feeding), USED)


def docid_share(value: float) -> pd.DataFrame:
    names = {"model": "full", "stage": "II", "n": CORRECT, "base_rate": 14.0}
    rows = [
        names | {"queries": queries, "unit": unit, "top": top, "value": shown}
        for top in (10, 100, 1000)
        for queries, unit, shown in (
            ("correct", "head", value),
            ("correct", "component", 99.0),
            ("failed", "head", 99.0),
        )
    ]
    frame = pd.DataFrame(rows)
    return frame.assign(low=frame["value"] - 1, high=frame["value"] + 1)


def circuit(relative: float, active: int = 8) -> pd.DataFrame:
    names = {"model": "full", "metric": "hits_at_1", "kind": "relative", "n": 50}
    rows = [
        names | {"variant": variant, "split": split, "rank_kind": rank_kind, "value": value}
        for variant, split, rank_kind, value in (
            ("study", "test", "vocabulary", relative),
            ("study", "validation", "vocabulary", 0.01),
            ("study", "test", "docid", 0.02),
            ("mean", "test", "vocabulary", 0.03),
        )
    ]
    frame = pd.DataFrame(rows).assign(active=active, components=24, stages="supported")
    return frame.assign(low=frame["value"] - 0.05, high=frame["value"] + 0.05)


@pytest.fixture
def fitting() -> Evidence:
    """A model in which every claim of the study holds."""
    broken = {"zero_I_mlp": 50, "mean_II_cross_attention": 20, "mean_III_cross_attention": 30}
    return Evidence(
        clean=ranks(),
        patches=patches(**broken, pretrained_III_mlp=45),
        stages="supported",
        swap=swap(),
        direct=direct(mlp=10, cross_attention=60),
        communication=communication(priming=0.6, feeding=0.7),
        docid_share=docid_share(2.0),
        circuit=circuit(0.9),
        seed=1,
    )


def contradicting(evidence: Evidence) -> Evidence:
    """A model in which none does."""
    broken = {"zero_all_self_attention": 55, "mean_I_mlp": 50, "mean_II_self_attention": 30}
    return replace(
        evidence,
        patches=patches(**broken, pretrained_I_mlp=45),
        swap=swap(removed_rank=5),
        direct=direct(mlp=60, cross_attention=10),
        communication=communication(priming=0.1, feeding=0.1),
        docid_share=docid_share(30.0),
        circuit=circuit(0.2),
    )


def verdicts(evidence: Evidence) -> dict[str, str]:
    return {name: judge(claim, evidence).verdict for name, claim in CLAIMS.items()}


def test_every_claim_can_be_supported_and_not_supported(fitting):
    assert set(verdicts(fitting).values()) == {"supported"}
    assert set(verdicts(contradicting(fitting)).values()) == {"not supported"}
    assert len(CLAIMS) == 10


@pytest.mark.parametrize(
    ("low", "high", "below", "above"),
    [
        (1.0, 2.0, "supported", "not supported"),
        (4.0, 6.0, "not supported", "supported"),
        (2.0, 4.0, "undecided", "undecided"),
        (1.0, 3.0, "undecided", "not supported"),
        (3.0, 4.0, "not supported", "undecided"),
        (np.nan, np.nan, "undecided", "undecided"),
    ],
)
def test_the_interval_decides(low, high, below, above):
    interval = Interval((low + high) / 2, low, high, 9)
    assert Inequality("number", interval, 3.0, above=False).verdict == below
    assert Inequality("number", interval, 3.0, above=True).verdict == above


def test_imposed_stages_are_named_where_a_claim_is_about_stages(fitting):
    imposed = replace(fitting, stages="imposed")
    assert verdicts(imposed) == verdicts(fitting)
    for name, claim in CLAIMS.items():
        of_found, of_imposed = judge(claim, fitting), judge(claim, imposed)
        about = name in ABOUT_STAGES
        assert of_found.stages == ("found" if about else None)
        assert of_imposed.stages == ("imposed" if about else None)
        assert ("of the imposed layers" in of_imposed.reason) is about
        assert (of_imposed.shown, of_imposed.p) == (of_found.shown, of_found.p)
    kept = judge(CLAIMS["one_third_suffices"], imposed)
    assert kept.reason.startswith("of the imposed layers; the circuit keeps 8")


def test_the_weakest_part_is_shown(fitting):
    judgement = judge(CLAIMS["cross_attention_bridges"], fitting)
    shown = judgement.shown
    assert 0 < shown.interval.p == judgement.p < 0.001
    assert (shown.what, shown.interval.n) == ("Stage II", CORRECT)
    one_fails = replace(
        fitting, patches=patches(mean_II_cross_attention=60, mean_III_self_attention=50)
    )
    judgement = judge(CLAIMS["cross_attention_bridges"], one_fails)
    assert (judgement.verdict, judgement.shown.what) == ("not supported", "Stage III")
    assert "weakest of 2: Stage III" in judgement.reason


def test_all_eight_other_cells_must_break_less(fitting):
    close = patches(pretrained_III_mlp=45, pretrained_II_cross_attention=44)
    judgement = judge(CLAIMS["stage_three_mlps_adapted_most"], replace(fitting, patches=close))
    assert judgement.verdict == "undecided"
    assert judgement.shown.what == "minus cross_attention of Stage II"
    assert judgement.shown.interval.value == pytest.approx(100 / CORRECT)


def test_pretraining_must_matter(fitting):
    noise = replace(fitting, swap=swap(pretrained=900))
    judgement = judge(CLAIMS["stage_three_mlps_adapted_most"], noise)
    assert judgement.verdict == "not testable"
    assert "better than a random one" in judgement.reason
    assert verdicts(noise)["decoder_retrieves"] == "supported"


def test_a_random_start_has_no_pretrained_weights(fitting):
    cells = {cell: table for cell, table in fitting.patches.items() if cell[0] != "pretrained"}
    no_weights = swap()
    del no_weights.ranks["pretrained"]
    random_start = replace(fitting, patches=cells, swap=no_weights)
    judgement = judge(CLAIMS["stage_three_mlps_adapted_most"], random_start)
    assert judgement.reason == "the model has no pre-trained weights"
    assert judgement.shown is None
    left_out = judge(CLAIMS["stage_three_mlps_adapted_most"], replace(fitting, patches=cells))
    assert left_out.reason == "patching.methods of the config lacks pretrained"


def test_without_reduced_models_the_swap_is_not_testable(fitting):
    alone = replace(fitting, swap=replace(swap(), removed=None))
    judgement = judge(CLAIMS["decoder_retrieves"], alone)
    assert (judgement.verdict, judgement.reason) == (
        "not testable",
        "the model has no reduced models",
    )


def test_a_large_circuit_is_named(fitting):
    assert judge(CLAIMS["one_third_suffices"], fitting).reason.endswith("8 of 24 components")
    large = judge(CLAIMS["one_third_suffices"], replace(fitting, circuit=circuit(0.9, active=12)))
    assert "12 of 24 components, more than 40 %, not a third" in large.reason
    assert large.verdict == "supported"


def test_the_base_rate_is_named(fitting):
    reason = judge(CLAIMS["heads_speak_words"], fitting).reason
    assert reason == "shown is the weakest of 3: top 10; docids are 14 % of the vocabulary"


def test_queries_without_a_share_are_left_out(fitting):
    table = fitting.communication.copy()
    table.loc[table["query_id"] == "q00", "share"] = np.nan
    judgement = judge(CLAIMS["stage_two_feeds_stage_three"], replace(fitting, communication=table))
    assert judgement.shown.interval.n == CORRECT - 1


@pytest.fixture
def files(fitting, tmp_path) -> dict:
    """The evidence as the rules write it."""
    for (method, stage, component), table in fitting.patches.items():
        write_parquet(tmp_path / f"patch_stage/{method}/{stage}.{component}.parquet", table)
    for name, table in fitting.swap.ranks.items():
        write_parquet(tmp_path / f"encoder_swap/{name}.parquet", table)
    write_parquet(tmp_path / "clean.parquet", fitting.clean)
    write_parquet(tmp_path / "direct.parquet", fitting.direct)
    write_parquet(tmp_path / "communication.parquet", by_layer(0.6, 0.7))
    write_csv(tmp_path / "correct.csv", fitting.swap.correct)
    write_csv(tmp_path / "removed.csv", fitting.swap.removed)
    write_csv(tmp_path / "docid_share.csv", fitting.docid_share)
    write_csv(tmp_path / "circuit.csv", fitting.circuit)
    write_json(tmp_path / "stages.json", {"used": USED, "status": "supported"})
    of_model = ClaimFiles(
        model="full",
        clean=tmp_path / "clean.parquet",
        correct=tmp_path / "correct.csv",
        stages=tmp_path / "stages.json",
        patch_stage=tmp_path / "patch_stage",
        methods=["zero", "mean", "pretrained"],
        encoder_swap=tmp_path / "encoder_swap",
        encoders=list(fitting.swap.ranks),
        direct_contribution=tmp_path / "direct.parquet",
        communication=tmp_path / "communication.parquet",
        removed=tmp_path / "removed.csv",
    )
    tables = {name: tmp_path / f"{name}.csv" for name in ("docid_share", "circuit")}
    return {"files": [of_model], "seed": 1, **tables}


def test_a_row_for_every_claim(files, tmp_path):
    table = make(**files).rows
    assert list(table["claim"]) == list(CLAIMS)
    assert list(table.columns) == COLUMNS
    found = table.set_index("claim")
    assert (table["verdict"] == "supported").all()
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    assert table["n"].gt(0).all()
    fixed = ["self_attention_removable", "one_third_suffices", "heads_speak_words"]
    assert found.loc[fixed, "p"].isna().all()
    assert found.drop(fixed)["p"].notna().all()
    write_csv(tmp_path / "claims.csv", table)
    assert pd.read_csv(tmp_path / "claims.csv")["rule"].str.len().min() > 20


def test_every_number_has_a_unit(files):
    assert set(UNITS) == set(CLAIMS)
    table = make(**files).rows
    units = shown(table).set_index("claim")["unit"]
    assert units["self_attention_removable"] == "percent"
    assert units["cross_attention_bridges"] == "points"
    name = "stage_one_mlps_query_agnostic"
    parts = {"zero minus mean": "points", "percent broken by the mean": "percent"}
    for part, unit in parts.items():
        row = table[table["claim"] == name].assign(reason=f"shown is the weakest of 2: {part}")
        assert list(shown(row)["unit"]) == [unit]
        assert list(shown(row.assign(value=np.nan))["unit"]) == [""]


def test_p_values_are_corrected_over_all_models(files):
    one = make(**files).rows
    twice = make(**(files | {"files": files["files"] * 2})).rows
    assert len(twice) == 2 * len(one)
    tables = (pd.read_csv(files[name]) for name in ("docid_share", "circuit"))
    evidence = read_evidence(files["files"][0], *tables, seed=1)
    judgements = [judge(claim, evidence) for claim in CLAIMS.values()]
    expected = holm([np.nan if found.p is None else found.p for found in judgements])
    assert list(one["p"]) == pytest.approx(list(expected), nan_ok=True)
    assert (twice["p"].iloc[: len(one)].dropna() >= one["p"].dropna() - 1e-12).all()
    assert twice["p"].min() > one["p"].min()


def test_claims_of_imposed_stages_are_judged_and_counted_apart(files):
    found = make(**files)
    stages = files["files"][0].stages
    write_json(stages, json.loads(stages.read_text()) | {"status": "imposed"})
    imposed = make(**files)
    columns = [name for name in COLUMNS if name not in ("reason", "stages")]
    pd.testing.assert_frame_equal(imposed.rows[columns], found.rows[columns])
    about = imposed.rows["claim"].isin(ABOUT_STAGES)
    assert list(imposed.rows["stages"]) == list(np.where(about, "imposed", ""))
    assert list(found.rows["stages"]) == list(np.where(about, "found", ""))
    assert imposed.note.endswith(
        "full, on stages that were found, or on none: 3 supported. "
        "full, of the imposed layers: 7 supported."
    )
    assert to_markdown(imposed.shown).count("| supported, of the imposed layers |") == 7
    assert "imposed" not in to_markdown(found.shown)


def test_claims_that_are_not_testable_have_no_p(files):
    write_parquet(files["files"][0].encoder_swap / "pretrained.parquet", ranks(CORRECT, 900))
    row = make(**files).rows.set_index("claim").loc["stage_three_mlps_adapted_most"]
    assert (row["verdict"], row["stages"]) == ("not testable", "found")
    assert np.isnan(row["p"])
    assert row["value"] > 0
