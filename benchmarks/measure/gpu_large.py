"""The sweep of a T5-large with 320,000 documents on the device, in both precisions."""

import time
from collections.abc import Iterator
from functools import cache, partial
from statistics import median

import torch
from peers import Batch
from shapes import SHAPES, random_batches, random_model

from genir.analyses.rank_development import rank_development
from genir.analyses.rank_queries import top_documents
from genir.engine.devices import Precision
from measure.gpu import Sweep
from measure.parts import Piece, Result
from measure.timing import seconds, spread

NAME_OF = {"full": "t5-large-320k", "tiny": "tiny"}
QUERIES = {"t5-large-320k": 32, "tiny": 8}
QUERIES_UNDER_LENS = 8
ROUNDS, SECONDS = 3, 15.0


def pieces(shape: str, device: torch.device) -> Iterator[Piece]:
    """The sweep (every component of every layer, by zero and by mean) in float32 and in bfloat16,
    each with the documents that the model puts first as relevant ones and with random ones; and the
    logit lens."""
    large = Large(NAME_OF[shape], device)
    for case in ("first_relevant", "random_relevant"):
        for precision in ("float32", "bfloat16"):
            yield f"sweep, {case}, {precision}", partial(large.sweep, case, precision)
    yield "lens", large.lens


class Large:
    """One random model on the device, drawn when it is first asked for."""

    def __init__(self, name: str, device: torch.device) -> None:
        self.name, self.shape, self.device = name, SHAPES[name], device
        self.model = cache(lambda: random_model(self.shape).to(device))
        self.batches = cache(self._batches)
        self.ranks: dict[str, dict[str, torch.Tensor]] = {}

    def _batches(self, case: str) -> list[Batch]:
        queries = QUERIES[self.name]
        (batch,) = (b.to(self.device) for b in random_batches(self.shape, queries, queries))
        if case == "random_relevant":
            return [batch]
        subject = Sweep(self.model(), [batch], self.shape.documents).subject
        first = [int(doc_id) for doc_id in top_documents(subject, 1)[:, 0]]
        return [Batch(batch.ids, batch.mask, batch.relevant.new_tensor(first))]

    def sweep(self, case: str, precision: Precision) -> Result:
        """Held if the ranks are those of float32, where that was measured before."""
        sweep = Sweep(self.model(), self.batches(case), self.shape.documents, precision)
        ranks = sweep()
        expected = self.ranks.setdefault(case, ranks)
        unequal = sum(int((ranks[patch] != expected[patch]).sum()) for patch in ranks)
        patched, times = QUERIES[self.name] * len(ranks), []
        began = time.monotonic()
        while len(times) < ROUNDS and (not times or time.monotonic() - began < SECONDS):
            times.append(seconds(sweep))
        return {
            "queries": QUERIES[self.name],
            "patches": len(ranks),
            "seconds_of_a_sweep": spread(times),
            "patched_queries_per_second": patched / median(times),
            "ranks_unlike_float32": unequal,
            "held": unequal == 0,
        }

    def lens(self) -> Result:
        """Once over a few queries."""
        (batch,) = self.batches("random_relevant")
        few = Batch(
            *(part[:QUERIES_UNDER_LENS] for part in (batch.ids, batch.mask, batch.relevant))
        )
        subject = Sweep(self.model(), [few], self.shape.documents).subject
        found = seconds(lambda: rank_development(subject))
        return {"queries": QUERIES_UNDER_LENS, "seconds_of_the_lens": found}
