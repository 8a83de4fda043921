"""bfloat16 products with exact recheck against float32, where the unembedding is most of it."""

from dataclasses import replace
from typing import Any

import torch
from check_peers import METHODS
from peers import Batch, places
from peers.hooks import Hooks
from peers.lean import Lean
from shapes import SHAPES, random_batches, random_model

from measure.contest import BATCH_SIZE
from measure.machine import has_amx
from measure.timing import in_turn, rate, ratio

QUERIES, QUERIES_WITHOUT_AMX = 64, 4


def bfloat16_report(name: str, rounds: int) -> dict[str, Any]:
    """Ratio of bfloat16 to float32 and whether the ranks agree, with random relevant documents and
    with those that the model itself puts first, as a trained model does."""
    shape = SHAPES[name]
    model, every = random_model(shape), places(shape.layers)
    queries = QUERIES if has_amx() else QUERIES_WITHOUT_AMX
    batches = random_batches(shape, queries, BATCH_SIZE)
    engines = {
        "float32": Lean(model, shape.documents),
        "bfloat16": Lean(model, shape.documents, precision=torch.bfloat16),
    }
    hooks = Hooks(model)
    first = [replace(b, relevant=_first_document(hooks, b, shape.documents)) for b in batches]
    report: dict[str, Any] = {"shape": name, "queries": queries, "amx": has_amx()}
    for case, given in {"random_relevant": batches, "first_relevant": first}.items():
        sweeps = {
            precision: lambda e=engine, b=given: e.sweep(b, every, METHODS)
            for precision, engine in engines.items()
        }
        ranks = {precision: sweep() for precision, sweep in sweeps.items()}
        patched = queries * len(every) * len(METHODS)
        contestants = {precision: rate(sweep, patched) for precision, sweep in sweeps.items()}
        rates = in_turn(contestants, rounds, f"{name}, {case}")
        report[case] = {
            "ratio": ratio(rates["bfloat16"], rates["float32"]),
            "ranks_identical": all(
                torch.equal(ranks["float32"][patch], ranks["bfloat16"][patch])
                for patch in ranks["float32"]
            ),
        }
    return report


@torch.inference_mode()
def _first_document(hooks: Hooks, batch: Batch, documents: int) -> torch.Tensor:
    """The docid token `[query]`, among the last `documents` tokens, that the unmodified model puts
    first."""
    logits = hooks.model(**hooks.inputs(batch)).logits[:, 0]
    return logits.shape[1] - documents + logits[:, -documents:].argmax(1)
