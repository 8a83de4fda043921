import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
DOCUMENT = TESTS.parent / "docs/faults.md"


@pytest.fixture
def suite(monkeypatch):
    monkeypatch.syspath_prepend(TESTS / "faults")
    import suite

    return suite


def test_the_documented_table_has_every_fault_of_the_suite(suite):
    made, _, _ = DOCUMENT.read_text().partition("\n## ")
    rows = [line.split(" | ") for line in made.splitlines() if line.startswith("| ")]
    assert [row[0].removeprefix("| ") for row in rows[2:]] == [fault.name for fault in suite.FAULTS]
    assert all(row[-1].startswith("yes") for row in rows[2:])


def test_the_table_names_no_place_of_the_machine_that_made_it():
    assert not re.search(r"/tmp/|/root|/home|/work", DOCUMENT.read_text().replace("/tmp full", ""))
