"""What components write into the logits by themselves (the study's section 5.2)."""

import pandas as pd
import torch

from genir.base.names import COMPONENTS
from genir.engine.ranking import Unembedding
from genir.subjects.queries import per_name_table
from genir.subjects.shards import Tensors
from genir.subjects.subject import Block, Subject


def direct_contribution(subject: Subject) -> pd.DataFrame:
    """Ranks of the relevant document, a row per query and source: the outputs of all components of
    one kind, summed over the layers without the embedding, as if they were the whole residual
    stream."""

    def measured(block: Block) -> Tensors:
        relevant, outputs = subject.queries.relevant[block.rows], block.trace.outputs
        unembedding = subject.decoder.unembedding
        found = [unembedding.ranks(outputs[name].sum(0), relevant) for name in COMPONENTS]
        return {
            "vocabulary_rank": torch.stack([ranks.vocabulary for ranks in found]),
            "docid_rank": torch.stack([ranks.docid for ranks in found]),
        }

    names = pd.DataFrame({"source": COMPONENTS})
    return per_name_table(
        subject.queries, names, subject.measure("direct contributions of queries", measured)
    )


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
