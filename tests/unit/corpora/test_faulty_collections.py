"""What real collections have: entries that cannot be used, and layouts of other tools."""

import gzip
import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import export_corpus
import pandas as pd
import pytest
from collections_as_found import cranfield, qrels, scifact

from genir.base.errors import CorpusError
from genir.corpora.corpus import Corpus
from genir.corpora.sources.files import read, read_corpus
from genir.corpora.subset import Dataset, DatasetConfig, draw_dataset
from genir.files.io import read_json

DOCUMENTS = [{"doc_id": f"{i}", "title": "T", "text": f"text {i}"} for i in range(1, 7)]
QUERIES = [{"query_id": f"{i}", "text": f"query {i}"} for i in range(1, 6)]
QRELS = "1 0 1 2\n1 0 2 1\n2 0 2 3\n3 0 4 2\n4 0 6 1\n5 0 1 1\n"


def _write(folder, documents=DOCUMENTS, queries=QUERIES, judged=QRELS):
    for name, records in (("documents", documents), ("queries", queries)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines)
    (folder / "qrels.txt").write_text(judged)
    return [folder / name for name in ("documents.jsonl", "queries.jsonl", "qrels.txt")]


def _pairs(corpus: Corpus) -> list[tuple[str, str]]:
    return list(corpus.qrels.itertuples(index=False, name=None))


def _dropped(counts) -> dict[str, int]:
    return {kind: number for kind, number in counts["dropped"].items() if number}


def _trec_like(folder):
    """Every kind of fault of a small TREC collection, one of each or two."""
    documents = [d | ({"text": " ", "title": ""} if d["doc_id"] in "35" else {}) for d in DOCUMENTS]
    judged = "1 0 1 2\n1 0 3 1\n2 0 2 3\n2 0 5 1\n3 0 4 2\n3 0 7 1\n4 0 6 -1\n4 0 1 1\n"
    return _write(folder, documents, judged=judged)


def test_one_run_tells_all_faults_by_kind(tmp_path):
    files = _trec_like(tmp_path)
    with pytest.raises(CorpusError) as raised:
        read(*files)
    told = str(raised.value).replace(f"{tmp_path}/", "").splitlines()
    assert told == [
        "4 faults, all of them by kind. Or leave them out with faulty: drop",
        "documents without text: 2",
        "  documents.jsonl, line 3: text is empty; write a text or remove the entry, and the "
        "judgements that name it",
        "  documents.jsonl, line 5: text is empty; write a text or remove the entry, and the "
        "judgements that name it",
        "relevant pairs without document: 1",
        "  qrels.txt, line 6: there is no document '7' in documents.jsonl; correct the doc_id or "
        "add the document",
        "queries without document: 1",
        "  queries.jsonl, line 5: qrels.txt names no relevant document for query '5'; add a line "
        "with relevance 1 and a document that is there, or remove the query",
    ]


def test_what_is_dropped_is_counted_in_manifest_and_log(tmp_path, caplog):
    files = dict(zip(("documents", "queries", "qrels"), _trec_like(tmp_path), strict=True))
    out = {name: tmp_path / f"out/{name}.parquet" for name in ("documents", "queries")}
    out |= {"qrels": tmp_path / "out/qrels.txt", "manifest": tmp_path / "out/manifest.json"}
    with caplog.at_level("INFO"):
        export_corpus.main("files", **out, files=files, options={"faulty": "drop"})
    counts = read_json(out["manifest"])["counts"]
    assert (counts["documents"], counts["queries"], counts["relevant_pairs"]) == (4, 4, 4)
    assert _dropped(counts) == {
        "documents_without_text": 2,
        "relevant_pairs_without_document": 1,
        "queries_without_document": 1,
        "relevant_pairs_of_dropped_entries": 2,
    }
    assert counts["judgements_not_relevant"] == 1
    assert "dropped: documents_without_text 2" in caplog.text
    assert pd.read_parquet(out["documents"])["doc_id"].tolist() == ["1", "2", "4", "6"]
    assert out["qrels"].read_text() == "1 0 1 1\n2 0 2 1\n3 0 4 1\n4 0 1 1\n"


def test_nothing_is_written_of_a_faulty_corpus(tmp_path):
    files = dict(zip(("documents", "queries", "qrels"), _trec_like(tmp_path), strict=True))
    out = {name: tmp_path / f"out/{name}" for name in ("documents", "queries", "qrels", "manifest")}
    with pytest.raises(CorpusError):
        export_corpus.main("files", **out, files=files)
    assert not (tmp_path / "out").exists()


EVERY_FAULT = {
    "documents_without_text": {"documents": [*DOCUMENTS, {"doc_id": "9", "text": None}]},
    "documents_that_come_again": {"documents": [*DOCUMENTS, DOCUMENTS[0]]},
    "documents_that_come_again_with_another_text": {
        "documents": [*DOCUMENTS, DOCUMENTS[0] | {"text": "other"}]
    },
    "queries_without_text": {"queries": [*QUERIES, {"query_id": "9", "text": "\n"}]},
    "queries_that_come_again": {"queries": [*QUERIES, QUERIES[0] | {"text": "other"}]},
    "relevant_pairs_without_query": {"judged": QRELS + "9 0 1 1\n"},
    "relevant_pairs_without_document": {"judged": QRELS + "1 0 9 1\n"},
    "judgements_that_come_again": {"judged": QRELS + "1 0 1 0\n"},
    "queries_without_document": {"queries": [*QUERIES, {"query_id": "9", "text": "x"}]},
}


@pytest.mark.parametrize("kind", EVERY_FAULT)
def test_every_kind_is_told_and_can_be_dropped(tmp_path, kind):
    files = _write(tmp_path, **EVERY_FAULT[kind])
    with pytest.raises(CorpusError, match=r"\. Or leave them out with faulty: drop$"):
        read(*files)
    corpus, origin = read(*files, faulty="drop")
    assert _dropped(origin.counts) == {kind: 1}
    whole = read_corpus(*_write(tmp_path))
    for one, other in zip(vars(corpus).values(), vars(whole).values(), strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_what_is_told_of_a_faulty_document_is_not_blamed_on_the_qrels(tmp_path):
    documents = [DOCUMENTS[0] | {"text": 5}, *DOCUMENTS[1:]]
    with pytest.raises(CorpusError, match=r"line 1: text is a number; write text in quotes$"):
        read(*_write(tmp_path, documents, judged=QRELS + "5 0 2 1\n"))


def test_an_id_that_cannot_be_read_is_not_blamed_on_what_names_it(tmp_path):
    documents = [{"doc_id": int(d["doc_id"]), "text": d["text"]} for d in DOCUMENTS]
    with pytest.raises(CorpusError) as raised:
        read(*_write(tmp_path, documents))
    told = str(raised.value)
    assert told.startswith("6 faults, all of them by kind\nentries that cannot be read: 6\n")
    assert "there is no document" not in told


@pytest.mark.parametrize("relevance", ["1.0", "1_0", "\u0661", "x", "9" * 5000, "1e3"])
def test_a_relevance_that_is_no_whole_number(tmp_path, relevance):
    files = _write(tmp_path, judged=f"1 0 1 {relevance}\n")
    with pytest.raises(
        CorpusError, match=r"qrels\.txt, line 1: relevance '.{1,40}' is not a whole"
    ):
        read(*files)


@pytest.mark.parametrize("entry", [{"doc_id": 9, "text": "x"}, {"text": "x"}, {"doc_id": "9"}])
def test_entries_that_cannot_be_read_are_told_together_and_never_dropped(tmp_path, entry):
    documents = [*DOCUMENTS, entry, {"doc_id": "8", "text": ""}, entry, entry, entry]
    with pytest.raises(CorpusError) as raised:
        read(*_write(tmp_path, documents))
    told = str(raised.value)
    assert "5 faults" in told
    assert "entries that cannot be read: 4" in told
    assert "line 10" in told
    assert "line 11" not in told
    assert "  and 1 more\ndocuments without text: 1\n" in told
    with pytest.raises(CorpusError, match=r"^4 faults, all of them by kind\n"):
        read(*_write(tmp_path, documents), faulty="drop")


def test_faults_before_a_line_that_ends_the_reading_are_told_too(tmp_path):
    files = _write(tmp_path, [DOCUMENTS[0] | {"text": ""}, *DOCUMENTS[1:]])
    files[1].write_text(files[1].read_text() + "{\n")
    with pytest.raises(CorpusError, match=r"(?s)2 faults.*not JSON.*documents without text: 1"):
        read(*files)


def test_queries_that_name_their_document_are_told_once(tmp_path):
    queries = [query | {"doc_id": str(i)} for i, query in enumerate(QUERIES, start=4)]
    files = _write(tmp_path, queries=queries)[:2]
    with pytest.raises(CorpusError) as raised:
        read(*files)
    assert str(raised.value).count("\n") == 3
    assert "2 faults" in str(raised.value)
    corpus, origin = read(*files, faulty="drop")
    assert corpus.queries["query_id"].tolist() == ["1", "2", "3"]
    assert _dropped(origin.counts) == {
        "relevant_pairs_without_document": 2,
        "queries_without_document": 2,
    }


def test_judgements_that_are_not_relevant_name_anything(tmp_path):
    judged = QRELS + "1 0 nowhere 0\nnobody 0 1 -2\n1 0 4 0\n1 0 4 0\n"
    corpus, origin = read(*_write(tmp_path, judged=judged))
    assert len(corpus.qrels) == 6
    assert origin.counts["judgements_not_relevant"] == 4


def _drawn(corpus: Corpus, config: DatasetConfig) -> Dataset:
    whole = replace(corpus, queries=corpus.queries.assign(verbatim=False))
    return draw_dataset(whole, config, Path("documents.parquet"))


CONFIG = DatasetConfig("all", 1, "keep", "document", 1, 100, 100)


def test_cranfield_as_everybody_has_it(tmp_path):
    files = cranfield(tmp_path)
    with pytest.raises(CorpusError) as raised:
        read(**files)
    assert "documents without text: 2" in str(raised.value)
    assert "queries without document: 1" in str(raised.value)
    corpus, origin = read(**files, faulty="drop")
    assert len(corpus.documents) == 1398
    assert len(corpus.queries) == 224
    assert _dropped(origin.counts) == {
        "documents_without_text": 2,
        "queries_without_document": 1,
        "relevant_pairs_of_dropped_entries": 1,
    }
    for split in ("query", "document"):
        config = replace(CONFIG, split=split, validation_queries=900, test_queries=900)
        with pytest.raises(CorpusError) as raised:
            _drawn(corpus, config)
        told = re.search(r"validation_queries: (\d+) and test_queries: (\d+)", str(raised.value))
        numbers = dict(
            zip(("validation_queries", "test_queries"), map(int, told.groups()), strict=True)
        )
        drawn = _drawn(corpus, replace(config, **numbers))
        assert (drawn.queries["split"] != "train").sum() > 10


@pytest.mark.parametrize("compressed", [False, True])
def test_a_folder_of_beir(tmp_path, compressed):
    folder = scifact(tmp_path, compressed=compressed)
    corpus, origin = read(folder=folder)
    assert corpus.documents["doc_id"].tolist()[:2] == ["004000", "004007"]
    assert Counter(corpus.queries["split"]) == {"train": 180, "test": 60}
    assert origin.counts["queries_without_judgement"] == 5
    assert ("5", "004035") in _pairs(corpus)
    assert ("5", "004042") in _pairs(corpus)
    assert list(origin.inputs) == ["documents", "queries", "train_qrels", "test_qrels"]
    config = DatasetConfig("all", 1, "keep", "given", 1)
    with pytest.raises(CorpusError, match=r"no validation query .*180 train, 0 validation, 60 te"):
        _drawn(corpus, config)
    drawn = _drawn(corpus, replace(CONFIG, validation_queries=9, test_queries=9))
    assert drawn.queries["split"].nunique() == 3


def test_dev_is_validation_and_gives_the_split(tmp_path):
    folder = scifact(tmp_path)
    qrels(folder / "qrels/dev.tsv", [("241", "004000", 1), ("242", "004007", 2)])
    corpus, origin = read(folder=folder)
    assert Counter(corpus.queries["split"]) == {"train": 180, "test": 60, "validation": 2}
    assert origin.counts["queries_without_judgement"] == 3
    drawn = _drawn(corpus, DatasetConfig("all", 1, "keep", "given", 1))
    assert len(drawn.qrels["validation"]) == 2


def test_a_query_in_several_files_of_qrels(tmp_path):
    folder = scifact(tmp_path)
    qrels(folder / "qrels/dev.tsv", [("0", "004000", 1), ("1", "004021", 1), ("241", "004000", 1)])
    with pytest.raises(CorpusError) as raised:
        read(folder=folder)
    assert "queries in several splits: 2" in str(raised.value)
    assert "dev.tsv, line 2: query '0' is a validation query here and a train query before" in str(
        raised.value
    )
    corpus, origin = read(folder=folder, faulty="drop")
    split = dict(zip(corpus.queries["query_id"], corpus.queries["split"], strict=True))
    assert (split["0"], split["1"], split["241"]) == ("train", "train", "validation")
    assert _dropped(origin.counts) == {"queries_in_several_splits": 2}


def test_a_folder_of_beir_in_parts_of_parquet(tmp_path):
    folder = scifact(tmp_path / "lines")
    parts = tmp_path / "parts"
    shutil.copytree(folder / "qrels", parts / "qrels")
    (parts / "qrels/.test.tsv.swp").touch()
    for name in ("corpus", "queries"):
        table = pd.read_json(folder / f"{name}.jsonl", lines=True, dtype=str).drop(
            columns="metadata"
        )
        (parts / name / ".ipynb_checkpoints").mkdir(parents=True)
        for number, part in enumerate((table[:30], table[30:])):
            part.to_parquet(parts / f"{name}/{name}-{number:05d}-of-00002.parquet")
        table.to_parquet(parts / f"{name}/.ipynb_checkpoints/{name}-checkpoint.parquet")
    one, other = read(folder=folder)[0], read(folder=parts)
    for mine, theirs in zip(vars(one).values(), vars(other[0]).values(), strict=True):
        pd.testing.assert_frame_equal(mine, theirs)
    assert "documents/corpus-00001-of-00002.parquet" in other[1].inputs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda f: (f / "corpus.jsonl").unlink(),
            "holds no corpus.jsonl; name a folder that holds",
        ),
        (lambda f: (f / "queries.jsonl").unlink(), "holds no queries.jsonl; name a folder that"),
        (lambda f: shutil.rmtree(f / "qrels"), "holds no qrels/test.tsv; name a folder that"),
        (lambda f: (f / "corpus.parquet").touch(), "corpus.parquet may be the same data twice"),
        (lambda f: (f / "qrels/all.tsv").touch(), "all.tsv is of no split; call it train.tsv"),
        (lambda f: (f / "qrels/old").mkdir() or (f / "qrels/old/dev.tsv").touch(), "of no split"),
        (lambda f: (f / "qrels/test (1).tsv").touch(), "test (1).tsv is called as a copy"),
        (lambda f: (f / "qrels/test.tsv.gz").touch(), "are both of test queries; leave one"),
        (lambda f: (f / "qrels/dev.tsv").write_text("1\t2\n"), "dev.tsv, line 1: 2 fields; write"),
        (
            lambda f: (f / "qrels/dev.tsv").write_text("query-id\tcorpus-id\tscore\n1\t2\n"),
            "dev.tsv, line 2: 2 fields; write three: query-id corpus-id score",
        ),
        (
            lambda f: (f / "qrels/dev.tsv").write_text("query-id\tcorpus-id\tscore\n1\t4\t0.5\n"),
            "dev.tsv, line 2: relevance '0.5' is not a whole number; write 1",
        ),
    ],
)
def test_a_folder_that_is_not_as_beir_has_them(tmp_path, change, message):
    folder = scifact(tmp_path)
    change(folder)
    with pytest.raises(CorpusError, match=re.escape(message)):
        read(folder=folder)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_of_ms_marco(tmp_path, compressed, end):
    contents = {
        "collection.tsv": [f'00{i}\tpassage "{i}", it\'s' for i in range(5)],
        "queries.tsv": [f"{i}\twhat is {i}?" for i in range(5)],
        "qrels.tsv": [f"{i}\t0\t00{i}\t1" for i in range(5)] + ["0\t0\t001\t1", "1\t0\t000\t0"],
    }
    paths = []
    for name, lines in contents.items():
        content = "".join(line + end for line in lines).encode()
        paths.append(tmp_path / (f"{name}.gz" if compressed else name))
        paths[-1].write_bytes(gzip.compress(content) if compressed else content)
    corpus, origin = read(*paths)
    assert corpus.documents["doc_id"].tolist() == ["000", "001", "002", "003", "004"]
    assert corpus.documents["text"].tolist()[3] == 'passage "3", it\'s'
    assert corpus.documents["title"].tolist() == [""] * 5
    assert sorted(_pairs(corpus)) == sorted([*((str(i), f"00{i}") for i in range(5)), ("0", "001")])
    assert origin.counts["judgements_not_relevant"] == 1


def test_documents_in_a_folder_of_parts(tmp_path):
    files = _write(tmp_path)
    (tmp_path / "parts").mkdir()
    lines = files[0].read_text().splitlines(keepends=True)
    for number, part in enumerate((lines[:3], lines[3:])):
        (tmp_path / f"parts/part-{number}.jsonl").write_text("".join(part))
    (tmp_path / "parts/part-1.jsonl~").write_text(lines[0])
    corpus, origin = read(tmp_path / "parts", *files[1:])
    pd.testing.assert_frame_equal(corpus.documents, read(*files)[0].documents)
    assert list(origin.inputs)[:2] == ["documents/part-0.jsonl", "documents/part-1.jsonl"]
    (tmp_path / "parts/part-2.jsonl").write_text(lines[0])
    message = r"part-2\.jsonl, line 1: doc_id '1' is in .*part-0\.jsonl, line 1 already"
    with pytest.raises(CorpusError, match=message):
        read(tmp_path / "parts", *files[1:])
