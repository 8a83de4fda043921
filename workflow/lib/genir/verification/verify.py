"""A model folder before some of its validation queries, by the engine and by every reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from genir.base.errors import VerificationError
from genir.files.io import read_parquet
from genir.subjects.blocks import Limits
from genir.subjects.subject import QuerySource, load_subject
from genir.verification.compare import Verified, compare, prepare, sampled
from genir.verification.compare_causes import compare_causes
from genir.verification.differences import Differences, beyond_tolerance
from genir.verification.hugging_face import PlainReference, tokenized
from genir.verification.references import Reference, references


@dataclass(frozen=True)
class Verification:
    """Differences by reference over `queries` queries and `patches` patches, and a sentence on the
    reference that is optional."""

    differences: dict[str, Differences]
    queries: int
    patches: int
    optional: str

    def table(self) -> pd.DataFrame:
        """A row per quantity and reference.

        Raises VerificationError if a difference is above its tolerance.
        """
        tables = [found.table(name, self.queries) for name, found in self.differences.items()]
        table = pd.concat(tables, ignore_index=True)
        wrong = [
            f"{row.quantity} by {row.largest_difference:.3g} from {row.reference} "
            f"(tolerance {row.tolerance:.3g})"
            for row in beyond_tolerance(table).itertuples()
        ]
        if wrong:
            raise VerificationError(
                f"the engine differs in {'; '.join(wrong)}: do not use analyses of this model, "
                "report it with this log"
            )
        return table

    def sentences(self) -> str:
        """What was compared, for the table's head."""
        compared = (
            f"{self.queries} validation queries, {self.patches} patches: every component of every "
            "layer alone, single heads, several at once."
        )
        ranks = [_on_ranks(name, found) for name, found in self.differences.items()]
        tolerance = (
            "Tolerance: 0.0001 of the scale, the reference's largest value; 0 for ranks and tokens."
        )
        return " ".join(filter(None, [compared, *ranks, tolerance, self.optional]))


def _on_ranks(name: str, found: Differences) -> str:
    if found.equal_ranks == found.ranks:
        return f"All {found.ranks:,} ranks equal those of {name}."
    return (
        f"Of {found.ranks:,} ranks {found.equal_ranks:,} equal those of {name}; the others differ "
        "by no more than the number of tokens whose logits are as close to the relevant one's as "
        "the two implementations' logits are to each other."
    )


def verify_engine(
    folder: Path, source: QuerySource, start: Path | None, seed: int, limits: Limits
) -> Verification:
    """Compare on a drawn sample of the queries; `start` is the folder that fine-tuning started
    from."""
    whole = load_subject(folder, source, limits)
    rows = sampled(len(whole.queries), seed)
    subject = whole.over(whole.queries.take(rows))
    donor = None if start is None else subject.reading(subject.origin(start))
    ours = prepare(subject, donor, seed)
    texts = read_parquet(source.queries).query("split == @source.split")["text"].iloc[rows]
    inputs = tokenized(folder, texts, source.query_tokens)
    found, optional = references(folder)
    differences = {
        name: _beside(reference, ours, folder, start, inputs, seed)
        for name, reference in found.items()
    }
    patches = sum(map(len, ours.patches.values())) - 1
    return Verification(differences, len(rows), patches, optional)


def _beside(
    reference: type[Reference],
    ours: Verified,
    folder: Path,
    start: Path | None,
    inputs: Mapping[str, torch.Tensor],
    seed: int,
) -> Differences:
    device = ours.subject.device
    before = None if start is None else reference(start, inputs, device).captured()
    other = reference(folder, inputs, device)
    differences = compare(ours, other, before, inputs)
    if isinstance(other, PlainReference):
        compare_causes(differences, ours, other, seed)
    return differences
