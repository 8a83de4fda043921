"""One HTML file out of a page's sources, `workflow/report/pages`, and its data: it asks nobody for
anything, and no text of a corpus stands in its markup."""

import html
import re
from collections.abc import Mapping

from genir.base.paths import REPOSITORY

SOURCES = REPOSITORY / "workflow" / "report" / "pages"
_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([a-z_]+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:function|const|class) (\w+))", re.MULTILINE)


def assembled(name: str, title: str, packs: Mapping[str, str]) -> str:
    """The page `name`: its HTML with styles, modules and `packs` (name -> text of a `Pack`)."""
    page = (SOURCES / f"{name}.html").read_text(encoding="utf-8")
    data = "\n".join(
        f'<script type="text/plain" id="pack-{html.escape(key)}">{text}</script>'
        for key, text in packs.items()
    )
    style = "\n".join(
        (SOURCES / f"{sheet}.css").read_text(encoding="utf-8") for sheet in ("shared", name)
    )
    parts = {
        "title": html.escape(title),
        "style": style,
        "data": data,
        "script": _modules(name),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], page)


def _modules(entry: str) -> str:
    """A module and those it imports as one: each a function that gives what it exports, those it
    imports before it."""
    done: dict[str, str] = {}

    def take(name: str) -> None:
        text = (SOURCES / f"{name}.js").read_text(encoding="utf-8")
        for _, imported in _IMPORT.findall(text):
            if imported not in done:
                take(imported)
        exported = ", ".join(name for _, name in _EXPORT.findall(text))
        text = _EXPORT.sub(r"\1", _IMPORT.sub(r"const \1 = \2Module;", text))
        done[name] = f"const {name}Module = (() => {{\n{text}\nreturn {{ {exported} }};\n}})();"

    take(entry)
    return "\n\n".join(done.values())


def first_sentences(caption: str) -> str:
    """The title and the first sentence of a caption in reStructuredText, as plain text."""
    paragraph = " ".join(caption.split("\n\n")[0].split())
    sentences = re.split(r"(?<=[.?]) (?=[A-Z*`])", paragraph)
    return re.sub(r"[*`]", "", " ".join(sentences[:2]))
