import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir.corpora.identifiers import decoded, encoded, fault

TEXT = st.text() | st.text(alphabet="%25aF \t\u3000\ufeff")


@given(TEXT)
def test_a_field_gives_its_id_back(text):
    field = encoded(text)
    assert decoded(field) == text
    assert field.split() == ([field] if field else [])
    if not re.search(r"\s|%[0-9A-Fa-f]{2}", text):
        assert field == text


@pytest.mark.parametrize(
    ("identifier", "field"),
    [
        ("a b", "a%20b"),
        ("50%", "50%"),
        ("%2", "%2"),
        ("%20", "%2520"),
        ("% 0", "%%200"),
        ("a\u2028b", "a%E2%80%A8b"),
        ("\ufeffa", "\ufeffa"),
    ],
)
def test_fields_by_hand(identifier, field):
    assert encoded(identifier) == field
    assert decoded(field) == identifier


@pytest.mark.parametrize(
    "identifier", ["NA", "007", "a b", "\ufeffa", "%20", "'", '"', "#", "\u200b"]
)
def test_any_text_is_an_id(identifier):
    assert fault(identifier) is None


@pytest.mark.parametrize("identifier", ["", " ", " a", "a\n", "\u00a0a", "a\0b"])
def test_what_is_none(identifier):
    assert fault(identifier)
