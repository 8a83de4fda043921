"""No shell command of a rule holds a value that the shell could take for more than one word."""

import re
from pathlib import Path

import pytest
from conftest import REPOSITORY

RULES = sorted((REPOSITORY / "workflow/rules").glob("*.smk"))
COMMAND = re.compile(r"^( *)shell:\n((?:\1    .*\n|\n)+)", re.MULTILINE)


def _commands(file: Path) -> list[str]:
    """The commands of a rule file, each as Snakemake gets it before it fills in values."""
    found = COMMAND.findall(file.read_text())
    return [_joined(body) for _, body in found]


def _joined(body: str) -> str:
    """Adjacent string literals as one."""
    parts = [line.strip() for line in body.splitlines() if line.strip()]
    assert all(part[0] == part[-1] and part[0] in "\"'" for part in parts), body
    return "".join(part[1:-1] for part in parts)


@pytest.mark.parametrize("file", RULES, ids=lambda path: path.stem)
def test_every_value_in_a_command_is_quoted(file):
    for command in _commands(file):
        values = re.findall(r"\{[^{}]*\}", command)
        assert [value for value in values if not value.endswith(":q}")] == [], command
        assert not re.search(r"""['"]\{|\}['"]""", command), "quoted twice: " + command


@pytest.mark.parametrize("file", RULES, ids=lambda path: path.stem)
def test_every_variable_and_substitution_in_a_command_is_quoted(file):
    for command in _commands(file):
        outside = re.sub(r'"[^"]*"', "", command)
        assert "$" not in outside, command
        assert "`" not in command, command


def test_every_command_is_read():
    commands = sum(len(_commands(file)) for file in RULES)
    written = sum(len(re.findall(r"(?m)^ *shell:", file.read_text())) for file in RULES)
    assert commands == written > 20
