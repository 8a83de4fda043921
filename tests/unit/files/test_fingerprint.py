import pytest

from genir.files.fingerprint import _imported_files, _parsed, code_fingerprint, fingerprint_of

SCRIPT = "from genir import first\nimport genir.part.third\nimport neighbour\n"
FILES = {
    "scripts/main.py": SCRIPT,
    "scripts/neighbour.py": "value = 1\n",
    "scripts/stranger.py": "value = 1\n",
    "lib/genir/__init__.py": "",
    "lib/genir/first.py": "from genir.second import f\n\n\ndef g():\n    return f()\n",
    "lib/genir/part/__init__.py": "",
    "lib/genir/part/third.py": "value = 1\n",
    "lib/genir/named.py": "value = 1\n",
    "lib/genir/other.py": "from genir import beside\n",
    "lib/genir/beside.py": "value = 1\n",
    "lib/genir/second.py": 'def f():\n    """Doc."""\n    return 1\n',
}


@pytest.fixture
def fingerprint(tmp_path):
    """The fingerprint of the files above with some of them changed."""

    def compute(name="scripts/main.py", text=SCRIPT):
        for file, content in (FILES | {name: text}).items():
            path = tmp_path / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        for cached in (code_fingerprint, _imported_files, _parsed):
            cached.cache_clear()
        return code_fingerprint(tmp_path / "scripts/main.py", tmp_path / "lib")

    return compute


@pytest.mark.parametrize(
    "text",
    [
        '# A comment.\ndef f():\n\n    """Doc."""\n    return (1)  # One.\n',
        'def f():\n    """Other."""\n    return 1\n',
        '"""Of the module."""\n\n\ndef f():\n    return 1\n',
    ],
)
def test_comments_docstrings_and_layout_do_not_count(fingerprint, text):
    assert fingerprint("lib/genir/second.py", text) == fingerprint()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("scripts/main.py", SCRIPT + "print()\n"),
        ("scripts/neighbour.py", "value = 2\n"),
        ("lib/genir/first.py", "from genir.second import f\n"),
        ("lib/genir/second.py", 'def f():\n    """Doc."""\n    return 2\n'),
        ("lib/genir/second.py", 'def f():\n    x = """Doc."""\n    return 1\n'),
        ("lib/genir/__init__.py", "value = 1\n"),
        ("lib/genir/part/__init__.py", "value = 1\n"),
    ],
)
def test_code_that_is_imported_counts(fingerprint, name, text):
    before = fingerprint()
    assert fingerprint(name, text) != before


def test_code_that_is_not_imported_does_not_count(fingerprint):
    assert fingerprint("scripts/stranger.py", "value = 2\n") == fingerprint()


def test_a_module_that_a_driver_is_told_to_import_counts_and_no_other(tmp_path, fingerprint):
    def of(module):
        return code_fingerprint(tmp_path / "scripts/main.py", tmp_path / "lib", module)

    fingerprint()
    before = of("genir.named"), of("genir.other")
    assert before[0] != before[1]
    assert fingerprint() not in before
    assert fingerprint("lib/genir/named.py", "value = 2\n") == fingerprint()
    fingerprint("lib/genir/named.py", "value = 2\n")
    after = of("genir.named"), of("genir.other")
    assert (after[0] != before[0], after[1]) == (True, before[1])
    fingerprint("lib/genir/beside.py", "value = 2\n")
    assert of("genir.other") != before[1]


def test_modules_may_import_each_other(fingerprint):
    assert fingerprint("lib/genir/second.py", "import genir.first\nf = 1\n")


def test_values_are_told_apart_and_key_order_is_not():
    assert fingerprint_of({"a": 1, "b": [2]}, "x") == fingerprint_of({"b": [2], "a": 1}, "x")
    assert fingerprint_of({"a": 1}) != fingerprint_of({"a": 2})
    assert fingerprint_of("a", "b") != fingerprint_of("ab")
