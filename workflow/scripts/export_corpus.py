"""Export a corpus as documents, queries and qrels."""

from pathlib import Path
from typing import Any

from genir.base.progress import LOGGER
from genir.corpora.corpus import corpus_counts
from genir.corpora.manifest import CORPUS_FORMAT, corpus_manifest, described, spelled_out
from genir.corpora.sources.registry import read_source
from genir.corpora.trec import write_qrels
from genir.corpora.verbatim import occur_verbatim
from genir.files.io import write_json, write_parquet
from script import run


def main(
    source: str,
    documents: Path,
    queries: Path,
    qrels: Path,
    manifest: Path,
    files: dict[str, Path] | None = None,
    options: dict[str, Any] | None = None,
) -> None:
    """Export a corpus as documents, queries and qrels.

    Args:
        source: what kind of corpus it is, as in the configuration.
        documents: documents to write (Parquet).
        queries: queries to write (Parquet).
        qrels: TREC qrels to write.
        manifest: what came from where and how much was left out (JSON), to write.
        files: what to read, by the source's own names (JSON), such as {"folder": "data/nq"}.
        options: what else the source takes (JSON), such as {"id": "antique/train"}.
    """
    corpus, origin = read_source(source, files or {}, options or {})
    texts = [*corpus.documents["title"], *corpus.documents["text"], *origin.texts]
    verbatim = occur_verbatim(corpus.queries["text"], texts)
    write_parquet(documents, corpus.documents)
    write_parquet(queries, corpus.queries.assign(verbatim=verbatim))
    write_qrels(qrels, corpus.qrels)
    counts = origin.counts | corpus_counts(corpus) | {"queries_verbatim": sum(verbatim)}
    outputs = {"documents": documents, "queries": queries, "qrels": qrels}
    own = {"counts": counts, "format": CORPUS_FORMAT, "outputs": described(outputs)}
    write_json(manifest, corpus_manifest(origin, own))
    LOGGER.info("%s", spelled_out(counts))


if __name__ == "__main__":
    run(main)
