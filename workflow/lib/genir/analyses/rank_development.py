"""The rank of the relevant document under the logit lens, layer by layer (the study's Fig. 4)."""

from itertools import chain

import pandas as pd
import torch

from genir.analyses.logit_lens import SOURCES, lens_state, mean_token_ranks
from genir.engine.ranking import Unembedding
from genir.subjects.queries import per_name_table
from genir.subjects.shards import Tensors
from genir.subjects.subject import Block, Subject


def rank_development(subject: Subject) -> pd.DataFrame:
    """The relevant document by layer. One row per query, layer and source, each state projected
    through the final norm and the unembedding: vocabulary_rank and docid_rank of the relevant
    document, mean_docid_rank over all docid tokens and mean_other_rank over all other tokens (ranks
    among the whole vocabulary).

    Sources are the residual stream after the layer and the outputs of its cross-attention and MLP.
    """
    layers = range(len(subject.decoder.layers))
    places = [[(layer, source) for source in SOURCES] for layer in layers]
    names = pd.DataFrame(chain.from_iterable(places), columns=["layer", "source"])

    def measured(block: Block, of_layer: list[tuple[int, str]]) -> Tensors:
        states = torch.cat([lens_state(block.trace, *place) for place in of_layer])
        relevant = subject.queries.relevant[block.rows].repeat(len(of_layer), 1)
        return _through_lens(subject.decoder.unembedding, relevant, states)

    found = subject.measure("states under the lens", measured, parts=places)
    return per_name_table(subject.queries, names, found)


def _through_lens(
    unembedding: Unembedding, relevant: torch.Tensor, states: torch.Tensor
) -> Tensors:
    """The four ranks of every row of `states` `[row, d_model]`."""
    ranks = unembedding.ranks(states, relevant)
    docid, other = mean_token_ranks(unembedding, states)
    return {
        "vocabulary_rank": ranks.vocabulary,
        "docid_rank": ranks.docid,
        "mean_docid_rank": docid,
        "mean_other_rank": other,
    }
