"""Where in the decoder the relevant document comes up and stays."""

import numpy as np
import pandas as pd


def emergence(development: pd.DataFrame) -> pd.DataFrame:
    """A row for every query of a file of rank_development: query_id, doc_id, layer, the decoder
    layer, counted from 0, from which on the relevant document stays first in the residual stream
    (the number of layers if it is not first at the end), and share_of_depth, which part of the
    decoder has run after it."""
    residual = development[development["source"] == "residual"]
    ranks = residual.pivot(index=["query_id", "doc_id"], columns="layer", values="vocabulary_rank")
    first = ranks.to_numpy() == 1
    stays = np.logical_and.accumulate(first[:, ::-1], axis=1).sum(axis=1)
    layer = first.shape[1] - stays
    found = ranks.index.to_frame(index=False)
    return found.assign(layer=layer, share_of_depth=(layer + 1) / first.shape[1])
