"""Training a document-to-query model: a T5 that writes a document's queries."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer
from transformers import T5ForConditionalGeneration

from genir.base.seeding import EpochSampler
from genir.corpora.dataset import TrainingFiles, document_text
from genir.engine.devices import seed_torch
from genir.engine.dropout import dropout
from genir.engine.teacher_forcing import TeacherForcing
from genir.files.checkpoint import Checkpoint, identity_of
from genir.files.io import atomic_folder, write_csv
from genir.models.load import load_start, save_plain_model
from genir.models.start import Start, recorded, start_files
from genir.models.tokens import truncated_tokens
from genir.training.loop import train
from genir.training.outputs import FinetuningOutputs, write_run_record
from genir.training.processes import this_process
from genir.training.seq2seq import part_of_loss


@dataclass(frozen=True)
class GeneratorTraining:
    """How a document-to-query model is trained; lengths in tokens. A batch is computed in
    `accumulation` parts, one after the other or shared by processes."""

    seed: int
    steps: int
    batch_size: int
    document_tokens: int
    query_tokens: int
    dropout_rate: float
    learning_rate: float
    warmup_steps: int
    decay_fraction: float
    checkpoint_every: int
    accumulation: int = 1


@dataclass(frozen=True)
class Pairs:
    """Token ids of documents and of a query of each, end tokens included."""

    documents: list[np.ndarray]
    queries: list[np.ndarray]


def build_pairs(
    documents: pd.DataFrame, pairs: pd.DataFrame, tokenizer: Tokenizer, config: GeneratorTraining
) -> Pairs:
    """One example per training pair (text, doc_id)."""
    texts = document_text(documents.set_index("doc_id"))
    sources = truncated_tokens(pairs["doc_id"].map(texts), tokenizer, config.document_tokens)
    return Pairs(sources, truncated_tokens(pairs["text"], tokenizer, config.query_tokens))


def train_query_generator(
    model: T5ForConditionalGeneration,
    pairs: Pairs,
    config: GeneratorTraining,
    checkpoint: Checkpoint,
) -> list[dict[str, float]]:
    """Train `model` in place by cross-entropy of the query's tokens; returns the loss curve."""
    sample = EpochSampler(len(pairs.documents), config.batch_size, config.seed, "pairs")
    forced = TeacherForcing(model)

    def losses(step: int, part: int) -> dict[str, torch.Tensor]:
        rows = sample(step)
        inputs, targets = ([one[i] for i in rows] for one in (pairs.documents, pairs.queries))
        drop = dropout(config.dropout_rate, config.seed, "dropout", step, part)
        seed_torch(config.seed, "dropout", step * config.accumulation + part)
        return {"loss": part_of_loss(forced, inputs, targets, part, config.accumulation, drop)}

    return train(model, losses, config, checkpoint, "query generator")


def make_query_generator(
    data: TrainingFiles, start: Start, settings: GeneratorTraining, outputs: FinetuningOutputs
) -> None:
    """A document-to-query model as a folder: from data files to weights, curve and run record."""
    processes = this_process()
    identity = identity_of([*data.paths().values(), *start_files(start)], start.type, settings)
    documents, training = data.read()
    model, tokenizer = load_start(start, settings.seed)
    model.config.dropout_rate = settings.dropout_rate
    model = model.to(processes.device)
    pairs = build_pairs(documents, training, tokenizer.backend_tokenizer, settings)
    checkpoint = Checkpoint(outputs.checkpoints, identity)
    curve = train_query_generator(model, pairs, settings, checkpoint)
    if not processes.is_main:
        return
    with atomic_folder(outputs.model) as folder:
        save_plain_model(folder, model, tokenizer)
    write_csv(outputs.curve, pd.DataFrame(curve))
    write_run_record(
        outputs.run,
        data.paths(),
        settings=settings,
        start=recorded(start),
        documents=training["doc_id"].nunique(),
        training_queries=len(training),
        parameters=model.num_parameters(),
        device=processes.device.type,
        processes=processes.count,
        final_loss=curve[-1]["loss"],
    )
    checkpoint.remove()
