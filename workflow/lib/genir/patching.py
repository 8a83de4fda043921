"""Activation patching: component outputs replaced by zero, a mean, or another model's outputs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from genir.components import ATTENTIONS, COMPONENTS, Method
from genir.decoder import Memory, Outputs, Patch, Place, Trace
from genir.errors import AnalysisError
from genir.progress import LOGGER, Progress
from genir.queries import Queries, ranks_table
from genir.subject import Subject

AVERAGES = ("mean", "mean_leave_one_out")

Replacements = Mapping[Place, Method]
"""What replaces the output of each place; without a place, the unmodified model."""


@dataclass(frozen=True)
class Means:
    """Sums `[d_model]` of the outputs of some places over the queries called `query_ids`."""

    sums: dict[Place, torch.Tensor]
    query_ids: np.ndarray

    def mean(self, place: Place) -> torch.Tensor:
        """Mean output `[d_model]`, the patched query included (the study's mean)."""
        return self.sums[place] / len(self.query_ids)

    def leave_one_out(
        self, place: Place, output: torch.Tensor, summed: torch.Tensor
    ) -> torch.Tensor:
        """Mean `[query, d_model]` over the *other* queries; `output` `[query, d_model]` are the
        patched queries' own outputs, `summed` `[query]` says which of them are in the sum."""
        own = output * summed[:, None]
        others = len(self.query_ids) - summed[:, None].to(output.dtype)
        return (self.sums[place] - own) / others


@dataclass(frozen=True)
class BlockValues:
    """Replacement values for one block of queries."""

    outputs: Outputs
    means: Means | None
    summed: torch.Tensor
    pretrained: Outputs | None

    def value(self, method: Method, place: Place) -> torch.Tensor:
        """What `method` puts at `place`: `[d_model]` or `[query, d_model]`."""
        if method == "zero":
            return torch.zeros_like(self.outputs(place)[0])
        if method == "mean":
            return self.means.mean(place)
        if method == "mean_leave_one_out":
            return self.means.leave_one_out(place, self.outputs(place), self.summed)
        return self.pretrained(place)


def patch_means(
    subject: Subject, correct: np.ndarray, patches: Mapping[str, Replacements]
) -> Means | None:
    """The means that `patches` need, over the queries marked in `correct` `[query]`; None if they
    need none.

    Raises AnalysisError with fewer than two correct queries.
    """
    averaged = [
        place for patch in patches.values() for place, method in patch.items() if method in AVERAGES
    ]
    return place_means(subject, correct, sorted(set(averaged))) if averaged else None


def place_means(subject: Subject, correct: np.ndarray, places: Sequence[Place]) -> Means:
    """Sums at `places` over the queries marked in `correct` `[query]`.

    Raises AnalysisError with fewer than two correct queries.
    """
    chosen = np.flatnonzero(correct)
    if len(chosen) < 2:
        raise AnalysisError(
            "mean patching needs at least 2 correct validation queries, the model has "
            f"{len(chosen)}; train it longer or hold out more queries"
        )
    sums = dict.fromkeys(places, torch.zeros(()))
    for _, memory, trace in subject.traces(rows=chosen):
        outputs = subject.decoder.outputs(memory, trace)
        sums = {place: total + outputs(place).sum(0) for place, total in sums.items()}
    return Means(sums, subject.queries.ids[chosen])


def patched_ranks(
    subject: Subject,
    means: Means | None,
    pretrained: Subject | None,
    patches: Mapping[str, Replacements],
) -> dict[str, pd.DataFrame]:
    """Ranks of every query under every named patch.

    `means` are those of `patch_means`, over the same queries or others. `pretrained` is the model
    that fine-tuning started from, on the same queries. A patch that leaves every residual stream as
    it was is reported as a warning: at layer 0 the self-attention reads the start token alone, so
    its mean is its output; anywhere else it points at a mistake.

    Raises AnalysisError if a patch needs a pre-trained model and there is none.
    """
    if pretrained is None and any("pretrained" in patch.values() for patch in patches.values()):
        raise AnalysisError(
            "patching method 'pretrained' needs the weights that fine-tuning started from; "
            "a random start has none: give the model another `start` or leave the method out"
        )
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in patches}
    names = list(patches)
    changed = {name: not patch for name, patch in patches.items()}
    together = subject.blocks(len(patches), 1 if pretrained is None else 2).patches
    progress = Progress("patched queries", len(subject.queries))
    for rows, memory, trace, values in _blocks(subject, means, pretrained):
        runs = [{place: values.value(method, place) for place, method in patch.items()}
                for patch in patches.values()]  # fmt: skip
        block = subject.queries.take(rows)
        for chosen, streams in _runs(subject, memory, trace, runs, together):
            differs = (streams != trace.states[-1]).flatten(1).any(1).tolist()
            ranks = _ranks(subject, block, streams)
            for number, table, moved in zip(chosen, ranks, differs, strict=True):
                tables[names[number]].append(table)
                changed[names[number]] |= moved
        progress.update(int(rows[-1]) + 1)
    for name in (name for name in names if not changed[name]):
        LOGGER.warning("patch %s changed no residual stream of any query", name)
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


def _blocks(
    subject: Subject, means: Means | None, pretrained: Subject | None
) -> Iterator[tuple[np.ndarray, Memory, Trace, BlockValues]]:
    """Rows, unmodified run and replacement values of some queries at a time."""
    size = subject.blocks(models=1 if pretrained is None else 2).queries
    summed = torch.from_numpy(np.isin(subject.queries.ids, means.query_ids if means else []))
    for rows, memory, trace in subject.traces(size=size):
        start = pretrained and next(pretrained.traces(rows=rows, size=len(rows)))
        values = BlockValues(
            subject.decoder.outputs(memory, trace),
            means,
            summed[rows].to(trace.states.device),
            start and pretrained.decoder.outputs(*start[1:]),
        )
        yield rows, memory, trace, values


def _runs(
    subject: Subject, memory: Memory, trace: Trace, patches: Sequence[Patch], together: int
) -> Iterator[tuple[list[int], torch.Tensor]]:
    """What the decoder's `runs` gives, and the unmodified run for patches without a place."""
    some = [number for number, patch in enumerate(patches) if patch]
    runs = subject.decoder.runs(memory, trace, [patches[number] for number in some], together)
    for chosen, streams in runs:
        yield [some[number] for number in chosen], streams
    for number, patch in enumerate(patches):
        if not patch:
            yield [number], trace.states[-1:]


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


def single_patches(layers: range, methods: Sequence[Method]) -> dict[str, Replacements]:
    """Every component of `layers` on its own: "<method>/layer<l>.<component>"."""
    return {
        f"{method}/layer{layer}.{component}": {(layer, component): method}
        for method in methods
        for layer in layers
        for component in COMPONENTS
    }


def head_patches(layers: range, heads: int, methods: Sequence[Method]) -> dict[str, Replacements]:
    """Every head of an attention of `layers` on its own: "<method>/layer<l>.<component>/<head>"."""
    return {
        f"{method}/layer{layer}.{component}/{head}": {(layer, component, head): method}
        for method in methods
        for layer in layers
        for component in ATTENTIONS
        for head in range(heads)
    }


def heads_together(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Ranks under `head_patches`, one table per component with the column `head`."""
    parts: dict[str, list[pd.DataFrame]] = {}
    for name, table in tables.items():
        place, _, head = name.rpartition("/")
        columns = [*table.columns[:2], "head", *table.columns[2:]]
        parts.setdefault(place, []).append(table.assign(head=int(head))[columns])
    return {place: pd.concat(some, ignore_index=True) for place, some in parts.items()}


def stage_patches(
    stages: Mapping[str, tuple[int, int]], methods: Sequence[Method]
) -> dict[str, Replacements]:
    """One component in all layers of a stage: "<method>/<stage>.<component>"."""
    return {
        f"{method}/{stage}.{component}": {
            (layer, component): method for layer in range(first, last + 1)
        }
        for method in methods
        for stage, (first, last) in stages.items()
        for component in COMPONENTS
    }
