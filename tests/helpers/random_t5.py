"""Random T5 models of all families and all sizes that a property test can afford."""

import torch
from hypothesis import strategies as some
from plain_t5 import ALL_FAMILIES, random_of


@some.composite
def random_models(draw):
    """With 44 to 80 rows, so that 40 of them may be documents."""
    size = lambda low, high: draw(some.integers(low, high))  # noqa: E731
    family = draw(some.sampled_from(sorted(ALL_FAMILIES)))
    torch.manual_seed(size(0, 10**6))
    return random_of(
        family,
        vocab_size=size(44, 80),
        d_model=size(2, 24),
        d_ff=size(1, 30),
        d_kv=size(1, 6),
        num_heads=size(1, 4),
        num_layers=size(1, 3),
        num_decoder_layers=size(1, 4),
        decoder_start_token_id=size(0, 3),
        pad_token_id=0,
    )
