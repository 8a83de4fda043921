"""Forward hooks that replace what a single reader reads of a single source."""

from collections.abc import Mapping, Sequence

import torch

from peers.hooks import Hooks, hooked, states_of
from peers.interface import COMPONENTS, Batch, Inputs, Place

Node = Place | str
"""A component of a layer, or the start token's embedding, or the unembedding."""
EMBEDDING, UNEMBEDDING = "embedding", "unembedding"
Edge = tuple[Node, Node]


class EdgeHooks:
    """One pass per edge and batch, by the inputs of `hooks`; the last `documents` tokens stand for
    documents."""

    def __init__(self, hooks: Hooks, documents: int) -> None:
        self.hooks, self.documents = hooks, documents
        self.model = hooks.model

    @torch.inference_mode()
    def values(
        self, batches: Sequence[Batch], sources: Sequence[Node], donors: Sequence[int] | None
    ) -> dict[Node, torch.Tensor]:
        """What each source says in place of itself, `[query, d_model]`: on the query's donor, or
        its mean over the queries where there are no donors; the embedding is the same always."""
        places = sorted({source for source in sources if source != EMBEDDING})
        found = [self.hooks.outputs(given, places) for given in self.inputs(batches)]
        outputs = {place: torch.cat([part[place] for part in found]) for place in places}
        if donors is not None:
            return {place: of[list(donors)] for place, of in outputs.items()}
        return {place: of.mean(0).expand_as(of) for place, of in outputs.items()}

    @torch.inference_mode()
    def inputs(self, batches: Sequence[Batch]) -> list[Inputs]:
        """What is done once, whatever is patched."""
        return [self.hooks.inputs(batch) for batch in batches]

    @torch.inference_mode()
    def differences(
        self,
        batches: Sequence[Batch],
        inputs: Sequence[Inputs],
        edges: Sequence[Edge],
        values: Mapping[Node, torch.Tensor],
    ) -> torch.Tensor:
        """Logit of the relevant document minus that of the best other one, `[query, edge]`."""
        found, begun = [], 0
        for batch, given in zip(batches, inputs, strict=True):
            rows = slice(begun, begun := begun + len(batch))
            of_batch = []
            for source, reader in edges:
                value = values[source][rows] if source in values else None
                logits = self.logits(given, source, reader, value)
                own = batch.relevant[:, None]
                best = logits.gather(1, own)[:, 0]
                other = logits.scatter(1, own, -torch.inf)[:, -self.documents :].amax(1)
                of_batch.append(best - other)
            found.append(torch.stack(of_batch, 1))
        return torch.cat(found)

    def logits(
        self, given: Inputs, source: Node, reader: Node, value: torch.Tensor | None
    ) -> torch.Tensor:
        """Logits `[query, vocabulary]` with `value` read by the reader in place of the source;
        without one the embedding stays as it is."""
        kept: list[torch.Tensor] = []

        def keep(_module: torch.nn.Module, _inputs: tuple, output: object) -> None:
            kept.append(states_of(output))

        def shift(_module: torch.nn.Module, inputs: tuple) -> tuple:
            return (inputs[0] if value is None else inputs[0] + value[:, None] - kept[0],)

        norm = self.model.decoder.final_layer_norm
        if reader != UNEMBEDDING:
            layer, component = reader
            part = self.model.decoder.block[layer].layer[COMPONENTS.index(component)]
            norm = part.layer_norm
        handle = norm.register_forward_pre_hook(shift)
        try:
            with hooked(self.model, {} if source == EMBEDDING else {source: keep}):
                return self.model(**given).logits[:, 0]
        finally:
            handle.remove()
