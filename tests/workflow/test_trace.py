"""Typed queries reach the script as they were typed, whatever is in them."""

import re
import shlex

import yaml
from conftest import REPOSITORY

TINY = REPOSITORY / "config/tiny.yaml"
QUERIES = [
    'it\'s "quoted" $(touch made) `touch made` \\ bone; touch made && echo',
    "broken\nbone",
    "{input} {{x}} {wildcards.model} %s",
    "F\u00fc\u00dfe gr\u00f6\u00dfer als \u00fcblich \u4f60\u597d",
    "--output=elsewhere",
    "-1",
    "@file #comment *",
]


def test_a_typed_query_is_one_argument_of_the_command(snakemake, tmp_path):
    overlay = tmp_path / "trace.yaml"
    overlay.write_text(yaml.safe_dump({"trace": {"queries": QUERIES}}, allow_unicode=True))
    done = snakemake(tmp_path, "-n", "-p", "--configfile", TINY, overlay, "--", "trace")
    assert done.returncode == 0, done.stdout[-3000:]
    commands = re.findall(r'python "\$SCRIPTS/trace_query\.py" .*?2>&1', done.stdout, re.DOTALL)
    arguments = [
        argument
        for command in commands
        for argument in shlex.split(command)
        if argument.startswith("--query=")
    ]
    assert sorted(arguments) == sorted(f"--query={text}" for text in QUERIES)


def test_a_query_on_the_command_line(snakemake, tmp_path):
    text = 'trace={queries: ["it\'s $(a) bone"]}'
    done = snakemake(tmp_path, "-n", "-p", "--configfile", TINY, "--config", text, "--", "trace")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "trace_query/full/it-s-a-bone-" in done.stdout
    assert "dizzy" not in done.stdout


def test_without_queries_there_is_nothing_to_trace(snakemake, tmp_path):
    overlay = tmp_path / "none.yaml"
    overlay.write_text("trace: {queries: []}\n")
    done = snakemake(tmp_path, "-n", "--configfile", TINY, overlay)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "trace_query" not in done.stdout
