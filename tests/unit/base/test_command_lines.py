"""Values as parts of a command line."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonargparse import ArgumentParser
from snakemake.io import apply_wildcards

from genir.base.command_lines import as_json, as_path, options, spellings

TEXT = st.text(alphabet=st.sampled_from('{}"\\ av1.,:\né')) | st.text()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inside: st.lists(inside) | st.dictionaries(TEXT, inside),
    max_leaves=8,
)


@given(VALUES)
def test_json_is_the_value_and_holds_no_wildcard(value):
    text = as_json(value)
    assert json.loads(text) == value
    assert apply_wildcards(text, {}) == text


def test_a_path_inside_of_json_is_one_of_its_spellings():
    path = 'a "b" {v1} é'
    plain, inside = spellings(path)
    assert plain == path
    assert as_json({"x": path}) == f'{{"x": "{inside}"}}'


@pytest.mark.parametrize(
    ("name", "written"),
    [("null", "./null"), ("# a", "./# a"), ("~", "./~"), ("nulls", "nulls"), ("a # b", "a # b")],
)
def test_a_path_is_a_path_to_an_option_that_may_be_left_out(name, written):
    assert as_path(name) == written
    parser = ArgumentParser()
    parser.add_argument("--file", type=Path | None)
    assert parser.parse_args([f"--file={as_path(name)}"]).file == Path(name)


def test_options_are_words():
    assert options(seed=1, examples="a b") == ["--examples", "a b", "--seed", "1"]
    assert options() == []
