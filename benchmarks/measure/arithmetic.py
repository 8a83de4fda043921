"""How long a GPU would take by its data sheet: operations and bytes of an analysis over its rates.

An estimate by arithmetic. Real products reach less than a data sheet's rate.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shapes import Shape

from genir.base.names import COMPONENTS, Component
from genir.engine.decoder import Place
from genir.engine.ranking import SLICE_ROWS
from genir.subjects.blocks import MAXIMUM_ROWS

BYTES = 4


@dataclass(frozen=True)
class Gpu:
    """Dense data-sheet rates per second: bytes from its memory, operations in float32 outside the
    tensor cores and in bfloat16."""

    name: str
    memory: float
    float32: float
    bfloat16: float


H100 = Gpu("NVIDIA H100 SXM", 3.35e12, 67e12, 989e12)


@dataclass(frozen=True)
class Work:
    """Operations of float32 products and of those behind ranks, which may be bfloat16; bytes of
    weights and activations, of the head in float32, and of logits."""

    products: float = 0.0
    ranking: float = 0.0
    stream: float = 0.0
    head: float = 0.0
    logits: float = 0.0

    def seconds(self, gpu: Gpu, bfloat16: bool) -> float:
        """Products and ranking after each other, each bounded by operations or by bytes."""
        head, speed = (0.5, gpu.bfloat16) if bfloat16 else (1.0, gpu.float32)
        layers = max(self.products / gpu.float32, self.stream / gpu.memory)
        ranking = max(self.ranking / speed, (self.head * head + self.logits) / gpu.memory)
        return layers + ranking


def encoding(shape: Shape, tokens: int) -> Work:
    """Encoder, cross-attention keys and values for `tokens` tokens in all."""
    inner, mlp = shape.heads * shape.d_kv, 2 * shape.d_model * shape.d_ff
    weights = shape.layers * (6 * inner * shape.d_model + mlp)
    activations = 3 * tokens * shape.layers * (4 * shape.d_model + 6 * inner + 2 * shape.d_ff)
    return Work(products=2 * tokens * weights, stream=BYTES * (weights + activations))


def patching(shape: Shape, tokens: int, queries: int, patches: Sequence[Sequence[Place]]) -> Work:
    """`patches` over `queries` of `tokens` tokens each: what follows the first replaced component,
    and ranks. A stack of rows reads every weight, and its queries' keys and values, once; an
    activation is written once and read twice."""
    inner, rows = shape.heads * shape.d_kv, queries * len(patches)
    products = queries * sum(row_operations(shape, tokens, places) for places in patches)
    layer = 2 * inner * shape.d_model + shape.d_model**2 + 2 * shape.d_model * shape.d_ff
    kept = 2 * queries * tokens * inner
    stacks = -(-rows // MAXIMUM_ROWS)
    activations = 3 * rows * (4 * shape.d_model + 4 * inner + 2 * shape.d_ff)
    stream = BYTES * shape.layers * (stacks * (layer + kept) + activations / 2)
    return _with_ranks(shape, rows, Work(products=products, stream=stream))


def lens(shape: Shape, queries: int) -> Work:
    """Three states per layer: ranks, and float32 logits that are sorted (which is not in the
    estimate)."""
    rows = 3 * shape.layers * queries
    logits, head = _vocabulary(shape) * rows, _vocabulary(shape) * shape.d_model
    work = Work(products=2 * logits * shape.d_model, stream=BYTES * (head * 3 * shape.layers))
    return _with_ranks(shape, rows, work)


def row_operations(shape: Shape, tokens: int, places: Sequence[Place]) -> float:
    """Operations of the decoder for one query under one patch."""
    each = component_operations(shape, tokens)
    every = [(layer, component) for layer in range(shape.layers) for component in COMPONENTS]
    first = min(every.index(place[:2]) for place in places)
    return sum(each[place[1]] for place in every[first + 1 :] if place not in places)


def component_operations(shape: Shape, tokens: int) -> dict[Component, float]:
    inner = shape.heads * shape.d_kv
    return {
        "self_attention": 2 * shape.d_model**2,
        "cross_attention": 4 * inner * (shape.d_model + tokens),
        "mlp": 4 * shape.d_model * shape.d_ff,
    }


def decoder_share(shape: Shape, tokens: int, layers: Iterable[int]) -> float:
    """Which part of a full single-component sweep the patches of some layers are."""
    unembedding = 2 * _vocabulary(shape) * shape.d_model

    def cost(chosen: Iterable[int]) -> float:
        return sum(
            unembedding + row_operations(shape, tokens, [(layer, component)])
            for layer in chosen
            for component in COMPONENTS
        )

    return cost(layers) / cost(range(shape.layers))


def _with_ranks(shape: Shape, rows: int, work: Work) -> Work:
    """`work` and the ranks of `rows`: a slice of rows reads the head once; logits are written once
    and read twice."""
    size = _vocabulary(shape) * shape.d_model
    slices = -(-rows // SLICE_ROWS)
    return Work(
        products=work.products,
        stream=work.stream,
        ranking=2.0 * rows * size,
        head=BYTES * slices * size,
        logits=3 * BYTES * rows * _vocabulary(shape),
    )


def _vocabulary(shape: Shape) -> int:
    return shape.pieces + shape.documents
