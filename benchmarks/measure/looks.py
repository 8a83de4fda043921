"""The queries that docs/explorer.md looks at, found by rule in the results beside a page."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from genir.files.io import read_parquet
from genir.models.token_names import titles_of
from genir.pages import places


@dataclass(frozen=True)
class Look:
    """A screenshot: its name, the address that shows it, what is on top, and what it says."""

    name: str
    fragment: str
    seen: str
    said: str


def chosen_looks(page: Path) -> list[Look]:
    """The first validation query, in the order of the files, that is found without a shared word;
    that is ranked below 10; and that mean-patched cross-attention of a stage breaks."""
    results, model = page.parents[1], page.stem
    data = places.dataset(results)
    ranks = read_parquet(places.ranks(results, model, "validation"))
    queries = read_parquet(data / "queries.parquet").set_index("query_id")
    titles = titles_of(read_parquet(data / "documents.parquet", columns=["doc_id", "title"]))
    told = ranks.join(queries[["text", "shared_words"]], on="query_id")
    correct = told["vocabulary_rank"] == 1
    found = told[correct & (told["shared_words"] == 0)]
    wanted = {
        "found": found,
        "words": found,
        "failed": told[told["vocabulary_rank"] > 10],
        "broken": told[correct & told["query_id"].isin(_broken(results, model))],
    }
    seen = {
        "found": "#main h2",
        "words": '[aria-label="Without one of its words"]',
        "failed": "#main h2",
        "broken": '[aria-label^="One component replaced in"]',
    }
    return [
        Look(name, f"q={quote(str(row.query_id))}", seen[name], _said(row, titles))
        for name, rows in wanted.items()
        for row in rows.head(1).itertuples()
    ]


def _broken(results: Path, model: str) -> pd.Series:
    """Queries that are not first when the mean stands in for a stage's cross-attention."""
    paths = [
        results / "patch_stage" / model / "mean" / f"{stage}.cross_attention.parquet"
        for stage in ("II", "III", "I")
    ]
    frames = [read_parquet(path) for path in paths]
    broken = [frame[frame["vocabulary_rank"] > 1] for frame in frames]
    return pd.concat(broken)["query_id"]


def _said(row: tuple, titles: dict[str, str]) -> str:
    return (
        f"{row.text!r} ({row.query_id}), relevant {titles[row.doc_id]!r}, vocabulary rank "
        f"{row.vocabulary_rank}, {row.shared_words} shared content words"
    )
