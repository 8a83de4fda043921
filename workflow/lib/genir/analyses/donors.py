"""Donors: for every query another one, whose outputs are put in place of its own (counterfactual
patching: Vig et al. 2020; interchange intervention: Geiger et al. 2021)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from genir.analyses.patching import correct_rows
from genir.analyses.rank_queries import top_documents
from genir.base.errors import AnalysisError
from genir.base.names import DonorMethod, Method
from genir.base.progress import LOGGER
from genir.base.seeding import generator
from genir.corpora.donor_pairs import read_donor_pairs
from genir.corpora.trec import read_qrels
from genir.engine.ranking import NO_TOKEN
from genir.files.io import read_parquet
from genir.models.tokens import read_pieces, truncated_tokens
from genir.subjects.donors import with_donors
from genir.subjects.queries import Queries
from genir.subjects.shards import Tensors
from genir.subjects.subject import Block, QuerySource, Subject, joined

COLUMNS = (
    "query_id doc_id donor_id donor_text donor_doc_id donor_tokens difference donor_difference"
).split()


@dataclass(frozen=True)
class Donor:
    """A query by its id, empty for a typed text, with the document it stands for; that of a text
    is the first one that the model finds."""

    query_id: str
    text: str
    doc_id: str = ""


Choice = list[Donor | None]
"""The donor of every query; None where it has none."""


def donors(
    subject: Subject,
    correct: Path,
    methods: list[DonorMethod],
    training: QuerySource,
    seed: int,
    pairs: Path | None = None,
) -> dict[str, pd.DataFrame]:
    """Choose the donor of every validation query and compare the two in the unmodified model.

    A table for each method, a row for each query: donor_id (empty for a typed text), donor_text,
    donor_doc_id, donor_tokens (as the encoder reads them), difference (logit of the relevant
    document minus that of the donor's document, on the query) and donor_difference (the same on
    the donor). All of them are empty where a query has no donor, both differences where the donor's
    document is relevant to the query itself.

    Args:
        methods: methods of patching that take donors.
        training: the training queries; donors are cut as they are.
        seed: seed of the draws.
        pairs: the user's donors (CSV or JSON Lines), for the method donor_pairs.
    """
    texts = read_parquet(training.queries).set_index("query_id")
    drawn: dict[DonorMethod, Callable[[], Choice]] = {
        "donor_random": lambda: _random(subject, correct_rows(subject, correct), texts, seed),
        "donor_rival": lambda: _rivals(subject, texts, training, seed),
        "donor_pairs": lambda: _given(subject, texts, pairs),
    }
    return {method: _recorded(subject, method, drawn[method](), training) for method in methods}


def derangement(relevant: Sequence[set[int]], random: np.random.Generator) -> np.ndarray:
    """A random permutation `[query]` that gives each query one without a relevant document in
    common; -1 where none is left.

    A uniform permutation, of which pairs that share a document swap their partner with another
    query, the first in a random order for which neither shares one then.
    """
    partner = random.permutation(len(relevant))
    order = random.permutation(len(relevant))

    def apart(query: int, other: int) -> bool:
        return query != other and not relevant[query] & relevant[other]

    for query in range(len(relevant)):
        if apart(query, partner[query]):
            continue
        for other in order:
            if apart(query, partner[other]) and apart(other, partner[query]):
                partner[[query, other]] = partner[[other, query]]
                break
    return np.array([p if apart(q, p) else -1 for q, p in enumerate(partner)], dtype=int)


def deranged(subject: Subject, seed: int) -> tuple[Subject, Subject]:
    """The model before those queries that have a donor among the others, and before their donors,
    as `derangement` draws them; of the correct validation queries the same as `donor_random` has.

    Raises AnalysisError if no query has one.
    """
    partner = derangement(_relevant(subject), generator(seed, "donors", "donor_random"))
    rows = np.flatnonzero(partner >= 0)
    if not len(rows):
        raise AnalysisError(
            f"none of the {len(partner)} queries that the model answers has a donor: no other one "
            "without a relevant document in common; train it longer or hold out more queries"
        )
    taken = (subject.queries.take(some) for some in (rows, partner[rows]))
    return tuple(map(subject.over, taken))


def asked(subject: Subject, method: Method, seed: int) -> tuple[Subject, Subject | None]:
    """The model before the queries that a method can be asked of, and before their donors, where it
    takes some: all queries of `subject` are taken for correct ones."""
    return deranged(subject, seed) if method == "donor_random" else (subject, None)


def _random(subject: Subject, correct: np.ndarray, texts: pd.DataFrame, seed: int) -> Choice:
    """Of a correct query its partner in a derangement of them, of another query a draw from the
    correct ones that share no relevant document with it."""
    random, rows = generator(seed, "donors", "donor_random"), np.flatnonzero(correct)
    relevant = _relevant(subject)
    among = derangement([relevant[row] for row in rows], random)
    partner = np.full(len(relevant), -1)
    partner[rows] = np.where(among < 0, -1, rows[among] if len(rows) else -1)
    for row in np.flatnonzero(~correct):
        fitting = (
            other for other in random.permutation(rows) if not relevant[row] & relevant[other]
        )
        partner[row] = next(fitting, -1)
    ids = subject.queries.ids
    return [None if p < 0 else _of_id(texts, ids[p]) for p in partner]


def _rivals(subject: Subject, texts: pd.DataFrame, training: QuerySource, seed: int) -> Choice:
    """A drawn training query of the best document that is not relevant: of a correct query with one
    relevant document, the one that the unmodified model ranks second."""
    random = generator(seed, "donors", "donor_rival")
    qrels = read_qrels(training.qrels).sort_values(["doc_id", "query_id"])
    queries_of = qrels.groupby("doc_id")["query_id"].agg(list).to_dict()
    relevant, chosen = _relevant(subject), []
    for own, ranked in zip(
        relevant, top_documents(subject, 1 + max(map(len, relevant))), strict=True
    ):
        rival = next((doc for doc in ranked if subject.docids[doc] not in own), None)
        known = queries_of.get(rival, [])
        number = int(random.integers(len(known))) if known else 0
        chosen.append(_of_id(texts, known[number], rival) if known else None)
    return chosen


def _given(subject: Subject, texts: pd.DataFrame, path: Path | None) -> Choice:
    """What a file of the user's says. Raises AnalysisError naming the line of an unknown query."""
    if path is None:
        raise AnalysisError("donor_pairs needs a file; name it in `patching.donor_pairs`")
    validation, found = set(subject.queries.ids), {}
    for pair in read_donor_pairs(path):
        if pair.query_id not in validation:
            raise AnalysisError(
                f"{pair.place}: {pair.query_id!r} is not the id of a validation query of the "
                "model's dataset; take one from its queries.parquet, or remove the entry"
            )
        if pair.donor and pair.donor not in texts.index:
            raise AnalysisError(
                f"{pair.place}: {pair.donor!r} is not the id of a query of the model's dataset; "
                "correct it, or write the query's text as donor_text"
            )
        found[pair.query_id] = (
            _of_id(texts, pair.donor) if pair.donor else Donor("", pair.donor_text)
        )
    return [found.get(query) for query in subject.queries.ids]


def _of_id(texts: pd.DataFrame, query: str, document: str | None = None) -> Donor:
    return Donor(query, texts.at[query, "text"], document or texts.at[query, "doc_id"])


def _relevant(subject: Subject) -> list[set[int]]:
    """The relevant docid tokens of every query."""
    return [set(row) - {NO_TOKEN} for row in subject.queries.relevant.tolist()]


def _recorded(
    subject: Subject, method: DonorMethod, chosen: Choice, training: QuerySource
) -> pd.DataFrame:
    """The table of a method. Raises AnalysisError if no query has a donor."""
    queries = subject.queries
    rows = [row for row, donor in enumerate(chosen) if donor is not None]
    given = [donor for donor in chosen if donor is not None]
    if not given:
        raise AnalysisError(
            f"no validation query has a donor for {method}; leave it out of patching.methods and "
            "patching.head_methods"
        )
    if len(given) < len(queries):
        none = next(row for row, donor in enumerate(chosen) if donor is None)
        without = len(queries) - len(given), len(queries), queries.ids[none]
        LOGGER.info("%s: %d of %d queries have no donor, %r first", method, *without)
    tokenizer, texts = read_pieces(subject.folder), [donor.text for donor in given]
    tokens = truncated_tokens(texts, tokenizer, training.query_tokens)
    found = pd.DataFrame(
        {
            "donor_id": [donor.query_id for donor in given],
            "donor_text": texts,
            "donor_doc_id": _documents(subject, given, tokens),
            "donor_tokens": [row.tolist() for row in tokens],
        },
        index=rows,
    )
    table = pd.DataFrame({"query_id": queries.ids, "doc_id": queries.doc_ids}).join(found)
    compared = pd.DataFrame(differences(*with_donors(subject, table)), index=rows)
    return table.join(compared)[COLUMNS]


def _documents(subject: Subject, given: list[Donor], tokens: list[np.ndarray]) -> list[str]:
    """The document of each donor."""
    found = [donor.doc_id for donor in given]
    typed = [number for number, doc_id in enumerate(found) if not doc_id]
    if typed:
        names = np.array([given[number].text for number in typed], dtype=object)
        unknown = torch.full((len(typed), 1), NO_TOKEN)
        asked = Queries(names, names, [tokens[number] for number in typed], unknown)
        first = top_documents(subject.over(asked), 1)[:, 0]
        for number, doc_id in zip(typed, first, strict=True):
            found[number] = doc_id
    return found


def differences(subject: Subject, donors: Subject) -> dict[str, np.ndarray]:
    """Logit of the relevant document minus that of the donor's, `[query]`: on the query as
    `difference`, on its donor as `donor_difference`. NaN where the donor's document is relevant to
    the query."""
    unembedding = subject.decoder.unembedding

    def measured(block: Block) -> Tensors:
        streams = block.trace.states[-1], donors.trace(block.rows)[1].states[-1]
        documents = subject.queries.relevant[block.rows], donors.queries.relevant[block.rows]
        same = (documents[0] == documents[1]).any(1).to(subject.device)
        found = {}
        for name, stream in zip(("difference", "donor_difference"), streams, strict=True):
            own, theirs = (unembedding.best_logit(stream, tokens) for tokens in documents)
            found[name] = (own - theirs).masked_fill(same, torch.nan)
        return found

    size = min(some.blocks(models=2).queries for some in (subject, donors))
    blocks = subject.query_blocks(size)
    return joined(subject.measure("donors compared", measured, donors.queries, blocks=blocks))
