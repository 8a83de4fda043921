"""Trace one typed query through a model."""

import warnings
from pathlib import Path

from genir.analyses.trace_query import TracedModel, read_documents, trace_query
from genir.figures.style import save_figure
from genir.figures.trace import trace_figure
from genir.files.io import write_json, write_text
from genir.pages.table_page import write_table_page
from genir.subjects.blocks import Limits
from genir.tables.trace import trace_page
from script import run


def main(
    model: Path,
    documents: Path,
    query: str,
    output: Path,
    doc_id: str = "",
    query_tokens: int = 32,
    formats: tuple[str, ...] = ("svg",),
    dpi: int = 150,
    memory_mb: int = 4000,
    caption: str = "",
) -> None:
    """Trace one typed query through a model: where its answer comes up and who writes it.

    Args:
        model: model folder with its docid mapping, such as results/finetune/full/model.
        documents: documents.parquet of the dataset that the model was trained on.
        query: the text of the query.
        output: path of the files to write, without suffix: JSON, Markdown, a page and pictures.
        doc_id: the document to trace; the one ranked first if it is left out.
        query_tokens: first tokens of the query that are read, as in training.
        formats: of the picture, a list out of svg, png and pdf, such as '["svg", "png"]'.
        dpi: dots per inch of png.
        memory_mb: memory this process may use, in MiB.
        caption: the sentence on top of the page.
    """
    traced = TracedModel(model, read_documents(documents), Limits(memory_mb))
    trace = trace_query(traced, query, doc_id or None, query_tokens)
    page = trace_page(trace)
    write_json(output.with_name(f"{output.name}.json"), trace)
    text = output.with_name(f"{output.name}.md")
    write_text(text, page)
    write_table_page(output.with_name(f"{output.name}.html"), text, None, caption)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # of a script that the font does not have
        save_figure(trace_figure(trace), output, formats, dpi)
    print(page)


if __name__ == "__main__":
    run(main)
