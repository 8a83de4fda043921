import json
from pathlib import Path

from genir.run.arguments import Folder, Written, read_files, words, written_files

FOLDER = Folder(Path("results/a"), (Path("results/a/x"), Path("results/a/y")))
ARGUMENTS = {
    "model": Path("a b/'model'"),
    "files": [{"path": Path("one"), "name": "n"}, {"path": Path("two")}, {"path": Path("one")}],
    "folder": FOLDER,
    "seed": 3,
    "nothing": None,
    "flag": True,
    "output": Written("results/{model}", ("results/{model}/x", "results/{model}/y")),
    "record": {"json": Written("results/{model}.json")},
}


def test_a_command_line_has_every_option_once_with_its_value():
    line = words(ARGUMENTS, model="m")
    options, values = line[::2], line[1::2]
    assert options == [f"--{name}" for name in ARGUMENTS if name != "nothing"]
    said = dict(zip(options, values, strict=True))
    assert said["--model"] == "a b/'model'"
    assert json.loads(said["--files"])[1] == {"path": "two"}
    assert said["--folder"] == "results/a"
    assert (said["--seed"], said["--flag"]) == ("3", "true")
    assert said["--output"] == "results/m"
    assert json.loads(said["--record"]) == {"json": "results/m.json"}


def test_what_is_read_and_what_is_written_stand_in_the_arguments():
    assert read_files(ARGUMENTS) == {
        "model": ["a b/'model'"],
        "files": ["one", "two"],
        "folder": ["results/a/x", "results/a/y"],
    }
    pattern = ["results/{model}/x", "results/{model}/y", "results/{model}.json"]
    assert written_files(ARGUMENTS) == pattern
    assert written_files(ARGUMENTS, model="m") == [p.replace("{model}", "m") for p in pattern]


def test_braces_of_a_path_that_is_read_are_no_wildcards():
    assert words({"a": Path("{model}/x")}, model="m") == ["--a", "{model}/x"]
