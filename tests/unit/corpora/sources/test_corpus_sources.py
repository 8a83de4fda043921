"""Sources of corpora, and the example of CONTRIBUTING.md run as it stands."""

import re
from pathlib import Path

import export_corpus
import pandas as pd
import pytest
import yaml

from genir.base.errors import CorpusError
from genir.corpora.sources.registry import READERS, read_source
from genir.files.io import read_json

REPOSITORY = Path(__file__).parents[4]
TABLE = """page,answer,question
opening,"Nine to five.",When do you open?
opening,"Nine to five.",are you open at noon
cats,"Cats may come, dogs not.",May I bring my cat?
cats,"Cats may come, dogs not.",
"""


@pytest.fixture
def faq(monkeypatch, tmp_path):
    """The example's source, registered, and its arguments."""
    example = (REPOSITORY / "CONTRIBUTING.md").read_text().split("```python\n")[1].split("```")[0]
    given = {"__name__": "genir.corpora.sources.faq"}
    exec(compile(example, "CONTRIBUTING.md", "exec"), given)
    monkeypatch.setitem(READERS, "faq", given["read"])
    (tmp_path / "faq.csv").write_text(TABLE)
    return {"table": tmp_path / "faq.csv"}


def test_the_example_adapter_is_exported(faq, tmp_path):
    folder = tmp_path / "out"
    paths = {name: folder / f"{name}.parquet" for name in ("documents", "queries")}
    manifest = folder / "manifest.json"
    export_corpus.main("faq", **paths, qrels=folder / "qrels.txt", manifest=manifest, files=faq)
    assert pd.read_parquet(paths["documents"])["doc_id"].tolist() == ["opening", "cats"]
    queries = pd.read_parquet(paths["queries"])
    assert queries["query_id"].tolist() == ["opening-1", "opening-2", "cats-3"]
    assert (folder / "qrels.txt").read_text().splitlines()[2] == "cats-3 0 cats 1"
    facts = read_json(manifest)
    assert facts["source"] == "faq"
    assert facts["counts"]["dropped"]["queries_without_text"] == 1
    assert facts["inputs"]["table"]["file"] == "faq.csv"


def test_the_example_adapter_names_file_and_row(faq):
    faq["table"].write_text("page,answer,question\nNA,x,y\n a,x,y\n")
    with pytest.raises(CorpusError, match=r"faq\.csv, row 2: page ' a' begins or ends with white"):
        read_source("faq", faq, {})
    faq["table"].write_text("page,answer,question\nNA,x,y\n007,null,z\n")
    corpus, _ = read_source("faq", faq, {})
    assert corpus.documents["doc_id"].tolist() == ["NA", "007"]
    assert corpus.documents["text"].tolist() == ["x", "null"]


def test_schema_and_registry_name_the_same_sources():
    schema = yaml.safe_load((REPOSITORY / "workflow/schemas/config.schema.yaml").read_text())
    assert sorted(READERS) == sorted(schema["$defs"]["corpus"]["properties"]["source"]["enum"])


@pytest.mark.parametrize(
    ("source", "files", "options", "message"),
    [
        ("nq", {}, {}, "there is no source nq; write one of files, hpo, ir_datasets"),
        (
            "files",
            {"documents": Path("a")},
            {},
            "source files needs documents and queries, or a folder",
        ),
        ("hpo", {}, {"id": "x"}, "source hpo: got an unexpected keyword argument 'id'"),
    ],
)
def test_wrong_arguments_are_named(source, files, options, message):
    with pytest.raises(CorpusError, match=re.escape(message)):
        read_source(source, files, options)
