"""A model under study: its weights, its lean decoder and the queries it is studied on."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from transformers import PreTrainedTokenizerBase, T5ForConditionalGeneration

from genir.decoder import LeanDecoder, Memory
from genir.models import DOCIDS_FILE, load_docids, load_model, load_tokenizer
from genir.queries import Queries, build_queries, encode
from genir.trec import read_qrels


@dataclass(frozen=True)
class QuerySource:
    """Where the queries of one split come from and how they are cut and batched."""

    queries: Path
    qrels: Path
    split: str
    query_tokens: int
    batch_size: int


@dataclass(frozen=True)
class Subject:
    """`docids` maps each doc_id to its token; `source` says where `queries` came from."""

    model: T5ForConditionalGeneration
    tokenizer: PreTrainedTokenizerBase
    docids: dict[str, int]
    decoder: LeanDecoder
    queries: Queries
    source: QuerySource

    @property
    def pad(self) -> int:
        return self.model.config.pad_token_id

    def memory(self, queries: Queries, encoder: torch.nn.Module | None = None) -> Memory:
        """What the decoder reads of `queries` through `encoder` (the model's own by default)."""
        return self.decoder.memory(*encode(encoder or self.model.encoder, queries, self.pad))


def load_subject(folder: Path, source: QuerySource) -> Subject:
    """Load a model folder with its docid mapping, and one split of its dataset."""
    model = load_model(folder)
    tokenizer = load_tokenizer(folder)
    mapping = load_docids(Path(folder) / DOCIDS_FILE, model.shared.num_embeddings)
    decoder = LeanDecoder(model, torch.tensor(list(mapping.values())))
    table = pd.read_parquet(source.queries).query("split == @source.split").reset_index(drop=True)
    qrels = read_qrels(source.qrels)
    queries = build_queries(table, qrels, mapping, tokenizer, source.query_tokens)
    return Subject(model, tokenizer, mapping, decoder, queries, source)
