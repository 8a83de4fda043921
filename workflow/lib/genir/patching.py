"""Activation patching: component outputs replaced by zero, a mean, or another model's outputs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from genir.components import COMPONENTS, Method
from genir.decoder import Memory, Outputs, Place, Trace
from genir.errors import AnalysisError
from genir.progress import LOGGER, Progress
from genir.queries import Queries, ranks_table
from genir.subject import Hidden, Subject

AVERAGES = ("mean", "mean_leave_one_out")


@dataclass(frozen=True)
class Means:
    """Sums `[d_model]` of the outputs of some places over the correct queries, and how many
    queries those are."""

    sums: dict[Place, torch.Tensor]
    queries: int

    def mean(self, place: Place) -> torch.Tensor:
        """Mean output `[d_model]`, the patched query included (the study's mean)."""
        return self.sums[place] / self.queries

    def leave_one_out(
        self, place: Place, output: torch.Tensor, correct: torch.Tensor
    ) -> torch.Tensor:
        """Mean `[query, d_model]` over the *other* correct queries; `output` `[query, d_model]` are
        the patched queries' own outputs, `correct` `[query]` says which of them are in the sum."""
        own = output * correct[:, None]
        others = self.queries - correct[:, None].to(output.dtype)
        return (self.sums[place] - own) / others


@dataclass(frozen=True)
class BlockValues:
    """Replacement values for one block of queries."""

    outputs: Outputs
    means: Means | None
    correct: torch.Tensor
    pretrained: Outputs | None

    def value(self, method: Method, place: Place) -> torch.Tensor:
        """What `method` puts at `place`: `[d_model]` or `[query, d_model]`."""
        if method == "zero":
            return torch.zeros_like(self.outputs(place)[0])
        if method == "mean":
            return self.means.mean(place)
        if method == "mean_leave_one_out":
            return self.means.leave_one_out(place, self.outputs(place), self.correct)
        return self.pretrained(place)


def place_means(
    subject: Subject, correct: np.ndarray, hidden: Hidden, places: Sequence[Place]
) -> Means:
    """Sums over the queries marked in `correct` `[query]`, which `hidden` holds encoded.

    Raises AnalysisError with fewer than two correct queries.
    """
    chosen = np.flatnonzero(correct)
    if len(chosen) < 2:
        raise AnalysisError(
            "mean patching needs at least 2 correct validation queries, the model has "
            f"{len(chosen)}; train it longer or hold out more queries"
        )
    sums = dict.fromkeys(places, torch.zeros(()))
    for _, memory, trace in subject.traces(hidden, chosen):
        outputs = subject.decoder.outputs(memory, trace)
        sums = {place: total + outputs(place).sum(0) for place, total in sums.items()}
    return Means(sums, len(chosen))


def patched_ranks(
    subject: Subject,
    correct: np.ndarray,
    pretrained: Subject | None,
    patches: Mapping[str, tuple[Method, list[Place]]],
) -> dict[str, pd.DataFrame]:
    """Ranks of every query under every named patch.

    A patch is a method and the places (layer, component[, head]) it replaces together. `pretrained`
    is the model that fine-tuning started from, on the same queries. A patch that leaves every
    residual stream as it was is reported as a warning: at layer 0 the self-attention reads the
    start token alone, so its mean is its output; anywhere else it points at a mistake.
    """
    hidden, means = _prepared(subject, correct, pretrained, patches)
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in patches}
    names, changed = list(patches), dict.fromkeys(patches, False)
    together = subject.blocks(len(patches), 1 if pretrained is None else 2).patches
    progress = Progress("patched queries", len(subject.queries))
    for rows, memory, trace, values in _blocks(subject, hidden, means, correct, pretrained):
        runs = [{place: values.value(method, place) for place in places}
                for method, places in patches.values()]  # fmt: skip
        block = subject.queries.take(rows)
        for chosen, streams in subject.decoder.runs(memory, trace, runs, together):
            differs = (streams != trace.states[-1]).flatten(1).any(1).tolist()
            ranks = _ranks(subject, block, streams)
            for number, table, moved in zip(chosen, ranks, differs, strict=True):
                tables[names[number]].append(table)
                changed[names[number]] |= moved
        progress.update(int(rows[-1]) + 1)
    for name in (name for name in names if not changed[name]):
        LOGGER.warning("patch %s changed no residual stream of any query", name)
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


def _prepared(
    subject: Subject,
    correct: np.ndarray,
    pretrained: Subject | None,
    patches: Mapping[str, tuple[Method, list[Place]]],
) -> tuple[Hidden, Means | None]:
    """Encoded queries, and the means that some patch needs."""
    if pretrained is None and any(method == "pretrained" for method, _ in patches.values()):
        raise AnalysisError(
            "patching method 'pretrained' needs the weights that fine-tuning started from; "
            "a random start has none: give the model another `start` or leave the method out"
        )
    hidden = subject.encode()
    averaged = [places for method, places in patches.values() if method in AVERAGES]
    places = sorted(dict.fromkeys(place for some in averaged for place in some))
    return hidden, place_means(subject, correct, hidden, places) if places else None


def _blocks(
    subject: Subject,
    hidden: Hidden,
    means: Means | None,
    correct: np.ndarray,
    pretrained: Subject | None,
) -> Iterator[tuple[np.ndarray, Memory, Trace, BlockValues]]:
    """Rows, unmodified run and replacement values of some queries at a time."""
    start_hidden = pretrained and pretrained.encode()
    size = subject.blocks(models=1 if pretrained is None else 2).queries
    for rows, memory, trace in subject.traces(hidden, size=size):
        start = pretrained and next(pretrained.traces(start_hidden, rows, len(rows)))
        values = BlockValues(
            subject.decoder.outputs(memory, trace),
            means,
            torch.from_numpy(correct[rows]).to(trace.states.device),
            start and pretrained.decoder.outputs(*start[1:]),
        )
        yield rows, memory, trace, values


def _ranks(subject: Subject, block: Queries, streams: torch.Tensor) -> list[pd.DataFrame]:
    """One ranks table per patch of `streams` `[patch, query, d_model]`."""
    patches = len(streams)
    ranks = subject.decoder.unembedding.ranks(
        streams.flatten(0, 1), block.relevant.repeat(patches, 1)
    )
    return [
        ranks_table(block, vocabulary, docid)
        for vocabulary, docid in zip(
            ranks.vocabulary.view(patches, -1), ranks.docid.view(patches, -1), strict=True
        )
    ]


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
