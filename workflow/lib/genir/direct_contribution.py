"""What components write into the logits by themselves (the study's section 5.2)."""

import pandas as pd
import torch

from genir.components import COMPONENTS
from genir.queries import ranks_table
from genir.ranking import Unembedding
from genir.subject import Subject

COLUMNS = "query_id doc_id source vocabulary_rank docid_rank".split()


def direct_contribution(subject: Subject) -> pd.DataFrame:
    """Ranks of the relevant document, a row per query and source: the outputs of all components of
    one kind, summed over the layers without the embedding, as if they were the whole residual
    stream."""
    tables = []
    for rows, _, trace in subject.traces():
        block = subject.queries.take(rows)
        for source in COMPONENTS:
            total = trace.outputs[source].sum(0)
            ranks = subject.decoder.unembedding.ranks(total, block.relevant)
            table = ranks_table(block, ranks.vocabulary, ranks.docid)
            tables.append(table.assign(source=source)[COLUMNS])
    return pd.concat(tables, ignore_index=True)


def logit_contributions(
    unembedding: Unembedding, outputs: torch.Tensor, residual: torch.Tensor, token: int
) -> torch.Tensor:
    """What each of `outputs` `[part, d_model]` adds to the logit of `token`, `[part]` in float64:
    (g * output / rms(residual)) . W_U[token], times the scale of a tied T5.

    `residual` `[d_model]` is the stream after the last layer. Parts that sum to it, such as the
    start token's embedding and the outputs of all components, have contributions that sum to the
    logit.
    """
    root_mean_square = (residual.double().square().mean() + unembedding.epsilon).sqrt()
    read = unembedding.norm.double() * unembedding.head[token].double() * unembedding.scale
    return outputs.double() @ read / root_mean_square
