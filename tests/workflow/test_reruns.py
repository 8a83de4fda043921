"""The edit matrix: what a finished run does again after an edit.

Every edit is made in a copy of the repository and of a finished run of config/tiny.yaml that lies
elsewhere and whose sources are all newer than its results: each row also shows that a move and a
new checkout rerun nothing. With RERUN_MATRIX=<file> the matrix is written there in Markdown.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import REPOSITORY

from genir.run import artifacts

SOURCES = ("workflow", "config", "envs", "resources")
Jobs = frozenset[str]


# --- the jobs of the tiny run: <rule>, or <rule>/<what it is about>


def jobs(rules: str, *subjects: str) -> Jobs:
    return frozenset(f"{r}/{s}" if s else r for r in rules.split() for s in subjects or [""])


def figures(names: str) -> Jobs:
    return frozenset(f"figure_{name}" for name in names.split())


def tables(names: str) -> Jobs:
    """These tables, with their figures."""
    drawn = " ".join(name for name in names.split() if name not in WITHOUT_FIGURE)
    return frozenset(f"table_{name}" for name in names.split()) | figures(drawn)


WITHOUT_FIGURE = [table.name for table in artifacts.TABLES if not table.drawn]
FIGURES = " ".join(figure.name for figure in artifacts.FIGURES if not figure.each)
NOT_OF_ALL = ("partial_swap", "donors", "as_released", "circuit_model")
OF_ALL = [analysis.name for analysis in artifacts.ANALYSES if analysis.name not in NOT_OF_ALL]
ANALYSES = " ".join([*OF_ALL, "correct_queries", "stages", "verify_engine"])
CORPUS = jobs("export_corpus", "hpo") | jobs("subset_corpus", "hpo-2k")
BASELINES = jobs("bm25 retrieval_metrics", "hpo-2k/bm25_text", "hpo-2k/bm25_text_queries")
REDUCED = (
    jobs("finetune_reduced retrieve", "full-rd1", "full-rd2")
    | jobs("retrieval_metrics", "hpo-2k/full-rd1", "hpo-2k/full-rd2")
)  # fmt: skip
OF_FULL = (
    jobs(f"{ANALYSES} partial_swap removed_documents trace_query", "full")
    | jobs("retrieval_metrics", "hpo-2k/full")
    | REDUCED
)
OF_RANDOM = jobs(ANALYSES, "random_start") | jobs("retrieval_metrics", "hpo-2k/random_start")
CONCLUSIONS = jobs("table_claims paper_comparison summary")
EXPLORERS = jobs("explorer", "full", "random_start")
TABLES = tables(f"{FIGURES} retrieval_differences top_tokens") | CONCLUSIONS | EXPLORERS
TRAINED = jobs("finetune", "full", "random_start") | OF_FULL | OF_RANDOM | TABLES
NOTHING: Jobs = frozenset()
COLOURS = "workflow/lib/genir/figures/failed_queries.py"


# --- edits


@dataclass(frozen=True)
class Tree:
    """The copies, as far from each other as what they are copies of."""

    repository: Path
    run: Path

    def add(self, file: str, line: str) -> None:
        """Add a line to a source."""
        with (self.repository / file).open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")

    def code(self, file: str) -> None:
        """Add a statement to a module of the library."""
        self.add(f"workflow/lib/genir/{file}", "EDITED = True")

    def replace(self, file: str, pattern: str, new: str) -> None:
        """Replace the one place that `pattern` matches in a source."""
        text, count = re.subn(pattern, new, (self.repository / file).read_text(encoding="utf-8"))
        assert count == 1, (file, pattern)
        (self.repository / file).write_text(text, encoding="utf-8")

    def everywhere(self, files: str, change: Callable[[str], str]) -> None:
        for path in self.repository.glob(files):
            path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    def remake(self, file: str, added: bytes = b"") -> None:
        """Write a result again, which is a hard link to the finished run's."""
        path = self.run / file
        content = path.read_bytes() + added
        path.unlink()
        path.write_bytes(content)


@dataclass(frozen=True)
class Edit:
    """`change` of the files or `config` laid over config/tiny.yaml, and what must run for it."""

    name: str
    reruns: Jobs
    change: Callable[[Tree], Any] = lambda tree: None
    config: dict[str, Any] = field(default_factory=dict)


def text_only(tree: Tree) -> None:
    tree.everywhere("workflow/lib/**/*.py", lambda text: text.replace('"""', '"""Edited. ', 1))
    tree.everywhere("workflow/**/*.py", lambda text: f"# Edited.\n{text}")
    layout = [sys.executable, "-m", "ruff", "format", "-q", "--isolated", "--line-length", "60"]
    subprocess.run([*layout, tree.repository / "workflow"], check=True)
    for files in ("workflow/rules/*.smk", "workflow/schemas/*.yaml", "envs/*.yaml"):
        tree.everywhere(files, lambda text: f"# Edited.\n{text}")
    tree.everywhere("workflow/report/*.rst", lambda text: f"{text}\nEdited.\n")
    for file in ("config_model.py", "run/artifacts.py", "run/plan.py", "run/needs.py"):
        tree.code(file)


def settings_without_effect(tree: Tree) -> None:
    tree.everywhere("config/*.yaml", _in_another_order)
    tree.everywhere("workflow/profiles/default/*.yaml", lambda text: f"{text}keep-going: true\n")
    tree.remake("results/correct_queries/full.csv")


def _in_another_order(text: str) -> str:
    return yaml.safe_dump(_reversed(yaml.safe_load(text)), sort_keys=False)


def _reversed(node: Any) -> Any:
    """The same mapping, each key behind those that were behind it."""
    if isinstance(node, dict):
        return {key: _reversed(node[key]) for key in reversed(node)}
    return node


UNUSED = {
    "torch": "gpu",
    "corpora": {"other": {"source": "ir_datasets", "id": "antique/train", "faulty": "drop"}},
    "patching": {"layers_per_job": 3},
    "evaluation": {"padded_tokens": 64},
    "pretraining": {
        **{"training": {"steps": 30, "objective": "prefix_lm"}, "snapshots": [5]},
        "start": {"type": "folder", "path": "resources/mini-t5"},
    },
    "datasets": {
        "hpo-200": {
            **{"corpus": "hpo", "documents": 200, "minimum_queries": 2, "below_minimum": "drop"},
            **{"split": "query", "validation_queries": 40, "test_queries": 40, "seed": 1},
        }
    },
}
PAIRS = {
    "methods": ["zero", "mean", "mean_leave_one_out", "pretrained", "donor_pairs"],
    "donor_pairs": "resources/pairs.csv",
}
RANDOM = {"type": "random", "like": "resources/mini-t5"}
STAGES = {"I": [0, 0], "II": [1, 13], "III": [14, 15]}
NEW = (
    jobs(f"finetune explorer {ANALYSES}", "new")
    | jobs("subset_corpus query_slices", "hpo-200")
    | jobs("bm25", "hpo-200/bm25_text", "hpo-200/bm25_text_queries")
    | jobs(
        "retrieval_metrics", *(f"hpo-200/{s}" for s in ("bm25_text", "bm25_text_queries", "new"))
    )
)

EDITS = [
    # Sources
    Edit("comments, docstrings, layout, captions; code of no job", NOTHING, text_only),
    Edit(
        "colour of one figure",
        figures("failed_queries"),
        lambda tree: tree.replace(COLOURS, r"style\.PALETTE\[1\]", "'k'"),
    ),
    Edit(
        "bars of figures",
        jobs("trace_query", "full")
        | figures("circuit direct_contribution docid_share encoder_swap failed_queries")
        | figures("patching_by_stage retrieval slices top_heads"),
        lambda tree: tree.code("figures/bars.py"),
    ),
    Edit(
        "table of communication",
        tables("communication failed_queries") | jobs("table_claims summary"),
        lambda tree: tree.code("tables/communication.py"),
    ),
    Edit(
        "looks of the explorer",
        EXPLORERS,
        lambda tree: tree.add("workflow/report/pages/explorer.css", "svg { margin: 0; }"),
    ),
    Edit(
        "one table",
        tables("patching_heads") | EXPLORERS,
        lambda tree: tree.code("tables/patching_heads.py"),
    ),
    Edit(
        "all training queries by name",
        NOTHING,
        config={"datasets": {"hpo-2k": {"queries_per_document": "all"}}},
    ),
    Edit(
        "one analysis",
        jobs("head_lens", "full", "random_start")
        | jobs("trace_query", "full")
        | tables("docid_share top_tokens failed_queries")
        | CONCLUSIONS
        | EXPLORERS,
        lambda tree: tree.code("analyses/head_lens.py"),
    ),
    Edit("trainer", TRAINED, lambda tree: tree.code("training/loop.py")),
    Edit(
        "patching",
        jobs("patch_component patch_head patch_stage circuit verify_engine", "full", "random_start")
        | jobs("circuit_curve patch_edge attribution query_words", "full", "random_start")
        | tables("query_words patching patching_heads patching_by_stage circuit failed_queries")
        | tables("slices")
        | tables("circuit_curve faithfulness edges edges_by_stage attribution")
        | CONCLUSIONS
        | EXPLORERS,
        lambda tree: tree.code("analyses/patching.py"),
    ),
    Edit(
        "pin in envs/plot.yaml",
        TABLES - jobs("table_top_tokens"),
        lambda tree: tree.replace("envs/plot.yaml", "matplotlib==[0-9.]+", "matplotlib==3.0.0"),
    ),
    Edit(
        "pin in envs/train.yaml",
        TRAINED,
        lambda tree: tree.replace("envs/train.yaml", "numpy==[0-9.]+", "numpy==2.0.0"),
    ),
    Edit(
        "weights of resources/mini-t5",
        jobs("finetune", "full") | OF_FULL | TABLES,
        lambda tree: tree.add("resources/mini-t5/model.safetensors", ""),
    ),
    Edit(
        "a number of the paper",
        tables("circuit") | CONCLUSIONS,
        lambda tree: tree.add("resources/paper/table4_circuit.csv", ""),
    ),
    # Configuration
    Edit(
        "keys in another order or of no job, profile, a result with a new time",
        NOTHING,
        settings_without_effect,
        UNUSED,
    ),
    Edit(
        "seed of one model",
        jobs("finetune", "full") | OF_FULL | TABLES,
        config={"models": {"full": {"finetuning": {"seed": 2}}}},
    ),
    Edit(
        "learning rate of one model's docids",
        jobs("finetune", "full") | OF_FULL | TABLES,
        config={"models": {"full": {"finetuning": {"docid_learning_rate": 0.05}}}},
    ),
    Edit(
        "trained parts of one model",
        jobs("finetune", "full") | OF_FULL | TABLES,
        config={"models": {"full": {"finetuning": {"trainable": ["docids", "decoder.III.mlp"]}}}},
    ),
    Edit(
        "stage boundaries of one model",
        jobs("stages patch_stage circuit circuit_curve patch_edge top_heads late_cosines", "full")
        | tables("patching_by_stage circuit docid_share top_tokens communication top_heads")
        | tables("late_cosines failed_queries circuit_curve faithfulness")
        | jobs("query_words", "full")
        | tables("query_words edges edges_by_stage attribution slices")
        | figures("contributions")
        | CONCLUSIONS
        | EXPLORERS,
        config={"models": {"full": {"stages": STAGES}}},
    ),
    Edit(
        "a patching method for heads",
        jobs("patch_head", "full") | tables("patching_heads") | EXPLORERS,
        config={"patching": {"head_methods": ["zero", "mean", "pretrained"]}},
    ),
    Edit(
        "donors for heads",
        jobs("donors patch_head", "full", "random_start")
        | tables("patching_heads donors")
        | EXPLORERS,
        config={"patching": {"head_methods": ["zero", "mean", "donor_random"]}},
    ),
    Edit(
        "pairs of a file as donors",
        jobs("donors patch_component patch_stage circuit", "full", "random_start")
        | tables("patching patching_by_stage circuit failed_queries donors slices")
        | CONCLUSIONS
        | EXPLORERS,
        lambda tree: tree.add("resources/pairs.csv", "query_id,donor\nq1,q2"),
        config={"patching": PAIRS},
    ),
    Edit(
        "a patching method less",
        jobs("patch_component patch_stage circuit", "full", "random_start")
        | tables("patching patching_by_stage circuit failed_queries slices")
        | CONCLUSIONS
        | EXPLORERS,
        config={"patching": {"methods": ["zero", "mean", "pretrained"]}},
    ),
    Edit(
        "threshold of the circuit",
        jobs("circuit", "full", "random_start") | tables("circuit slices") | CONCLUSIONS,
        config={"circuit": {"broken_percent": 20}},
    ),
    Edit(
        "depth of the run files",
        BASELINES
        | jobs("retrieve", "full", "random_start", "full-rd1", "full-rd2")
        | jobs("retrieval_metrics", "hpo-2k/full", "hpo-2k/random_start")
        | jobs("retrieval_metrics", "hpo-2k/full-rd1", "hpo-2k/full-rd2")
        | tables("retrieval retrieval_differences slices")
        | jobs("summary")
        | EXPLORERS,
        config={"evaluation": {"run_depth": 50}},
    ),
    Edit(
        "as released beside the mask",
        jobs("as_released", "full", "random_start") | tables("as_released"),
        config={"evaluation": {"attention_mask": "as_released"}},
    ),
    Edit(
        "queries in the table of top tokens",
        jobs("table_top_tokens"),
        config={"lens": {"examples": 2}},
    ),
    Edit(
        "resolution of figures",
        figures(FIGURES) | jobs("trace_query", "full"),
        config={"figures": {"dpi": 80}},
    ),
    Edit(
        "two numbers change places",
        jobs("removed_documents encoder_swap", "full")
        | REDUCED
        | jobs("finetune_reduced retrieve", "full-rd3")
        | jobs("retrieval_metrics", "hpo-2k/full-rd3")
        | tables("retrieval encoder_swap failed_queries slices training")
        | CONCLUSIONS,
        config={"models": {"full": {"reduced": {"models": 3, "documents": 2}}}},
    ),
    Edit(
        "a query to trace",
        jobs("trace_query", "full"),
        config={"trace": {"queries": ["cough", "dizzy spell"]}},
    ),
    Edit(
        "another corpus size and a model of it",
        NEW | TABLES - tables("partial_swap retrieval_differences"),
        config={
            "datasets": UNUSED["datasets"],
            "models": {"new": {"dataset": "hpo-200", "start": RANDOM}},
        },
    ),
    Edit(
        "a series",
        tables("series series_trend"),
        config={"series": {"s": {"quantity": "rank", "models": {"full": 2, "random_start": 1}}}},
    ),
    Edit(
        "fewer training queries",
        jobs("subset_corpus query_slices", "hpo-2k") | BASELINES | TRAINED,
        config={"datasets": {"hpo-2k": {"queries_per_document": 1}}},
    ),
    # Results
    Edit(
        "a result remade, then interrupted",
        tables("circuit") | CONCLUSIONS,
        lambda tree: tree.remake("results/circuit/full/automatic.json", b"\n"),
    ),
    Edit(
        "a model trained again, then interrupted",
        OF_FULL | TABLES,
        lambda tree: tree.remake("results/finetune/full/model/.snakemake_timestamp"),
    ),
]


# --- what Snakemake says

HEAD = ["| Edit | Jobs | Which | As expected |", "|---|---|---|---|"]
MANY = 12


def _row(edit: Edit, found: Jobs) -> str:
    rules = sorted({job.partition("/")[0] for job in found})
    which = ", ".join(sorted(found) if len(found) <= MANY else rules) or "none"
    return f"| {edit.name} | {len(found)} | {which} | {'yes' if found == edit.reruns else 'no'} |"


def _copy(tiny_run: Path, to: Path) -> Tree:
    above = Path(os.path.commonpath([REPOSITORY, tiny_run]))
    tree = Tree(*(to / path.relative_to(above) for path in (REPOSITORY, tiny_run)))
    for folder in SOURCES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(
            REPOSITORY / folder, tree.repository / folder, ignore=ignored, copy_function=shutil.copy
        )
    for folder in ("results", ".snakemake/metadata"):
        shutil.copytree(tiny_run / folder, tree.run / folder, copy_function=os.link)
    return tree


def _would_run(tree: Tree, config: dict[str, Any]) -> Jobs:
    """The jobs that `snakemake --summary` has pending."""
    overlay = tree.repository / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--summary", "--directory", tree.run]
    command += ["--configfile", "config/tiny.yaml", *[overlay] * bool(config)]
    done = subprocess.run(
        [str(part) for part in command], cwd=tree.repository, text=True, capture_output=True
    )
    rows = [line.split("\t") for line in done.stdout.splitlines() if line.count("\t") == 5]
    assert len(rows) > 400, done.stdout[-2000:] + done.stderr[-4000:]
    return frozenset(_job(row[0]) for row in rows if row[5] == "update pending")


def _job(output: str) -> str:
    """The job that makes a file, as above."""
    rule, *rest = Path(output).with_suffix("").parts[1:]
    if rule.startswith(("table_", "figure_", "paper_comparison", "summary")):
        return rule
    return "/".join([rule, *rest[: 2 if rule in ("bm25", "retrieval_metrics") else 1]])


@pytest.fixture(scope="module")
def found(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future]]:
    """What would run after each edit, two at a time."""

    def run(edit: Edit) -> Jobs:
        tree = _copy(tiny_run, tmp_path_factory.mktemp("tree"))
        edit.change(tree)
        jobs = _would_run(tree, edit.config)
        shutil.rmtree(tree.repository)
        return jobs

    with ThreadPoolExecutor(2) as pool:
        found = {edit.name: pool.submit(run, edit) for edit in EDITS}
        yield found
        pool.shutdown(cancel_futures=True)
    if "RERUN_MATRIX" in os.environ:
        rows = [_row(edit, found[edit.name].result()) for edit in EDITS]
        Path(os.environ["RERUN_MATRIX"]).write_text("\n".join([*HEAD, *rows]) + "\n")


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_an_edit_reruns_what_it_must_and_nothing_else(found, edit):
    jobs = found[edit.name].result()
    assert sorted(jobs - edit.reruns) == [], "must not run"
    assert sorted(edit.reruns - jobs) == [], "must run"
