"""Circuits of every size, edges, attribution, words and signed contributions by the engine beside
plain Hugging Face."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial

import numpy as np
import pandas as pd
import torch

from genir.analyses.attribution import UNITS, Unit, estimates, heads_of
from genir.analyses.circuit_curve import curves
from genir.analyses.circuit_orders import random_orders
from genir.analyses.edges import Reading, single_edges
from genir.analyses.patch_edge import edge_effects
from genir.analyses.query_words import COLUMNS, Word, knocked_out
from genir.analyses.signed_contributions import signed_contributions
from genir.base.names import ABLATIONS, ATTENTIONS, EMBEDDING, UNEMBEDDING, Method
from genir.base.seeding import generator
from genir.engine.edges import sources_of
from genir.verification.compare import RANKS, Verified, columns
from genir.verification.differences import Differences, read_logits
from genir.verification.hugging_face import Captured, PlainReference

EDGES = 24
WHOLE_ENDS = 3
LONGEST_WORD = 3
STEPS = {"gradient": 0, "integrated_2": 2}
STEADY = 2e-6
"""Of the largest value: a gradient is compared where no ReLU's input, and no distance between the
first two documents, is nearer to 0, for rounding decides there which way it goes."""


class Causes:
    """Both sides: `ours` is the engine's, `reference` and its unmodified run the other one;
    `seed` draws what is compared."""

    def __init__(
        self, differences: Differences, ours: Verified, reference: PlainReference, seed: int
    ) -> None:
        self.differences, self.ours, self.reference = differences, ours, reference
        self.subject, self.decoder = ours.subject, ours.subject.decoder
        self.random = generator(seed, "verify_engine", "causes")
        self.seed = seed

    @cached_property
    def captured(self) -> Captured:
        return self.reference.captured()

    @cached_property
    def docids(self) -> torch.Tensor:
        return self.decoder.unembedding.docid_tokens

    @cached_property
    def own(self) -> torch.Tensor:
        """Which tokens are relevant, `[query, token]`."""
        marks = torch.zeros_like(self.reference.logits({}), dtype=torch.bool)
        rows, columns = (self.ours.relevant >= 0).nonzero(as_tuple=True)
        marks[rows, self.ours.relevant[rows, columns]] = True
        return marks

    def two_logits(self, logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Of the best relevant document and of the best other one of some queries, `[query, 2]`."""
        own = self.own[rows]
        other = logits.masked_fill(own, -torch.inf)[:, self.docids]
        return torch.stack([logits.masked_fill(~own, -torch.inf).amax(1), other.amax(1)], 1)

    def difference(self, logits: torch.Tensor) -> torch.Tensor:
        """The one minus the other, of all queries, `[query]`."""
        best, other = self.two_logits(logits, self.all).T
        return best - other

    @cached_property
    def all(self) -> torch.Tensor:
        return torch.arange(len(self.subject.queries), device=self.own.device)

    def clear(self, logits: torch.Tensor) -> torch.Tensor:
        """Of which queries `[query]` it is clear which documents the difference is of."""
        first = [
            logits.masked_fill(~mask, -torch.inf)[:, self.docids].topk(2, 1).values
            for mask in (self.own, ~self.own)
        ]
        near = STEADY * logits.abs().max()
        return torch.stack([part[:, 0] - part[:, 1] > near for part in first]).all(0)

    def said_instead(self, method: Method) -> torch.Tensor:
        """What comes in place of each of the reference's terms `[term, query, d_model]`."""
        terms = self.captured.terms
        if method != "mean":
            return terms.roll(-1, 1)
        return torch.cat([terms[:1], terms[1:].mean(1, keepdim=True).expand_as(terms[1:])])

    def add_ranks(
        self, name: str, ranks: torch.Tensor, logits: torch.Tensor, rows: torch.Tensor, apart: float
    ) -> None:
        """Vocabulary and docid rank `[query, 2]` of some queries, or the latter alone `[query, 1]`,
        beside a reference's logits, which are `apart` from the engine's."""
        near = torch.full((len(rows),), apart, device=logits.device)
        read = read_logits(logits, near, self.ours.relevant[rows], self.docids)
        kept = slice(2 - ranks.shape[1], 2)
        read = replace(read, ranks=read.ranks[:, kept], near=read.near[:, kept])
        self.differences.add_ranks(f"{name}: ranks", ranks, read)

    def add_table(
        self, name: str, table: pd.DataFrame, logits: torch.Tensor, rows: torch.Tensor
    ) -> None:
        """Ranks and both logits of some queries, in the order of `rows`."""
        found = columns(table, ["relevant_logit", "other_logit"])
        theirs = self.two_logits(logits, rows)
        self.differences.add(f"{name}: logits", found, theirs)
        apart = float((found - theirs.cpu()).abs().max())
        self.add_ranks(name, columns(table, RANKS), logits, rows, apart)


def compare_causes(
    differences: Differences, ours: Verified, reference: PlainReference, seed: int
) -> None:
    """The engine beside plain Hugging Face; `seed` draws orders, edges, words and donors."""
    both = Causes(differences, ours, reference, seed)
    _compare_circuits(both)
    _compare_edges(both)
    _compare_attribution(both)
    _compare_words(both)
    _compare_signed(both)


def _compare_circuits(both: Causes) -> None:
    orders = {"random": random_orders(both.decoder.places, both.seed)["random00"]}
    table = curves(both.subject, both.ours.means, orders, both.seed)
    number = {query: row for row, query in enumerate(both.subject.queries.ids)}
    for (ablation, active), part in table.groupby(["ablation", "active"]):
        rows = torch.tensor([number[query] for query in part["query_id"]])
        said = {place: both.captured.output(place) for place in orders["random"][active:]}
        if ablation == "mean":
            values = {place: output.mean(0) for place, output in said.items()}
        else:
            donor = both.all.clone()
            given = torch.tensor([number[query] for query in part["donor_id"]])
            donor[rows] = given.to(donor.device)
            values = {place: output[donor] for place, output in said.items()}
        logits = both.reference.logits(values)[rows]
        both.add_table(f"circuits of every size, {ablation}", part, logits, rows)


def _compare_edges(both: Causes) -> None:
    """Some edges alone, and all edges out of a source and into a reader."""
    patches = _drawn_edges(both)
    names = pd.DataFrame({"patch": range(len(patches))})
    index = {place: n for n, place in enumerate([EMBEDDING, *both.decoder.places])}
    for method in ABLATIONS:
        donors = None if method == "mean" else both.ours.donors
        means = both.ours.means
        table, _ = edge_effects(both.subject, donors, means, method, patches, names)
        said = both.said_instead(method)
        for patch, part in table.groupby("patch"):
            edges = {
                reader: {source: said[index[source]] for source in read}
                for reader, read in patches[patch].items()
            }
            logits = both.reference.edge_logits(edges)
            found = columns(part, ["difference"])[:, 0]
            theirs, name = both.difference(logits), f"edges patched, {method}"
            both.differences.add(f"{name}: logit difference", found, theirs)
            apart = float((found - theirs.cpu()).abs().max())
            both.add_ranks(name, columns(part, ["docid_rank"]), logits, both.all, apart)


def _drawn_edges(both: Causes) -> list[Reading]:
    def drawn(some: Sequence, most: int) -> list:
        rows = both.random.choice(len(some), min(most, len(some)), replace=False)
        return [some[row] for row in np.sort(rows)]

    decoder, places = both.decoder, both.decoder.places
    readers = [*places, UNEMBEDDING]
    patches: list[Reading] = [{r: [s]} for s, r in drawn(list(single_edges(decoder)), EDGES)]
    for source in drawn(places, WHOLE_ENDS):
        patches.append({r: [source] for r in readers if source in sources_of(decoder, r)})
    return patches + [{r: sources_of(decoder, r)} for r in drawn(readers, WHOLE_ENDS)]


def _compare_attribution(both: Causes) -> None:
    for method in ABLATIONS:
        donors = None if method == "mean" else both.ours.donors
        theirs = _gradients(both, method)
        found = estimates(both.subject, donors, both.ours.means, method, UNITS, STEPS)
        for unit, (table, _) in found.items():
            for estimate, (gradients, steady) in theirs.items():
                expected = _estimates(both, method, unit, gradients)
                ours = columns(table, [estimate]).view(len(expected), -1)
                name = f"attribution of {unit}, {method}: {estimate}"
                if steady.any():
                    both.differences.add(name, ours[steady.cpu()], expected[steady])
                    both.differences.fewer[name] = int(steady.sum())


def _gradients(both: Causes, method: Method) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """By name of an estimate the reference's mean gradients, and of which queries they are steady
    `[query]`."""
    states = both.captured.terms.cumsum(0)
    away = both.said_instead(method).cumsum(0) - states
    found = {}
    for name, count in STEPS.items():
        points = [(step + 0.5) / count for step in range(count)] or [0.0]
        total, steady = torch.zeros_like(states), torch.ones_like(both.all, dtype=torch.bool)
        for point in points:
            read = states + point * away
            gradients, logits, nearest = both.reference.gradients(read, both.difference)
            total += gradients
            steady &= (nearest > STEADY) & both.clear(logits)
        found[name] = total / len(points), steady
    return found


def _estimates(both: Causes, method: Method, unit: Unit, gradients: torch.Tensor) -> torch.Tensor:
    """`[query, unit]`"""
    away = both.captured.terms - both.said_instead(method)
    if unit == "edges":
        products = [
            (away[source] * gradients[reader]).sum(-1)
            for reader in range(len(gradients))
            for source in range(reader + 1)
        ]
        return torch.stack(products, 1)
    products = []
    for layer, component, head in heads_of(both.subject):
        output = both.captured.output((layer, component, head))
        other = output.mean(0) if method == "mean" else output.roll(-1, 0)
        reader = both.decoder.places.index((layer, component))
        products.append(((output - other) * gradients[reader + 1 :].sum(0)).sum(-1))
    return torch.stack(products, 1)


def _compare_words(both: Causes) -> None:
    """A drawn stretch of tokens of every query stands for a word."""
    words = [_drawn_word(both.random, len(tokens)) for tokens in both.subject.queries.inputs]
    layers = range(len(both.decoder.layers))
    places = {f"layer{layer}": [layer] for layer in layers} | {"all": list(layers)}
    found = knocked_out(both.subject, [[word] for word in words], places)
    states = both.captured.encoder.clone()
    unseen = torch.zeros(states.shape[:2], dtype=torch.bool, device=states.device)
    for row, word in enumerate(words):
        unseen[row, list(word.tokens)] = True
    states[unseen] = states[unseen].mean(0)
    theirs = [
        ("query words not seen", partial(both.reference.without_tokens, unseen, blind))
        for blind in places.values()
    ]
    theirs.append(("query words by their mean", partial(both.reference.with_encoded, states)))
    for where, (name, logits) in enumerate(theirs):
        table = {column: found[key][:, where] for key, column in COLUMNS.items()}
        both.add_table(name, pd.DataFrame(table), logits(), both.all)


def _drawn_word(random: np.random.Generator, tokens: int) -> Word:
    """Up to three tokens, but not all: then nothing would be left to attend to."""
    length = min(int(random.integers(1, LONGEST_WORD + 1)), tokens - 1)
    first = int(random.integers(tokens - length + 1))
    return Word("", tuple(range(first, first + length)))


def _compare_signed(both: Causes) -> None:
    table = signed_contributions(both.subject)
    read = both.reference.linear_read(both.difference)
    captured, layers = both.captured, range(len(both.decoder.layers))
    heads = [captured.heads[name][layer] for layer in layers for name in ATTENTIONS]
    parts = [*captured.terms, *torch.cat(heads)]
    expected = torch.stack([(part.double() * read).sum(-1) for part in parts], 1)
    clear = both.clear(both.reference.logits({}))
    found, name = (
        columns(table, ["logit_difference"]).view(len(expected), -1),
        "signed contributions",
    )
    both.differences.add(name, found[clear.cpu()], expected[clear])
    both.differences.fewer[name] = int(clear.sum())
