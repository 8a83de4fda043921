"""How long a GPU would take for a model or its circuit, by its data sheet: arithmetic.

Every weight that is computed with, every document's row and every encoder state that a
cross-attention reads comes from the card's memory once for a batch; the time of a part is that of
its operations or of its bytes, whichever is longer. What starts the many small products, which
counts most for single queries, and what real products do not reach of a data sheet's rates is not
in it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from genir.engine.circuit import ComponentPlace
from genir.engine.t5 import Architecture
from measure.arithmetic import BYTES, H100, Gpu


def estimate(
    shape: Architecture,
    documents: int,
    queries: int,
    tokens: int,
    places: Mapping[str, Sequence[ComponentPlace]],
    gpu: Gpu = H100,
) -> dict[str, Any]:
    """Operations, bytes and milliseconds of a batch of `queries` of `tokens` tokens in all, by way:
    those of `places`; and the ratios of the whole's milliseconds to the circuit's."""
    shared = {
        "encoder": _encoder(shape, tokens),
        "documents": _documents(shape, documents, queries),
    }
    parts = {
        way: {"decoder": _decoder(shape, queries, tokens, computed), **shared}
        for way, computed in places.items()
    }
    ms = {
        way: {part: 1000 * max(o / gpu.float32, b / gpu.memory) for part, (o, b) in found.items()}
        for way, found in parts.items()
    }
    return {
        "gpu": gpu.name,
        **{
            way: {
                part: {"operations": float(o), "bytes": float(b), "ms": ms[way][part]}
                for part, (o, b) in found.items()
            }
            for way, found in parts.items()
        },
        "ratio_decoder": ms["whole"]["decoder"] / ms["circuit"]["decoder"],
        "ratio_decoder_and_documents": _ratio(ms, "decoder", "documents"),
        "ratio_end_to_end": _ratio(ms, "decoder", "documents", "encoder"),
    }


def _ratio(ms: Mapping[str, Mapping[str, float]], *parts: str) -> float:
    whole, circuit = (sum(ms[way][part] for part in parts) for way in ("whole", "circuit"))
    return whole / circuit


def _decoder(
    shape: Architecture, queries: int, tokens: int, places: Sequence[ComponentPlace]
) -> tuple[float, float]:
    """Operations and bytes. A cross-attention multiplies a query's encoder states twice for every
    head, and makes no keys and values."""
    inner, width = shape.heads * shape.d_kv, shape.d_model
    weights = {
        "self_attention": width * width,
        "cross_attention": 4 * inner * width,
        "mlp": _mlp(shape),
    }
    operations = bytes_read = 0.0
    for _, component in places:
        operations += 2 * queries * weights[component]
        bytes_read += BYTES * weights[component]
        if component == "cross_attention":
            operations += 4 * shape.heads * tokens * width
            bytes_read += 2 * BYTES * tokens * width
    return operations, bytes_read


def _encoder(shape: Architecture, tokens: int) -> tuple[float, float]:
    """Without attention scores and activations, which are small for queries."""
    weights = shape.encoder_layers * (4 * shape.heads * shape.d_kv * shape.d_model + _mlp(shape))
    return 2.0 * tokens * weights, BYTES * weights


def _documents(shape: Architecture, documents: int, queries: int) -> tuple[float, float]:
    rows = documents * shape.d_model
    return 2.0 * queries * rows, BYTES * (rows + queries * documents)


def _mlp(shape: Architecture) -> int:
    return (3 if shape.gated else 2) * shape.d_model * shape.d_ff
