"""What the study's released code computes otherwise: without an attention mask where it pads, with
the full model's final norm behind the encoder of a reduced one, with other means in Fig. 5.

Where it pads it pads all queries to one length and gives no mask, so that encoder and
cross-attention read the padding like words: its evaluation to a fixed length, which also chooses
the correct queries; zero and mean patching and the circuit to the longest correct query. Its other
scripts do not pad.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from genir.analyses.circuit import FIXED, replacements
from genir.analyses.encoder_swap import with_final_norm
from genir.analyses.patching import (
    correct_rows,
    patch_means,
    patched_ranks,
    single_patches,
    stage_patches,
)
from genir.analyses.rank_queries import rank_queries
from genir.analyses.released_communication import communication_as_released
from genir.analyses.stages import patched_stages
from genir.base.names import RELEASED, STUDY, UNMODIFIED, WITH_MASK, Method
from genir.base.progress import LOGGER
from genir.engine.t5 import load_t5
from genir.files.io import read_json
from genir.subjects.subject import QuerySource, Subject, load_queries

TOGETHER = 512
"""Queries whose encoder states are in memory at once: padded ones are long."""

Stages = Mapping[str, tuple[int, int]]


def as_released(
    subject: Subject,
    model: Path,
    test: QuerySource,
    correct: Path,
    stages: Path,
    methods: list[Method],
    padded_tokens: int,
    reduced: dict[str, Path],
) -> dict[str, pd.DataFrame]:
    """Compute what the study's released code does where it pads queries without a mask.

    Tables of ranks: `evaluation` of both splits, padded to `padded_tokens`; `patching` of every
    component in every stage and in single layers, over the queries of a `list`, padded to the
    longest of them; `circuit` of the test queries, padded alike, with the means over the list;
    `encoder_swap` of reduced models and the shares of `communication`, over those in `correct`, not
    padded. The list `released` are the queries that this
    evaluation puts first, `with_mask` those in `correct`. The former is left out if it has less
    than two queries, which have no mean to speak of.

    Args:
        subject: the model and its validation queries, cut to `padded_tokens`.
        test: the test queries, cut alike.
        methods: zero and mean, or one of them.
        padded_tokens: the length that the evaluation pads queries to.
        reduced: name of an encoder -> the folder of the reduced model that has it.
    """
    others = subject.over(load_queries(model, test, subject.docids))
    evaluated = {
        "validation": padded_ranks(subject, padded_tokens),
        "test": padded_ranks(others, padded_tokens),
    }
    first = evaluated["validation"]["vocabulary_rank"].to_numpy() == 1
    lists = {RELEASED: first, WITH_MASK: correct_rows(subject, correct)}
    if first.sum() < 2:
        LOGGER.warning(
            "without a mask and padded to %d tokens %d validation queries are correct, so nothing "
            "is patched over these",
            *(padded_tokens, first.sum()),
        )
        del lists[RELEASED]
    used = patched_stages(read_json(stages)["used"])
    listed = {
        name: subject.over(subject.queries.take(np.flatnonzero(rows)))
        for name, rows in lists.items()
    }
    patching, circuit = {}, {}
    for name, some in listed.items():
        patching[name], circuit[name] = ranks_without_mask(some, others, used, methods)
    return {
        "evaluation": _together("split", evaluated),
        "patching": _together("list", patching),
        "circuit": _together("list", circuit),
        "encoder_swap": _together("encoder", dict(swapped_ranks(subject, reduced))),
        "communication": communication_as_released(listed[WITH_MASK], used),
    }


def padded_ranks(subject: Subject, tokens: int) -> pd.DataFrame:
    """Ranks of every query, padded to `tokens` without a mask, as `ranks_table` has them."""
    blocks = subject.query_blocks(TOGETHER)
    parts = [rank_queries(_padded(subject.over(subject.queries.take(b)), tokens)) for b in blocks]
    return pd.concat(parts, ignore_index=True)


def ranks_without_mask(
    listed: Subject, others: Subject, stages: Stages, methods: list[Method]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ranks of the queries of `listed` under every `patch`, and of `others` under the study's
    `circuit`, each beside the unmodified model: all padded to the longest of `listed` without a
    mask, and with the means over these."""
    tokens, layers = listed.queries.longest, len(listed.decoder.layers)
    patches = {
        UNMODIFIED: {},
        **stage_patches(stages, methods),
        **single_patches(range(layers), methods),
    }
    circuits = {UNMODIFIED: {}, STUDY: replacements(FIXED[STUDY], stages)}
    listed, others = _padded(listed, tokens), _padded(others, tokens)
    means = patch_means(listed, np.ones(len(listed.queries), bool), {**patches, **circuits})
    patched, cut = (
        _together(key, patched_ranks(some, means, None, of_these))
        for key, some, of_these in (("patch", listed, patches), ("circuit", others, circuits))
    )
    return patched.assign(padded_tokens=tokens), cut.assign(padded_tokens=tokens)


def swapped_ranks(
    subject: Subject, reduced: Mapping[str, Path]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Ranks behind the encoder of each reduced model under the full model's final norm."""
    for name, folder in reduced.items():
        encoder = with_final_norm(load_t5(folder, subject.device), subject.model)
        yield name, rank_queries(subject, encoder)


def _padded(subject: Subject, tokens: int) -> Subject:
    pad_token = subject.model.architecture.pad_token
    return subject.over(subject.queries.padded(tokens, pad_token))


def _together(key: str, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """All rows, with the name of their table in the first column."""
    parts = [table.assign(**{key: name}) for name, table in tables.items()]
    if not parts:
        return pd.DataFrame(columns=[key])
    whole = pd.concat(parts, ignore_index=True)
    return whole[[key, *(name for name in whole if name != key)]]
