"""Patching, lens and ranks on the device beside the same on the CPU of the machine."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import torch
from shapes import SHAPES, random_batches, random_model

from genir.analyses.logit_lens import lens_state
from genir.analyses.patching import patched_ranks
from genir.analyses.rank_development import rank_development
from genir.engine.t5 import T5
from genir.subjects.blocks import Limits
from genir.verification.compare import Verified, prepare
from measure.parts import Piece, Result
from measure.subjects import subject_of

QUERIES = {"t5-small-33k": 32, "t5-base-132k": 8, "tiny": 8}
SHAPES_OF = {"full": ("t5-small-33k", "t5-base-132k"), "tiny": ("tiny",)}
KINDS = ("vocabulary_rank", "docid_rank")
MEMORY_MB = 12000
TOLERANCE = 1e-5
"""Of the largest logit. Rounding changes places within some 1e-6; TF32 would far beyond."""
SEED = 1
LISTED = 20


def pieces(shape: str, device: torch.device) -> Iterator[Piece]:
    """Two for each shape: with products behind ranks in float32 and in bfloat16, both beside the
    CPU's in float32."""
    for name in SHAPES_OF[shape]:
        models = Models(name)
        for precision in ("float32", "bfloat16"):
            yield f"{name}, {precision}", partial(agreement, models, device, precision)


@dataclass(frozen=True)
class Models:
    """Two random models of a shape, the second in place of what fine-tuning started from."""

    name: str

    @cached_property
    def both(self) -> tuple[torch.nn.Module, torch.nn.Module]:
        return random_model(SHAPES[self.name], 0), random_model(SHAPES[self.name], 1)

    @cached_property
    def on_cpu(self) -> "Side":
        return self.on(torch.device("cpu"), "float32")

    def on(self, device: torch.device, precision: str) -> "Side":
        """The verification's patches (single components and heads, several at once, every method)
        over random queries."""
        batches = random_batches(SHAPES[self.name], QUERIES[self.name], QUERIES[self.name])
        documents = SHAPES[self.name].documents
        subject, start = (subject_of(model, batches, documents, MEMORY_MB) for model in self.both)
        limits = Limits(MEMORY_MB, precision)
        subject = replace(subject, model=moved(subject.model, device), limits=limits)
        start = subject.reading(moved(start.model, device))
        return Side(prepare(subject, start, SEED))


def moved(model: T5, device: torch.device) -> T5:
    """The same weights on a device."""
    weights = {name: weight.detach().to(device) for name, weight in model.weights.items()}
    return T5(model.architecture, weights)


class Side:
    """What one device makes of it: ranks `[state, query]` of either kind, and the states."""

    def __init__(self, verified: Verified) -> None:
        self.verified = verified
        self.patches = [patch for some in verified.patches.values() for patch in some]
        named = {str(number): patch for number, patch in enumerate(self.patches)}
        subject = verified.subject
        ranks = patched_ranks(
            subject, verified.means, verified.start, named, donors=verified.donors
        )
        patched = ranks.values()
        lens = rank_development(subject)
        self.lens = [place for place, _ in lens.groupby(["layer", "source"])]
        tables = [*patched, *(table for _, table in lens.groupby(["layer", "source"]))]
        self.ranks = {kind: np.stack([table[kind] for table in tables]) for kind in KINDS}
        self.mean_ranks = lens[["mean_docid_rank", "mean_other_rank"]].to_numpy(float)

    def name(self, number: int) -> str:
        """Of a state."""
        if number >= len(self.patches):
            return f"lens of {self.lens[number - len(self.patches)]}"
        patch = self.patches[number]
        places = ", ".join(f"{place}: {method}" for place, method in list(patch.items())[:3])
        return f"patch of {places or 'nothing'}{' ...' if len(patch) > 3 else ''}"

    def logits(self, number: int, query: int) -> torch.Tensor:
        """Of one state and query, `[vocabulary]`."""
        ours, decoder = self.verified, self.verified.subject.decoder
        if number >= len(self.patches):
            state = lens_state(ours.trace, *self.lens[number - len(self.patches)])
        elif patch := self.patches[number]:
            values = {place: ours.values.value(method, place) for place, method in patch.items()}
            state = decoder.run(ours.memory, ours.trace, [values])[0]
        else:
            state = ours.trace.states[-1]
        return decoder.unembedding.logits(state[query : query + 1])[0]


def agreement(models: Models, device: torch.device, precision: str) -> Result:
    """How many ranks are equal, and for those that are not how far apart the logits are that
    changed places. Held if that is rounding: below TOLERANCE of the largest logit."""
    cpu, other = models.on_cpu, models.on(device, precision)
    unequal = [
        (kind, int(number), int(query))
        for kind in KINDS
        for number, query in np.argwhere(cpu.ranks[kind] != other.ranks[kind])
    ]
    differing = [differing_rank(cpu, other, *place) for place in unequal]
    ranks = sum(table.size for table in cpu.ranks.values())
    stream, theirs = (side.verified.trace.states[-1].cpu() for side in (cpu, other))
    off = np.abs(cpu.mean_ranks - other.mean_ranks) / cpu.mean_ranks
    return {
        "queries": len(cpu.verified.subject.queries),
        "patches": len(cpu.patches),
        "states_under_the_lens": len(cpu.lens),
        "ranks": ranks,
        "equal_ranks": ranks - len(differing),
        "largest_gap_of_logits_to_largest_logit": max(
            (found["gap"] / found["largest_logit"] for found in differing), default=0.0
        ),
        "differing": sorted(differing, key=lambda found: -found["gap"])[:LISTED],
        "residual_stream_largest_difference": float((stream - theirs).abs().max()),
        "residual_stream_largest_value": float(stream.abs().max()),
        "mean_ranks_largest_relative_difference": float(off.max()),
        "held": all(
            found["gap"] <= TOLERANCE * found["largest_logit"] for found in differing
        ) and bool(off.max() <= TOLERANCE),
    }  # fmt: skip


def differing_rank(cpu: Side, other: Side, kind: str, number: int, query: int) -> Result:
    """A rank that is not the same; `gap` is between the CPU's logits of the relevant document and
    of the token that has the other device's rank."""
    subject = cpu.verified.subject
    unembedding, logits = subject.decoder.unembedding, cpu.logits(number, query)
    relevant = subject.queries.relevant[query]
    gold = logits[relevant[relevant >= 0]].max()
    among = logits if kind == "vocabulary_rank" else logits[unembedding.docid_tokens]
    ordered = among.sort(descending=True).values
    ranks = [int(side.ranks[kind][number, query]) for side in (cpu, other)]
    return {
        "state": cpu.name(number),
        "query": query,
        "kind": kind,
        "cpu": ranks[0],
        "device": ranks[1],
        "gap": float((ordered[ranks[1] - 1] - gold).abs()),
        "largest_logit": float(logits.abs().max()),
    }
