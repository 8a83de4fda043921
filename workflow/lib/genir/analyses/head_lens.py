"""The logit lens of every cross-attention head (the study's Tables 5 and 6)."""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

import pandas as pd
import torch

from genir.engine.ranking import Unembedding
from genir.subjects.queries import per_query_table
from genir.subjects.shards import Tensors
from genir.subjects.subject import Block, Subject, joined

TOPS = (10, 100, 1000)
POSITIONS = 5
WHOLE = -1


class HeadLens(NamedTuple):
    """What the heads say: shares of docids, and the tokens themselves."""

    docid_share: pd.DataFrame
    top_tokens: pd.DataFrame


def head_lens(subject: Subject) -> HeadLens:
    """What each cross-attention head's output says, read through final norm and unembedding.

    First table, a row per query, layer, head and top: share, the percent of docid tokens among the
    `top` tokens of highest logit (of all tokens if there are fewer); head -1 is the whole
    component. Second table, a row per query, layer, head and position 1 to 5: token_id.
    """
    layers, heads = range(len(subject.decoder.layers)), range(subject.decoder.architecture.heads)
    share_names = _names(layers, [WHOLE, *heads], top=TOPS)
    token_names = _names(layers, heads, position=range(1, POSITIONS + 1))

    def measured(block: Block, layer: list[int]) -> Tensors:
        return _read_layer(subject, block, *layer)

    parts = [[layer] for layer in layers]
    blocks = subject.measure("layers of queries under the lens", measured, parts=parts, axis=1)
    found = joined(blocks)
    return HeadLens(
        *(
            per_query_table(subject.queries, names, {name: found[name]})
            for name, names in (("share", share_names), ("token_id", token_names))
        )
    )


def top_tokens(logits: torch.Tensor, depth: int) -> torch.Tensor:
    """The `depth` tokens of highest logit `[row, depth]`, best first; ties go to the lower id.

    `logits` is `[row, vocabulary]`.
    """
    found = logits.topk(min(depth + 1, logits.shape[1]), dim=1)
    columns = found.indices.sort(dim=1).values
    order = (-logits.gather(1, columns)).argsort(dim=1, stable=True)[:, :depth]
    tokens = columns.gather(1, order)
    if depth < logits.shape[1]:
        # Where the next logit equals the last one taken, topk takes any of the tokens that have it.
        torn = torch.nonzero(found.values[:, depth] == found.values[:, depth - 1]).flatten()
        for row in torn.tolist():
            tokens[row] = logits[row].argsort(descending=True, stable=True)[:depth]
    return tokens


def _names(layers: range, heads: Iterable[int], **places: Iterable[int]) -> pd.DataFrame:
    """A row for every combination: layer, head and the one column of `places`."""
    ((name, values),) = places.items()
    return pd.DataFrame(product(layers, heads, values), columns=["layer", "head", name])


def _read_layer(subject: Subject, block: Block, layer: int) -> Tensors:
    """Shares of the component and its heads `[query, unit * top]`, best tokens of the heads
    `[query, head * position]`."""
    heads = subject.decoder.head_outputs(block.memory, block.trace, layer, "cross_attention")
    states = torch.cat([block.trace.output(layer, "cross_attention")[None], heads])
    parts = zip(*_read(subject.decoder.unembedding, states.flatten(0, 1)), strict=True)
    share, token = (torch.cat(part).unflatten(0, states.shape[:2]) for part in parts)
    by_query = {"share": share, "token_id": token[1:]}
    return {name: values.transpose(0, 1).flatten(1) for name, values in by_query.items()}


def _read(
    unembedding: Unembedding, states: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Shares `[row, top]` and best tokens `[row, position]` of `states` `[row, d_model]`, a block
    of rows at a time."""
    depths = torch.tensor(TOPS, device=states.device).clamp(max=len(unembedding.head))
    for _, logits in unembedding.blocks(states):
        tokens = top_tokens(logits, int(depths[-1]))
        docids = unembedding.is_docid[tokens].cumsum(1)
        yield 100 * docids[:, depths - 1].double() / depths, tokens[:, :POSITIONS]
