"""Small data sets in the record formats of others, written by code; none of it is real data."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

TOKENS = pa.struct(
    {
        "token": pa.list_(pa.string()),
        "is_html": pa.list_(pa.bool_()),
        "start_byte": pa.list_(pa.int64()),
        "end_byte": pa.list_(pa.int64()),
    }
)
NATURAL_QUESTIONS = pa.schema(
    {
        "id": pa.string(),
        "document": pa.struct(
            {"html": pa.string(), "title": pa.string(), "tokens": TOKENS, "url": pa.string()}
        ),
        "question": pa.struct({"text": pa.string(), "tokens": pa.list_(pa.string())}),
        "annotations": pa.struct({"id": pa.list_(pa.string())}),
    }
)
PAGES = pa.struct(
    dict.fromkeys(["doc_source", "filename", "title", "wiki_context"], pa.list_(pa.string()))
)
TRIVIA_QA = pa.schema(
    {
        "question": pa.string(),
        "question_id": pa.string(),
        "question_source": pa.string(),
        "entity_pages": PAGES,
        "search_results": pa.struct({"title": pa.list_(pa.string())}),
        "answer": pa.struct({"value": pa.string()}),
    }
)


def write(path: Path, records: Sequence[dict[str, Any]], schema: pa.Schema) -> Path:
    """Records as Parquet, or as JSON Lines if the name ends so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(records), schema), path)
        return path
    lines = "".join(json.dumps(record) + "\n" for record in records).encode()
    path.write_bytes(gzip.compress(lines) if path.suffix == ".gz" else lines)
    return path


def url(page: str) -> str:
    return f"https://wiki.example/index.php?title={page}&amp;oldid=7"


def question(number: int | str, text: str, page: str, body: str | None = None) -> dict[str, Any]:
    """A record of Natural Questions about `page`, whose text is `body`, between HTML tokens."""
    words = (f"{page} is a page about {page} ." if body is None else body).split()
    tokens = ["<P>", *words, "</P>"]
    return {
        "id": str(number),
        "document": {
            "html": f"<P>{' '.join(words)}</P>",
            "title": page.replace("_", " "),
            "url": url(page),
            "tokens": {
                "token": tokens,
                "is_html": [token.startswith("<") for token in tokens],
                "start_byte": list(range(len(tokens))),
                "end_byte": list(range(1, len(tokens) + 1)),
            },
        },
        "question": {"text": text, "tokens": text.split()},
        "annotations": {"id": ["1"]},
    }


def natural_questions(folder: Path, pages: int = 20, questions: int = 3) -> Path:
    """Two training files and a validation file with `questions` questions for each page."""
    records = [
        question(f"-54{i:03d}", f"what is asked in question {i}", f"Page_{i % pages}")
        for i in range(pages * questions)
    ]
    half = len(records) // 2
    parts = {
        "train-00000-of-00002": records[:half],
        "train-00001-of-00002": records[half:-2],
        "validation-00000-of-00001": records[-2:],
    }
    for name, part in parts.items():
        write(folder / f"default/{name}.parquet", part, NATURAL_QUESTIONS)
    return folder


def trivia(query_id: str, text: str, pages: dict[str, str]) -> dict[str, Any]:
    """A record of TriviaQA; `pages` are titles and texts."""
    return {
        "question": text,
        "question_id": query_id,
        "question_source": "nobody",
        "entity_pages": {
            "doc_source": ["TagMe"] * len(pages),
            "filename": [f"{title}.txt" for title in pages],
            "title": list(pages),
            "wiki_context": list(pages.values()),
        },
        "search_results": {"title": ["a web page"]},
        "answer": {"value": "an answer"},
    }


def published(folder: Path, *, qrels: bool = True, **changed: Any) -> dict[str, Path]:
    """The study's JSON files: four documents, a query for each, that of d3 in training, with two
    relevant ones for the test query. `changed` replaces the content of a file."""
    documents = [{"id": i - 2, "text": f"document {i} " + "x" * 10} for i in range(4)]
    queries = {
        "train": [
            {"id": "Q0", "query": "zero", "relevant_docs": [-2]},
            {"id": "Q3", "query": "three", "relevant_docs": [1]},
        ],
        "validation": [{"id": "Q1", "query": "one", "relevant_docs": [-1]}],
        "test": [{"id": "Q2", "query": "two", "relevant_docs": [0, -1]}],
    }
    contents = {"documents": documents}
    contents |= {f"{split}_queries": entries for split, entries in queries.items()}
    if qrels:
        contents |= {f"{split}_qrels": judged(queries[split]) for split in ("validation", "test")}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (contents | changed).items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{name}.json").write_text(text)
    return {name: folder / f"{name}.json" for name in contents}


def judged(queries: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Qrels as the study's preprocessing writes them."""
    pairs = [(q["id"], place, d) for q in queries for place, d in enumerate(q["relevant_docs"])]
    return {
        "query": [query for query, _, _ in pairs],
        "q0": ["q0"] * len(pairs),
        "docid": [f"@DOC_ID_{document}@" for _, _, document in pairs],
        "rel": [4 - place for _, place, _ in pairs],
    }
