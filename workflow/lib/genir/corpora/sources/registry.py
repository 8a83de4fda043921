"""Every kind of corpus and the function that reads it."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from genir.base.errors import CorpusError
from genir.corpora.corpus import Corpus, Origin
from genir.corpora.sources import files as corpus_files
from genir.corpora.sources import hpo, ir_datasets, natural_questions, published, trivia_qa

READERS: dict[str, Callable[..., tuple[Corpus, Origin]]] = {
    "files": corpus_files.read,
    "hpo": hpo.read,
    "ir_datasets": ir_datasets.read,
    "natural_questions": natural_questions.read,
    "published": published.read,
    "trivia_qa": trivia_qa.read,
}


def read_source(
    source: str, files: Mapping[str, Path], options: Mapping[str, Any]
) -> tuple[Corpus, Origin]:
    """The corpus of a source. Raises CorpusError if the source is unknown, takes no such file or
    option, needs another, or holds no query with a document."""
    if source not in READERS:
        raise CorpusError(f"there is no source {source}; write one of {', '.join(READERS)}")
    reader = READERS[source]
    try:
        inspect.signature(reader).bind(**files, **options)
    except TypeError as error:
        raise CorpusError(f"source {source}: {error}") from None
    corpus, origin = reader(**files, **options)
    if corpus.queries.empty:
        raise CorpusError(
            f"source {source}, {origin.release}: there is no query with a document; "
            f"counted: {origin.counts}"
        )
    return corpus, origin
