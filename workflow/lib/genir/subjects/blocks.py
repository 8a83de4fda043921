"""How much an analysis computes at a time, so that it stays within its memory."""

from dataclasses import dataclass
from pathlib import Path

from genir.base.errors import AnalysisError
from genir.engine.devices import Precision
from genir.engine.ranking import BLOCK_BYTES, SLICE_ROWS, SLICE_TOKENS
from genir.engine.t5 import T5
from genir.subjects.shards import SECONDS

MIB = 2**20
PROCESS_MIB = 700
MAXIMUM_QUERIES = 256
MAXIMUM_ROWS = 4096


@dataclass(frozen=True)
class Limits:
    """What the process may use, in MiB, and the precision of the products behind ranks; `auto` is
    bfloat16 on a GPU that gains by it. The memory says how work is cut: results depend on it
    by rounding, on the precision not at all.

    What is finished is kept in the folder `checkpoints`, if there is one, every so many seconds
    (`genir.subjects.shards`).
    """

    memory_mb: int
    precision: Precision = "float32"
    checkpoints: Path | None = None
    checkpoint_seconds: float = SECONDS


@dataclass(frozen=True)
class Blocks:
    """How many queries are held at once, with their keys, values and traces, and how many patches
    of each run stacked."""

    queries: int
    patches: int


def plan_blocks(model: T5, longest: int, patches: int, models: int, limits: Limits) -> Blocks:
    """Blocks for queries of at most `longest` tokens under `patches` patches.

    From the memory go the process itself, `models` models, and one block of logits. Half of the
    rest holds what is kept of the queries, half the rows (a query under a patch) that are computed.
    Beyond 256 queries and 4,096 rows nothing is gained. Raises AnalysisError if not even one row
    fits.
    """
    shape, numbers = model.architecture, 4
    inner, layers = shape.heads * shape.d_kv, shape.decoder_layers
    kept = 2 * layers * longest * inner + (6 * layers + 2) * shape.d_model
    encoding = longest * (4 * shape.d_model + 4 * inner + 2 * shape.d_ff + shape.heads * longest)
    row = 4 * shape.d_model + (3 if shape.gated else 2) * shape.d_ff + 4 * inner
    halved = 0 if limits.precision == "float32" else 2 * model.head.numel()
    logits = max(BLOCK_BYTES, SLICE_ROWS * SLICE_TOKENS * 6)
    fixed = PROCESS_MIB * MIB + models * model_bytes(model) + halved + logits
    free = limits.memory_mb * MIB - fixed
    least = 2 * numbers * max(models * kept + encoding, row)
    if free < least:
        raise AnalysisError(
            f"mem_mb is {limits.memory_mb}, this model needs {(fixed + least) // MIB + 1} or more; "
            "raise it with --set-resources <rule>:mem_mb=<MiB>"
        )
    rows = min(MAXIMUM_ROWS, free // 2 // (numbers * row))
    queries = min(
        MAXIMUM_QUERIES, rows, max(1, free // 2 // (numbers * (models * kept + encoding)))
    )
    return Blocks(queries, max(1, min(patches, rows // queries)))


def model_bytes(model: T5) -> int:
    """Bytes of a T5's float32 weights and of the decoder's copies with norms multiplied in."""
    shape = model.architecture
    inner, mlp = shape.heads * shape.d_kv, (3 if shape.gated else 2) * shape.d_model * shape.d_ff
    encoder = shape.encoder_layers * (4 * inner * shape.d_model + mlp)
    decoder = 2 * shape.decoder_layers * (8 * inner * shape.d_model + mlp)
    tables = 1 if model.head is model.embedding else 2
    return 4 * (encoder + decoder + tables * model.embedding.numel())
