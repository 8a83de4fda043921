"""What becomes of queries without one of their words, as a page shows it."""

from pathlib import Path

import numpy as np
import pandas as pd

from genir.files.io import read_parquet
from genir.pages.cubes import Patched, cube, numbered
from genir.pages.packing import Pack

LOGIT_SCALE = 100
"""Logits after a change are kept to 0.01."""
_ONE = ["query_id", "word"]


def add_words(pack: Pack, path: Path, effects: Patched) -> None:
    """The columns of the file that `query_words` writes; nothing where there is none.

    firstWord, words `[query]`: the number of the query's first word and how many it has, none of
    queries that were not analysed. pieces `[word]`: tokens of a word. wordRank, wordLost
    `[place, word]`: as in `Patched.read`, without the word there. The facts `wordTexts` and
    `wordPlaces` name words and places.

    Raises AnalysisError if the file holds another query, or two rows of one word and place.
    """
    if not path.is_file():
        return
    frame = read_parquet(path)
    frame = frame.assign(query=numbered(frame, effects.queries, path))
    frame = frame.sort_values(["query", "word"], kind="stable")
    words = frame.drop_duplicates(_ONE)
    known, first, count = np.unique(words["query"], return_index=True, return_counts=True)
    for name, values in (("firstWord", first), ("words", count)):
        column = np.full(len(effects.queries), np.nan)
        column[known] = values
        pack.add(name, column)
    places = list(dict.fromkeys(frame["where"]))
    pack.facts |= {"wordTexts": words["text"].tolist(), "wordPlaces": places}
    pack.add("pieces", words["pieces"].to_numpy())
    # A word in the place of a query.
    number = frame.groupby(_ONE, sort=False).ngroup()
    after = frame["relevant_logit"] - frame["other_logit"]
    lost = effects.clean[frame["query"]] - after
    told = pd.DataFrame({"query_id": number, "where": frame["where"]})
    told = told.assign(rank=frame["vocabulary_rank"], lost=lost)
    index, axes = pd.RangeIndex(len(words)), [("where", places)]
    pack.add("wordRank", cube(told, index, axes, "rank", path))
    pack.add("wordLost", cube(told, index, axes, "lost", path), LOGIT_SCALE)
