"""Edges of the one decoder step: what single readers read of single sources, replaced.

The residual stream is a sum, and every reader norms what it reads by itself. So an edge is replaced
by adding, for that reader alone, what comes in place of the source's output minus that output.
"""

from collections.abc import Mapping, Sequence

import torch

from genir.base.names import EMBEDDING, UNEMBEDDING
from genir.engine.decoder import LeanDecoder, Memory, Place, Trace

Source = Place | str
"""A component of a layer, or EMBEDDING."""
Reader = Place | str
"""A component of a layer, or UNEMBEDDING."""
Edges = Mapping[Reader, Mapping[Source, torch.Tensor]]
"""For each reader the sources whose outputs it reads otherwise, and what it reads in their place,
`[query, d_model]` or `[d_model]`."""


def sources_of(decoder: LeanDecoder, reader: Reader) -> list[Source]:
    """All that a reader reads: the start token's embedding and every earlier component."""
    places = decoder.places
    last = len(places) if reader == UNEMBEDDING else places.index(reader)
    return [EMBEDDING, *places[:last]]


def output_of(trace: Trace, source: Source) -> torch.Tensor:
    """What a source adds to the residual stream in an unmodified run, `[query, d_model]`."""
    return trace.states[0] if source == EMBEDDING else trace.output(*source)


def starts(decoder: LeanDecoder, patches: Sequence[Mapping[Reader, object]]) -> list[int]:
    """The position of the first reader of each patch, the unembedding's being the last."""
    positions = {reader: number for number, reader in enumerate([*decoder.places, UNEMBEDDING])}
    return [min(positions[reader] for reader in patch) for patch in patches]


@torch.no_grad()
def run_edges(
    decoder: LeanDecoder, memory: Memory, trace: Trace, patches: Sequence[Edges]
) -> torch.Tensor:
    """The residual stream as the unembedding reads it under every patch `[patch, query, d_model]`.

    What is taken out of an edge is the source's output in that very run: it may itself have read an
    edge of the patch. Nothing is computed before the first reader of a patch.

    Raises ValueError if a source does not come before its reader, or a patch has no reader.
    """
    _check(decoder, patches)
    begin = starts(decoder, patches)
    order = sorted(range(len(patches)), key=begin.__getitem__)
    position = {place: number for number, place in enumerate(decoder.places)}
    # Sources that a patch may change before they are read; all others are those of the trace.
    moving = [
        {
            source
            for sources in patches[number].values()
            for source in sources
            if position.get(source, -1) >= begin[number]
        }
        for number in order
    ]
    outputs: list[dict[Source, torch.Tensor]] = [{} for _ in order]
    stream, live = trace.states.new_empty(len(order), *trace.states.shape[1:]), 0
    for number, reader in enumerate([*decoder.places, UNEMBEDDING]):
        while live < len(order) and begin[order[live]] == number:
            stream[live] = trace.states[number]
            live += 1
        if not live:
            continue
        running = stream[:live]
        read = running
        own = [row for row in range(live) if reader in patches[order[row]]]
        if own:
            read = running.clone()
            for row in own:
                for source, value in patches[order[row]][reader].items():
                    replaced = outputs[row].get(source)
                    read[row] += value - (
                        output_of(trace, source) if replaced is None else replaced
                    )
        if reader == UNEMBEDDING:
            stream = read
            break
        kept = {row: running[row].clone() for row in range(live) if reader in moving[row]}
        decoder.add(*reader, read, memory, running, [{}] * live)
        for row, before in kept.items():
            outputs[row][reader] = running[row] - before
    found = torch.empty_like(stream)
    found[order] = stream
    return found


def _check(decoder: LeanDecoder, patches: Sequence[Edges]) -> None:
    readers = [*decoder.places, UNEMBEDDING]
    for patch in patches:
        if not patch or any(reader not in readers for reader in patch):
            raise ValueError(
                f"a patch must name readers of the decoder, this one has {list(patch)}"
            )
        for reader, sources in patch.items():
            if late := set(sources) - set(sources_of(decoder, reader)):
                raise ValueError(f"{reader} does not read {sorted(map(str, late))}")
