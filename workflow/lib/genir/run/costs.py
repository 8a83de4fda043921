"""What a configuration costs, by arithmetic: operations, hours, memory and disk of every rule.

A product with a weight matrix is two operations for each weight and vector, and a training step
three such passes (forward, and backward for inputs and for weights). Nothing else is counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genir.base.spans import most_spans
from genir.run.shape import Shape

MIB = 2**20
NUMBER = 4
"""Bytes of a float32."""

# An NVIDIA A100: 312 TFLOP/s in bfloat16, 19.5 in float32, 1.5 TB/s; shares that are usual.
TRAINING_RATE = 0.3 * 312e12
ANALYSIS_RATE = 0.5 * 19.5e12
BANDWIDTH = 1.5e12
# Two threads of a CPU without bfloat16.
CPU_RATE = 1e11
# Passes of Adafactor over weight, gradient and update, reading or writing.
OPTIMISER_PASSES = 10

PROCESS_MIB = 900
WORKING_MIB = 2000
LEAST_MIB = 4000
EDGE_QUERIES = 128
PATCHED_STAGES = 4
"""I, II, III and all of them."""


@dataclass(frozen=True)
class Workload:
    """What is asked of one model. `rows` are those of its embedding, docids included; `training`
    are its fine-tuning settings, empty for an existing model; `methods` and `head_methods` count
    patching methods, `encoders` and `parts` what is swapped in, `released` those that are also
    patched as released, where queries are padded to `padded_tokens` once."""

    model: str
    shape: Shape
    rows: int
    validation: int
    test: int
    training: Mapping[str, Any]
    reduced: int
    query_tokens: int
    methods: int
    head_methods: int
    encoders: int
    parts: int
    released: int = 0
    padded_tokens: int = 0


def batch_tokens(training: Mapping[str, Any]) -> int:
    """Most encoder tokens of a batch."""
    ratio, size = training["indexing_ratio"], training["batch_size"]
    indexing = round(size * ratio / (1 + ratio))
    return indexing * training["document_tokens"] + (size - indexing) * training["query_tokens"]


def training_operations(work: Workload) -> float:
    """Of one fine-tuning: every weight of the encoder for every token, those of decoder and output
    projection once for every example."""
    training, shape = work.training, work.shape
    per_example = shape.decoder + work.rows * shape.d_model
    once = shape.encoder * batch_tokens(training) + per_example * training["batch_size"]
    passes = 4 if training["gradient_checkpointing"] else 3
    return 2.0 * passes * once * training["steps"]


def training_seconds(work: Workload) -> float:
    """On the accelerator above: products, and the optimiser, which waits for memory."""
    moved = OPTIMISER_PASSES * NUMBER * work.shape.weights(work.rows)
    return training_operations(work) / TRAINING_RATE + work.training["steps"] * moved / BANDWIDTH


def training_memory_mb(work: Workload) -> int:
    """Weights, gradients, one update of the largest matrix, logits (three times) and, for every
    token and encoder layer, what the backward pass reads again; in MiB, rounded up to 100."""
    training, shape = work.training, work.shape
    examples = -(-training["batch_size"] // training["accumulation"])
    tokens = -(-batch_tokens(training) // training["accumulation"])
    scores = 3 * shape.heads * max(training["document_tokens"], training["query_tokens"])
    inside = 12 * shape.d_model + 4 * shape.inner + (5 if shape.gated else 3) * shape.d_ff
    layers = 1 if training["gradient_checkpointing"] else shape.encoder_layers
    kept = tokens * (layers * (inside + scores) + shape.encoder_layers * shape.d_model)
    numbers = 2 * shape.weights(work.rows) + work.rows * shape.d_model
    numbers += 3 * examples * work.rows + kept
    return _declared(PROCESS_MIB + NUMBER * numbers / MIB)


def generator_memory_mb(shape: Shape, training: Mapping[str, Any]) -> int:
    """Of training a document-to-query model whole, without parts or checkpointing: weights and
    gradients, and both once more in the type of products; the decoder keeps half as much again for
    a token as the encoder. In MiB, rounded up to 100."""
    size, reads, writes = (training[k] for k in ("batch_size", "document_tokens", "query_tokens"))
    inside = 12 * shape.d_model + 4 * shape.inner + (5 if shape.gated else 3) * shape.d_ff
    inside += 3 * shape.heads * reads
    layers = reads * shape.encoder_layers + 1.5 * writes * shape.decoder_layers
    numbers = 4 * shape.weights(shape.rows) + shape.rows * shape.d_model
    numbers += size * (layers * inside + 3 * writes * shape.rows)
    return _declared(PROCESS_MIB + NUMBER * numbers / MIB)


def pretraining_memory_mb(shape: Shape, training: Mapping[str, Any]) -> int:
    """As a document-to-query model that reads a chunk and writes its masked tokens and sentinels
    or, in prefix language modelling, up to as many tokens as it reads."""
    chunk, density = training["chunk_tokens"], training["noise_density"]
    spans = most_spans(chunk, density, training["mean_span"])
    examples = -(-training["batch_size"] // training.get("accumulation", 1))
    prefix = training.get("objective") == "prefix_lm"
    written = chunk if prefix else round(chunk * density) + spans + 1
    lengths = {"document_tokens": chunk, "query_tokens": written}
    return generator_memory_mb(shape, {"batch_size": examples} | lengths)


def analysis_memory_mb(work: Workload) -> int:
    """The model and the one it started from, both with the decoder's copies that have norms
    multiplied in, the output projection once more in bfloat16, and room to work in; in MiB,
    rounded up to 100."""
    shape = work.shape
    models = [2 * shape.decoder + shape.encoder + shape.tables(r) for r in (work.rows, shape.rows)]
    numbers = sum(models) + work.rows * shape.d_model / 2
    return _declared(PROCESS_MIB + WORKING_MIB + NUMBER * numbers / MIB)


def _declared(mib: float) -> int:
    return max(LEAST_MIB, int(-(-mib // 100) * 100))


def analysis_operations(work: Workload) -> dict[str, float]:
    """Of every rule that runs the model on queries, by rule. Of circuits of every size there are
    two ablations, four orders component by component and twenty in twelve steps."""
    shape, queries = work.shape, work.validation
    keys_and_values = 2 * shape.decoder_layers * shape.inner * shape.d_model
    read = 2.0 * work.query_tokens * (shape.encoder + keys_and_values)
    decode, rank = 2.0 * shape.decoder, 2.0 * work.rows * shape.d_model
    whole, patched = read + decode + rank, decode / 2 + rank
    places, heads = 3 * shape.decoder_layers, 2 * shape.decoder_layers * shape.heads
    neurons = 2.0 * shape.d_ff * shape.d_model * shape.decoder_layers * places / 2
    sources, last_stage = heads + shape.decoder_layers, shape.decoder_layers / 4
    late_neurons = 2.0 * shape.d_ff * shape.d_model * last_stage * sources
    once = queries * 2 * (read + decode)
    curves = 2 * (4 * places + 20 * 12)
    padded = read * work.padded_tokens / work.query_tokens + decode + rank
    places_released = work.released * (places + 3 * PATCHED_STAGES)
    released = (queries + work.test) * padded + 2 * (once + queries * places_released * patched)
    documents = 2.0 * (work.rows - shape.rows) * shape.d_model
    edges = places**2 / 2 * (decode / 3 + documents)
    return {
        "evaluate": (queries + work.test) * whole,
        "encoder_swap": queries * work.encoders * whole,
        "partial_swap": queries * work.parts * whole,
        "contributions": queries * (read + decode),
        "rank_development": queries * (read + decode + places * rank),
        "patch_component": once + queries * work.methods * places * patched,
        "patch_head": once + queries * work.head_methods * heads * patched,
        "patch_stage": once + queries * work.methods * 3 * PATCHED_STAGES * patched,
        "as_released": released if work.released else 0.0,
        "circuit_curve": once + (queries * 3 * places + work.test * curves) * patched,
        "patch_edge": once + 2 * min(queries, EDGE_QUERIES) * edges,
        "head_lens": queries * (read + decode + heads / 2 * rank),
        "communication": queries * (read + decode + neurons),
        "top_heads": queries * (read + decode + late_neurons),
    }


def analysis_minutes(work: Workload, rule: str) -> float:
    """On two CPU threads, three times what the products take."""
    return 3 * analysis_operations(work)[rule] / CPU_RATE / 60


def training_minutes(work: Workload) -> int:
    """On the accelerator above, three times what `training_seconds` says."""
    return round(3 * training_seconds(work) / 60)
