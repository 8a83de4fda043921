"""Activation patching: component outputs replaced by zero, a mean, or outputs of another model or
on another query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from genir.base.errors import AnalysisError
from genir.base.joins import check_known
from genir.base.names import ATTENTIONS, COMPONENTS, DONORS, Method
from genir.base.patched_files import patch_name, table_file
from genir.base.progress import LOGGER
from genir.base.seeding import generator
from genir.engine.decoder import Outputs, Place
from genir.files.io import read_csv, read_parquet
from genir.models.start import Start, start_folder
from genir.subjects.donors import with_donors
from genir.subjects.queries import ranks_table
from genir.subjects.shards import Tensors
from genir.subjects.subject import Block, Subject, joined

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
    donors: Outputs | None = None

    def value(self, method: Method, place: Place) -> torch.Tensor:
        """What `method` puts at `place`: `[d_model]` or `[query, d_model]`."""
        if method == "zero":
            return torch.zeros_like(self.outputs(place)[0])
        if method == "mean":
            return self.means.mean(place)
        if method == "mean_leave_one_out":
            return self.means.leave_one_out(place, self.outputs(place), self.summed)
        return (self.donors if method in DONORS else self.pretrained)(place)


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

    def measured(block: Block) -> Tensors:
        outputs = subject.decoder.outputs(block.memory, block.trace)
        return {"sums": torch.stack([outputs(place).sum(0) for place in places])}

    blocks = subject.query_blocks(rows=chosen)
    parts = subject.measure("queries in the mean", measured, places, blocks=blocks)
    sums = sum(torch.from_numpy(found["sums"]) for _, found in parts).to(subject.device)
    return Means(dict(zip(places, sums, strict=True)), subject.queries.ids[chosen])


def patched_ranks(
    subject: Subject,
    means: Means | None,
    pretrained: Subject | None,
    patches: Mapping[str, Replacements],
    donors: Subject | None = None,
) -> dict[str, pd.DataFrame]:
    """Ranks of every query under every named patch, as `ranks_table` has them.

    `means` are those of `patch_means`, over the same queries or others. `pretrained` is the model
    that fine-tuning started from, on the same queries. `donors` is the model itself before the
    donor of every query, in their order, whose relevant document is the donor's: tables have its
    logit as `donor_logit` then. A patch that leaves every residual stream as
    it was is reported as a warning: at layer 0 the self-attention reads the start token alone, so
    its mean is its output; anywhere else it points at a mistake.

    Raises AnalysisError if a patch needs a pre-trained model and there is none.
    """
    if pretrained is None and any("pretrained" in patch.values() for patch in patches.values()):
        raise AnalysisError(
            "patching method 'pretrained' needs the weights that fine-tuning started from; "
            "a random start has none: give the model another `start` or leave the method out"
        )
    names, replaced = list(patches), list(patches.values())
    models = 1 if pretrained is donors is None else 2
    sizes = [some.blocks(len(patches), models) for some in (subject, donors) if some is not None]
    stacks = _stacks(subject, replaced, min(size.patches for size in sizes))
    values_of = lru_cache(maxsize=1)(partial(_block_values, subject, means, pretrained, donors))

    def measured(block: Block, stack: list[int]) -> Tensors:
        values, last = values_of(block), block.trace.states[-1:]
        runs = [
            {place: values.value(method, place) for place, method in replaced[number].items()}
            for number in stack
        ]
        streams = subject.decoder.run(block.memory, block.trace, runs) if any(runs) else last
        relevant = subject.queries.relevant[block.rows].repeat(len(runs), 1)
        unembedding, flat = subject.decoder.unembedding, streams.flatten(0, 1)
        found = dict(vars(unembedding.ranks_and_logits(flat, relevant)))
        if donors is not None:
            theirs = donors.queries.relevant[block.rows].repeat(len(runs), 1)
            found["donor_logit"] = unembedding.best_logit(flat, theirs)
        changed = (streams != last).flatten(1).any(1)[:, None]
        return {name: of_all.view(len(runs), -1) for name, of_all in found.items()} | {
            "changed": changed
        }

    inputs = means, pretrained and pretrained.model, replaced, donors and donors.queries
    blocks = subject.query_blocks(min(size.queries for size in sizes))
    found = subject.measure("patched queries", measured, inputs, parts=stacks, blocks=blocks)
    ranks = joined(found, axis=1)
    rows = np.argsort(list(chain.from_iterable(stacks)))
    for name, row in zip(names, rows, strict=True):
        if patches[name] and not ranks["changed"][row].any():
            LOGGER.warning("patch %s changed no residual stream of any query", name)
    return {
        name: ranks_table(subject.queries, {key: of_all[row] for key, of_all in ranks.items()})
        for name, row in zip(names, rows, strict=True)
    }


def _stacks(subject: Subject, patches: Sequence[Replacements], together: int) -> list[list[int]]:
    """Numbers of the patches to run together; those without a place, which are the unmodified run,
    each alone."""
    some = [number for number, patch in enumerate(patches) if patch]
    stacks = subject.decoder.stacks([patches[number] for number in some], together)
    empty = [[number] for number, patch in enumerate(patches) if not patch]
    return [[some[number] for number in stack] for stack in stacks] + empty


def _block_values(
    subject: Subject,
    means: Means | None,
    pretrained: Subject | None,
    donors: Subject | None,
    block: Block,
) -> BlockValues:
    """Replacement values for the queries of a block."""
    ids = subject.queries.ids[block.rows]
    summed = torch.from_numpy(np.isin(ids, means.query_ids if means else []))
    return BlockValues(
        subject.decoder.outputs(block.memory, block.trace),
        means,
        summed.to(subject.device),
        pretrained and pretrained.decoder.outputs(*pretrained.trace(block.rows)),
        donors and donors.decoder.outputs(*donors.trace(block.rows)),
    )


def single_patches(layers: range, methods: Sequence[Method]) -> dict[str, Replacements]:
    """Every component of `layers` on its own: "<method>/layer<l>.<component>"."""
    return {
        patch_name(method, layer, component): {(layer, component): method}
        for method in methods
        for layer in layers
        for component in COMPONENTS
    }


def head_patches(layers: range, heads: int, methods: Sequence[Method]) -> dict[str, Replacements]:
    """Every head of an attention of `layers` on its own: "<method>/layer<l>.<component>/<head>"."""
    return {
        f"{patch_name(method, layer, component)}/{head}": {(layer, component, head): method}
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
        patch_name(method, stage, component): {
            (layer, component): method for layer in range(first, last + 1)
        }
        for method in methods
        for stage, (first, last) in stages.items()
        for component in COMPONENTS
    }


def correct_rows(subject: Subject, correct: Path) -> np.ndarray:
    """Which queries of `subject` are listed in the CSV `correct`.

    Raises AnalysisError if it lists others.
    """
    listed = read_csv(correct)["query_id"]
    check_known(listed, subject.queries.ids, "the validation queries")
    return pd.Series(subject.queries.ids).isin(listed).to_numpy()


def drawn_rows(marked: np.ndarray, most: int, *seed: int | str) -> np.ndarray:
    """Rows of at most `most` of the queries in `marked` `[query]`, in ascending order."""
    rows = np.flatnonzero(marked)
    return np.sort(generator(*seed).choice(rows, min(most, len(rows)), replace=False))


def start_model(
    subject: Subject, patches: Mapping[str, Replacements], start: Start | None
) -> Subject | None:
    """What fine-tuning started from, over the same queries, if a patch needs it."""
    wanted = start and any("pretrained" in patch.values() for patch in patches.values())
    return subject.reading(subject.origin(start_folder(start))) if wanted else None


def ranks_under(
    subject: Subject,
    correct: Path,
    patches: Mapping[str, Replacements],
    start: Start | None,
    donors: Path | None = None,
) -> dict[str, pd.DataFrame]:
    """Ranks of all queries under every patch, by its name (`base/patched_files.py`); means are over
    the correct queries. Under a patch by donors, of which the analysis of this name wrote the
    folder, ranks of the queries that have one.

    Raises AnalysisError if a patch needs donors and there are none.
    """
    of_donors = {name: set(DONORS).intersection(patch.values()) for name, patch in patches.items()}
    others = {name: patch for name, patch in patches.items() if not of_donors[name]}
    tables: dict[str, pd.DataFrame] = {}
    if others:
        means = patch_means(subject, correct_rows(subject, correct), others)
        tables |= patched_ranks(subject, means, start_model(subject, others, start), others)
    for method in DONORS:
        own = {name: patch for name, patch in patches.items() if method in of_donors[name]}
        if own and donors is None:
            raise AnalysisError(f"patching method {method!r} needs donors; name their folder")
        if own:
            queries, given = with_donors(subject, read_parquet(donors / table_file(method)))
            tables |= patched_ranks(queries, None, None, own, given)
    return {name: tables[name] for name in patches}
