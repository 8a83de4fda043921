"""The workflow's own files as rules name them, and what changes with their content."""

import pytest
from plans import REPOSITORY, plan_of

from genir.files import fingerprint
from genir.run import sources as sources_of_rules
from genir.run.sources import Sources

WORKFLOW = REPOSITORY / "workflow"
ENVIRONMENTS = ("train", "data")
KINDS = [f"{script} {name}" for script in ("lonely", "imports") for name in ENVIRONMENTS]


@pytest.fixture
def sources(tmp_path):
    """A workflow of two scripts, one of which imports a module of the library."""
    for file, text in {
        "workflow/scripts/lonely.py": "print(1)\n",
        "workflow/scripts/train_query_generator.py": "print(2)\n",
        "workflow/scripts/generate_queries.py": "import here.module\n",
        "workflow/lib/here/module.py": "one = 1\n",
        "workflow/report/table_known.rst": "A table.\n",
        "envs/train.yaml": "dependencies: [python]\n",
        "envs/data.yaml": "dependencies: [python, pip]\n",
    }.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Sources(tmp_path / "workflow", "gpu")


@pytest.mark.parametrize(
    ("torch", "name", "file"),
    [
        ("gpu", "train", "../../envs/train.yaml"),
        ("cpu", "train", "../../envs/train-cpu.yaml"),
        ("cpu", "analysis", "../../envs/analysis-cpu.yaml"),
        ("cpu", "plot", "../../envs/plot.yaml"),
    ],
)
def test_the_build_of_torch_chooses_among_the_environments_that_have_one(torch, name, file):
    assert Sources(WORKFLOW, torch).environment(name) == file
    assert (WORKFLOW / "rules" / file).is_file()


def test_an_environment_below_a_folder_with_braces_is_named_for_snakemake_to_format(tmp_path):
    file = Sources(tmp_path / "{odd}/workflow", "gpu").environment("data")
    assert file.format() == str(tmp_path / "{odd}/envs/data.yaml")


def test_a_figure_without_a_caption_of_its_own_takes_the_next(sources):
    assert sources.caption("figure_known", "table_known") == "../report/table_known.rst"


def test_code_changes_with_script_module_and_packages_and_with_nothing_else(sources):
    def codes():
        fresh = Sources(sources.workflow, "cpu")
        _forget()
        found = (fresh.code(s, e) for s in ("lonely", "generate_queries") for e in ENVIRONMENTS)
        return dict(zip(KINDS, found, strict=True))

    def changed_by(path, text):
        before = codes()
        path.write_text(text)
        after = codes()
        return {kind for kind in KINDS if before[kind] != after[kind]}

    assert len(set(codes().values())) == len(KINDS)
    library, envs = sources.library, sources.workflow.parent / "envs"
    assert changed_by(library / "here/module.py", "one = 2\n") == {"imports train", "imports data"}
    assert changed_by(sources.scripts / "lonely.py", "print(1)  # said\n") == set()
    said = "# said\ndependencies: [python]\n"
    assert changed_by(envs / "train.yaml", said) == set()
    assert changed_by(envs / "train.yaml", "dependencies: [pip]\n") == {
        "lonely train",
        "imports train",
    }


def _forget():
    """What was read of files before."""
    fingerprint.code_fingerprint.cache_clear()
    fingerprint._imported_files.cache_clear()
    fingerprint._parsed.cache_clear()
    sources_of_rules._packages.cache_clear()


def test_checkpoints_of_an_artifact_lie_together_and_change_with_their_key(sources):
    one = sources.checkpoint_folder("lonely", "model", {"steps": 1})
    two = sources.checkpoint_folder("lonely", "model", {"steps": 2})
    assert one != two
    assert {one.rpartition("/")[0], two.rpartition("/")[0]} == {"results/checkpoints/lonely/model"}


@pytest.mark.parametrize("generator", ["trained", "written"])
def test_only_a_generator_that_is_a_model_keeps_checkpoints(sources, tmp_path, generator):
    start = {"type": "folder", "path": "resources/mini-t5"}
    generators = {
        "trained": {"type": "trained", "start": start},
        "written": {"type": "file", "path": "queries.parquet"},
    }
    plan = plan_of(tmp_path, query_generators=generators)
    said = sources.generation_checkpoints(plan, generator, "hpo-2k")
    if generator == "written":
        assert said == []
    else:
        option, folder = said
        assert option == "--checkpoints"
        assert folder.startswith("results/checkpoints/generate_queries/trained/hpo-2k/")


def test_a_reduced_model_has_checkpoints_of_its_own(sources, tmp_path):
    (sources.scripts / "finetune.py").write_text("print(3)\n")
    plan = plan_of(tmp_path)
    folders = [sources.finetuning_checkpoints(plan, "full", number) for number in (None, "1", "2")]
    artifacts = [folder.rpartition("/")[0] for folder in folders]
    assert artifacts == [
        f"results/checkpoints/finetune/full{rest}" for rest in ("", "-rd1", "-rd2")
    ]
