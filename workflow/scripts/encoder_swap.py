"""Put other encoders before a model's decoder and rank its validation queries."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genir.blocks import Limits
from genir.encoder import LeanEncoder
from genir.encoder_swap import with_final_norm
from genir.files import write_parquet
from genir.retrieval import rank_queries
from genir.start import Start, start_folder
from genir.subject import QuerySource, Subject, load_subject
from genir.t5 import load_t5, t5_of
from script import run


@dataclass(frozen=True)
class Encoder:
    """One encoder to swap in and the file its ranks go to.

    `own` is the model's, `model` that of another fine-tuned model in `folder`, `pretrained` that of
    the weights fine-tuning started from (`pretrained_own_norm`: under the model's own final norm),
    `random` T5's initialisation.
    """

    kind: Literal["own", "model", "pretrained", "pretrained_own_norm", "random"]
    output: Path
    folder: Path | None = None


def main(
    model: Path,
    source: QuerySource,
    encoders: list[Encoder],
    seed: int,
    limits: Limits,
    start: Start | None = None,
) -> None:
    """Put other encoders before a model's decoder and rank its validation queries.

    Args:
        model: model folder with its docid mapping.
        source: the queries to rank.
        encoders: the encoders to swap in.
        seed: seed of the random encoder.
        limits: memory this process may use, in MiB, and precision of products.
        start: what fine-tuning started from, if it is not random.
    """
    subject = load_subject(model, source, limits)
    for encoder in encoders:
        swapped = _encoder(encoder, model, subject, start, seed)
        write_parquet(encoder.output, rank_queries(subject, swapped))


def _encoder(
    encoder: Encoder, model: Path, subject: Subject, start: Start | None, seed: int
) -> LeanEncoder:
    if encoder.kind == "own":
        return subject.encoder
    if encoder.kind == "random":
        from genir.models import random_like

        return LeanEncoder(t5_of(random_like(model, seed).to(subject.device)))
    if encoder.kind == "model":
        return LeanEncoder(load_t5(encoder.folder, subject.device))
    donor = subject.origin(start_folder(start))
    own_norm = encoder.kind == "pretrained_own_norm"
    return with_final_norm(donor, subject.model) if own_norm else LeanEncoder(donor)


if __name__ == "__main__":
    run(main)
