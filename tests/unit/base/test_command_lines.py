"""Paths as parts of a command line."""

import json
from pathlib import Path

import pytest
from jsonargparse import ArgumentParser

from genir.base.command_lines import as_path, spellings


def test_a_path_inside_of_json_is_one_of_its_spellings():
    path = 'a "b" {v1} é'
    plain, inside = spellings(path)
    assert plain == path
    assert json.dumps({"x": path}) == f'{{"x": "{inside}"}}'


@pytest.mark.parametrize(
    ("name", "written"),
    [("null", "./null"), ("# a", "./# a"), ("~", "./~"), ("nulls", "nulls"), ("a # b", "a # b")],
)
def test_a_path_is_a_path_to_an_option_that_may_be_left_out(name, written):
    assert as_path(name) == written
    parser = ArgumentParser()
    parser.add_argument("--file", type=Path | None)
    assert parser.parse_args([f"--file={as_path(name)}"]).file == Path(name)
