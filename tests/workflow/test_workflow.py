import json
import math
import re
import shutil
import xml.etree.ElementTree as ElementTree

import pandas as pd
import pytest
import yaml
from conftest import CONFIGS, REPOSITORY, stand_in
from PIL import Image

from genir.files.io import read_csv
from genir.run import artifacts

TINY = REPOSITORY / "config/tiny.yaml"
FIGURES = [figure.name for figure in artifacts.FIGURES if not figure.each]
TEXT_OF_DIGITS = ("with_layer", "stage_layers")
COMPONENTS = ("self_attention", "cross_attention", "mlp")


def _config_arguments(config):
    return [] if config.name == "config.yaml" else ["--configfile", config]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_dry_run(snakemake, tmp_path, config):
    stand_in(tmp_path, config)
    done = snakemake(tmp_path, "-n", *_config_arguments(config))
    assert done.returncode == 0, done.stdout[-3000:]
    with_reduced = "config document large_steps mini_t5 paper query_generation tiny".split()
    trained = "finetune_reduced" if config.stem in with_reduced else "finetune"
    expected = "import_model" if config.stem == "published" else trained
    assert re.search(rf"^{expected} +\d+$", done.stdout, re.MULTILINE)
    assert "Reason: Missing output files: results/export_corpus/" in done.stdout


def test_a_series_alone_asks_for_no_more_than_it_reads(snakemake, tmp_path):
    done = snakemake(tmp_path, "-n", "series", "--configfile", REPOSITORY / "config/emergence.yaml")
    assert done.returncode == 0, done.stdout[-3000:]
    counts = dict(re.findall(r"(?m)^(\w+) +(\d+)$", done.stdout))
    expected = {"pretrain": 1, "pretrain_snapshot": 6, "finetune": 14, "evaluate": 14}
    of_series = (
        "table_series_emergence",
        "table_series_trend_emergence",
        "figure_series_emergence",
    )
    expected |= dict.fromkeys(of_series, 1)
    assert {name: int(counts.get(name, 0)) for name in expected} == expected
    assert not {"patch_head", "communication", "verify_engine", "table_circuit"} & counts.keys()


@pytest.mark.parametrize("target", ["corpus", "models", "analyses", "figures", "mini_t5", "export"])
def test_dry_run_of_named_targets(snakemake, tmp_path, target):
    done = snakemake(tmp_path, "-n", target)
    assert done.returncode == 0, done.stdout[-3000:]


def test_lint(snakemake, tmp_path):
    done = snakemake(tmp_path, "--lint")
    assert done.returncode == 0, done.stdout


def test_snakefmt(tmp_path):
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "snakefmt", "--check", "workflow"],
        cwd=REPOSITORY,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_key_stops_at_parse_time_with_one_message(snakemake, tmp_path):
    overlay = tmp_path / "typo.yaml"
    overlay.write_text("finetuning: {stepz: 10}\n")
    done = snakemake(tmp_path, "-n", "--configfile", overlay)
    assert done.returncode != 0
    assert "finetuning.stepz" in done.stdout
    assert "steps" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("profile", ["default", "slurm"])
def test_a_config_file_that_is_not_there_is_named(snakemake, tmp_path, profile):
    words = ["--configfile", REPOSITORY / "config/tiny.yaml", "nowhere.yaml", "-n"]
    done = snakemake(tmp_path, *words, "--workflow-profile", profile, "--config", "seed=2")
    assert done.returncode != 0
    assert "ConfigError: --configfile nowhere.yaml: there is no such file" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_second_run_does_nothing_nor_do_more_gpus(snakemake, tiny_run):
    done = snakemake(tiny_run, "--configfile", TINY, "--set-resources", "finetune:gpus=2")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout


def test_a_run_says_briefly_how_far_it_is(tiny_run):
    said = (tiny_run / "said.txt").read_text()
    assert not set(said) & {"\r", "\x1b"}
    found = re.findall(r"(?m)^\d\d:\d\d:\d\d (\d+) of (\d+) jobs done, (\d+) left", said)
    counts = [tuple(map(int, line)) for line in found]
    jobs = counts[0][1]
    assert counts[0] == (0, jobs, jobs)
    assert counts[-1] == (jobs, jobs, 0)
    assert all(done + left == total == jobs for done, total, left in counts)
    assert len(said.splitlines()) < 2 * jobs + 30
    for model in ("finetune/full", "finetune/random_start", "finetune_reduced/full-rd1"):
        line = rf"\| done: {model}: step 60/60, [\d.]+/s, \d+ min \d\d s left, loss "
        assert re.search(line, said), model
    assert f"Results: {tiny_run / 'results'} " in said


def test_every_figure_is_a_picture(tiny_run):
    for name in FIGURES:
        stem = tiny_run / f"results/figure_{name}/{name}"
        root = ElementTree.parse(stem.with_suffix(".svg")).getroot()
        assert root.tag.endswith("svg")
        with Image.open(stem.with_suffix(".png")) as picture:
            assert len(picture.convert("RGB").getcolors(maxcolors=10**6)) > 10


def test_every_number_in_a_table_has_its_n_and_interval(tiny_run):
    for name in set(FIGURES) - {"training", "drift"}:  # of one training each
        table = pd.read_csv(tiny_run / f"results/table_{name}/{name}.csv")
        assert len(table)
        ours = table[table["n"].notna() & table["low"].notna()]
        one_document = table[table["n"].notna() & table["low"].isna()]
        assert (one_document["n"] <= 1).all()
        value = {
            "patching": "broken_percent",
            "patching_by_stage": "broken_percent",
            "patching_heads": "broken_percent",
            "partial_swap": "percent_not_first",
        }.get(name, "value")
        assert (ours["low"] <= ours[value] + 1e-9).all()
        assert (ours[value] <= ours["high"] + 1e-9).all()
        assert (tiny_run / f"results/table_{name}/{name}.md").read_text().count("|") > 10


def test_every_number_of_a_csv_is_read_as_one_and_all_else_as_text(tiny_run):
    files = sorted((tiny_run / "results").rglob("*.csv"))
    assert len(files) > 30
    for file in files:
        guessed, read = pd.read_csv(file), read_csv(file)
        for name in guessed:
            if guessed[name].dtype.kind in "ifb" and name not in TEXT_OF_DIGITS:
                assert read[name].dtype == guessed[name].dtype, (file, name)
                assert read[name].equals(guessed[name]), (file, name)
            else:
                assert read[name].dtype == "str", (file, name)


def test_the_summary_has_the_promised_keys(tiny_run):
    summary = json.loads((tiny_run / "results/summary.json").read_text())
    for system in ("full", "random_start", "bm25_text", "bm25_text_queries"):
        for split in ("valid", "test"):
            for metric in ("hits_at_1", "hits_at_10", "recall_at_5", "mrr_at_10", "ndcg_at_10"):
                entry = summary["retrieval"][system][split][metric]
                assert entry["low"] <= entry["value"] <= entry["high"]
                assert entry["n"] == 40
    assert summary["correct_queries"]["full"] >= 6
    for encoder in ("full", "rd1", "rd2", "pretrained", "random"):
        for measure in ("mrr", "hits_at_1", "mean_rank", "median_rank"):
            assert set(summary["encoder_swap"][encoder]["correct"][measure]) == {
                *("value", "low", "high", "n")
            }
    for encoder in ("rd1", "rd2"):
        assert {"removed", "control"} <= set(summary["encoder_swap"][encoder])
    for method in ("zero", "mean", "pretrained"):
        for component in COMPONENTS:
            for stage in ("I", "II", "III", "all"):
                value = summary["patching_by_stage"][method][component][stage]["value"]
                assert 0 <= value <= 100


def test_the_automatic_circuit_replaces_what_its_record_says(tiny_run):
    record = json.loads((tiny_run / "results/circuit/full/automatic.json").read_text())
    replaced = [cell for cell in record["cells"] if cell["choice"] == "inactive"]
    for cell in replaced:
        assert cell["no_longer_first"][cell["method"]]["high"] < record["broken_percent"]
    layers = sum(cell["layers"][1] - cell["layers"][0] + 1 for cell in replaced)
    table = pd.read_csv(tiny_run / "results/table_circuit/circuit.csv").query("model == 'full'")
    active = table.groupby("variant")["active"].first()
    assert active["automatic"] == 48 - layers
    assert (active["full"], active["study"], active["pretrained"]) == (48, 15, 8)


def test_the_study_stands_beside_the_headline_model(tiny_run):
    summary = json.loads((tiny_run / "results/summary.json").read_text())
    assert len(summary["claims"]) == 10
    verdicts = {"supported", "not supported", "undecided", "not testable"}
    for claim in summary["claims"].values():
        numbers = {"value", "low", "high", "n", "p"}
        assert set(claim) == numbers | {"rule", "verdict", "reason", "stages"}
        assert claim["verdict"] in verdicts
        assert claim["stages"] in ("found", "imposed", None)
        assert (claim["value"] is None) <= (claim["verdict"] == "not testable")
    judged = pd.read_csv(tiny_run / "results/table_claims/claims.csv")
    assert list(judged["model"].unique()) == ["full", "random_start"]
    compared = pd.read_csv(tiny_run / "results/paper_comparison/paper_comparison.csv")
    assert len(compared) == 163
    ours = compared.dropna(subset="ours")
    assert set(ours["model"]) == {"full"}
    assert set(ours["corpus"]) == {"hpo/hpo-2k, split query"}


def test_slices_together_are_the_table_that_they_split(tiny_run):
    tables = {
        name: read_csv(tiny_run / f"results/table_{name}/{name}.csv")
        for name in ("slices", "patching_by_stage")
    }
    whole = tables["patching_by_stage"].query("rank_kind == 'vocabulary'")
    whole = whole.set_index(
        ["model", whole["method"] + " " + whole["stage"] + " " + whole["component"]]
    )
    split = tables["slices"].query("measure == 'broken_percent' and table == 'patching_by_stage'")
    split = split[~split["slice"].str.contains(" - ")]
    for (model, item, _), parts in split.groupby(["model", "item", "kind"]):
        row = whole.loc[(model, item)]
        assert parts["n"].sum() == row["n"]
        mean = (parts["value"] * parts["n"]).sum() / row["n"]
        assert mean == pytest.approx(row["broken_percent"])


def test_swapping_the_own_encoder_in_changes_no_rank(tiny_run):
    for model in ("full", "random_start"):
        own = pd.read_parquet(tiny_run / f"results/encoder_swap/{model}/full.parquet")
        clean = pd.read_parquet(tiny_run / f"results/evaluate/{model}/validation.ranks.parquet")
        pd.testing.assert_frame_equal(own, clean)


def test_removed_documents_are_never_trained_on(tiny_run):
    removed = pd.read_csv(tiny_run / "results/removed_documents/full.csv")
    assert removed.groupby("set")["doc_id"].nunique().tolist() == [3, 3]
    assert removed["doc_id"].nunique() == 6
    for number, rows in removed.groupby("set"):
        folder = tiny_run / f"results/finetune_reduced/full-rd{number}"
        record = json.loads((folder / "run.json").read_text())
        assert sorted(record["removed_documents"]) == sorted(rows["doc_id"].unique())
        assert record["documents"] == 97
        full = json.loads((tiny_run / "results/finetune/full/run.json").read_text())
        assert record["settings"] == full["settings"]
        assert record["start"] == {"type": "folder", "path": "resources/mini-t5"}
        docids = (folder / "model/docids.json").read_text()
        assert docids == (tiny_run / "results/finetune/full/model/docids.json").read_text()


def test_timing_is_written_after_a_full_run(tiny_run):
    timing = json.loads((tiny_run / "results/timing.json").read_text())
    assert timing["workflow_seconds"] > 0
    assert timing["rules"]["finetune_reduced"]["jobs"] == 2
    for entry in timing["rules"].values():
        assert set(entry) == {"jobs", "seconds", "max_rss_mb"}
        assert math.isfinite(entry["seconds"])


def test_layers_per_job_changes_no_file(snakemake, tiny_run, tmp_path):
    overlay = tmp_path / "single.yaml"
    overlay.write_text("patching: {layers_per_job: 3}\n")
    folder = tmp_path / "results"
    shutil.copytree(tiny_run / "results", folder)
    shutil.rmtree(folder / "patch_component/full")
    one = "results/patch_component/full/mean/layer4.mlp.parquet"
    wanted = [one, "results/patch_component/full/zero/layer7.cross_attention.parquet"]
    arguments = ["--configfile", TINY, overlay, "--rerun-triggers", "mtime", "--", *wanted]
    done = snakemake(tmp_path, *arguments)
    assert done.returncode == 0, done.stdout[-3000:]
    made = sorted((folder / "patch_component/full").rglob("*.parquet"))
    assert len(made) == 6 * 3 * 4
    for file in made:
        before = pd.read_parquet(tiny_run / file.relative_to(tmp_path))
        pd.testing.assert_frame_equal(pd.read_parquet(file), before, check_exact=True)


def test_an_existing_model_is_analysed_like_a_trained_one(snakemake, tiny_run, tmp_path):
    shutil.copytree(tiny_run / "results/subset_corpus", tmp_path / "results/subset_corpus")
    shutil.copytree(tiny_run / "results/export_corpus", tmp_path / "results/export_corpus")
    folder = tiny_run / "results/finetune/full/model"
    overlay = tmp_path / "existing.yaml"
    entry = {"dataset": "hpo-2k", "folder": str(folder), "docids": str(folder / "docids.json")}
    overlay.write_text(yaml.safe_dump({"models": {"existing": entry}}))
    wanted = "results/evaluate/existing/validation.ranks.parquet"
    arguments = ["--configfile", TINY, overlay, "--rerun-triggers", "mtime", "--", wanted]
    done = snakemake(tmp_path, *arguments)
    assert done.returncode == 0, done.stdout[-3000:]
    own = pd.read_parquet(tiny_run / "results/evaluate/full/validation.ranks.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / wanted), own, check_exact=True)
    everything = snakemake(tmp_path, "-n", "--configfile", TINY, overlay)
    assert everything.returncode == 0
    assert "patch_component_existing" in everything.stdout


def test_a_model_can_start_from_a_pretraining_of_its_own(snakemake, tmp_path):
    overlay = tmp_path / "own.yaml"
    start = {"type": "pretraining"}
    overlay.write_text(yaml.safe_dump({"models": {"own": {"dataset": "hpo-2k", "start": start}}}))
    done = snakemake(tmp_path, "-n", "--configfile", overlay)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "pretrain " in done.stdout
    assert "partial_swap_own" in done.stdout


def test_further_seeds_are_models_of_their_own(snakemake, tmp_path):
    overlay = tmp_path / "seeds.yaml"
    overlay.write_text(yaml.safe_dump({"models": {"full": {"seeds": [1, 5]}}}))
    done = snakemake(tmp_path, "-n", "--configfile", TINY, overlay)
    assert done.returncode == 0, done.stdout[-3000:]
    for name in ("patch_stage_full-seed5", "encoder_swap_full-seed5", "table_seeds"):
        assert name in done.stdout
    assert "full-seed5-rd1" not in done.stdout
    assert "full-rd1" in done.stdout
    assert "table_seeds" not in snakemake(tmp_path, "-n", "--configfile", TINY).stdout


def _local_corpus(folder, queries):
    documents = [
        {"doc_id": f"d{i}", "title": f"Title {i}", "text": f"Some text of document {i}."}
        for i in range(12)
    ]
    for name, records in (("documents", documents), ("queries", queries)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines)
    corpora = {"mine": {"source": "files", "documents": "documents.jsonl"}}
    corpora["mine"]["queries"] = "queries.jsonl"
    dataset = {"corpus": "mine", "documents": 10, "minimum_queries": 2, "below_minimum": "drop"}
    dataset |= {"split": "query", "validation_queries": 3, "test_queries": 3, "seed": 1}
    overlay = folder / "mine.yaml"
    overlay.write_text(yaml.safe_dump({"corpora": corpora, "datasets": {"mine": dataset}}))
    return overlay


def test_a_corpus_of_local_files(snakemake, tmp_path):
    queries = [
        {"query_id": f"q{i}", "text": f"query {i}", "doc_id": f"d{i % 12}"} for i in range(36)
    ]
    overlay = _local_corpus(tmp_path, queries)
    done = snakemake(tmp_path, "--configfile", overlay, "--", "corpus")
    assert done.returncode == 0, done.stdout[-3000:]
    manifest = json.loads((tmp_path / "results/subset_corpus/mine/manifest.json").read_text())
    assert manifest["counts"]["documents"] == 10
    assert manifest["counts"]["validation_queries"] == 3


def test_a_bad_corpus_stops_with_file_and_row(snakemake, tmp_path):
    queries = [{"query_id": "q0", "text": "query", "doc_id": "nowhere"}]
    overlay = _local_corpus(tmp_path, queries)
    done = snakemake(tmp_path, "--configfile", overlay, "--", "corpus")
    assert done.returncode != 0
    assert "queries.jsonl" in done.stdout
    assert "nowhere" in done.stdout
    assert "log: results/logs/export_corpus/mine.log" in done.stdout
    assert "The same command goes on where this run stopped." in done.stdout
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "results/export_corpus/mine").exists() or not list(
        (tmp_path / "results/export_corpus/mine").iterdir()
    )


def test_the_report_is_a_browsable_page(snakemake, tiny_run, tmp_path):
    page = tmp_path / "report.html"
    done = snakemake(tiny_run, "--configfile", TINY, "--report", page)
    assert done.returncode == 0, done.stdout[-3000:]
    text = page.read_text()
    for name in FIGURES:
        assert f"{name}.svg" in text
    assert "Patching" in text


def test_every_rule_has_the_manners():
    from workflow_sources import rules

    names = [rule["name"] for rule in rules()]
    assert len(names) > 20
    for rule in rules():
        # Without output, as a benchmark would be, these run whenever they are asked for.
        always = {"benchmark"} if rule["name"] in ("fetch", "costs", "explore") else set()
        wanted = {"message", "log", "benchmark", "threads", "resources", "conda"} - always
        missing = wanted - rule["keys"]
        if rule["shell"]:
            assert not missing, (rule["name"], missing)
