"""Another model's encoder, or parts of it, before a model's own decoder."""

from collections import ChainMap

from genir.encoder import LeanEncoder
from genir.encoder_parts import part_names
from genir.errors import AnalysisError
from genir.t5 import T5

FINAL_NORM = "encoder.final_layer_norm.weight"


def mixed_encoder(own: T5, donor: T5, names: list[str]) -> LeanEncoder:
    """The encoder of `own` with the tensors called `names` taken from `donor`."""
    taken = {name: donor.weights[name] for name in names}
    return LeanEncoder(T5(own.architecture, ChainMap(taken, own.weights)))


def with_final_norm(donor: T5, owner: T5) -> LeanEncoder:
    """The encoder of `donor` with the final norm of `owner`."""
    return mixed_encoder(donor, owner, [FINAL_NORM])


def partial_encoder(own: T5, donor: T5, part: str) -> LeanEncoder:
    """The encoder of `own` with one part taken from `donor`; neither argument is changed.

    `embedding` is the token embedding; `layer<l>.self_attention` and `layer<l>.mlp` are a block's
    half with its norm (layer 0 holds the position biases of all layers); `up_to.layer<k>` is the
    embedding and blocks 0 to k. The final norm always stays. Raises AnalysisError for other names.
    """
    layers = own.architecture.encoder_layers
    if part not in part_names(layers):
        raise AnalysisError(
            f"{part!r} is no part of this encoder; write one of {part_names(layers)}"
        )
    place, _, half = part.partition(".")
    if place == "embedding":
        prefixes = ["shared."]
    elif place == "up_to":
        last = int(half.removeprefix("layer"))
        prefixes = ["shared.", *(f"encoder.block.{layer}." for layer in range(last + 1))]
    else:
        number = 0 if half == "self_attention" else 1
        prefixes = [f"encoder.block.{place.removeprefix('layer')}.layer.{number}."]
    names = [name for name in donor.weights if name.startswith(tuple(prefixes))]
    return mixed_encoder(own, donor, names)
