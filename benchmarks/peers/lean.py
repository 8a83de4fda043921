"""The engine of this project, behind the peers' interface."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import T5ForConditionalGeneration

from genir.engine.decoder import LeanDecoder, Patch
from genir.engine.encoder import LeanEncoder, token_batch
from genir.engine.t5 import t5_of
from genir.subjects.blocks import Limits, plan_blocks
from peers.interface import Batch, Method, Place, patch_name


class Lean:
    """Set up once with a model; `sweep` is what is timed."""

    def __init__(
        self,
        model: T5ForConditionalGeneration,
        documents: int,
        memory_mb: int = 8000,
        precision: torch.dtype = torch.float32,
    ) -> None:
        self.model, self.limits = t5_of(model), Limits(memory_mb)
        vocabulary = model.config.vocab_size
        docids = torch.arange(vocabulary - documents, vocabulary)
        self.encoder = LeanEncoder(self.model)
        self.decoder = LeanDecoder(self.model, docids, precision)

    @torch.inference_mode()
    def sweep(
        self, batches: Sequence[Batch], places: Sequence[Place], methods: Sequence[Method]
    ) -> dict[str, torch.Tensor]:
        """Vocabulary rank `[query]` under every patch, queries in the order of `batches`."""
        inputs = [
            row[: int(length)].cpu().numpy()
            for batch in batches
            for row, length in zip(batch.ids, batch.mask.sum(1), strict=True)
        ]
        relevant = torch.cat([batch.relevant for batch in batches])[:, None]
        names = [(method, place) for method in methods for place in places]
        blocks = plan_blocks(self.model, max(map(len, inputs)), len(names), 1, self.limits)
        runs = []
        for start in range(0, len(inputs), blocks.queries):
            tokens = token_batch(inputs[start : start + blocks.queries], self.encoder.device)
            memory = self.decoder.memory(self.encoder(tokens), tokens.layout)
            runs.append((memory, self.decoder.trace(memory)))
        mean = {
            place: torch.cat([trace.output(*place) for _, trace in runs]).mean(0)
            for place in places
        }
        zero = torch.zeros_like(self.decoder.start)
        patches: list[Patch] = [
            {place: zero if method == "zero" else mean[place]} for method, place in names
        ]
        ranks = np.empty((len(names), len(inputs)), dtype=np.int64)
        done = 0
        for memory, trace in runs:
            block = slice(done, done := done + trace.states.shape[1])
            for chosen, streams in self.decoder.runs(memory, trace, patches, blocks.patches):
                found = self.decoder.unembedding.ranks(
                    streams.flatten(0, 1), relevant[block].repeat(len(chosen), 1)
                )
                ranks[chosen, block] = found.vocabulary.view(len(chosen), -1).cpu()
        return {
            patch_name(method, place): torch.from_numpy(row)
            for (method, place), row in zip(names, ranks, strict=True)
        }
