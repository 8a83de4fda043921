"""Exact edge patching: what one component reads of another one, replaced for it alone."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import torch

from genir.analyses.donors import asked, deranged
from genir.analyses.edges import Reading, name_and_layer, single_edges, stage_edges
from genir.analyses.patching import Means, correct_rows, drawn_rows, place_means
from genir.analyses.stages import patched_stages
from genir.base.names import ABLATIONS, EMBEDDING, Method
from genir.engine.decoder import Memory, Trace
from genir.engine.edges import Edges, Source, output_of, run_edges, starts
from genir.files.io import read_json
from genir.subjects.queries import per_query_table
from genir.subjects.shards import Tensors
from genir.subjects.subject import Block, Subject, joined

MOST_QUERIES = 128
"""Edges are many; more correct queries make the intervals hardly narrower."""

Streams = Callable[[Block, tuple[Memory, Trace] | None, list[int]], torch.Tensor]
"""The last residual streams `[patch, query, d_model]` of some patches by their numbers; the second
argument is what the decoder reads of the donors, and the unmodified run over them."""


def patch_edge(
    subject: Subject, correct: Path, stages: Path, seed: int
) -> dict[str, pd.DataFrame | dict[str, Any]]:
    """Patch every edge of the decoder alone, and all edges between two stages together.

    Tables `edges` (method, source, source_layer, reader, reader_layer) and `stages` (method,
    source, source_stage, reader, reader_stage), each with query_id, doc_id, difference (logit of
    the relevant document minus that of the best other one, patched), unmodified (the same without a
    patch) and docid_rank, a row for every query: up to 128 correct ones, drawn by `seed`;
    `queries` (query_id, doc_id, donor_id); and `seconds`, by method what the single edges took.

    Args:
        stages: the model's stages (JSON).
        seed: seed of the queries and of their donors.
    """
    own = edge_queries(subject, correct, seed)
    decoder = subject.decoder
    means = place_means(subject, correct_rows(subject, correct), decoder.places)
    grouped = stage_edges(decoder, patched_stages(read_json(stages)["used"]))
    ends = ["source", "source_stage", "reader", "reader_stage"]
    kinds = {
        "edges": (edge_names(subject), edge_patches(subject)),
        "stages": (pd.DataFrame(list(grouped), columns=ends), list(grouped.values())),
    }
    found: dict[str, pd.DataFrame | dict[str, Any]] = {"seconds": {}, "queries": _donors(own, seed)}
    for kind, (names, patches) in kinds.items():
        tables = []
        for method in ABLATIONS:
            table, seconds = edge_effects(*asked(own, method, seed), means, method, patches, names)
            tables.append(table)
            found["seconds"] |= {method: seconds} if kind == "edges" else {}
        found[kind] = pd.concat(tables, ignore_index=True)
    return found


def edge_queries(subject: Subject, correct: Path, seed: int) -> Subject:
    """The model before the queries that edges are patched for."""
    rows = drawn_rows(correct_rows(subject, correct), MOST_QUERIES, seed, "patch_edge")
    return subject.over(subject.queries.take(rows))


def _donors(subject: Subject, seed: int) -> pd.DataFrame:
    """The queries and the donor of each that has one."""
    queries = subject.queries
    own, donors = (some.queries for some in deranged(subject, seed))
    given = dict(zip(own.ids, donors.ids, strict=True))
    columns = {"query_id": queries.ids, "doc_id": queries.doc_ids}
    return pd.DataFrame(columns | {"donor_id": [given.get(query) for query in queries.ids]})


def edge_patches(subject: Subject) -> list[Reading]:
    """Every edge alone, in the order of `edge_names`."""
    return [{reader: [source]} for source, reader in single_edges(subject.decoder)]


def edge_names(subject: Subject) -> pd.DataFrame:
    """Every edge: source, source_layer, reader, reader_layer."""
    return pd.DataFrame(
        [(*name_and_layer(s), *name_and_layer(r)) for s, r in single_edges(subject.decoder)],
        columns=["source", "source_layer", "reader", "reader_layer"],
    )


def edge_effects(
    subject: Subject,
    donors: Subject | None,
    means: Means,
    method: Method,
    patches: Sequence[Reading],
    names: pd.DataFrame,
) -> tuple[pd.DataFrame, float]:
    """What every patch of edges does to every query, a row of `names` for each: see
    `patched_effects`."""

    def streams(block: Block, given: tuple[Memory, Trace] | None, stack: list[int]) -> torch.Tensor:
        def value(source: Source) -> torch.Tensor:
            if given is not None:
                return output_of(given[1], source)
            return block.trace.states[0] if source == EMBEDDING else means.mean(source)

        edges: list[Edges] = [
            {reader: {of: value(of) for of in read} for reader, read in patches[number].items()}
            for number in stack
        ]
        return run_edges(subject.decoder, block.memory, block.trace, edges)

    begin = starts(subject.decoder, patches)
    # An output that a patch may itself change is kept beside the stream.
    widest = max(len({of for read in patch.values() for of in read}) for patch in patches)
    rows = 1 + widest // 4
    inputs = "edges", means, method, patches
    return patched_effects(
        subject, donors, streams, begin, names.assign(method=method), inputs, rows
    )


def patched_effects(
    subject: Subject,
    donors: Subject | None,
    streams: Streams,
    begin: Sequence[int],
    names: pd.DataFrame,
    inputs: Any,
    rows: int = 1,
) -> tuple[pd.DataFrame, float]:
    """Of every query under every patch, of which `begin` says where it begins and `names` what it
    is: difference, unmodified and docid_rank as in `patch_edge`; and how many seconds all took.

    `inputs` are all that `streams` depends on; `rows` how much more memory than usual a patch
    takes.
    """
    unembedding = subject.decoder.unembedding
    sizes = subject.blocks(len(begin), 1 if donors is None else 2)
    order = sorted(range(len(begin)), key=begin.__getitem__)
    size = max(1, sizes.patches // rows)
    stacks = [order[start : start + size] for start in range(0, len(order), size)]
    given_of = lru_cache(maxsize=1)(lambda block: donors and donors.trace(block.rows))

    def measured(block: Block, stack: list[int]) -> Tensors:
        given, relevant = given_of(block), subject.queries.relevant[block.rows]
        _, unmodified = unembedding.among_docids(block.trace.states[-1], relevant)
        begun = perf_counter()
        flat = streams(block, given, stack).flatten(0, 1)
        ranks, difference = unembedding.among_docids(flat, relevant.repeat(len(stack), 1))
        shape = len(stack), len(relevant)
        found = {"difference": difference.view(shape).cpu(), "docid_rank": ranks.view(shape)}
        share = (perf_counter() - begun) / difference.numel()
        seconds = torch.full(shape, share, dtype=torch.float64)
        return found | {"unmodified": unmodified.expand(shape), "seconds": seconds}

    task = f"queries under {inputs[0]} by {names['method'].iloc[0]}"
    parts = subject.measure(
        *(task, measured, (inputs, donors and donors.queries)),
        parts=stacks,
        blocks=subject.query_blocks(sizes.queries),
    )
    found = joined(parts, axis=1)
    seconds = float(found.pop("seconds").sum())
    in_order = np.argsort(order)
    values = {name: of[in_order].T for name, of in found.items()}
    return per_query_table(subject.queries, names, values), seconds
