"""The engine beside an implementation that shares no code with it, on the same queries.

Compared are the inputs, all states of an unmodified run, logits and ranks under patches, the logit
lens, contributions, direct contributions and what neurons are triggered by; what only plain Hugging
Face is compared in is in `compare_causes`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import cosine_similarity

from genir.analyses.communication import neuron_contributions, sources_of
from genir.analyses.contributions import contributions
from genir.analyses.direct_contribution import direct_contribution
from genir.analyses.logit_lens import SOURCES
from genir.analyses.patching import BlockValues, Means, Replacements, patched_ranks, place_means
from genir.analyses.rank_development import rank_development
from genir.base.names import ATTENTIONS, COMPONENTS, DONORS, METHODS, Method
from genir.base.seeding import generator
from genir.engine.decoder import Memory, Place, Trace
from genir.engine.ranking import Unembedding
from genir.subjects.subject import Subject
from genir.verification.differences import Differences, Read, read_logits
from genir.verification.hugging_face import Captured
from genir.verification.references import Reference

QUERIES = 20
MIXED_PATCHES = 6
REPLACED_SHARE = 0.3
RANKS = ["vocabulary_rank", "docid_rank"]
DONOR: Method = "donor_random"
"""Stands for all methods that take donors: they differ in who is the donor."""
CASCADED = "several patched"
"""The patches whose ranks are compared after bfloat16 products too: they are everywhere."""
MEAN_RANKS = ["mean_docid_rank", "mean_other_rank"]


def sampled(queries: int, seed: int) -> np.ndarray:
    """Which of `queries` queries are compared: at most 20, in ascending order."""
    size = min(QUERIES, queries)
    return np.sort(generator(seed, "verify_engine").choice(queries, size, replace=False))


@dataclass(frozen=True)
class Verified:
    """The engine's side: a model and perhaps the one it was fine-tuned from before some queries,
    the model before their donors (the next query is that of each), the unmodified run over them,
    the values of patches (means are over all of the queries), and the patches by quantity."""

    subject: Subject
    start: Subject | None
    donors: Subject
    memory: Memory
    trace: Trace
    means: Means
    values: BlockValues
    patches: dict[str, list[Replacements]]

    @cached_property
    def cascade(self) -> Unembedding:
        """Ranks by bfloat16 products, whatever the precision of the model's."""
        own = self.subject.decoder.unembedding
        settings = own.norm, own.epsilon, own.scale, own.docid_tokens, torch.bfloat16
        return Unembedding(own.head, *settings)

    @property
    def relevant(self) -> torch.Tensor:
        return self.subject.queries.relevant.to(self.subject.device)


def prepare(subject: Subject, start: Subject | None, seed: int) -> Verified:
    """Run the engine; `seed` draws the patches."""
    queries, heads = len(subject.queries), subject.decoder.architecture.heads
    layers = range(len(subject.decoder.layers))
    memory, trace = subject.trace()
    before = None
    if start is not None:
        before = start.decoder.outputs(*start.trace())
    donors = subject.over(subject.queries.take(np.roll(np.arange(queries), -1)))
    places: list[Place] = [(layer, name) for layer in layers for name in COMPONENTS]
    places += [
        (layer, name, head) for layer in layers for name in ATTENTIONS for head in range(heads)
    ]
    every = np.ones(queries, dtype=bool)
    means = place_means(subject, every, places)
    outputs = subject.decoder.outputs(memory, trace)
    marked = torch.from_numpy(every).to(subject.device)
    given = donors.decoder.outputs(*donors.trace())
    values = BlockValues(outputs, means, marked, before, given)
    left_out = {*DONORS, *(["pretrained"] if start is None else [])}
    methods = [method for method in METHODS if method not in left_out]
    patches = compared_patches(layers, heads, methods, seed)
    patches[f"component patched, {DONOR}"] = [
        {(layer, component): DONOR} for layer in layers for component in COMPONENTS
    ]
    patches[f"several patched, {DONOR}"] = [
        {(layer, component): DONOR for layer in layers} for component in COMPONENTS
    ]
    return Verified(subject, start, donors, memory, trace, means, values, patches)


def compared_patches(
    layers: range, heads: int, methods: Sequence[Method], seed: int
) -> dict[str, list[Replacements]]:
    """Patches by quantity: nothing, every component of every layer, one head of every attention
    under one method, a component in all layers, and draws of many places and methods at once."""
    random = generator(seed, "verify_engine", "patches")
    patches: dict[str, list[Replacements]] = {"unmodified": [{}]}
    for method in (method for method in methods if method != "mean_leave_one_out"):
        patches[f"component patched, {method}"] = [
            {(layer, component): method} for layer in layers for component in COMPONENTS
        ]
    patches["head patched"] = [
        {
            (layer, component, int(random.integers(heads))): methods[
                int(random.integers(len(methods)))
            ]
        }
        for layer in layers
        for component in ATTENTIONS
    ]
    whole: list[Replacements] = [
        {(layer, component): method for layer in layers}
        for method in methods
        for component in COMPONENTS
    ]
    mixed = [_mixed(layers, heads, methods, random) for _ in range(MIXED_PATCHES)]
    return patches | {"several patched": whole + mixed}


def _mixed(
    layers: range, heads: int, methods: Sequence[Method], random: np.random.Generator
) -> Replacements:
    """The first MLP and three in ten of all components, and of the heads of the others."""
    places: list[Place] = [(0, "mlp")]
    for layer in layers:
        for component in COMPONENTS:
            if random.random() < REPLACED_SHARE:
                places.append((layer, component))
            elif component in ATTENTIONS:
                some = np.flatnonzero(random.random(heads) < REPLACED_SHARE)
                places += [(layer, component, int(head)) for head in some]
    return {place: methods[int(random.integers(len(methods)))] for place in places}


def compare(
    ours: Verified,
    reference: Reference,
    start: Captured | None,
    inputs: Mapping[str, torch.Tensor],
) -> Differences:
    """The engine beside a reference; `start` is what the reference captures in the model that
    fine-tuning started from, `inputs` are its input_ids and attention_mask."""
    differences, captured = Differences(), reference.captured()
    _compare_tokens(differences, ours, inputs)
    _compare_states(differences, ours, captured, inputs["attention_mask"].bool())
    _compare_patches(differences, ours, reference, captured, start)
    _compare_lens(differences, ours, reference, captured)
    _compare_contributions(differences, ours, captured)
    _compare_direct_contributions(differences, ours, reference, captured)
    _compare_communication(differences, ours, captured)
    return differences


def _compare_tokens(
    differences: Differences, ours: Verified, inputs: Mapping[str, torch.Tensor]
) -> None:
    masks = inputs["attention_mask"].bool()
    for own, ids, mask in zip(ours.subject.queries.inputs, inputs["input_ids"], masks, strict=True):
        differences.add_tokens("query tokens", torch.from_numpy(own), ids[mask])


def _compare_states(
    differences: Differences, ours: Verified, captured: Captured, mask: torch.Tensor
) -> None:
    hidden = captured.encoder[mask.to(captured.encoder.device)]
    differences.add("encoder output", torch.cat(ours.subject.hidden), hidden)
    differences.add("residual stream", ours.trace.residual, captured.residual)
    for name in COMPONENTS:
        differences.add(f"{name} output", ours.trace.outputs[name], captured.outputs[name])
    decoder = ours.subject.decoder
    for name in ATTENTIONS:
        heads = [
            decoder.head_outputs(ours.memory, ours.trace, layer, name)
            for layer in range(len(decoder.layers))
        ]
        differences.add(f"{name} output by head", torch.stack(heads), captured.heads[name])


def _compare_patches(
    differences: Differences,
    ours: Verified,
    reference: Reference,
    captured: Captured,
    start: Captured | None,
) -> None:
    for name, patches in ours.patches.items():
        named = {str(number): patch for number, patch in enumerate(patches)}
        donors = ours.donors if any(DONOR in patch.values() for patch in patches) else None
        tables = patched_ranks(ours.subject, ours.means, ours.start, named, donors)
        for patch, table in zip(patches, tables.values(), strict=True):
            values = {
                place: _replacement(captured, start, method, place)
                for place, method in patch.items()
            }
            logits, stream = reference.logits(values), _patched_stream(ours, patch)
            read = _compare_logits(differences, ours, name, stream, logits, table)
            if name == CASCADED:
                found = ours.cascade.ranks(stream, ours.relevant)
                ranks = torch.stack([found.vocabulary, found.docid], 1).cpu()
                differences.add_ranks(f"{name}, bfloat16 products: ranks", ranks, read)


def _replacement(
    captured: Captured, start: Captured | None, method: Method, place: Place
) -> torch.Tensor:
    """What a reference puts at `place`, from its own states."""
    output = captured.output(place)
    if method == "zero":
        return torch.zeros_like(output)
    if method == "mean":
        return output.mean(0)
    if method == "mean_leave_one_out":
        return (output.sum(0) - output) / (len(output) - 1)
    if method == DONOR:
        return output.roll(-1, 0)
    return start.output(place)


def _patched_stream(ours: Verified, patch: Replacements) -> torch.Tensor:
    if not patch:
        return ours.trace.residual[-1]
    values = {place: ours.values.value(method, place) for place, method in patch.items()}
    return ours.subject.decoder.run(ours.memory, ours.trace, [values])[0]


def _compare_logits(
    differences: Differences,
    ours: Verified,
    name: str,
    stream: torch.Tensor,
    theirs: torch.Tensor,
    table: pd.DataFrame,
) -> Read:
    """Logits of the engine's last residual stream, and the ranks in `table`; gives the ranks that
    the reference's logits say."""
    unembedding = ours.subject.decoder.unembedding
    logits = unembedding.logits(stream)
    differences.add(f"{name}: logits", logits, theirs)
    apart = (logits - theirs).abs().amax(1)
    read = read_logits(theirs, apart, ours.relevant, unembedding.docid_tokens)
    differences.add_ranks(f"{name}: ranks", columns(table, RANKS), read)
    if set(MEAN_RANKS) <= set(table):
        differences.add(f"{name}: mean ranks", columns(table, MEAN_RANKS), read.mean_ranks)
    return read


def columns(table: pd.DataFrame, names: Sequence[str]) -> torch.Tensor:
    """Some columns of a table, `[row, column]`."""
    return torch.from_numpy(table[list(names)].to_numpy(copy=True))


def _compare_lens(
    differences: Differences, ours: Verified, reference: Reference, captured: Captured
) -> None:
    tables = dict(tuple(rank_development(ours.subject).groupby(["source", "layer"])))
    for source in SOURCES:
        for layer in range(len(captured.residual) - 1):
            own, theirs = (
                stream[layer + 1] if source == "residual" else outputs[source][layer]
                for stream, outputs in (
                    (ours.trace.residual, ours.trace.outputs),
                    (captured.residual, captured.outputs),
                )
            )
            logits = reference.unembedded(theirs)
            table = tables[source, layer]
            _compare_logits(differences, ours, f"lens of {source}", own, logits, table)


def _compare_contributions(differences: Differences, ours: Verified, captured: Captured) -> None:
    for (layer, name), table in contributions(ours.subject).groupby(["layer", "component"]):
        output = captured.outputs[name][layer].double()
        before, after = captured.residual[layer : layer + 2].double()
        expected = {
            "norm": output.norm(dim=1),
            "ratio": output.norm(dim=1) / (after - before).norm(dim=1),
            "cosine_input": cosine_similarity(output, before),
            "cosine_output": cosine_similarity(output, after),
        }
        for quantity, value in expected.items():
            differences.add(f"contribution: {quantity}", columns(table, [quantity])[:, 0], value)


def _compare_direct_contributions(
    differences: Differences, ours: Verified, reference: Reference, captured: Captured
) -> None:
    tables = dict(tuple(direct_contribution(ours.subject).groupby("source")))
    for source in COMPONENTS:
        own, theirs = (outputs[source].sum(0) for outputs in (ours.trace.outputs, captured.outputs))
        logits = reference.unembedded(theirs)
        _compare_logits(differences, ours, "direct contribution", own, logits, tables[source])


def _compare_communication(differences: Differences, ours: Verified, captured: Captured) -> None:
    """Contributions to active neurons, summed over sources and neurons, beside the sum of the
    positive pre-activations."""
    decoder = ours.subject.decoder
    for layer, expected in enumerate(captured.neurons.clamp(min=0).sum(2)):
        terms = ours.trace.terms[: len(sources_of("mlp", layer))]
        signed = neuron_contributions(decoder, ours.trace, layer, terms)
        sums = torch.stack([of_query.sum() for of_query in signed])
        differences.add("contributions to neurons: sum", sums, expected)
