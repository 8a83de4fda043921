"""How a model answers one typed query: what it ranks first, where that comes up, who writes it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer

from genir.analyses.direct_contribution import logit_contributions
from genir.analyses.head_lens import POSITIONS, top_tokens
from genir.analyses.logit_lens import SOURCES, lens_state
from genir.analyses.read_words import words_of
from genir.analyses.traced_words import traced_words
from genir.base.errors import QueryError
from genir.base.names import COMPONENTS
from genir.engine.decoder import LeanDecoder, Memory, Trace
from genir.engine.devices import best_device
from genir.engine.ranking import NO_TOKEN, Unembedding, exact_logits
from genir.engine.t5 import load_t5
from genir.files.io import read_parquet
from genir.models.docids import DOCIDS_FILE, load_docids
from genir.models.token_names import WORD_BEGIN, TokenNames, titles_of
from genir.models.tokens import read_pieces, truncated_tokens
from genir.subjects.blocks import Limits
from genir.subjects.queries import Queries
from genir.subjects.subject import Subject

DEPTH = 10
UNKNOWN = "<unk>"


class TracedModel:
    """A model folder, and the documents (doc_id, title) it was trained on.

    Raises ModelError if the folder cannot be read, and QueryError if a docid has no document.
    """

    def __init__(self, folder: Path, documents: pd.DataFrame, limits: Limits) -> None:
        self.model, self.limits = load_t5(folder, best_device()), limits
        self.docids = load_docids(folder / DOCIDS_FILE, len(self.model.embedding))
        self.doc_ids = {token: doc_id for doc_id, token in self.docids.items()}
        self.tokenizer = read_pieces(folder)
        self.titles = titles_of(documents)
        self.names = TokenNames(self.tokenizer, self.docids, self.titles)
        missing = [doc_id for doc_id in self.docids if doc_id not in self.titles]
        if missing:
            raise QueryError(
                f"document {missing[0]!r} of the model is not among the documents given; name the "
                "documents.parquet of the dataset that the model was trained on"
            )

    def subject(self, tokens: np.ndarray) -> Subject:
        """The model before one query of which no relevant document is known."""
        nameless = np.array([""], dtype=object)
        queries = Queries(nameless, nameless, [tokens], torch.tensor([[NO_TOKEN]]))
        return Subject(self.model, self.docids, queries, self.limits)

    def token(self, doc_id: str) -> int:
        """Raises QueryError if the model has no such document."""
        if doc_id not in self.docids:
            raise QueryError(
                f"{doc_id!r} is no document of the model; write one of its doc_ids, such as "
                f"{next(iter(self.docids))!r}"
            )
        return self.docids[doc_id]


def read_documents(path: Path) -> pd.DataFrame:
    """doc_id and title. Raises QueryError if the file holds no such table."""
    try:
        return read_parquet(path, columns=["doc_id", "title"])
    except (OSError, ValueError) as error:
        raise QueryError(
            f"{path} cannot be read as documents (Parquet with doc_id and title): "
            f"{str(error).splitlines()[0]}"
        ) from None


def trace_query(
    traced: TracedModel, text: str, doc_id: str | None = None, query_tokens: int = 32
) -> dict[str, Any]:
    """What the model makes of `text`, as JSON has it.

    `pieces`: what it reads, `pieces_left_out`: how many more there are. `unknown_words`: words that
    have pieces it does not know. `documents`: the ten it ranks first. `document`: the first of
    them, or `doc_id`; what follows is about it. `ranks`: by the logit lens in every layer.
    `contributions`: what the start token's embedding (layer null) and every component add to its
    logit, in sum the logit. `words`: what becomes of it without a word of the query
    (`traced_words`); a word that is cut off has no row. `heads`: what every cross-attention head
    adds to it, and the head's top tokens.

    Raises QueryError for a text without a known piece and for an unknown `doc_id`.
    """
    text = " ".join(text.split())
    tokens = query_input(text, traced.tokenizer, query_tokens)
    wanted = None if doc_id is None else traced.token(doc_id)
    subject = traced.subject(tokens)
    decoder = subject.decoder
    memory, trace = subject.trace()
    best = decoder.unembedding.top(trace.states[-1], min(DEPTH, len(traced.docids)))[0]
    token = int(best[0]) if wanted is None else wanted
    left_out = pieces_left_out(text, traced.tokenizer, len(tokens))
    words = words_of(text, traced.tokenizer.encode(text).offsets[: len(tokens) - 1])
    return {
        "query": text,
        "pieces": [traced.tokenizer.id_to_token(int(number)) for number in tokens],
        "pieces_left_out": left_out,
        "unknown_words": unknown_words(text, traced.tokenizer),
        "documents": _documents(traced, decoder.unembedding, trace, best),
        "document": _documents(traced, decoder.unembedding, trace, best.new_tensor([token]))[0],
        "ranks": _ranks(decoder.unembedding, trace, token),
        "contributions": _contributions(decoder.unembedding, trace, token),
        "words": traced_words(decoder, memory, trace, words, token),
        "heads": _heads(traced.names, decoder, memory, trace, token),
    }


def query_input(text: str, tokenizer: Tokenizer, query_tokens: int) -> np.ndarray:
    """Token ids of a typed query, cut to `query_tokens`.

    Raises QueryError if none of them stands for a known piece of text, or if it is no text.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise QueryError(f"the query {text!r} is not written in UTF-8; write it again") from None
    (tokens,) = truncated_tokens([text], tokenizer, query_tokens)
    reserved = {*tokenizer.get_added_tokens_decoder(), tokenizer.token_to_id(UNKNOWN)}
    pieces = [tokenizer.id_to_token(int(token)) for token in tokens if int(token) not in reserved]
    if not any(piece.strip(WORD_BEGIN) for piece in pieces):
        raise QueryError(
            f"the query {text!r} has no piece of text that the model's tokenizer knows; write "
            "words in the language and script of the documents"
        )
    return tokens


def pieces_left_out(text: str, tokenizer: Tokenizer, tokens: int) -> int:
    tokenizer.no_truncation()
    return len(tokenizer.encode(text).ids) - tokens


def unknown_words(text: str, tokenizer: Tokenizer) -> list[str]:
    """The words of `text` that have pieces the tokenizer does not know."""
    unknown = tokenizer.token_to_id(UNKNOWN)
    return [word for word in dict.fromkeys(text.split()) if unknown in tokenizer.encode(word).ids]


def _documents(
    traced: TracedModel, unembedding: Unembedding, trace: Trace, tokens: torch.Tensor
) -> list[dict[str, Any]]:
    """doc_id, title, logit and ranks of the documents of `tokens` `[document]`."""
    residual = trace.states[-1].expand(len(tokens), -1)
    rows = torch.arange(len(tokens), device=tokens.device)
    logits = exact_logits(unembedding.state(residual), unembedding.head, rows, tokens)
    ranks = unembedding.ranks(residual, tokens[:, None])
    columns = (values.tolist() for values in (tokens, logits, ranks.vocabulary, ranks.docid))
    return [
        {
            "doc_id": traced.doc_ids[token],
            "title": traced.titles[traced.doc_ids[token]],
            "logit": logit,
            "vocabulary_rank": vocabulary,
            "docid_rank": docid,
        }
        for token, logit, vocabulary, docid in zip(*columns, strict=True)
    ]


def _ranks(unembedding: Unembedding, trace: Trace, token: int) -> list[dict[str, Any]]:
    """layer, source, vocabulary_rank and docid_rank by the logit lens."""
    names = [(layer, source) for layer in range(len(trace.residual) - 1) for source in SOURCES]
    states = torch.cat([lens_state(trace, *name) for name in names])
    ranks = unembedding.ranks(states, torch.full((len(states), 1), token))
    columns = (ranks.vocabulary.tolist(), ranks.docid.tolist())
    return [
        {"layer": layer, "source": source, "vocabulary_rank": vocabulary, "docid_rank": docid}
        for (layer, source), vocabulary, docid in zip(names, *columns, strict=True)
    ]


def _contributions(unembedding: Unembedding, trace: Trace, token: int) -> list[dict[str, Any]]:
    """layer, component and value of everything the last residual stream is the sum of."""
    layers = range(len(trace.residual) - 1)
    names = [(None, "embedding"), *((layer, name) for layer in layers for name in COMPONENTS)]
    values = logit_contributions(unembedding, trace.terms[:, 0], trace.states[-1][0], token)
    return [
        {"layer": layer, "component": component, "value": value}
        for (layer, component), value in zip(names, values.tolist(), strict=True)
    ]


def _heads(
    names: TokenNames, decoder: LeanDecoder, memory: Memory, trace: Trace, token: int
) -> list[dict[str, Any]]:
    """layer, head, value (what it adds to the logit) and tokens of every cross-attention head."""
    rows = []
    for layer in range(len(decoder.layers)):
        outputs = decoder.head_outputs(memory, trace, layer, "cross_attention")[:, 0]
        values = logit_contributions(decoder.unembedding, outputs, trace.states[-1][0], token)
        tokens = top_tokens(decoder.unembedding.logits(outputs), POSITIONS)
        rows += [
            {"layer": layer, "head": head, "value": value, "tokens": [names(t) for t in top]}
            for head, (value, top) in enumerate(zip(values.tolist(), tokens.tolist(), strict=True))
        ]
    return rows
