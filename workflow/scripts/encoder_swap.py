"""Put other encoders before a model's decoder and rank its validation queries."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from transformers.models.t5.modeling_t5 import T5Stack

from genir.encoder_swap import with_final_norm
from genir.files import write_parquet
from genir.models import Start, load_model, load_start, random_model
from genir.retrieval import rank_queries
from genir.subject import QuerySource, Subject, load_subject
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
    start: Start | None = None,
) -> None:
    """Put other encoders before a model's decoder and rank its validation queries.

    Args:
        model: model folder with its docid mapping.
        source: the queries to rank.
        encoders: the encoders to swap in.
        seed: seed of the random encoder.
        start: what fine-tuning started from, if it is not random.
    """
    subject = load_subject(model, source)
    for encoder in encoders:
        write_parquet(encoder.output, rank_queries(subject, _stack(encoder, subject, start, seed)))


def _stack(encoder: Encoder, subject: Subject, start: Start | None, seed: int) -> T5Stack:
    own = subject.model.encoder
    if encoder.kind == "own":
        return own
    if encoder.kind == "model":
        return load_model(encoder.folder).encoder
    if encoder.kind == "random":
        return random_model(subject.model.config, seed).encoder
    pretrained = load_start(start, seed)[0].encoder
    return pretrained if encoder.kind == "pretrained" else with_final_norm(pretrained, own)


if __name__ == "__main__":
    run(main)
