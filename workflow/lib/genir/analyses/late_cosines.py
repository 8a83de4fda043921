"""Whether late components undo what the first stage's MLPs wrote (section 5 of the study)."""

from itertools import product

import pandas as pd
import torch
from torch.nn.functional import normalize

from genir.base.names import COMPONENTS
from genir.engine.decoder import Trace
from genir.subjects.queries import per_query_table
from genir.subjects.shards import Tensors
from genir.subjects.subject import Block, Subject, joined

SUM = -1


def late_cosines(subject: Subject, stage_one: range) -> pd.DataFrame:
    """Whether late outputs undo the first. One row per query, layer, component, with_layer: the
    cosine of a late component's output with the output of the MLP in with_layer, a layer of
    `stage_one`; -1 is the sum of these MLPs.

    Late are the layers after `stage_one`, the last layer excluded.
    """
    stage = stage_one
    late = range(stage.stop, len(subject.decoder.layers) - 1)
    names = pd.DataFrame(
        product(late, COMPONENTS, [*stage, SUM]), columns=["layer", "component", "with_layer"]
    )

    def measured(block: Block) -> Tensors:
        return {"cosine": _cosines(block.trace, late, stage).flatten(1)}

    cosines = joined(subject.measure("late outputs of queries", measured, stage))
    return per_query_table(subject.queries, names, cosines)


def _cosines(trace: Trace, late: range, stage: range) -> torch.Tensor:
    """`[query, late component, stage MLP]`, the last of which is the sum."""
    outputs = torch.stack([trace.output(*place) for place in product(late, COMPONENTS)])
    first = trace.outputs["mlp"][stage.start : stage.stop]
    written = torch.cat([first, first.sum(0, keepdim=True)])
    return torch.einsum("tqd,eqd->qte", normalize(outputs, dim=-1), normalize(written, dim=-1))
