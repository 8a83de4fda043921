"""What rules give Snakemake in place of values."""

import re

import pytest
from plans import plan_of

from genir.run import rule_arguments
from genir.run.parameters import constant, files_read, growing, one_of, told, uncompared


def test_a_constraint_admits_exactly_the_names():
    pattern = re.compile(one_of(["a.b", "c"]))
    assert [n for n in ("a.b", "c", "axb", "cc", "") if pattern.fullmatch(n)] == ["a.b", "c"]


def test_a_constraint_of_no_names_admits_nothing():
    assert re.search(one_of([]), "") is None


@pytest.mark.parametrize("mb", [500, lambda wildcards: 100 * len(wildcards["model"])])
def test_memory_grows_with_the_attempt(mb):
    assert [growing(mb)({"model": "known"}, attempt) for attempt in (1, 2, 3)] == [500, 1000, 1500]


def test_a_value_stands_for_all_wildcards():
    assert constant("{a}")({"a": "b"}) == "{a}"
    assert uncompared(["x"])({}, []) == ["x"]
    assert uncompared(lambda wildcards: wildcards["a"])({"a": "b"}, []) == "b"


def test_words_and_files_are_those_of_the_arguments(tmp_path):
    plan, wildcards = plan_of(tmp_path), {"model": "full"}
    drawn = rule_arguments.removed
    said = told(plan, drawn)(wildcards)
    files = files_read(plan, drawn)(wildcards)
    assert files["correct"] == ["results/correct_queries/full.csv"]
    assert said[said.index("--correct") + 1] == files["correct"][0]
    assert {"--models", "--documents", "--seed"} < set(said)
