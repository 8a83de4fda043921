"""A model under study: its encoder, its decoder and the queries it is studied on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer

from genir.blocks import Blocks, Limits, plan_blocks
from genir.decoder import LeanDecoder, Memory, Trace
from genir.devices import best_device, product_type
from genir.docids import DOCIDS_FILE, load_docids
from genir.encoder import LeanEncoder, layout_of, token_batch
from genir.queries import Queries, build_queries
from genir.t5 import T5, load_t5
from genir.trec import read_qrels

Hidden = list[torch.Tensor]
"""Encoder output of every query, `[token, d_model]` each."""


@dataclass(frozen=True)
class QuerySource:
    """Where the queries of one split come from and how they are cut."""

    queries: Path
    qrels: Path
    split: str
    query_tokens: int


@dataclass(frozen=True)
class Subject:
    """`docids` maps each doc_id to its token."""

    model: T5
    docids: dict[str, int]
    queries: Queries
    limits: Limits

    @cached_property
    def encoder(self) -> LeanEncoder:
        return LeanEncoder(self.model)

    @cached_property
    def decoder(self) -> LeanDecoder:
        tokens = torch.tensor(list(self.docids.values()), dtype=torch.long)
        precision = product_type(self.limits.precision, self.device)
        return LeanDecoder(self.model, tokens, precision)

    @property
    def device(self) -> torch.device:
        return self.model.embedding.device

    def blocks(self, patches: int = 1, models: int = 1) -> Blocks:
        """How many queries and patches to compute at a time, with `models` models in memory."""
        longest = max(map(len, self.queries.inputs))
        return plan_blocks(self.model, longest, patches, models, self.limits)

    @cached_property
    def hidden(self) -> Hidden:
        """Every query through the model's own encoder."""
        return self.encode()

    def over(self, queries: Queries) -> Self:
        """The same model and engine over other queries."""
        other = replace(self, queries=queries)
        other.__dict__.update(encoder=self.encoder, decoder=self.decoder)
        return other

    def reading(self, model: T5) -> "Subject":
        """The same queries before another model, without docids."""
        return Subject(model, {}, self.queries, self.limits)

    @torch.no_grad()
    def encode(self, encoder: LeanEncoder | None = None) -> Hidden:
        """Every query through the model's own or another encoder, each once."""
        encoder = encoder or self.encoder
        order = np.argsort([len(row) for row in self.queries.inputs], kind="stable")
        hidden: Hidden = [torch.empty(0)] * len(order)
        size = self.blocks().queries
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            batch = token_batch([self.queries.inputs[row] for row in rows], encoder.device)
            lengths = [len(self.queries.inputs[row]) for row in rows]
            for row, states in zip(rows, encoder(batch).split(lengths), strict=True):
                hidden[row] = states
        return hidden

    def memory(self, hidden: Hidden) -> Memory:
        """What the decoder reads of some queries."""
        layout = layout_of([len(states) for states in hidden], self.device)
        return self.decoder.memory(torch.cat(hidden), layout)

    def traces(
        self,
        hidden: Hidden | None = None,
        rows: np.ndarray | None = None,
        size: int | None = None,
    ) -> Iterator[tuple[np.ndarray, Memory, Trace]]:
        """Unmodified runs over all queries or those in `rows`, `size` at a time: the rows, what the
        decoder reads of them, the run. `hidden` if another encoder has read them."""
        hidden = self.hidden if hidden is None else hidden
        rows = np.arange(len(hidden)) if rows is None else rows
        size = size or self.blocks().queries
        for start in range(0, len(rows), size):
            block = rows[start : start + size]
            memory = self.memory([hidden[row] for row in block])
            yield block, memory, self.decoder.trace(memory)


def load_subject(folder: Path, source: QuerySource, limits: Limits) -> Subject:
    """Load a model folder with its docid mapping, and one split of its dataset."""
    model = load_t5(folder, best_device())
    docids = load_docids(Path(folder) / DOCIDS_FILE, len(model.embedding))
    return Subject(model, docids, load_queries(folder, source, docids), limits)


def load_queries(folder: Path, source: QuerySource, docids: dict[str, int]) -> Queries:
    """One split of a dataset, with the tokenizer in `folder` and the docid tokens of a model."""
    table = pd.read_parquet(source.queries).query("split == @source.split").reset_index(drop=True)
    tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    return build_queries(table, read_qrels(source.qrels), docids, tokenizer, source.query_tokens)
