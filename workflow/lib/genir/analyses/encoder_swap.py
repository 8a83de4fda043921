"""Another model's encoder, or parts of it, before a model's own decoder."""

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from genir.analyses.rank_queries import rank_queries
from genir.base.errors import AnalysisError
from genir.base.names import part_names
from genir.engine.encoder import LeanEncoder
from genir.engine.t5 import T5, load_t5, t5_of
from genir.models.start import Start, start_folder
from genir.subjects.subject import Subject

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


@dataclass(frozen=True)
class Encoder:
    """One encoder to swap in.

    `own` is the model's, `model` that of another fine-tuned model in `folder`, `pretrained` that of
    the weights fine-tuning started from (`pretrained_own_norm`: under the model's own final norm),
    `random` T5's initialisation.
    """

    kind: Literal["own", "model", "pretrained", "pretrained_own_norm", "random"]
    folder: Path | None = None


def encoder_swap(
    subject: Subject,
    model: Path,
    encoders: dict[str, Encoder],
    seed: int,
    start: Start | None = None,
) -> Mapping[str, pd.DataFrame]:
    """Put other encoders before a model's decoder and rank its queries.

    Args:
        encoders: name of a table -> the encoder to swap in for it.
        seed: seed of the random encoder.
        start: what fine-tuning started from, if it is not random.
    """
    return {
        name: rank_queries(subject, _loaded(encoder, model, subject, start, seed))
        for name, encoder in encoders.items()
    }


def _loaded(
    encoder: Encoder, model: Path, subject: Subject, start: Start | None, seed: int
) -> LeanEncoder:
    if encoder.kind == "own":
        return subject.encoder
    if encoder.kind == "random":
        from genir.models.load import random_like

        return LeanEncoder(t5_of(random_like(model, seed).to(subject.device)))
    if encoder.kind == "model":
        return LeanEncoder(load_t5(encoder.folder, subject.device))
    donor = subject.origin(start_folder(start))
    own_norm = encoder.kind == "pretrained_own_norm"
    return with_final_norm(donor, subject.model) if own_norm else LeanEncoder(donor)
