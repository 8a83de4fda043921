"""Random T5 models in published shapes, and random queries as long as real ones."""

from dataclasses import dataclass

import torch
from peers.interface import Batch
from transformers import T5Config, T5ForConditionalGeneration

PIECES = 32128
FIRST_PIECE = 3
END = 1
SHORTEST, LONGEST = 5, 32
MEDIAN_LENGTH, LENGTH_SPREAD = 14, 0.3


@dataclass(frozen=True)
class Shape:
    """A T5 with ReLU and tied embeddings; `layers` in the encoder and as many in the decoder."""

    d_model: int
    d_ff: int
    d_kv: int
    heads: int
    layers: int
    documents: int
    pieces: int = PIECES


SHAPES = {
    "t5-small-33k": Shape(512, 2048, 64, 8, 6, 1_000),
    "t5-base-33k": Shape(768, 3072, 64, 12, 12, 1_000),
    "t5-base-132k": Shape(768, 3072, 64, 12, 12, 100_000),
    "t5-large-132k": Shape(1024, 4096, 64, 16, 24, 100_000),
    "t5-large-320k": Shape(1024, 4096, 64, 16, 24, 320_000),
    "tiny": Shape(16, 24, 4, 3, 3, 40, pieces=60),
}


def random_model(shape: Shape, seed: int = 0) -> T5ForConditionalGeneration:
    """A model with T5's own initialisation but for norm weights, uniform in 0.5 to 1.5.

    Every matrix is drawn once: T5's constructor draws the embedding four times over.
    """
    config = T5Config(
        vocab_size=shape.pieces + shape.documents,
        d_model=shape.d_model,
        d_ff=shape.d_ff,
        d_kv=shape.d_kv,
        num_heads=shape.heads,
        num_layers=shape.layers,
        feed_forward_proj="relu",
        tie_word_embeddings=True,
        decoder_start_token_id=0,
        pad_token_id=0,
    )
    with torch.device("meta"):
        model = T5ForConditionalGeneration(config)
    model = model.to_empty(device="cpu").eval().requires_grad_(False)
    model.tie_weights()
    random = torch.Generator().manual_seed(seed)
    deviations = _deviations(shape)
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            parameter.uniform_(0.5, 1.5, generator=random)
        else:
            parameter.normal_(0, deviations[name.split(".")[-2]], generator=random)
    return model


def _deviations(shape: Shape) -> dict[str, float]:
    """T5's initial standard deviation of each kind of matrix."""
    inwards = shape.d_model**-0.5
    return {
        "shared": 1.0,
        "q": (shape.d_model * shape.d_kv) ** -0.5,
        "k": inwards,
        "v": inwards,
        "o": (shape.heads * shape.d_kv) ** -0.5,
        "relative_attention_bias": inwards,
        "wi": inwards,
        "wo": shape.d_ff**-0.5,
    }


def random_batches(
    shape: Shape, queries: int, batch_size: int, seed: int = 0, by_length: bool = False
) -> list[Batch]:
    """Queries as long as the questions of SQuAD 2.0 (development set) in T5's vocabulary: 5 %, 50 %
    and 95 % of those have up to 9, 14 and 23 tokens, which a log-normal distribution meets. The end
    token is last as T5's tokenizer puts it; the relevant documents are drawn from all. `by_length`
    sorts the queries, which spares padding.
    """
    random = torch.Generator().manual_seed(seed)
    drawn = MEDIAN_LENGTH * torch.exp(LENGTH_SPREAD * torch.randn(queries, generator=random))
    lengths = drawn.round().long().clamp(SHORTEST, LONGEST)
    if by_length:
        lengths = lengths.sort().values
    ids = torch.randint(FIRST_PIECE, shape.pieces, (queries, LONGEST), generator=random)
    positions = torch.arange(LONGEST)
    ids[positions == lengths[:, None] - 1] = END
    mask = (positions < lengths[:, None]).long()
    relevant = shape.pieces + torch.randint(shape.documents, (queries,), generator=random)
    parts = [slice(start, start + batch_size) for start in range(0, queries, batch_size)]
    return [_padded(ids[part], mask[part], relevant[part]) for part in parts]


def _padded(ids: torch.Tensor, mask: torch.Tensor, relevant: torch.Tensor) -> Batch:
    longest = int(mask.sum(1).max())
    return Batch((ids * mask)[:, :longest], mask[:, :longest], relevant)
