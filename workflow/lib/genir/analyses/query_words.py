"""Which words of a query find the document, and in which layers they are read."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from genir.analyses.patching import correct_rows
from genir.analyses.read_words import Word, words_of
from genir.analyses.stages import patched_stages
from genir.base.errors import AnalysisError
from genir.engine.unseen_tokens import without_tokens
from genir.files.io import read_json, read_parquet
from genir.models.tokens import read_pieces
from genir.subjects.shards import Tensors
from genir.subjects.subject import Arrays, Block, Subject, joined

MEAN_STATE = "mean_state"
COLUMNS = {
    "vocabulary": "vocabulary_rank",
    "docid": "docid_rank",
    "relevant_logit": "relevant_logit",
    "other_logit": "other_logit",
}


def query_words(subject: Subject, correct: Path, queries: Path, stages: Path) -> pd.DataFrame:
    """Knock every word of every correct query out and rank again.

    A row for each query, word and `where`: query_id, doc_id, word (its number in the query, from
    0), text, pieces (how many tokens), of_words (words of the query), where, and the columns of
    ranks. Where is `layer<i>`, a stage or all: the cross-attention of these layers does not see the
    word's tokens. mean_state: the encoder's states at these tokens are replaced by the mean state
    of all tokens of all words of correct queries, which leaves only how many there are.

    Args:
        correct: the model's correct validation queries (CSV).
        queries: the dataset's queries (Parquet).
        stages: the model's stages (JSON, written by stages).

    Raises AnalysisError if a query is not what the model was given.
    """
    own = subject.over(subject.queries.take(np.flatnonzero(correct_rows(subject, correct))))
    words = _words(own, queries)
    layers = range(len(own.decoder.layers))
    places: dict[str, Sequence[int]] = {f"layer{layer}": [layer] for layer in layers}
    for name, (first, last) in patched_stages(read_json(stages)["used"]).items():
        places[name] = range(first, last + 1)
    found = knocked_out(own, words, places)
    return _table(own, words, [*places, MEAN_STATE], found)


def knocked_out(
    subject: Subject, words: list[list[Word]], places: Mapping[str, Sequence[int]]
) -> Arrays:
    """Ranks and logits, by the names in COLUMNS, `[word, where]`, with every word of every query
    knocked out of the layers of each of `places` and, last, its states replaced by their mean."""
    mean = _mean_state(subject, words)

    def measured(block: Block) -> Tensors:
        cases = [(at, word) for at, row in enumerate(block.rows) for word in words[row]]
        parts = _of_size(cases, len(block.rows))
        found = [_measured(subject, block, part, places, mean) for part in parts]
        return {name: torch.cat([part[name] for part in found]) for name in found[0]}

    told = [[(word.text, word.tokens) for word in row] for row in words], list(places.items())
    return joined(subject.measure("words of queries", measured, told))


def _words(subject: Subject, queries: Path) -> list[list[Word]]:
    """The words of every query that the model reads."""
    texts = read_parquet(queries, ["query_id", "text"]).set_index("query_id")["text"]
    tokenizer = read_pieces(subject.folder)
    found = []
    for query, tokens in zip(subject.queries.ids, subject.queries.inputs, strict=True):
        encoding = tokenizer.encode(texts[query])
        kept = len(tokens) - 1
        if encoding.ids[:kept] != tokens[:kept].tolist():
            raise AnalysisError(f"{queries}: query {query!r} is another text than the model read")
        found.append(words_of(texts[query], encoding.offsets[:kept]))
    return found


def _mean_state(subject: Subject, words: list[list[Word]]) -> torch.Tensor:
    """`[d_model]`, over the tokens of all words."""
    states = [
        hidden[list(word.tokens)]
        for hidden, row in zip(subject.hidden, words, strict=True)
        for word in row
    ]
    return torch.cat(states).double().mean(0).float()


def _of_size(cases: list[tuple[int, Word]], size: int) -> Iterator[list[tuple[int, Word]]]:
    """At least one part, which may be empty."""
    for start in range(0, max(1, len(cases)), size):
        yield cases[start : start + size]


def _measured(
    subject: Subject,
    block: Block,
    cases: list[tuple[int, Word]],
    places: Mapping[str, Sequence[int]],
    mean: torch.Tensor,
) -> Tensors:
    """The columns of ranks, `[case, where]` each."""
    device = mean.device
    rows = torch.tensor([at for at, _ in cases], dtype=torch.long, device=device)
    longest = block.memory.bias.shape[-1]
    unseen = torch.zeros(len(cases), longest, dtype=torch.bool, device=device)
    for case, (_, word) in enumerate(cases):
        unseen[case, list(word.tokens)] = True
    relevant = subject.queries.relevant[block.rows][rows.cpu()]
    ends = [
        without_tokens(subject.decoder, block.memory, block.trace, rows, unseen, layers)
        for layers in places.values()
    ]
    if cases:
        hidden = [subject.hidden[block.rows[at]].clone() for at, _ in cases]
        for states, (_, word) in zip(hidden, cases, strict=True):
            states[list(word.tokens)] = mean
        ends.append(subject.decoder.trace(subject.memory(hidden)).states[-1])
    else:
        ends.append(ends[0])
    found = [subject.decoder.unembedding.ranks_and_logits(end, relevant) for end in ends]
    return {name: torch.stack([getattr(part, name) for part in found], 1) for name in COLUMNS}


def _table(
    subject: Subject, words: list[list[Word]], where: list[str], found: dict[str, np.ndarray]
) -> pd.DataFrame:
    cases = [
        (query, document, number, word.text, len(word.tokens), len(row))
        for query, document, row in zip(
            subject.queries.ids, subject.queries.doc_ids, words, strict=True
        )
        for number, word in enumerate(row)
    ]
    names = pd.DataFrame(
        cases, columns=["query_id", "doc_id", "word", "text", "pieces", "of_words"]
    )
    table = names.loc[names.index.repeat(len(where))].reset_index(drop=True)
    values = {column: found[name].ravel() for name, column in COLUMNS.items()}
    return table.assign(where=np.tile(where, len(names)), **values)
