import json

import export_corpus
import pandas as pd
import pytest
import subset_corpus

from genir.base.errors import CorpusError
from genir.corpora.drawn_dataset import CorpusFolder
from genir.corpora.subset import DatasetConfig
from genir.files.fingerprint import sha256
from genir.files.io import read_json


def _source(folder, broken=False):
    documents = [{"doc_id": f"d{i}", "text": f"bone {i}"} for i in range(6)]
    queries = [
        {"query_id": f"d{i}-{j}", "text": f"Bone, {i}?" + " foot" * j, "doc_id": f"d{i}"}
        for i in range(6)
        for j in range(3)
    ]
    queries[-1] |= {"doc_id": "d9"} if broken else {}
    for name, records in (("documents", documents), ("queries", queries)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines)
    return {name: folder / f"{name}.jsonl" for name in ("documents", "queries")}


def _exported(folder):
    names = {"documents": "documents.parquet", "queries": "queries.parquet", "qrels": "qrels.txt"}
    return {key: folder / "mine" / name for key, name in names.items()}


def _draw(folder):
    subset_corpus.main(
        DatasetConfig(5, 2, "drop", "query", 1, 2, 2),
        CorpusFolder(**_exported(folder), manifest=folder / "mine/manifest.json"),
        documents=folder / "small/documents.parquet",
        queries=folder / "small/queries.parquet",
        train_qrels=folder / "small/qrels.train.txt",
        validation_qrels=folder / "small/qrels.validation.txt",
        test_qrels=folder / "small/qrels.test.txt",
        manifest=folder / "small/manifest.json",
    )
    return read_json(folder / "small/manifest.json")


def _export(folder, **options):
    manifest = folder / "mine/manifest.json"
    source = _source(folder, **options)
    export_corpus.main("files", **_exported(folder), manifest=manifest, files=source)
    return read_json(manifest)


def test_the_manifests_name_what_was_written(tmp_path):
    exported, drawn = _export(tmp_path), _draw(tmp_path)
    for manifest, folder in ((exported, "mine"), (drawn, "small")):
        for entry in manifest["outputs"].values():
            assert entry["sha256"] == sha256(tmp_path / folder / entry["file"])
    assert [entry["sha256"] for entry in drawn["inputs"].values()] == [
        entry["sha256"] for entry in exported["outputs"].values()
    ]
    assert (drawn["corpus"], drawn["split_mode"]) == ("mine", "query")
    assert drawn["release"] == exported["release"]
    assert drawn["counts"] == {
        "documents": 5,
        "train_queries": 11,
        "validation_queries": 2,
        "test_queries": 2,
        "relevant_pairs": 15,
        "held_out_queries_alike_in_training": 0,
        "in_corpus": {"documents": 6, "queries": 18, "relevant_pairs": 18},
    }


def test_the_manifest_says_what_several_relevant_documents_mean(tmp_path):
    _export(tmp_path)
    assert "several_relevant_documents" not in _draw(tmp_path)
    with _exported(tmp_path)["qrels"].open("a") as file:
        file.write("".join(f"d0-{j} 0 d1 1\n" for j in range(3)))
    drawn = _draw(tmp_path)
    assert drawn["counts"]["queries_of_several_documents"] == 3
    assert "best-ranked" in drawn["several_relevant_documents"]["ranks"]


def test_the_same_input_gives_the_same_bytes(tmp_path):
    _export(tmp_path)
    assert _draw(tmp_path) == _draw(tmp_path)


def test_verbatim_queries_are_marked(tmp_path):
    _export(tmp_path)
    queries = pd.read_parquet(_exported(tmp_path)["queries"]).set_index("query_id")["verbatim"]
    assert queries["d0-0"]
    assert not queries["d5-2"]


def test_nothing_is_written_for_a_wrong_corpus(tmp_path):
    with pytest.raises(CorpusError, match=r"queries\.jsonl, line 18: there is no document 'd9'"):
        _export(tmp_path, broken=True)
    assert not (tmp_path / "mine").exists()
