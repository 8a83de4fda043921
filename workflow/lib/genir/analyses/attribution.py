"""Attribution patching: effects of patches by gradients instead of patches (edges: EAP, Syed et al.
2023, arXiv 2310.10348; with integrated gradients: Hanna et al. 2024, arXiv 2403.17806)."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import pandas as pd
import torch

from genir.analyses.circuit_orders import Node, nodes
from genir.analyses.donors import asked
from genir.analyses.patch_edge import edge_names, edge_queries, patched_effects
from genir.analyses.patching import Means, correct_rows, place_means
from genir.base.names import ABLATIONS, ATTENTIONS, Method
from genir.engine.decoder import Memory, Outputs, Place, Trace
from genir.engine.gradients import reader_gradients
from genir.subjects.queries import per_query_table
from genir.subjects.shards import Tensors
from genir.subjects.subject import Block, Subject, joined

STEPS = {"gradient": 0, "integrated_1": 1, "integrated_5": 5, "integrated_20": 20}
"""By name of an estimate the points at which gradients are taken; 0: the unmodified run."""
Unit = Literal["edges", "heads", "nodes"]
UNITS: tuple[Unit, ...] = ("edges", "heads")
_KEPT = 3
"""How many times as much as a query usually takes is kept of it."""


def attribution(
    subject: Subject, correct: Path, seed: int
) -> dict[str, pd.DataFrame | dict[str, Any]]:
    """Estimate the effects of all edges and heads by gradients.

    Tables `edges` (query_id, doc_id, method, source, source_layer, reader, reader_layer, for the
    queries of patch_edge) and `heads` (query_id, doc_id, method, layer, component, head, and exact:
    the logit difference that is lost when the head is patched), both with an estimate of the logit
    difference lost for each of STEPS; and `seconds`, by method and unit, of the estimates and of
    patching the heads.

    Args:
        seed: seed of the queries and of their donors.
    """
    own = edge_queries(subject, correct, seed)
    places = [*subject.decoder.places, *heads_of(subject)]
    means = place_means(subject, correct_rows(subject, correct), places)
    tables: dict[str, list[pd.DataFrame]] = {unit: [] for unit in UNITS}
    seconds: dict[str, dict[str, dict[str, float]]] = {}
    for method in ABLATIONS:
        one, donors = asked(own, method, seed)
        found = estimates(one, donors, means, method, UNITS)
        seconds[method] = {unit: taken for unit, (_, taken) in found.items()}
        exact, seconds[method]["heads"]["exact"] = exact_heads(one, donors, means, method)
        lost = (exact["unmodified"] - exact["difference"]).to_numpy()
        tables["edges"].append(found["edges"][0])
        tables["heads"].append(found["heads"][0].assign(exact=lost))
    return {unit: pd.concat(parts, ignore_index=True) for unit, parts in tables.items()} | {
        "seconds": seconds
    }


def heads_of(subject: Subject) -> list[Place]:
    """All heads of all attentions."""
    heads = range(subject.decoder.architecture.heads)
    layers = range(len(subject.decoder.layers))
    return [(layer, name, head) for layer in layers for name in ATTENTIONS for head in heads]


def estimates(
    subject: Subject,
    donors: Subject | None,
    means: Means,
    method: Method,
    units: Sequence[Unit],
    steps: Mapping[str, int] = STEPS,
) -> dict[Unit, tuple[pd.DataFrame, dict[str, float]]]:
    """By unit: estimates of the logit difference that each edge, head or node takes of each query,
    (output - what comes in its place) . gradient; and how many seconds each estimate takes where it
    is the only unit.

    The gradient is that by what the reader of an edge reads; of a head or a component the sum of
    those of all its readers. It is taken in the unmodified run, or is the mean over so many points
    of the straight line from there to the states with *every* output replaced, the middles of equal
    parts. A line for each source alone, as in a variant of MIB's, costs more than patching here.
    """
    decoder, sizes = subject.decoder, subject.blocks(1, 1 if donors is None else 2)
    given_of = lru_cache(maxsize=1)(lambda block: donors and donors.trace(block.rows))

    def measured(block: Block) -> Tensors:
        given, trace = given_of(block), block.trace
        away = (_mean_states(trace, means) if given is None else given[1].states) - trace.states
        relevant = subject.queries.relevant[block.rows]
        found: Tensors = {}
        for name, count in steps.items():
            begun = perf_counter()
            points = [(step + 0.5) / count for step in range(count)] or [0.0]
            gradients = torch.zeros_like(away)
            for point in points:
                states = trace.states + point * away
                gradients += reader_gradients(decoder, block.memory, states, relevant)
            gradients /= len(points)
            shared = perf_counter() - begun
            for unit in units:
                begun = perf_counter()
                scores = _scores(subject, block, means, given, gradients, unit).cpu()
                share = (shared + perf_counter() - begun) / len(relevant)
                found[f"{unit} {name}"] = scores
                found[f"{unit} {name} seconds"] = torch.full(
                    (len(relevant),), share, dtype=torch.float64
                )
        return found

    blocks = subject.query_blocks(max(1, sizes.queries // _KEPT))
    inputs = means, method, units, steps, donors and donors.queries
    task = f"{' and '.join(units)} estimated by {method}"
    found = joined(subject.measure(task, measured, inputs, blocks=blocks))
    tables = {}
    for unit in units:
        seconds = {name: float(found[f"{unit} {name} seconds"].sum()) for name in steps}
        values = {name: found[f"{unit} {name}"] for name in steps}
        names = _names(subject, unit).assign(method=method)
        tables[unit] = per_query_table(subject.queries, names, values), seconds
    return tables


def _mean_states(trace: Trace, means: Means) -> torch.Tensor:
    """The residual streams if every component said its mean, `[layer * 3 + 1, query, d_model]`."""
    outputs = torch.stack([means.mean(node) for node in nodes(len(trace.residual) - 1)])
    summed = torch.cat([torch.zeros_like(outputs[:1]), outputs.cumsum(0)])
    return trace.states[0] + summed[:, None]


def _scores(
    subject: Subject,
    block: Block,
    means: Means,
    given: tuple[Memory, Trace] | None,
    gradients: torch.Tensor,
    unit: Unit,
) -> torch.Tensor:
    """`[query, unit]`, in the order of `_names`."""
    decoder = subject.decoder
    if unit == "heads":
        after = dict(zip(decoder.places, _after(gradients), strict=True))
        own = decoder.outputs(block.memory, block.trace)
        theirs = given and decoder.outputs(*given)
        products = [
            (_away(own, theirs, means, head) * after[head[:2]]).sum(-1)
            for head in heads_of(subject)
        ]
        return torch.stack(products, dim=1)
    terms = block.trace.terms
    if given is None:
        said = torch.stack([means.mean(node) for node in decoder.places])[:, None]
        away = torch.cat([torch.zeros_like(terms[:1]), terms[1:] - said])
    else:
        away = terms - given[1].terms
    if unit == "nodes":
        return (away[1:] * _after(gradients)).sum(-1).T
    products = torch.einsum("sqd,rqd->qrs", away, gradients)
    readers, sources = torch.tril_indices(len(gradients), len(terms))
    return products[:, readers, sources]


def _after(gradients: torch.Tensor) -> torch.Tensor:
    """By component the gradient of all that reads it, `[component, query, d_model]`."""
    return gradients.flip(0).cumsum(0).flip(0)[1:]


def _away(own: Outputs, theirs: Outputs | None, means: Means, place: Place) -> torch.Tensor:
    return own(place) - (means.mean(place) if theirs is None else theirs(place))


def _names(subject: Subject, unit: Unit) -> pd.DataFrame:
    if unit == "heads":
        return pd.DataFrame(heads_of(subject), columns=["layer", "component", "head"])
    if unit == "nodes":
        return pd.DataFrame(nodes(len(subject.decoder.layers)), columns=["layer", "component"])
    return edge_names(subject)


def node_attributions(subject: Subject, means: Means) -> dict[Node, float]:
    """The mean estimate of each component's effect by `mean`, by gradients in the unmodified
    run."""
    found, _ = estimates(subject, None, means, "mean", ["nodes"], {"gradient": 0})["nodes"]
    mean = found.groupby(["layer", "component"])["gradient"].mean()
    return {node: float(mean[node]) for node in nodes(len(subject.decoder.layers))}


def exact_heads(
    subject: Subject, donors: Subject | None, means: Means, method: Method
) -> tuple[pd.DataFrame, float]:
    """What patching each head does to every query: see `patched_effects`."""
    decoder, heads = subject.decoder, heads_of(subject)

    def streams(block: Block, given: tuple[Memory, Trace] | None, stack: list[int]) -> torch.Tensor:
        theirs = given and decoder.outputs(*given)
        chosen = [heads[number] for number in stack]
        values = [means.mean(head) if theirs is None else theirs(head) for head in chosen]
        patches = [{head: value} for head, value in zip(chosen, values, strict=True)]
        return decoder.run(block.memory, block.trace, patches)

    begin = [decoder.places.index(head[:2]) for head in heads]
    names, inputs = _names(subject, "heads").assign(method=method), ("heads", means, method)
    return patched_effects(subject, donors, streams, begin, names, inputs)
