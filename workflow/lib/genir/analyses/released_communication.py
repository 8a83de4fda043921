"""What triggers MLP neurons (the study's Fig. 5), put together as its released code does."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from genir.analyses.communication import queries_at_once, sources_of
from genir.base.names import COMPONENTS, EMBEDDING, STAGES
from genir.engine.encoder import mlp_weights
from genir.estimates.intervals import columns, jackknife
from genir.subjects.shards import Tensors
from genir.subjects.subject import Block, Subject, joined

MOST = 1_500
"""Queries that are taken, the first ones, as in its plots of Trivia-QA."""
CELLS = [(EMBEDDING, "all"), *((name, stage) for name in COMPONENTS for stage in STAGES)]
NORM_WEIGHTS = ("left_out", "kept")

Stages = Mapping[str, tuple[int, int]]


def communication_as_released(subject: Subject, stages: Stages) -> pd.DataFrame:
    """Shares of the sources in what pushes the active neurons of each stage's MLPs upwards, over
    the first queries of `subject`: norm_weights, target_stage, source, source_stage (`all`: the sum
    over stages), value, low, high, n.

    The code leaves norm weights out (`left_out`; `kept` shows what its means alone do): t =
    W_in[i] . c. The share of a source is max(t, 0) over its sum over all sources. The mean is over
    the queries in which a neuron is active, for every neuron on its own; then over the neurons that
    are active in some query, all alike; then over the layers of the stage. Intervals are those of a
    jackknife over documents: a bootstrap's resamples lack the neurons of few queries.
    """
    chosen = subject.over(subject.queries.take(np.arange(min(MOST, len(subject.queries)))))
    rows = []
    for stage in STAGES:
        layers = range(stages[stage][0], stages[stage][1] + 1)
        of_layers = [_of_layer(chosen, layer, stages) for layer in layers]
        for norm_weights in NORM_WEIGHTS:
            means = np.mean([found[norm_weights] for found in of_layers], axis=0)
            for source, source_stage, shares in _with_sums(means):
                interval = jackknife(shares[0], shares[1:], len(chosen.queries))
                names = {"norm_weights": norm_weights, "target_stage": stage, "source": source}
                rows.append(names | {"source_stage": source_stage} | columns(interval))
    return pd.DataFrame(rows)


def neuron_means(shares: np.ndarray, documents: np.ndarray) -> np.ndarray:
    """Mean share of every cell `[1 + document, cell]` of `shares` `[query, cell, neuron]`, which
    are negative where the neuron is not active: over all queries, then without those of each
    document; `documents` `[query]` are their names."""
    codes = np.unique(documents, return_inverse=True)[1]
    active = shares[:, 0] >= 0
    shares = np.where(active[:, None], shares, np.zeros((), shares.dtype))
    sums, counts = shares.sum(0, dtype=float), active.sum(0)
    found = [_mean_of_neurons(sums, counts)]
    for code in range(codes.max() + 1):
        own = codes == code
        rest = sums - shares[own].sum(0, dtype=float), counts - active[own].sum(0)
        found.append(_mean_of_neurons(*rest))
    return np.stack(found)


def _mean_of_neurons(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """`[cell]`, of the sums `[cell, neuron]` over the queries in which a neuron is active, and
    their number `[neuron]`. Each neuron's mean is divided by its sum over the cells, as a query in
    which nothing pushes it counts."""
    known = sums[:, counts > 0]
    whole = known.sum(0)
    return (known / np.where(whole > 0, whole, 1)).mean(1) if known.size else np.zeros(len(sums))


def _of_layer(subject: Subject, layer: int, stages: Stages) -> dict[str, np.ndarray]:
    """`neuron_means` of the layer's MLP, norm weights left out or kept."""
    kept = subject.decoder.layers[layer].mlp_in
    matrices = {
        "left_out": mlp_weights(subject.model.weights, f"decoder.block.{layer}.layer.2")["mlp_in"],
        "kept": kept,
    }
    cells = _cells(layer, stages).to(subject.device)

    @torch.no_grad()
    def measured(block: Block) -> Tensors:
        terms = block.trace.terms[: len(cells)]
        active = block.trace.before(layer, "mlp") @ kept.T > 0
        queries = range(len(active))
        return {
            name: torch.stack([_shares(terms[:, q] @ matrix.T, cells, active[q]) for q in queries])
            for name, matrix in matrices.items()
        }

    blocks = subject.query_blocks(queries_at_once(subject, len(cells)))
    task = f"queries traced back from layer {layer}"
    found = joined(subject.measure(task, measured, (layer, stages), blocks=blocks))
    return {name: neuron_means(of, subject.queries.doc_ids) for name, of in found.items()}


def _cells(layer: int, stages: Stages) -> torch.Tensor:
    """Which cell each source of a layer's MLP belongs to `[source, cell]`."""
    spans = {stage: range(stages[stage][0], stages[stage][1] + 1) for stage in STAGES}
    stage_of = {number: stage for stage, span in spans.items() for number in span}
    cells = [
        CELLS.index((name, stage_of.get(number, "all")))
        for name, number in sources_of("mlp", layer)
    ]
    return functional.one_hot(torch.tensor(cells), len(CELLS)).float()


def _shares(signed: torch.Tensor, cells: torch.Tensor, active: torch.Tensor) -> torch.Tensor:
    """Shares `[cell, neuron]` of signed contributions `[source, neuron]` to a query's active
    neurons; -1 at the others."""
    positive = signed.clamp(min=0)
    whole = positive.sum(0)
    shares = cells.T @ (positive / whole.where(whole > 0, torch.ones_like(whole)))
    return shares.where(active, torch.full_like(shares, -1))


def _with_sums(means: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """Source, stage and means of every cell, then of the sum over each component's stages."""
    for number, cell in enumerate(CELLS):
        yield *cell, means[:, number]
    for name in COMPONENTS:
        own = [number for number, cell in enumerate(CELLS) if cell[0] == name]
        yield name, "all", means[:, own].sum(1)
