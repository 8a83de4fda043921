import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import figure
import pandas as pd
import pytest
from PIL import Image
from workflow_sources import REPOSITORY

from genir.base.errors import ProvenanceError
from genir.figures.style import new_figure, save_figure
from genir.files import provenance as module
from genir.files.fingerprint import code_fingerprint
from genir.files.io import (
    atomic_folder,
    write_csv,
    write_json,
    write_jsonl,
    write_parquet,
    write_text,
)
from genir.files.provenance import carrying, describe, read_provenance

SCRIPTS, LIBRARY = REPOSITORY / "workflow/scripts", REPOSITORY / "workflow/lib"
SCRIPT = SCRIPTS / "correct_queries.py"
ARGUMENTS = ["--ranks", "(a)\\b.parquet", "--output", "<é\U0001f600>\udc80\x07", "--seed", "3"]
FRAME = pd.DataFrame({"query_id": ["a", "b"], "rank": [1, 2], "share": [0.5, None]}, index=[5, 6])
WRITERS = {
    "table.csv": lambda path: write_csv(path, FRAME),
    "table.md": lambda path: write_text(path, "| a |"),
    "qrels.train.txt": lambda path: write_text(path, "q 0 d 1"),
    "facts.json": lambda path: write_json(path, {"a": 1}),
    "records.jsonl": lambda path: write_jsonl(path, [{"a": 1}]),
    "layer0.mlp.parquet": lambda path: write_parquet(path, FRAME),
    "empty.parquet": lambda path: write_parquet(path, FRAME.iloc[:0]),
    "my.figure.svg": lambda path: _draw(path),
    "my.figure.png": lambda path: _draw(path),
    "my.figure.pdf": lambda path: _draw(path),
    "model": lambda path: _fill(path),
}
INSIDE = {".parquet", ""}


def _draw(path: Path) -> None:
    figure = new_figure(2, 1)
    figure.add_subplot().set_title("(a) /Subject (b)")
    save_figure(figure, path.with_suffix(""), [path.suffix[1:]])


def _fill(path: Path) -> None:
    with atomic_folder(path) as folder:
        write_json(folder / "config.json", {})
        (folder / "model.safetensors").touch()


@pytest.fixture(scope="module")
def provenance():
    return describe(SCRIPT, ARGUMENTS)


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_what_it_says(provenance):
    assert list(provenance) == ["script", "arguments", "config_hash", "code", "versions", "seeds"]
    assert provenance["script"] == "correct_queries"
    assert provenance["arguments"] == ARGUMENTS
    assert len(provenance["config_hash"]) == 16
    assert provenance["code"] == code_fingerprint(SCRIPT, LIBRARY)
    assert provenance["versions"]["pandas"] == pd.__version__
    assert "torch" not in provenance["versions"]


def test_a_picture_says_it_to_those_who_get_it_alone(tmp_path, provenance):
    with carrying(provenance):
        for kind in ("svg", "png", "pdf"):
            _draw(tmp_path / f"a.{kind}")
    texts = [text for _, text in ElementTree.iterparse(tmp_path / "a.svg")]
    said = next(node.text for node in texts if node.tag.endswith("}description"))
    assert json.loads(said) == provenance
    with Image.open(tmp_path / "a.png") as picture:
        assert json.loads(picture.text["genir"]) == provenance
    assert b"/Subject" in (tmp_path / "a.pdf").read_bytes()


def test_a_named_module_counts_as_code_of_its_driver():
    script, modules = SCRIPTS / "table.py", ("genir.tables.retrieval", "genir.tables.seeds")
    one, other = (describe(script, [module[13:]], module) for module in modules)
    assert one["script"] == other["script"] == "table"
    assert (one["arguments"], other["arguments"]) == (["retrieval"], ["seeds"])
    assert one["code"] == code_fingerprint(script, LIBRARY, modules[0]) != other["code"]
    assert "scipy" in other["versions"].keys() - one["versions"].keys()


@pytest.mark.parametrize("option", ["--limits.memory_mb", "--memory_mb"])
def test_the_memory_of_an_attempt_is_left_out(provenance, option):
    for memory in ([option, "2000"], [f"{option}=4000"]):
        for place in (0, 2, len(ARGUMENTS)):
            arguments = [*ARGUMENTS[:place], *memory, *ARGUMENTS[place:]]
            assert describe(SCRIPT, arguments) == provenance


@pytest.mark.parametrize("folder", [".", "trial", "../\xe9", "workflow/lib"])
def test_where_repository_and_results_lie_is_left_out(tmp_path, monkeypatch, folder):
    repository = tmp_path / "my \xe9/repo"
    (repository / folder).mkdir(parents=True)
    monkeypatch.chdir(repository / folder)
    monkeypatch.setattr(module, "REPOSITORY", repository)

    def arguments(place: str) -> list[str]:
        start = json.dumps({"path": f"{place}resources/mini-t5"})
        return ["--start", start, f"--paper={place}resources/a.csv", "--b", f"{place}resources/b"]

    seen = os.path.relpath(repository)
    for place in ("", f"{repository}/", f"{seen}/"):
        assert describe(SCRIPT, arguments(place))["arguments"] == arguments("")
    others = [f"{seen}/resources.csv", f"x{seen}/resources/a", f"../{seen}/resources/a"]
    assert describe(SCRIPT, others)["arguments"] == others


def test_another_setting_is_another_configuration(provenance):
    other = describe(SCRIPT, [*ARGUMENTS[:-1], "4"])
    assert other["config_hash"] != provenance["config_hash"]
    assert {key for key in other if other[key] != provenance[key]} == {
        *("arguments", "config_hash", "seeds")
    }


@pytest.mark.parametrize(
    ("arguments", "seeds"),
    [
        ([], {}),
        (["--seed", "3"], {"seed": 3}),
        (["--seed=3", "--other", "seed"], {"seed": 3}),
        (["--settings.seed", "0"], {"settings.seed": 0}),
        (["--settings", '{"seed": 1, "steps": 2}'], {"settings.seed": 1}),
        (["--a", '[{"seed": 1}, {"b": {"seed": 2}}]'], {"a.0.seed": 1, "a.1.b.seed": 2}),
        (["--seed", "x{", "--query={seed", "--query=" + "9" * 9000, "--last"], {"seed": "x{"}),
        (["--query=" + "[" * 99_999, "--seeds", '{"full": [1, 5]}', "--reseed", "1"], {}),
    ],
)
def test_seeds_are_found_wherever_they_stand(arguments, seeds):
    assert describe(SCRIPT, arguments)["seeds"] == seeds


def test_versions_are_those_of_pinned_packages():
    lines = (REPOSITORY / "requirements.txt").read_text().splitlines()
    pins = {line.partition("==")[0] for line in lines if not line.startswith("#")}
    named = set()
    for script in sorted(SCRIPTS.glob("*.py")):
        named |= set(describe(script, [])["versions"])
    for name in figure.FIGURES.summaries():
        module = figure.FIGURES.module(name)
        named |= set(describe(SCRIPTS / "figure.py", [name], module)["versions"])
    assert "matplotlib" in named
    assert {"torch", "transformers", "PyYAML", "ir-measures", "huggingface-hub"} <= named
    assert named <= pins | {"python", "transformer-lens"}


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_artifact_carries_it(name, tmp_path, provenance):
    with carrying(provenance):
        WRITERS[name](tmp_path / name)
    path = tmp_path / name
    assert read_provenance(path) == provenance
    beside = set() if path.suffix in INSIDE else {f"{path.stem}.provenance.json"}
    within = {f"model/{file}" for file in ("config.json", "model.safetensors", "provenance.json")}
    assert _names(tmp_path) == {name} | beside | (within if name == "model" else set())


@pytest.mark.parametrize("name", WRITERS)
def test_nothing_is_carried_in_library_use(name, tmp_path):
    WRITERS[name](tmp_path / name)
    assert not [name for name in _names(tmp_path) if "provenance" in name]
    with pytest.raises(ProvenanceError, match="carries no provenance"):
        read_provenance(tmp_path / name)


@pytest.mark.parametrize("name", WRITERS)
def test_it_changes_nothing_but_itself(name, tmp_path, provenance):
    """Equal bytes when written again; the content as it is without provenance."""
    with carrying(provenance):
        for folder in ("first", "second"):
            (tmp_path / folder).mkdir()
            WRITERS[name](tmp_path / folder / name)
    files = [file for file in _names(tmp_path / "first") if (tmp_path / "first" / file).is_file()]
    for file in files:
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()
    if name.endswith(".parquet"):
        bare = FRAME.reset_index(drop=True) if name != "empty.parquet" else FRAME.iloc[:0]
        bare.to_parquet(tmp_path / "bare.parquet", index=False)
        expected = pd.read_parquet(tmp_path / "bare.parquet")
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "first" / name), expected)


def test_files_in_a_folder_that_carries_it_have_it(tmp_path, provenance):
    with carrying(provenance):
        _fill(tmp_path / "model")
    for name in ("config.json", "model.safetensors", "provenance.json"):
        assert read_provenance(tmp_path / "model" / name) == provenance


def test_an_artifact_may_be_named_provenance(tmp_path, provenance):
    with carrying(provenance):
        for name in ("provenance", "full"):
            write_json(tmp_path / f"{name}.json", {})
    for name in ("provenance", "full"):
        assert read_provenance(tmp_path / f"{name}.json") == provenance


def test_files_of_one_stem_share_one(tmp_path, provenance):
    with carrying(provenance):
        write_csv(tmp_path / "retrieval.csv", FRAME)
        write_text(tmp_path / "retrieval.md", "")
    assert _names(tmp_path) == {"retrieval.csv", "retrieval.md", "retrieval.provenance.json"}


def test_a_document_has_the_digests_of_what_it_accompanies(tmp_path, provenance):
    (tmp_path / "retrieval.provenance.json").write_text('{"sha256": {"of another job.csv": ""}}')
    with carrying(provenance):
        _fill(tmp_path / "model")
        write_csv(tmp_path / "retrieval.csv", FRAME)
        write_text(tmp_path / "retrieval.md", "")
    expected = {"retrieval.provenance.json": ("retrieval.csv", "retrieval.md")}
    expected |= {"model/provenance.json": ("model/config.json", "model/model.safetensors")}
    for document, files in expected.items():
        paths = [tmp_path / file for file in files]
        digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
        assert json.loads((tmp_path / document).read_text()) == provenance | {"sha256": digests}


def test_no_file_takes_its_name_without_it(tmp_path, provenance):
    (tmp_path / "table.provenance.json").mkdir()
    with carrying(provenance), pytest.raises(OSError, match="directory"):
        write_csv(tmp_path / "table.csv", FRAME)
    assert _names(tmp_path) == {"table.provenance.json"}


def test_a_file_that_is_not_written_leaves_none(tmp_path, provenance):
    with carrying(provenance), pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", float("nan"))
    assert not _names(tmp_path)


def test_all_is_written_in_two_places():
    """In `io.py` and, for pictures, `style.py`: what goes around them would carry nothing."""
    writes = re.compile(
        r"\.(to_csv|to_parquet|to_json|write_table|savefig|write_text|write_bytes)\("
        r"|print_\{name\}|\batomic_path\(|open\([^)]*[\"'][wax]b?[\"']"
    )
    code = sorted((REPOSITORY / "workflow").rglob("*.py"))
    around = [path.name for path in code if writes.search(path.read_text(encoding="utf-8"))]
    assert around == ["style.py", "io.py"]


def test_what_comes_from_the_hub_carries_none(tmp_path, provenance, monkeypatch):
    import fetch

    monkeypatch.setattr(fetch, "fetch", lambda snapshots, lock: write_text(lock, "commits"))
    with carrying(provenance):
        fetch.main([], tmp_path / "revisions.lock.yaml")
    assert _names(tmp_path) == {"revisions.lock.yaml"}


@pytest.mark.parametrize("name", ["a.parquet", "a.svg", "a.png", "a.pdf", "a.csv"])
def test_a_file_of_another_make_has_none(tmp_path, name):
    path = tmp_path / name
    path.write_text("something else")
    with pytest.raises(ProvenanceError, match=name) as caught:
        read_provenance(path)
    assert "again" in str(caught.value)


def _call(script: Path, *arguments: str | Path, hash_seed: int = 0, folder: Path) -> str:
    environment = {"PYTHONPATH": str(script.parents[1] / "lib"), "PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run(
        [sys.executable, script, *map(str, arguments)],
        cwd=folder,
        env=os.environ | environment,
        text=True,
        capture_output=True,
    )
    return done.stdout if done.returncode == 0 else done.stderr


def test_another_clone_writes_the_same_and_the_reader_prints_it(tmp_path):
    ranks = pd.DataFrame({"query_id": ["a"], "doc_id": ["d"], "vocabulary_rank": [1]})
    clones = [tmp_path / f"clone{number}/workflow" for number in range(2)]
    for part in (SCRIPTS, LIBRARY):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(part, clones[0] / part.name, ignore=ignore)
    shutil.copytree(clones[0], clones[1])
    for number, clone in enumerate(clones):
        script, folder = clone / f"scripts/{SCRIPT.name}", tmp_path / f"run{number}"
        folder.mkdir()
        write_parquet(folder / "ranks.parquet", ranks)
        arguments = ("--ranks", "ranks.parquet", "--output", "results/correct/full.csv")
        _call(script, *arguments, hash_seed=number, folder=folder)
    one, other = (tmp_path / f"run{number}/results/correct" for number in range(2))
    assert _names(one) == _names(other) == {"full.csv", "full.provenance.json"}
    for name in _names(one):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    reader = SCRIPTS / "provenance.py"
    run = one.parents[1]
    printed = json.loads(_call(reader, "results/correct/full.csv", folder=run))
    assert (printed["script"], printed["arguments"]) == (SCRIPT.stem, list(arguments))
    (one / "full.csv").write_text("query_id\nb\n")
    for name, starts in (
        ("none", "ProvenanceError: results/correct/none.csv does not exist; "),
        ("full", "DamagedFileError: results/correct/full.csv is damaged (its bytes are not"),
    ):
        said = _call(reader, f"results/correct/{name}.csv", folder=run)
        assert said.startswith(starts)
        assert said.count("\n") == 1
