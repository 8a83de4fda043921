"""What every component and head adds to the logit of the relevant document minus its rival's.

Direct logit attribution, as in Elhage et al., A Mathematical Framework for Transformer Circuits
(2021): the final norm divides by one number, so the difference is a sum over all that was written
into the residual stream.
"""

from itertools import product

import pandas as pd
import torch

from genir.base.names import ATTENTIONS, COMPONENTS
from genir.engine.ranking import Unembedding, best_relevant
from genir.subjects.queries import per_query_table
from genir.subjects.shards import Tensors
from genir.subjects.subject import Block, Subject, joined

START = "embedding"
WHOLE = -1


def signed_contributions(subject: Subject) -> pd.DataFrame:
    """A row for every query and part of its residual stream: layer (-1 for the start token's
    embedding), component (embedding there), head (-1 for a whole component; the heads of an
    attention sum to it) and logit_difference, what the part adds to the logit of the best relevant
    document minus that of the best other one, its rival.

    The rows with head -1 of a query sum to its logit difference. Queries without a rival, all of
    whose documents are relevant, have no rows.
    """
    decoder, unembedding = subject.decoder, subject.decoder.unembedding
    layers, heads = range(len(decoder.layers)), range(decoder.architecture.heads)
    parts = [(-1, START, WHOLE), *product(layers, COMPONENTS, [WHOLE])]
    parts += product(layers, ATTENTIONS, heads)

    def measured(block: Block) -> Tensors:
        end, relevant = block.trace.states[-1], subject.queries.relevant[block.rows]
        read = difference_read(unembedding, end, relevant.to(end.device))
        added = [_added(term, read)[None] for term in block.trace.terms]
        for layer, component in product(layers, ATTENTIONS):
            by_head = decoder.head_outputs(block.memory, block.trace, layer, component)
            added.append(_added(by_head, read))
        return {"logit_difference": torch.cat(added).T}

    found = joined(subject.measure("signed contributions of queries", measured))
    names = pd.DataFrame(parts, columns=["layer", "component", "head"])
    table = per_query_table(subject.queries, names, found)
    return table.dropna(subset="logit_difference").reset_index(drop=True)


def _added(outputs: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
    """`[..., query]` of outputs `[..., query, d_model]`."""
    return (outputs.double() * read).sum(-1)


def difference_read(
    unembedding: Unembedding, residual: torch.Tensor, relevant: torch.Tensor
) -> torch.Tensor:
    """What an output is multiplied with for its share of the logit difference, `[query, d_model]`
    in float64: g * (W_U[relevant] - W_U[rival]) / rms(residual), times the scale of a tied T5.

    `residual` `[query, d_model]` is the stream after the last layer, `relevant` `[query, token]`,
    filled up with -1. NaN where a query has no rival.
    """
    token = best_relevant(unembedding.state(residual), unembedding.head, relevant).token
    depth = min(relevant.shape[1] + 1, len(unembedding.docid_tokens))
    first = unembedding.top(residual, depth)
    other = (first[:, :, None] != relevant[:, None]).all(2)
    rival = first.gather(1, other.int().argmax(1, keepdim=True))[:, 0]
    apart = unembedding.head[token].double() - unembedding.head[rival].double()
    apart[~other.any(1)] = torch.nan
    mean_square = residual.double().square().mean(1, keepdim=True) + unembedding.epsilon
    return unembedding.norm.double() * apart * unembedding.scale / mean_square.sqrt()
