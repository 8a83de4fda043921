"""Tables as pages say what the Markdown says."""

from unpacking import unpacked

from genir.files.io import write_text
from genir.pages.page import SOURCES, assembled, first_sentences
from genir.pages.table_page import blocks, write_table_page

MARKDOWN = """First line.

### A title

| model | value |
| --- | --- |
| full | 0.62 [0.57, 0.66] |
| a \\| b |  |

More.
"""


def test_markdown_becomes_blocks():
    assert blocks(MARKDOWN) == [
        {"text": "First line."},
        {"heading": "A title", "level": 3},
        {
            "columns": ["model", "value"],
            "rows": [["full", "0.62 [0.57, 0.66]"], ["a | b", ""]],
        },
        {"text": "More."},
    ]


def test_the_page_carries_table_and_csv(tmp_path):
    write_text(tmp_path / "t.md", MARKDOWN)
    (tmp_path / "t.csv").write_text("model,value\nfull,0.62\n")
    page = tmp_path / "t.html"
    write_table_page(page, tmp_path / "t.md", tmp_path / "t.csv", "What it is.")
    text = page.read_text()
    packed = text.partition('id="pack-table">')[2].partition("<")[0]
    facts, _ = unpacked(packed)
    assert facts["blocks"] == blocks(MARKDOWN)
    assert facts["csv"] == "model,value\nfull,0.62\n"
    assert facts["caption"] == "What it is."


def test_captions_begin_with_their_first_sentences():
    for path in SOURCES.parent.glob("table_*.rst"):
        said = first_sentences(path.read_text())
        assert said.endswith((".", ")")), said
        assert "*" not in said
        assert 20 < len(said) < 700, said


def test_palette_is_that_of_the_figures():
    from matplotlib.colors import to_hex

    from genir.figures.style import COMPONENT_COLOURS

    style = (SOURCES / "shared.css").read_text()
    for name in ("self_attention", "cross_attention", "mlp"):
        colour = f"--{name.replace('_', '-')}: {to_hex(COMPONENT_COLOURS[name])};"
        assert colour in style, colour


def test_titles_and_keys_are_escaped():
    page = assembled("table", "<b>", {"table": "abc"})
    assert "<title>&lt;b&gt;</title>" in page
    assert page.count("<script") == 2
