"""A model under study: its encoder, its decoder and the queries it is studied on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from genir.base.errors import AnalysisError
from genir.base.names import COMPONENTS
from genir.corpora.trec import read_qrels
from genir.engine.decoder import LeanDecoder, Memory, Trace
from genir.engine.devices import best_device, product_type
from genir.engine.encoder import LeanEncoder, layout_of, token_batch
from genir.engine.t5 import T5, load_t5
from genir.engine.weights import are_finite
from genir.files.io import read_parquet
from genir.models.docids import DOCIDS_FILE, load_docids
from genir.models.tokens import read_pieces
from genir.subjects.blocks import Blocks, Limits, plan_blocks
from genir.subjects.queries import Queries, build_queries
from genir.subjects.shards import Loop, Shards, Tensors

Arrays = dict[str, np.ndarray]
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
    """`docids` maps each doc_id to its token; `shards` keeps what is finished; the model comes from
    `folder`."""

    model: T5
    docids: dict[str, int]
    queries: Queries
    limits: Limits
    shards: Shards = field(default_factory=Shards, kw_only=True)
    folder: Path | None = field(default=None, kw_only=True)

    @cached_property
    def encoder(self) -> LeanEncoder:
        return LeanEncoder(self.model)

    @cached_property
    def decoder(self) -> LeanDecoder:
        precision = product_type(self.limits.precision, self.device)
        return LeanDecoder(self.model, self.docid_tokens, precision)

    @cached_property
    def docid_tokens(self) -> torch.Tensor:
        return torch.tensor(list(self.docids.values()), dtype=torch.long)

    @property
    def device(self) -> torch.device:
        return self.model.embedding.device

    def blocks(self, patches: int = 1, models: int = 1) -> Blocks:
        """How many queries and patches to compute at a time, with `models` models in memory."""
        longest = max(map(len, self.queries.inputs))
        try:
            return plan_blocks(self.model, longest, patches, models, self.limits)
        except AnalysisError:
            self.shards.remove()
            raise

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
        return Subject(model, {}, self.queries, self.limits, shards=self.shards)

    def origin(self, start: Path) -> T5:
        """The model in the folder `start`, which this one was fine-tuned from.

        Raises AnalysisError if it cannot have been: what is computed with another architecture, or
        with other numbers for pieces of text, means nothing.
        """
        found = load_t5(start, self.device)
        mend = "name the right folder in the model's `start`, or leave `start` out"
        own, other = vars(self.model.architecture), vars(found.architecture)
        if differing := [
            f"{key} {other[key]}, not {own[key]}" for key in own if other[key] != own[key]
        ]:
            raise AnalysisError(
                f"{start} is not what the model was fine-tuned from ({', '.join(differing)}); "
                f"{mend}"
            )
        if self.folder is not None and (Path(start) / "tokenizer.json").is_file():
            pieces, known = (read_pieces(place).get_vocab() for place in (start, self.folder))
            moved = [piece for piece in pieces if known.get(piece, pieces[piece]) != pieces[piece]]
            if moved:
                raise AnalysisError(
                    f"{start} is not what the model was fine-tuned from: its tokenizer has another "
                    f"number for {len(moved)} pieces, {moved[0]!r} first; {mend}"
                )
        return found

    def encode(self, encoder: LeanEncoder | None = None, loop: Loop | None = None) -> Hidden:
        """Every query through the model's own or another encoder, each once."""
        encoder = encoder or self.encoder
        loop = loop or self._encoding(encoder)
        inputs = self.queries.inputs

        @torch.no_grad()
        def read(rows: np.ndarray) -> Tensors:
            batch = token_batch([inputs[row] for row in rows], encoder.device)
            return {"states": encoder(batch)}

        hidden: Hidden = [torch.empty(0)] * len(inputs)
        for rows, result in zip(loop.pieces, loop.results(read), strict=True):
            parts = result["states"].to(encoder.device).split([len(inputs[row]) for row in rows])
            for row, states in zip(rows, parts, strict=True):
                hidden[row] = states
        return hidden

    def _encoding(self, encoder: LeanEncoder) -> Loop:
        """The loop over batches of queries of about one length."""
        order = np.argsort([len(row) for row in self.queries.inputs], kind="stable")
        content = encoder, self.queries.inputs
        return Loop(self.shards, "queries read", content, self.query_blocks(rows=order))

    def memory(self, hidden: Hidden) -> Memory:
        """What the decoder reads of some queries."""
        layout = layout_of([len(states) for states in hidden], self.device)
        return self.decoder.memory(torch.cat(hidden), layout)

    def trace(
        self, rows: np.ndarray | None = None, hidden: Hidden | None = None
    ) -> tuple[Memory, Trace]:
        """What the decoder reads of all queries or those in `rows`, and the unmodified run over
        them; `hidden` if another encoder has read them."""
        hidden = self.hidden if hidden is None else hidden
        memory = self.memory(hidden if rows is None else [hidden[row] for row in rows])
        trace = self.decoder.trace(memory)
        self._check_finite(trace, np.arange(len(hidden)) if rows is None else rows)
        return memory, trace

    def _check_finite(self, trace: Trace, rows: np.ndarray) -> None:
        """Raises AnalysisError if a state is no number: what is no number anywhere stays so to the
        end of the residual stream."""
        if not are_finite(trace.states[-1].square().sum(-1)):
            bad = ~torch.isfinite(trace.states.square().sum(-1))
            query = rows[int(bad.any(0).nonzero()[0])]
            layer = (int(bad.any(1).nonzero()[0]) - 1) // len(COMPONENTS)
            raise AnalysisError(
                f"{int(bad.any(0).sum())} of {len(rows)} queries, {self.queries.ids[query]!r} "
                f"first, have states that are no numbers, infinite or too large for float32 from "
                f"decoder layer {layer} on; nothing computed with them can be compared. Take an "
                "earlier checkpoint of the model"
            )

    def query_blocks(
        self, size: int | None = None, rows: np.ndarray | None = None
    ) -> list[np.ndarray]:
        """All queries or those in `rows`, cut into blocks of `size` or of what memory admits."""
        rows = np.arange(len(self.queries)) if rows is None else rows
        size = size or self.blocks().queries
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    def measure(
        self, task: str, measured: Callable[..., Tensors], inputs: Any = (), **options: Any
    ) -> Iterator[tuple[np.ndarray, Arrays]]:
        """Rows of each block of queries, and what is measured of it; `options` and all else are
        those of a `Measurement`."""
        return Measurement(self, task, measured, inputs, **options).of_blocks()


@dataclass(frozen=True, eq=False)
class Block:
    """Rows of some queries, what the decoder reads of them, and the unmodified run over them."""

    rows: np.ndarray
    memory: Memory
    trace: Trace


@dataclass(frozen=True)
class _Piece:
    """Rows of a block and a part of what is measured of it."""

    rows: np.ndarray
    part: Sequence[Any]

    def __len__(self) -> int:
        return len(self.rows) * len(self.part)


@dataclass(eq=False)
class Measurement:
    """What `measured` gives for the `Block` of some queries, block after block; what is finished is
    kept as `task`.

    With `parts` it is called with each of them too, and its results are joined along `axis`: for
    blocks that take minutes. An `encoder` reads the queries instead of the model's own.

    What `measured` depends on beside model and queries must be in `inputs`, for results are taken
    from an earlier attempt at the job that had the same.
    """

    subject: Subject
    task: str
    measured: Callable[..., Tensors]
    inputs: Any = ()
    parts: Sequence[Sequence[Any]] | None = None
    axis: int = 0
    blocks: Sequence[np.ndarray] | None = None
    encoder: LeanEncoder | None = None
    _last: Block | None = field(default=None, init=False)

    def of_blocks(self) -> Iterator[tuple[np.ndarray, Arrays]]:
        """Rows of each block of queries, and the tensors measured of it."""
        subject, parts = self.subject, ((None,),) if self.parts is None else self.parts
        blocks = subject.query_blocks() if self.blocks is None else self.blocks
        pieces = [_Piece(rows, part) for rows in blocks for part in parts]
        content = subject.model, subject.docid_tokens, subject.queries, self.encoder, self.inputs
        results = Loop(subject.shards, self.task, content, pieces).results(self._of_piece)
        for rows in blocks:
            found = list(islice(results, len(parts)))
            joined = {n: torch.cat([r[n].cpu() for r in found], self.axis) for n in found[0]}
            yield rows, {name: values.numpy() for name, values in joined.items()}
        if self._encoding is not None:
            subject.shards.forget(self._encoding)

    def _of_piece(self, piece: _Piece) -> Tensors:
        if self._last is None or self._last.rows is not piece.rows:
            self._last = None
            self._last = Block(piece.rows, *self.subject.trace(piece.rows, self._hidden))
        return self.measured(self._last, *([] if self.parts is None else [piece.part]))

    @cached_property
    def _encoding(self) -> Loop | None:
        """The loop over the queries of another encoder."""
        return self.encoder and self.subject._encoding(self.encoder)

    @cached_property
    def _hidden(self) -> Hidden | None:
        """What another encoder reads, once, when the first block needs it."""
        return self.encoder and self.subject.encode(self.encoder, self._encoding)


def load_subject(folder: Path, source: QuerySource, limits: Limits) -> Subject:
    """Load a model folder with its docid mapping, and one split of its dataset."""
    return subject_of(load_t5(folder, best_device()), folder, source, limits)


def subject_of(
    model: T5, folder: Path, source: QuerySource, limits: Limits, kind: type[Subject] = Subject
) -> Subject:
    """A model with the docid mapping in its folder, and one split of its dataset."""
    docids = load_docids(Path(folder) / DOCIDS_FILE, len(model.embedding))
    shards = Shards(limits.checkpoints, limits.checkpoint_seconds, limits.memory_mb)
    limits = replace(limits, memory_mb=shards.memory_mb)
    queries = load_queries(folder, source, docids)
    return kind(model, docids, queries, limits, shards=shards, folder=Path(folder))


def load_queries(folder: Path, source: QuerySource, docids: dict[str, int]) -> Queries:
    """One split of a dataset, with the tokenizer in `folder` and the docid tokens of a model."""
    table = read_parquet(source.queries).query("split == @source.split").reset_index(drop=True)
    tokenizer = read_pieces(folder)
    return build_queries(table, read_qrels(source.qrels), docids, tokenizer, source.query_tokens)


def joined(parts: Iterable[tuple[np.ndarray, Arrays]], axis: int = 0) -> Arrays:
    """What `Subject.measure` gives, for all queries; `axis` is theirs."""
    found = [of_block for _, of_block in parts]
    return {name: np.concatenate([of_block[name] for of_block in found], axis) for name in found[0]}
