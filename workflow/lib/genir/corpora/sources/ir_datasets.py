"""A corpus out of a collection that the package ir-datasets knows (https://ir-datasets.com)."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from genir.base.errors import CorpusError
from genir.base.names import SPLITS
from genir.corpora.checked import CheckedCorpus, Names
from genir.corpora.corpus import Corpus, Origin
from genir.corpora.faults import Faulty
from genir.corpora.identifiers import fault

NamedDataset = tuple[str | None, str, Any]
"""Split, id and data set of ir-datasets."""
_ITERATORS = {"documents": "docs_iter", "queries": "queries_iter", "qrels": "qrels_iter"}


def read(
    id: str | None = None, ids: dict[str, str] | None = None, faulty: Faulty = "error"
) -> tuple[Corpus, Origin]:
    """All documents of a collection, with the queries of one of its data sets or, by split, of
    several.

    Relevant is what has a relevance above 0. Raises CorpusError if ir-datasets does not know an id,
    cannot give documents, queries and qrels for it or, unless faulty entries are to be dropped, if
    there are any: all of them are named.
    """
    datasets = _datasets(id, ids)
    names = ", ".join(name for _, name, _ in datasets)
    checked = CheckedCorpus(Names(names, names, names), faulty)
    _documents(checked, *datasets[0][1:])
    for dataset in datasets:
        _queries(checked, *dataset)
    corpus, counts = checked.corpus()
    return corpus, Origin(
        source=f"ir-datasets=={version('ir-datasets')}", release=names, counts=counts
    )


def download(id: str | None = None, ids: dict[str, str] | None = None) -> dict[str, int]:
    """Bring all that `read` reads into the folder of ir-datasets, which downloads what it lacks
    while it is read. Returns how many documents, queries and qrels there are.

    Raises CorpusError as `read` does.
    """
    datasets = _datasets(id, ids)
    counts = dict.fromkeys(_ITERATORS, 0)
    wanted = [("documents", datasets[0])]
    wanted += [(part, dataset) for dataset in datasets for part in ("queries", "qrels")]
    for part, (_, name, dataset) in wanted:
        with _readable(name, part):
            counts[part] += sum(1 for _ in getattr(dataset, _ITERATORS[part])())
    return counts


def _datasets(id: str | None, ids: dict[str, str] | None) -> list[NamedDataset]:
    """The data sets that are meant, all with the documents of the first."""
    named = [(None, id)] if id is not None else [(s, ids[s]) for s in SPLITS if s in (ids or {})]
    if not named:
        raise CorpusError("source ir_datasets needs an id, or ids with train, validation and test")
    datasets = [(split, name, _load(name)) for split, name in named]
    (_, first, dataset), *others = datasets
    for _, name, other in others:
        if other.docs_handler() != dataset.docs_handler():
            raise CorpusError(
                f"{first} and {name} of ir-datasets have different documents; write ids of one "
                "collection"
            )
    return datasets


def _load(name: str) -> Any:
    import ir_datasets  # half a second, which the other sources need not wait for

    try:
        dataset = ir_datasets.load(name)
    except KeyError:
        known = difflib.get_close_matches(name, list(ir_datasets.registry), n=1)
        hint = (
            f"did you mean {known[0]}?" if known else "its catalogue is at https://ir-datasets.com"
        )
        raise CorpusError(f"ir-datasets knows no {name}; {hint}") from None
    for part in ("docs", "queries", "qrels"):
        if not getattr(dataset, f"has_{part}")():
            raise CorpusError(
                f"{name} of ir-datasets has no {part}; write the id of one that has docs, queries "
                "and qrels"
            )
    return dataset


def _documents(checked: CheckedCorpus, name: str, dataset: Any) -> None:
    with _readable(name, "documents"):
        for document in dataset.docs_iter():
            title = getattr(document, "title", None) or ""
            text = getattr(document, "text", None)
            if text is None:
                title, text = "", document.default_text()
            doc_id = _identifier(name, document.doc_id)
            checked.document(
                f"{name}, document {doc_id!r}", doc_id, title.strip(), (text or "").strip()
            )


def _queries(checked: CheckedCorpus, split: str | None, name: str, dataset: Any) -> None:
    """Add a data set's queries, each with its relevant documents behind it."""
    relevant: dict[str, list[str]] = {}
    with _readable(name, "qrels"):
        for qrel in dataset.qrels_iter():
            if qrel.relevance > 0:
                relevant.setdefault(qrel.query_id, []).append(qrel.doc_id)
            else:
                checked.not_relevant += 1
    with _readable(name, "queries"):
        for query in dataset.queries_iter():
            query_id = _identifier(name, query.query_id)
            text = (query.default_text() or "").strip()
            checked.query(f"{name}, query {query_id!r}", query_id, text, split)
            _judgements(checked, split, name, query_id, relevant.pop(query_id, []))
    for query_id, doc_ids in relevant.items():
        _judgements(checked, split, name, query_id, doc_ids)


def _judgements(
    checked: CheckedCorpus, split: str | None, name: str, query_id: str, doc_ids: list[str]
) -> None:
    for doc_id in doc_ids:
        place = f"{name}, qrels of query {query_id!r}"
        checked.judgement(place, query_id, doc_id, relevant=True, split=split)


@contextmanager
def _readable(name: str, what: str) -> Iterator[None]:
    """What goes wrong on the way (no network, a licence to be asked for, a broken file) as one
    clear error."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, KeyError, AttributeError, ImportError) as error:
        raise CorpusError(
            f"{what} of {name} cannot be read by ir-datasets: {error or type(error).__name__}"
        ) from error


def _identifier(name: str, value: str) -> str:
    if (wrong := fault(value)) is not None:
        raise CorpusError(
            f"{name} of ir-datasets: the id {value!r} {wrong}, in files of your own that you "
            "export the collection to"
        )
    return value
