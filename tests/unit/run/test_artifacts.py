import json
from pathlib import Path

import pytest
from plans import REPOSITORY, plan_of

from genir.run import artifacts
from genir.run.arguments import read_files
from genir.run.needs import Needs

REPORT = REPOSITORY / "workflow/report"
CONFIGS = (
    *("tiny", "published", "paper", "document", "query_generation", "emergence_pile_t5"),
    *("emergence", "training_data", "as_released"),
)


def outputs(plan) -> list[str]:
    """All that jobs of the registry write, for every model."""
    found = []
    for job in artifacts.jobs(plan):
        names = [*plan.models, *plan.reduced] if job.analysis.of == "trained" else plan.models
        for name in [job.model] if job.model else names:
            found += [path.replace(f"{{{job.analysis.of}}}", name) for path in job.written]
    for artifact in artifacts.tables(plan):
        found += [artifact.file(suffix) for suffix in ("csv", "md", "html")]
    return found + [artifact.file("svg") for artifact in artifacts.figures(plan)]


@pytest.mark.parametrize("name", CONFIGS)
def test_no_two_jobs_write_one_file_or_have_one_name(tmp_path, name):
    plan = plan_of(tmp_path, name)
    written = outputs(plan)
    assert len(set(written)) == len(written)
    rules = [job.rule for job in artifacts.jobs(plan)]
    rules += [a.rule_name for a in [*artifacts.tables(plan), *artifacts.figures(plan)]]
    assert len(set(rules)) == len(rules)


@pytest.mark.parametrize("name", CONFIGS)
def test_what_tables_and_figures_read_of_an_analysis_is_what_it_writes(tmp_path, name):
    plan = plan_of(tmp_path, name)
    written = set(outputs(plan))
    folders = {Path(path).parts[1] for path in written}
    made = [*artifacts.tables(plan), *artifacts.figures(plan)]
    read = {path for a in made for paths in a.read(plan).values() for path in paths}
    read |= {p for paths in read_files(artifacts.summary(plan)).values() for p in paths}
    ours = {path for path in read if Path(path).parts[1] in folders}
    assert len(ours) > 20
    assert ours <= written


def test_how_many_layers_a_job_does_changes_no_file(tmp_path):
    found = [
        sorted(outputs(plan_of(tmp_path, patching={"layers_per_job": size})))
        for size in (1, 3, "all")
    ]
    assert found[0] == found[1] == found[2]


def test_conditional_tables_are_there_only_where_they_have_rows(tmp_path):
    def names(plan):
        return {table.name for table in artifacts.tables(plan)}

    usual = names(plan_of(tmp_path))
    everything = {table.name for table in artifacts.TABLES}
    of_series = {"series", "series_trend"}
    assert everything - usual == {"seeds", "donors", "as_released"} | of_series
    assert "seeds" in names(plan_of(tmp_path, models={"full": {"seeds": [1, 5]}}))
    only_random = plan_of(tmp_path, models={"full": None}, headline_model="random_start")
    assert everything - names(only_random) == (
        {"seeds", "donors", "partial_swap", "as_released"} | of_series
    )
    assert "donors" in names(plan_of(tmp_path, patching={"head_methods": ["donor_random"]}))
    assert not {"training"} & names(plan_of(tmp_path, "published"))
    assert "as_released" in names(plan_of(tmp_path, "published"))


def test_what_is_as_released_changes_no_other_job(tmp_path):
    def told(plan):
        made = [*artifacts.tables(plan), *artifacts.figures(plan)]
        found = {artifact.rule_name: artifact.words(plan) for artifact in made}
        for job in artifacts.jobs(plan):
            trained = {job.analysis.of: job.model or "full"}
            found[job.rule] = job.words(trained), job.read(trained), job.written
        return found

    usual, beside = told(plan_of(tmp_path)), told(plan_of(tmp_path, "as_released"))
    own = {"as_released_full", "as_released_random_start", "table_as_released"}
    assert beside.keys() - usual.keys() == own
    assert {rule: beside[rule] for rule in usual} == usual


def test_drift_is_that_of_models_whose_start_is_known(tmp_path):
    def starts(plan):
        jobs = [job for job in artifacts.jobs(plan) if job.analysis.name == "drift"]
        return {job.model: (job.words({}), job.read({})) for job in jobs}

    own = starts(plan_of(tmp_path, models={"full": {"finetuning": {"seed": 5}}}))
    assert list(own) == ["full", "random_start"]
    words, read = own["full"]
    assert "--seed" not in words
    assert any(path.endswith("mini-t5/model.safetensors") for path in read["start"])
    words, read = own["random_start"]
    assert words[words.index("--seed") + 1] == "1"
    assert not any(path.endswith(".safetensors") for path in read["start"])
    published = plan_of(tmp_path, "published")
    assert set(starts(published)) == {
        name for name in published.models if "start" in published.config["models"][name]
    }


def test_every_artifact_has_a_caption_and_every_caption_an_artifact():
    rules = {artifact.rule for artifact in [*artifacts.TABLES, *artifacts.FIGURES]}
    captions = {path.stem for path in REPORT.glob("*.rst")}
    assert captions - rules == {"workflow", "trace_query", "verify_engine", "explorer"}
    assert rules <= captions


def test_the_readme_of_results_names_every_artifact():
    text = (REPOSITORY / "results/README.md").read_text(encoding="utf-8")
    made = [*artifacts.TABLES, *artifacts.FIGURES, *artifacts.ANALYSES]
    names = {getattr(artifact, "rule", artifact.name) for artifact in made}
    assert sorted(name for name in names if name not in text) == []


def test_a_job_of_some_layers_says_which_and_takes_their_share_of_time(tmp_path):
    plan = plan_of(tmp_path, patching={"layers_per_job": 3})
    jobs = [j for j in artifacts.jobs(plan) if j.analysis.name == "patch_head" and j.layers]
    (job,) = [j for j in jobs if j.model == "full" and j.layers[0] == 3]
    assert job.rule == "patch_head_full_layer3_to_5"
    assert job.piece == ["--first_layer", "3", "--last_layer", "5"]
    assert job.place == "patch_head/full.layer3-5"
    assert job.message == "Patch every attention head of decoder layers 3 to 5 of full."
    assert "layer3" not in " ".join(job.words({}))
    assert job.minutes(Needs(plan), {}) >= job.analysis.minutes


def test_a_rule_for_all_models_has_them_in_its_wildcard(tmp_path):
    plan = plan_of(tmp_path)
    (job,) = [j for j in artifacts.jobs(plan) if j.analysis.name == "late_cosines"]
    assert job.written == ["results/late_cosines/{model}.parquet"]
    assert job.message == "Compare late outputs of {wildcards.model} with Stage I's MLPs."
    line = job.words({"model": "full"})
    assert line[0] == "late_cosines"
    assert line[line.index("--output") + 1] == "results/late_cosines/full.parquet"
    assert job.read({"model": "full"})["stages"] == ["results/stages/full.json"]
    assert job.checkpoints({"model": "full"}) == "results/checkpoints/late_cosines/full"


def test_a_series_has_files_of_its_own_and_only_numbers_a_trend(tmp_path):
    plan = plan_of(tmp_path, "training_data", models={"usual": {"seeds": [1, 4]}})
    made = {a.file("csv"): a for a in artifacts.tables(plan) if a.each}
    names = ("documents", "queries", "indexing")
    assert list(made) == [
        *(f"results/table_series/{name}.csv" for name in names),
        "results/table_series_trend/documents.csv",
    ]
    table = made["results/table_series/documents.csv"]
    assert (table.rule_name, table.log) == ("table_series_documents", "table_series/documents")
    assert table.message == "Tabulate the series documents."
    words = table.words(plan)
    members = json.loads(words[words.index("--members") + 1])
    found = [(m["quantity"], m["training"], m["seed"]) for m in members]
    usual = [("1000", "usual", 1), ("1000", "usual-seed4", 4)]
    assert found == [("250", "documents_250", 1), *usual, ("4000", "documents_4000", 1)]
    read = table.read(plan)
    assert "results/stages/usual-seed4.json" in read["stages"]
    assert len(read["manifests"]) == 3
    (drawn,) = [f for f in artifacts.figures(plan) if f.item == "queries"]
    assert drawn.file("svg") == "results/figure_series/queries.svg"
    assert drawn.words(plan)[-4:] == [
        *("--table", "results/table_series/queries.csv"),
        *("--quantity", "queries_per_document"),
    ]
    assert drawn.read(plan) == {"table": ["results/table_series/queries.csv"]}
