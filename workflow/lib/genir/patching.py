"""Activation patching: component outputs replaced by zero, a mean, or another model's outputs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from genir.components import COMPONENTS, Component, Method
from genir.decoder import Trace
from genir.errors import AnalysisError
from genir.progress import LOGGER, Progress
from genir.queries import Queries, ranks_table
from genir.subject import Subject

Place = tuple[int, Component]


@dataclass(frozen=True)
class ComponentMeans:
    """Sums of component outputs over the correct queries, `[layer, d_model]` each, and how many
    queries those are."""

    sums: dict[Component, torch.Tensor]
    queries: int

    def mean(self, place: Place) -> torch.Tensor:
        """Mean output `[d_model]`, the patched query included (the study's mean)."""
        return self.sums[place[1]][place[0]] / self.queries

    def leave_one_out(
        self, place: Place, output: torch.Tensor, correct: torch.Tensor
    ) -> torch.Tensor:
        """Mean `[query, d_model]` over the *other* correct queries; `output` `[query, d_model]` are
        the patched queries' own outputs, `correct` `[query]` says which of them are in the sum."""
        own = output * correct[:, None]
        others = self.queries - correct[:, None].to(output.dtype)
        return (self.sums[place[1]][place[0]] - own) / others


@dataclass(frozen=True)
class BlockValues:
    """Replacement values for one block of queries."""

    trace: Trace
    means: ComponentMeans
    correct: torch.Tensor
    pretrained: Trace | None

    def value(self, method: Method, place: Place) -> torch.Tensor:
        """What `method` puts at `place`: `[d_model]` or `[query, d_model]`."""
        output = self.trace.output(*place)
        if method == "zero":
            return torch.zeros_like(output[0])
        if method == "mean":
            return self.means.mean(place)
        if method == "mean_leave_one_out":
            return self.means.leave_one_out(place, output, self.correct)
        if self.pretrained is None:
            raise AnalysisError(
                "patching method 'pretrained' needs the weights that fine-tuning started from; "
                "a random start has none: give the model another `start` or leave the method out"
            )
        return self.pretrained.output(*place)


def component_means(subject: Subject, correct: np.ndarray) -> ComponentMeans:
    """Sums over the queries marked in `correct` `[query]`.

    Raises AnalysisError with fewer than two correct queries.
    """
    chosen = np.flatnonzero(correct)
    if len(chosen) < 2:
        raise AnalysisError(
            "mean patching needs at least 2 correct validation queries, the model has "
            f"{len(chosen)}; train it longer or hold out more queries"
        )
    sums = dict.fromkeys(COMPONENTS, torch.zeros(()))
    for block in subject.queries.take(chosen).blocks(subject.source.batch_size):
        trace = subject.decoder.trace(subject.memory(block))
        sums = {name: total + trace.outputs[name].sum(1) for name, total in sums.items()}
    return ComponentMeans(sums, len(chosen))


def patched_ranks(
    subject: Subject,
    correct: np.ndarray,
    pretrained: Subject | None,
    patches: Mapping[str, tuple[Method, list[Place]]],
) -> dict[str, pd.DataFrame]:
    """Ranks of every query under every named patch.

    A patch is a method and the places (layer, component) it replaces together. `pretrained` is the
    model that fine-tuning started from, on the same queries. A patch that leaves every residual
    stream as it was is reported as a warning: at layer 0 the self-attention reads the start token
    alone, so its mean is its output; anywhere else it points at a mistake.
    """
    means = component_means(subject, correct)
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in patches}
    changed = torch.zeros(len(patches), dtype=torch.bool)
    progress = Progress("patched queries", len(subject.queries))
    done = 0
    for block in subject.queries.blocks(subject.source.batch_size):
        values = _block_values(subject, block, means, correct, pretrained)
        runs = [{place: values.value(method, place) for place in places}
                for method, places in patches.values()]  # fmt: skip
        residual = subject.decoder.run(subject.memory(block), values.trace, runs)
        changed |= (residual != values.trace.residual[-1]).any(-1).any(-1)
        for name, ranks in zip(patches, _ranks(subject, block, residual), strict=True):
            tables[name].append(ranks)
        done += len(block)
        progress.update(done)
    for name, has_changed in zip(patches, changed.tolist(), strict=True):
        if not has_changed:
            LOGGER.warning("patch %s changed no residual stream of any query", name)
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


def _block_values(
    subject: Subject,
    block: Queries,
    means: ComponentMeans,
    correct: np.ndarray,
    pretrained: Subject | None,
) -> BlockValues:
    trace = subject.decoder.trace(subject.memory(block))
    marked = torch.from_numpy(correct[np.isin(subject.queries.ids, block.ids)])
    start = pretrained and pretrained.decoder.trace(pretrained.memory(block))
    return BlockValues(trace, means, marked, start)


def _ranks(subject: Subject, block: Queries, residual: torch.Tensor) -> list[pd.DataFrame]:
    """One ranks table per patch of `residual` `[patch, query, d_model]`."""
    rank = subject.decoder.unembedding.ranks
    every = [rank(stream, block.relevant) for stream in residual]
    return [ranks_table(block, ranks.vocabulary, ranks.docid) for ranks in every]


def single_patches(
    layers: range, methods: tuple[Method, ...]
) -> dict[str, tuple[Method, list[Place]]]:
    """Every component of `layers` on its own: "<method>/layer<l>.<component>"."""
    return {
        f"{method}/layer{layer}.{component}": (method, [(layer, component)])
        for method in methods
        for layer in layers
        for component in COMPONENTS
    }


def stage_patches(
    stages: Mapping[str, tuple[int, int]], methods: tuple[Method, ...]
) -> dict[str, tuple[Method, list[Place]]]:
    """One component in all layers of a stage: "<method>/<stage>.<component>"."""
    return {
        f"{method}/{stage}.{component}": (
            method,
            [(layer, component) for layer in range(first, last + 1)],
        )
        for method in methods
        for stage, (first, last) in stages.items()
        for component in COMPONENTS
    }
