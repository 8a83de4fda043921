"""What cross-attention heads say: the top tokens of their logit lens (the study's Table 6)."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from genir.analyses.used_stages import layer_range, read_stages
from genir.base.joins import check_known, looked_up
from genir.base.seeding import generator
from genir.estimates.ranks import read_ranks, views
from genir.files.io import read_parquet
from genir.models.token_names import TokenNames, load_token_names, titles_of
from genir.tables.page import NO_RANK, Table, sections

COLUMNS = "model queries query_id query doc_id title layer head tokens".split()
VIEWS = ("correct", "failed")


@dataclass(frozen=True)
class TopTokensFiles:
    """What the table reads of one model: its head lens, the ranks of the unmodified model, its
    stages, its folder, its dataset's documents and queries."""

    model: str
    tokens: Path
    clean: Path
    stages: Path
    folder: Path
    documents: Path
    queries: Path


def make(files: list[TopTokensFiles], examples: int, seed: int) -> Table:
    """Tabulate what the cross-attention heads say for a few queries: the best five tokens of every
    layer and head. Stage II is shown, query by query, with the documents' titles.

    Args:
        files: what is read of each model.
        examples: correct queries shown of a model, and as many failed ones.
        seed: seed of the draw.
    """
    rows = pd.concat([_model_rows(file, examples, seed) for file in files], ignore_index=True)
    stages = {file.model: read_stages(file.stages) for file in files}
    return Table(rows[COLUMNS], _page(rows, stages), NO_RANK, _shown_layers(stages))


def _model_rows(files: TopTokensFiles, examples: int, seed: int) -> pd.DataFrame:
    chosen = drawn_queries(read_ranks(files.clean), examples, seed, files.model)
    documents = read_parquet(files.documents, columns=["doc_id", "title"])
    texts = read_parquet(files.queries).set_index("query_id")["text"]
    names = {
        "tokens": load_token_names(files.folder),
        "titled": load_token_names(files.folder, documents),
    }
    heads = _head_rows(read_parquet(files.tokens), chosen["query_id"], names)
    check_known(chosen["query_id"], heads["query_id"], files.tokens)
    rows = chosen.merge(heads, on="query_id", how="left")
    return rows.assign(
        model=files.model,
        query=looked_up(rows["query_id"], texts, files.queries),
        title=looked_up(rows["doc_id"], titles_of(documents), files.documents),
    )


def drawn_queries(clean: pd.DataFrame, examples: int, seed: int, model: str) -> pd.DataFrame:
    """queries, query_id and doc_id of the first `examples` of the shuffled correct queries, then
    of the failed ones; fewer where there are fewer."""
    parts = views(clean, clean)
    drawn = []
    for view in (name for name in VIEWS if name in parts):
        ordered = parts[view].sort_values("query_id")
        order = generator(seed, "examples", model, view).permutation(len(ordered))
        drawn.append(ordered.iloc[order[:examples]].assign(queries=view))
    return pd.concat(drawn)[["queries", "query_id", "doc_id"]]


def _head_rows(
    tokens: pd.DataFrame, queries: pd.Series, names: dict[str, TokenNames]
) -> pd.DataFrame:
    """query_id, layer, head and the tokens as text, for some queries."""
    wanted = tokens[tokens["query_id"].isin(queries)].sort_values("position", kind="stable")
    groups = wanted.groupby(["query_id", "layer", "head"])["token_id"]
    return groups.agg(list).reset_index().assign(
        **{column: lambda rows, name=name: rows["token_id"].map(name.joined)
           for column, name in names.items()}
    )  # fmt: skip


def _page(frame: pd.DataFrame, stages: dict[str, dict]) -> str:
    parts = {}
    for (model, queries, _), rows in frame.groupby(["model", "queries", "query_id"], sort=False):
        first, last = stages[model]["used"]["II"]
        shown = rows[rows["layer"].between(first, last)][["layer", "head", "titled"]]
        title = _section(model, queries, rows.iloc[0])
        parts[title] = shown.rename(columns={"titled": "tokens"})
    return sections(parts)


def _section(model: str, queries: str, row: pd.Series) -> str:
    names = ("query", "doc_id", "title")
    query, doc_id, title = (" ".join(str(row[name]).split()) for name in names)
    return f"{model}, {queries}: {query} -> [{doc_id}] {title}"


def _shown_layers(stages: dict[str, dict]) -> str:
    ranges = ", ".join(f"{model}: layers {layer_range(s, 'II')}" for model, s in stages.items())
    return f"Here the heads of Stage II ({ranges}), in the CSV those of all layers."
