"""A corpus out of Natural Questions: find the Wikipedia page that a question was asked about.

Records are those of `google-research-datasets/natural_questions` on the Hugging Face hub. The url
of a page names its revision, so two revisions of a page are two documents.
"""

from dataclasses import replace
from pathlib import Path

from genir.base.errors import CorpusError
from genir.corpora.builder import TEXT_CHARACTERS, CorpusBuilder
from genir.corpora.corpus import Corpus, Origin
from genir.corpora.hub_layout import HubFiles, same_length
from genir.corpora.records import Ids, Row

LICENCE = "CC BY-SA 3.0"
CITATION = (
    "Kwiatkowski et al., Natural Questions: a Benchmark for Question Answering Research, "
    "TACL 7, 2019"
)
COLUMNS = (
    "id",
    "question.text",
    "document.url",
    "document.title",
    "document.tokens.token",
    "document.tokens.is_html",
)


def read(
    folder: Path, id: str | None = None, name: str | None = None, revision: str | None = None
) -> tuple[Corpus, Origin]:
    """Documents are pages (doc_id: url), queries the questions of all splits (query_id: id).

    A page's text are its tokens that are no HTML, joined by spaces, as far as a corpus keeps them.
    Raises CorpusError naming file and row of the first mistake.
    """
    files, builder, ids = HubFiles(folder, id, name, revision), CorpusBuilder(), Ids("id")
    for _, row in files.records(COLUMNS):
        query_id, page = row.identifier("id"), row.block("document")
        ids.add(row, query_id)
        doc_id = page.identifier("url")
        builder.document(doc_id, page.written("title").strip(), _visible(page.block("tokens")))
        builder.query(query_id, row.block("question").written("text"), [doc_id])
    corpus, counts = builder.corpus()
    return corpus, files.origin("natural_questions", LICENCE, CITATION, counts)


def _visible(tokens: Row) -> str:
    """The tokens that are no HTML, until there is more text than a corpus keeps."""
    words, length = [], 0
    for token, is_html in zip(*same_length(tokens, "token", "is_html"), strict=True):
        if is_html not in (True, False):
            raise CorpusError(
                f"{tokens.place}: {tokens.within}is_html holds {is_html!r}; write true or false"
            )
        if is_html:
            continue
        if not isinstance(token, str):
            raise CorpusError(f"{tokens.place}: {tokens.within}token holds what is no text")
        words.append(token)
        length += len(token) + 1
        if length > TEXT_CHARACTERS + 1:
            break
    return replace(tokens, values={"token": " ".join(words)}).written("token")
