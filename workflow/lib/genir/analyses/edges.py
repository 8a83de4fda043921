"""Which edges there are between the components of a decoder, and in groups by stage."""

from collections.abc import Collection, Iterator, Mapping

from genir.base.names import COMPONENTS, EMBEDDING, STAGES, UNEMBEDDING
from genir.engine.decoder import LeanDecoder
from genir.engine.edges import Reader, Source, sources_of

Reading = Mapping[Reader, Collection[Source]]
"""The edges of one patch: for each reader the sources that it reads otherwise."""


def single_edges(decoder: LeanDecoder) -> Iterator[tuple[Source, Reader]]:
    """Every source and reader, the readers in the order of the run."""
    for reader in [*decoder.places, UNEMBEDDING]:
        for source in sources_of(decoder, reader):
            yield source, reader


def stage_edges(
    decoder: LeanDecoder, stages: Mapping[str, tuple[int, int]]
) -> dict[tuple[str, str, str, str], Reading]:
    """(source, its stage, reader, its stage) -> all edges between the two, of those that have any:
    a component in all layers of a stage, or embedding and unembedding, whose stage is "all"."""
    layers = {stage: range(stages[stage][0], stages[stage][1] + 1) for stage in STAGES}
    groups = {
        (component, stage): {(layer, component) for layer in layers[stage]}
        for stage in STAGES
        for component in COMPONENTS
    }
    found = {}
    for source, members in {(EMBEDDING, "all"): {EMBEDDING}, **groups}.items():
        for reader, places in {**groups, (UNEMBEDDING, "all"): {UNEMBEDDING}}.items():
            edges = {
                place: read
                for place in sorted(places, key=str)
                if (read := [of for of in sources_of(decoder, place) if of in members])
            }
            if edges:
                found[*source, *reader] = edges
    return found


def name_and_layer(node: Source | Reader) -> tuple[str, int]:
    """A source or reader as tables have it; embedding and unembedding are of layer -1."""
    return (node, -1) if isinstance(node, str) else (node[1], node[0])
