"""Corpora of every source through the workflow."""

import json

import refusing_proxy
import yaml
from collections_as_found import qrels, scifact
from record_formats import NATURAL_QUESTIONS, natural_questions, published, question, write

DATASET = {"documents": 12, "minimum_queries": 1, "below_minimum": "drop", "seed": 1}
NQ_LIKE = DATASET | {"split": "document", "validation_queries": 4, "test_queries": 3}
GIVEN = DATASET | {"documents": "all", "below_minimum": "keep", "split": "given"}


def _overlay(folder, corpus, dataset):
    path = folder / "mine.yaml"
    config = {"corpora": {"mine": corpus}, "datasets": {"mine": dataset | {"corpus": "mine"}}}
    path.write_text(yaml.safe_dump(config))
    return path


def _manifest(folder, rule):
    return json.loads((folder / f"results/{rule}/mine/manifest.json").read_text())


def test_a_folder_of_natural_questions(snakemake, tmp_path):
    natural_questions(tmp_path / "data/nq folder")
    corpus = {"source": "natural_questions", "path": "data/nq folder"}
    overlay = _overlay(tmp_path, corpus, NQ_LIKE)
    wanted = ["--configfile", overlay, "--", "results/subset_corpus/mine/manifest.json"]
    with refusing_proxy.noting() as asked:
        done = snakemake(tmp_path, *wanted)
    assert done.returncode == 0, done.stdout[-3000:]
    assert asked == []
    assert _manifest(tmp_path, "export_corpus")["counts"]["documents"] == 20
    counts = _manifest(tmp_path, "subset_corpus")["counts"]
    assert (counts["documents"], counts["validation_queries"]) == (12, 12)
    log = (tmp_path / "results/logs/export_corpus/mine.log").read_text()
    assert "train_records 58, validation_records 2" in log
    again = snakemake(tmp_path, "-n", *wanted)
    assert "Nothing to be done" in again.stdout
    records = [question("new", "what is new", "Page_new")]
    write(tmp_path / "data/nq folder/test.parquet", records, NATURAL_QUESTIONS)
    changed = snakemake(tmp_path, "-n", *wanted)
    assert "export_corpus" in changed.stdout


def test_a_folder_of_beir(snakemake, tmp_path):
    folder = scifact(tmp_path / "data/sci fact")
    corpus = {"source": "files", "path": "data/sci fact"}
    dataset = DATASET | {"split": "document", "validation_queries": 3, "test_queries": 3}
    overlay = _overlay(tmp_path, corpus, dataset)
    wanted = ["--configfile", overlay, "--", "results/subset_corpus/mine/manifest.json"]
    done = snakemake(tmp_path, *wanted)
    assert done.returncode == 0, done.stdout[-3000:]
    counts = _manifest(tmp_path, "export_corpus")["counts"]
    assert (counts["documents"], counts["queries_without_judgement"]) == (60, 5)
    for ignored in ("corpus.jsonl~", ".ipynb_checkpoints/corpus.jsonl", "notes.md"):
        (folder / ignored).parent.mkdir(exist_ok=True)
        (folder / ignored).touch()
    assert "Nothing to be done" in snakemake(tmp_path, "-n", *wanted).stdout
    _overlay(tmp_path, corpus | {"faulty": "drop"}, dataset)
    assert "export_corpus" in snakemake(tmp_path, "-n", *wanted).stdout
    qrels(folder / "qrels/dev.tsv", [("0", "none", 1), ("241", "004000", 1)])
    _overlay(tmp_path, corpus, dataset)
    failed = snakemake(tmp_path, *wanted)
    assert failed.returncode != 0
    assert "2 faults, all of them by kind. Or leave them out with faulty: drop" in failed.stdout
    assert "dev.tsv, line 2: there is no document 'none'" in failed.stdout
    assert "Traceback" not in failed.stdout
    _overlay(tmp_path, corpus | {"faulty": "drop"}, dataset)
    done = snakemake(tmp_path, *wanted)
    assert done.returncode == 0, done.stdout[-3000:]
    dropped = _manifest(tmp_path, "export_corpus")["counts"]["dropped"]
    assert {kind: number for kind, number in dropped.items() if number} == {
        "queries_in_several_splits": 1,
        "relevant_pairs_without_document": 1,
    }


def test_the_published_files(snakemake, tmp_path):
    files = published(tmp_path / "data")
    corpus = {"source": "published"} | {name: str(path) for name, path in files.items()}
    overlay = _overlay(tmp_path, corpus, GIVEN)
    wanted = "results/subset_corpus/mine/manifest.json"
    done = snakemake(tmp_path, "--configfile", overlay, "--", wanted)
    assert done.returncode == 0, done.stdout[-3000:]
    counts = _manifest(tmp_path, "subset_corpus")["counts"]
    names = ("documents", "train_queries", "validation_queries", "test_queries", "relevant_pairs")
    assert [counts[name] for name in names] == [4, 2, 1, 1, 5]


def test_what_is_downloaded_is_planned(snakemake, tmp_path):
    hub = {"source": "trivia_qa", "id": "a/b", "name": "rc.wikipedia"}
    overlay = _overlay(tmp_path, hub | {"revision": "0123456789" * 4}, GIVEN)
    done = snakemake(tmp_path, "-n", "-p", "--configfile", overlay, "--", "corpus")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Download a/b from the Hugging Face hub." in done.stdout
    assert '"revision": "0123456789012345678901234567890123456789"' in done.stdout
    ids = {"train": "beir/nfcorpus/train", "validation": "beir/nfcorpus/dev"}
    ids |= {"test": "beir/nfcorpus/test"}
    overlay = _overlay(tmp_path, {"source": "ir_datasets", "ids": ids}, GIVEN)
    done = snakemake(tmp_path, "-n", "-p", "--configfile", overlay, "--", "corpus")
    assert done.returncode == 0, done.stdout[-3000:]
    assert '"validation": "beir/nfcorpus/dev"' in done.stdout
    assert "fetch_collection" in done.stdout


def test_mistakes_stop_before_the_first_job(snakemake, tmp_path):
    for corpus, said in (
        ({"source": "natural_questions", "path": "nowhere"}, "corpora.mine.path: there is no fold"),
        ({"source": "ir_datasets", "id": "a", "path": "b"}, "corpora.mine.path: has no meaning"),
        ({"source": "trivia_qa", "id": "a/b"}, "corpora.mine.name: is missing; write name: conf"),
    ):
        done = snakemake(tmp_path, "-n", "--configfile", _overlay(tmp_path, corpus, NQ_LIKE))
        assert done.returncode != 0
        assert said in done.stdout
        assert "Traceback" not in done.stdout


def test_a_broken_file_stops_with_file_and_row(snakemake, tmp_path):
    broken = [question(1, "who", "A"), question(2, "where", "A") | {"document": None}]
    write(tmp_path / "data/train.parquet", broken, NATURAL_QUESTIONS)
    corpus = {"source": "natural_questions", "path": "data"}
    done = snakemake(tmp_path, "--configfile", _overlay(tmp_path, corpus, NQ_LIKE), "--", "corpus")
    assert done.returncode != 0
    assert "train.parquet, row 2: no document; add" in done.stdout
    assert "Traceback" not in done.stdout
