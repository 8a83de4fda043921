"""Another model's encoder, or parts of it, before a model's own decoder."""

import copy

from transformers.models.t5.modeling_t5 import T5Stack

from genir.encoder_parts import part_names
from genir.errors import AnalysisError


def with_final_norm(encoder: T5Stack, owner: T5Stack) -> T5Stack:
    """`encoder` with the final norm of `owner`; neither argument is changed."""
    swapped = copy.deepcopy(encoder)
    swapped.final_layer_norm.load_state_dict(owner.final_layer_norm.state_dict())
    return swapped


def partial_encoder(own: T5Stack, donor: T5Stack, part: str) -> T5Stack:
    """`own` with one part taken from `donor`; neither argument is changed.

    `embedding` is the token embedding; `layer<l>.self_attention` and `layer<l>.mlp` are a block's
    half with its norm (layer 0 holds the position biases of all layers); `up_to.layer<k>` is the
    embedding and blocks 0 to k. The final norm always stays. Raises AnalysisError for other names.
    """
    swapped = copy.deepcopy(own)
    layers = len(own.block)
    if part not in part_names(layers):
        raise AnalysisError(
            f"{part!r} is no part of this encoder; write one of {part_names(layers)}"
        )
    place, _, half = part.partition(".")
    if place == "embedding":
        swapped.embed_tokens = donor.embed_tokens
    elif place == "up_to":
        swapped.embed_tokens = donor.embed_tokens
        for layer in range(int(half.removeprefix("layer")) + 1):
            swapped.block[layer] = donor.block[layer]
    else:
        layer = int(place.removeprefix("layer"))
        position = 0 if half == "self_attention" else -1
        swapped.block[layer].layer[position].load_state_dict(
            donor.block[layer].layer[position].state_dict()
        )
    return swapped
