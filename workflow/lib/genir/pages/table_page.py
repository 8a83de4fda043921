"""Tables as pages: what a table's Markdown says, sorted and filtered by clicks, its CSV inside."""

import re
from pathlib import Path

from genir.files.io import write_text
from genir.pages.packing import Pack
from genir.pages.page import assembled

_CELL = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"\|( ?:?-+:? ?\|)+")


def write_table_page(page: Path, text: Path, table: Path | None, caption: str) -> None:
    """Write the page of the Markdown file `text`, which another job, or this one, wrote; `table` is
    the CSV that it carries, `caption` the sentence on top."""
    rows = table.read_text(encoding="utf-8") if table else ""
    pack = Pack(
        title=page.stem.replace("_", " "),
        caption=caption,
        blocks=blocks(text.read_text(encoding="utf-8")),
        csv=rows,
        file=table.name if table else "",
    )
    write_text(page, assembled("table", page.stem, {"table": pack.text()}))


def blocks(markdown: str) -> list[dict]:
    """Headings, tables and paragraphs of Markdown as this project writes it, in order.

    A heading is {heading, level}, a table {columns, rows}, a paragraph {text}; cells are text.
    """
    found: list[dict] = []
    for part in re.split(r"\n\s*\n", markdown.strip()):
        lines = part.splitlines()
        if heading := re.fullmatch(r"(#+) (.*)", lines[0]):
            found.append({"heading": heading[2], "level": len(heading[1])})
            lines = lines[1:]
        if len(lines) > 1 and _RULE.fullmatch(lines[1].strip()):
            columns, _, *rows = map(_cells, lines)
            found.append({"columns": columns, "rows": rows})
        elif lines:
            found.append({"text": " ".join(lines)})
    return found


def _cells(line: str) -> list[str]:
    cells = _CELL.split(line.strip())[1:-1]
    return [cell.strip().replace("\\|", "|") for cell in cells]
