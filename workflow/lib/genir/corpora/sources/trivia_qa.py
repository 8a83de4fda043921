"""A corpus out of TriviaQA: find a Wikipedia page that holds the answer to a question.

Records are those of `mandarjoshi/trivia_qa` on the Hugging Face hub, configuration `rc.wikipedia`
or `rc`. The web pages of `rc` (search_results) are not used, and a question that it has once for
the web and once for Wikipedia is one query.
"""

from collections.abc import Iterator
from pathlib import Path

from genir.base.errors import CorpusError
from genir.corpora.builder import CorpusBuilder
from genir.corpora.corpus import Corpus, Origin
from genir.corpora.hub_layout import HubFiles, same_length
from genir.corpora.records import Row

LICENCE = "unknown, says the card of the data set"
CITATION = (
    "Joshi et al., TriviaQA: A Large Scale Distantly Supervised Challenge Dataset for Reading "
    "Comprehension, ACL 2017"
)
COLUMNS = ("question_id", "question", "entity_pages.title", "entity_pages.wiki_context")


def read(
    folder: Path, id: str | None = None, name: str | None = None, revision: str | None = None
) -> tuple[Corpus, Origin]:
    """Documents are pages (doc_id: the title, white space as `_`), queries the questions.

    All pages of a question are relevant to it. Queries keep their split; one that is in several
    stays in the first of train, validation, test. Raises CorpusError naming file and row of the
    first mistake.
    """
    files, builder = HubFiles(folder, id, name, revision), CorpusBuilder()
    questions: dict[str, str] = {}
    for split, row in files.records(COLUMNS):
        query_id, question = row.identifier("question_id"), row.written("question")
        if questions.setdefault(query_id, question) != question:
            raise CorpusError(
                f"{row.place}: question_id {query_id!r} came before, with the question "
                f"{questions[query_id]!r}; give every question an id of its own"
            )
        pages = list(_pages(row.block("entity_pages")))
        for doc_id, title, text in pages:
            builder.document(doc_id, title, text)
        builder.query(query_id, question, [doc_id for doc_id, _, _ in pages], split)
    corpus, counts = builder.corpus()
    return corpus, files.origin("trivia_qa", LICENCE, CITATION, counts)


def _pages(pages: Row) -> Iterator[tuple[str, str, str]]:
    """doc_id, title and text of every page."""
    for title, text in zip(*same_length(pages, "title", "wiki_context"), strict=True):
        page = Row(pages.file, pages.position, {"title": title, "wiki_context": text}, pages.within)
        name = " ".join(page.text("title").split())
        yield name.replace(" ", "_"), name, page.written("wiki_context")
