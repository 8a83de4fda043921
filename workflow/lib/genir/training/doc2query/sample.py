"""Queries out of a document-to-query model, by top-k sampling as in docT5query (Nogueira and Lin
2019)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd
import torch
from transformers import (
    DynamicCache,
    EncoderDecoderCache,
    GenerationConfig,
    PreTrainedTokenizerBase,
    T5ForConditionalGeneration,
)

from genir.base.progress import LOGGER, Progress
from genir.base.seeding import seed_from
from genir.corpora.dataset import document_text
from genir.engine.devices import seed_torch
from genir.files.checkpoint import Checkpoint
from genir.models.tokens import pad_rows, truncated_tokens

SEQUENCES_PER_BATCH = 256
BATCHES_PER_CHECKPOINT = 20
ROUNDS = 10


@dataclass(frozen=True)
class Sampling:
    """How queries are drawn, each token out of the `top_k` most probable; lengths in tokens."""

    queries_per_document: int
    top_k: int
    temperature: float
    document_tokens: int
    query_tokens: int
    seed: int


def generate_queries(
    model: T5ForConditionalGeneration,
    tokenizer: PreTrainedTokenizerBase,
    documents: pd.DataFrame,
    config: Sampling,
    checkpoint: Checkpoint,
) -> pd.DataFrame:
    """doc_id and text of `queries_per_document` sampled queries of every document, from
    `checkpoint` on where there is one. A function of weights, documents and config on one kind of
    device."""
    backend = tokenizer.backend_tokenizer
    inputs = truncated_tokens(document_text(documents), backend, config.document_tokens)
    size = max(1, SEQUENCES_PER_BATCH // config.queries_per_document)
    model.generation_config = _sampling(model, config)
    texts: list[str] = (checkpoint.load() or {"texts": []})["texts"]
    begin = len(texts) // config.queries_per_document
    progress = Progress("documents with queries", len(inputs), start=begin)
    for first in range(begin, len(inputs), size):
        seed_torch(config.seed, "generated-queries", first)
        rows = pad_rows(inputs[first : first + size], model.config.pad_token_id)
        ids = torch.from_numpy(rows).to(model.device)
        mask = (ids != model.config.pad_token_id).long()
        # A cache of our own: the one that `generate` makes has as many layers as the encoder.
        cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        drawn = model.generate(ids, attention_mask=mask, past_key_values=cache)
        texts += [text.strip() for text in tokenizer.batch_decode(drawn, skip_special_tokens=True)]
        progress.update(min(first + size, len(inputs)))
        if (first // size + 1) % BATCHES_PER_CHECKPOINT == 0:
            checkpoint.save({"texts": texts})
    return pd.DataFrame(
        {"doc_id": documents["doc_id"].repeat(config.queries_per_document), "text": texts}
    ).reset_index(drop=True)


def generate_until(
    lacking: Callable[[pd.DataFrame], pd.DataFrame],
    model: T5ForConditionalGeneration,
    tokenizer: PreTrainedTokenizerBase,
    documents: pd.DataFrame,
    config: Sampling,
    checkpoint: Checkpoint,
) -> pd.DataFrame:
    """As `generate_queries`, and again with other seeds for the documents that are `lacking` a
    query given what was drawn, ten rounds at most."""
    drawn = generate_queries(model, tokenizer, documents, config, checkpoint.below("0"))
    for number in range(1, ROUNDS):
        rest = lacking(drawn)
        if rest.empty:
            break
        LOGGER.info("%d documents have no query that may stay: drawing again", len(rest))
        other = replace(config, seed=seed_from(config.seed, "round", number))
        more = generate_queries(model, tokenizer, rest, other, checkpoint.below(str(number)))
        drawn = pd.concat([drawn, more], ignore_index=True)
    return drawn


def _sampling(model: T5ForConditionalGeneration, config: Sampling) -> GenerationConfig:
    """Ours alone: nothing of what the folder's generation_config.json may ask for."""
    return GenerationConfig(
        do_sample=True,
        top_k=config.top_k,
        temperature=config.temperature,
        num_return_sequences=config.queries_per_document,
        max_new_tokens=config.query_tokens,
        pad_token_id=model.config.pad_token_id,
        eos_token_id=model.config.eos_token_id,
        decoder_start_token_id=model.config.decoder_start_token_id,
    )
