"""YAML that could be taken for something else is refused."""

from pathlib import Path

import pytest

from genir.base.errors import ConfigError
from genir.run.config.strict_yaml import load_yaml_strict


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed: 1\na:\n  b: 1\n  b: 2\n", "line 4: a.b is in line 3 already"),
        ("seed: 1\nseed: 1\n", "line 2: seed is in line 1 already"),
        ("a:\n- x: 1\n  x: 2\n", "line 3: a.x is in line 2 already"),
        ("a:\n\tb: 1\n", "line 2: .*indent with spaces"),
        ("a: [1\n", "line 2"),
        ("models:\n  no: {}\n", "line 2: YAML takes the name 'no' of models.no for false; write"),
        ("models: {null: {}}\n", 'models.null for nothing; write it in quotes: "null"'),
        ("models: {~: {}}\n", "of models.~ for nothing"),
        ("models: {012: {}}\n", 'models.012 for 10; write it in quotes: "012"'),
        ("models: {1_0: {}}\n", "models.1_0 for 10; write it in quotes"),
        ("models: {.5: {}}\n", "for 0.5; write it in quotes"),
        ("models: {2024-01-31: {}}\n", 'for a date; write it in quotes: "2024-01-31"'),
        ("a: [{on: 1}]\n", 'a.on for true; write it in quotes: "on"'),
        ("seed: 010\n", 'seed: YAML takes 010 for 8; write that, or "010" in quotes'),
        ("a: [1, 1:30]\n", "a: YAML takes 1:30 for 90"),
        ("a: 1:30.5\n", "a: YAML takes 1:30.5 for 90.5"),
        ("a: 0x1F\n", "a: YAML takes 0x1F for 31"),
        ("- 1\n", "holds no keys"),
        ("", "holds no keys"),
    ],
)
def test_yaml_mistakes_are_named(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said) as caught:
        load_yaml_strict(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    "text", ['"no": 1', "'012': 1", "1e5: 1", "a: 1_000", "a: -3", "a: 0", '{"no": {"1": 2}}']
)
def test_text_and_plain_numbers_are_what_they_look_like(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    assert all(isinstance(key, str) for key in load_yaml_strict(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml cannot be read"):
        load_yaml_strict(tmp_path / "mine.yaml")
