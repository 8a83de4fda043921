"""What single queries add to the numbers of tables, so that these can be split."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from genir.base.names import COMPONENTS, EMBEDDING, PATCHED_STAGES
from genir.base.patched_files import circuit_split, patch_files, table_file
from genir.estimates.emergence import emergence
from genir.estimates.intervals import Interval, mean_interval, mean_ratio_interval, ratio_interval
from genir.estimates.patch_effects import aligned
from genir.estimates.ranks import read_ranks
from genir.files.io import read_parquet

CORRECT, TEST = "correct", "test"
RETRIEVAL = ("hits_at_1", "hits_at_10", "mrr_at_10")
LOST = "logit_difference_lost"
_WHOLE = -1


@dataclass(frozen=True)
class Baseline:
    """A system without a model: its TREC run on the test queries, and their qrels."""

    name: str
    run: Path
    qrels: Path


@dataclass(frozen=True)
class Analysed:
    """What analyses wrote of one model: ranks in the unmodified model by split, the folders of
    patch_stage (with its methods) and circuit (with its variants), ranks behind other encoders, and
    one file each."""

    model: str
    clean: dict[str, Path]
    patch_stage: Path
    methods: list[str]
    circuit: Path
    variants: list[str]
    encoders: dict[str, Path]
    rank_development: Path
    direct_contribution: Path
    signed_contributions: Path
    query_words: Path


def mean(values: np.ndarray, _: np.ndarray, documents: np.ndarray, seed: int) -> Interval:
    """`mean_interval`, for weights of 1."""
    return mean_interval(values, documents, seed)


@dataclass(frozen=True)
class Measure:
    """A number of a table, the sum of `value` over that of `weight`, from queries: `frame` is
    query_id, doc_id, value, weight. `item` and `measure` name it in the table, `queries` says which
    they are; `estimate` gives its interval, which is multiplied by `scale`."""

    table: str
    item: str
    measure: str
    queries: str
    frame: pd.DataFrame = field(repr=False)
    estimate: Callable[..., Interval] = mean
    scale: float = 1.0

    @property
    def name(self) -> tuple[str, str, str]:
        return self.table, self.item, self.measure


def of_baseline(files: Baseline, tested: pd.DataFrame) -> Iterator[Measure]:
    """Metrics of the test queries (query_id, doc_id)."""
    from genir.analyses.run_metrics import query_metrics

    metrics = query_metrics(files.run, files.qrels, tested["query_id"])
    for metric in RETRIEVAL:
        yield Measure("retrieval", "", metric, TEST, _frame(tested, metrics[metric].to_numpy()))


def of_model(files: Analysed) -> Iterator[Measure]:
    """All of one model: of the correct validation queries, retrieval (by docid rank, as runs have
    it) and circuits of test queries."""
    clean, tested = (read_ranks(files.clean[split]) for split in ("validation", "test"))
    rank = tested["docid_rank"]
    values = (rank == 1, rank <= 10, np.where(rank <= 10, 1 / rank, 0))
    for metric, value in zip(RETRIEVAL, values, strict=True):
        yield Measure("retrieval", "", metric, TEST, _frame(tested, value))
    correct = clean.loc[clean["vocabulary_rank"] == 1, ["query_id", "doc_id"]]
    for cell, path in patch_files(files.patch_stage, files.methods, PATCHED_STAGES).items():
        yield from _patched("patching_by_stage", " ".join(cell), clean, read_ranks(path))
    for encoder, path in files.encoders.items():
        yield from _ranked("encoder_swap", encoder, correct, read_ranks(path))
    direct = read_parquet(files.direct_contribution)
    for source, ranks in direct.groupby("source", sort=False):
        yield from _ranked("direct_contribution", source, correct, ranks)
    emerged = _only(correct, emergence(read_parquet(files.rank_development)))
    for measure in ("layer", "share_of_depth"):
        names = "rank_development", "emergence", measure, CORRECT
        yield Measure(*names, _frame(emerged, emerged[measure]))
    yield from _signed(_only(correct, read_parquet(files.signed_contributions)))
    yield from _words(clean, read_parquet(files.query_words))
    for variant in files.variants:
        path = files.circuit / table_file(circuit_split(variant, "test"))
        yield from _circuit(variant, tested, read_ranks(path))


def _patched(
    table: str, item: str, clean: pd.DataFrame, patched: pd.DataFrame, queries: str = CORRECT
) -> Iterator[Measure]:
    before, after = aligned(clean, patched)
    before = before[before["vocabulary_rank"] == 1].reset_index()
    after = after.loc[before["query_id"]].reset_index()
    broken = _frame(before, after["vocabulary_rank"] != 1)
    yield Measure(table, item, "broken_percent", queries, broken, scale=100)
    d = before["relevant_logit"] - before["other_logit"]
    lost = _frame(before, d - (after["relevant_logit"] - after["other_logit"]), d)
    yield Measure(table, item, LOST, queries, lost.dropna(), mean_ratio_interval)


def _ranked(table: str, item: str, correct: pd.DataFrame, ranks: pd.DataFrame) -> Iterator[Measure]:
    own = _only(correct, ranks)
    rank = own["vocabulary_rank"]
    yield Measure(table, item, "hits_at_1", CORRECT, _frame(own, rank == 1))
    yield Measure(table, item, "mrr", CORRECT, _frame(own, 1 / rank))


def _signed(parts: pd.DataFrame) -> Iterator[Measure]:
    """Which share of the logit difference each kind of component adds."""
    whole = parts[parts["head"] == _WHOLE]
    names = ["query_id", "doc_id"]
    added = whole.pivot_table(
        index=names, columns="component", values="logit_difference", aggfunc="sum"
    )
    added = added.reindex(columns=[EMBEDDING, *COMPONENTS], fill_value=0.0)
    total, queries = added.sum(axis=1).to_numpy(), added.index.to_frame(index=False)
    for component in COMPONENTS:
        frame = _frame(queries, added[component].to_numpy(), total)
        names = "signed_contributions", component, "share_of_difference", CORRECT
        yield Measure(*names, frame, mean_ratio_interval)


def _words(clean: pd.DataFrame, words: pd.DataFrame) -> Iterator[Measure]:
    """Sums over the words of each query, without single layers."""
    d = (clean["relevant_logit"] - clean["other_logit"]).set_axis(clean["query_id"])
    words = words[~words["where"].str.startswith("layer")]
    words = words.assign(
        before=d.loc[words["query_id"]].to_numpy(),
        broken=words["vocabulary_rank"] > 1,
        words=1,
    )
    words["taken"] = words["before"] - (words["relevant_logit"] - words["other_logit"])
    for where, part in words.groupby("where", sort=False):
        sums = part.groupby(["query_id", "doc_id"], as_index=False)[
            ["broken", "words", "taken", "before"]
        ].sum(min_count=1)
        broken = _frame(sums, sums["broken"], sums["words"])
        names = "query_words", where
        yield Measure(*names, "broken_percent", CORRECT, broken, ratio_interval, 100)
        lost = _frame(sums, sums["taken"], sums["before"]).dropna()
        yield Measure(*names, LOST, CORRECT, lost, mean_ratio_interval)


def _circuit(variant: str, clean: pd.DataFrame, ranks: pd.DataFrame) -> Iterator[Measure]:
    before, after = (table.reset_index() for table in aligned(clean, ranks))
    hits = [table["vocabulary_rank"] == 1 for table in (after, before)]
    yield Measure("circuit", variant, "hits_at_1", TEST, _frame(before, hits[0]))
    names = "circuit", variant, "hits_at_1 relative", TEST
    yield Measure(*names, _frame(before, *hits), ratio_interval)
    _, lost = _patched("circuit", variant, clean, ranks, f"{TEST}, {CORRECT}")
    yield lost


def _only(queries: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["query_id"].isin(queries["query_id"])].reset_index(drop=True)


def _frame(queries: pd.DataFrame, value: object, weight: object = 1.0) -> pd.DataFrame:
    numbers = {"value": np.asarray(value, float), "weight": np.asarray(weight, float)}
    return queries[["query_id", "doc_id"]].reset_index(drop=True).assign(**numbers)
