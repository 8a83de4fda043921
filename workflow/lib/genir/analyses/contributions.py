"""How much each component adds to the residual stream, layer by layer (the study's Fig. 3)."""

from itertools import product

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import cosine_similarity

from genir.base.errors import AnalysisError
from genir.base.names import COMPONENTS, Component
from genir.engine.decoder import Trace
from genir.subjects.queries import per_name_table
from genir.subjects.shards import Tensors
from genir.subjects.subject import Block, Subject


def contributions(subject: Subject) -> pd.DataFrame:
    """What every component adds. One row per query, layer and component: norm, ratio, cosine_input,
    cosine_output.

    ratio = norm(output) / norm(residual after the layer - residual before it); the cosines compare
    the output with the residual stream before and after the layer.
    """
    places = list(product(range(len(subject.decoder.layers)), COMPONENTS))
    names = pd.DataFrame(places, columns=["layer", "component"])

    def measured(block: Block) -> Tensors:
        found = [_contribution(block.trace, *place) for place in places]
        return {name: torch.stack([of_place[name] for of_place in found]) for name in found[0]}

    measures = subject.measure("contributions of queries", measured)
    table = per_name_table(subject.queries, names, measures)
    _check_finite(table)
    return table


def _check_finite(table: pd.DataFrame) -> None:
    """Raises AnalysisError for a ratio to a layer that adds nothing: means would leave it out."""
    values = table[["norm", "ratio", "cosine_input", "cosine_output"]]
    bad = table[~np.isfinite(values).all(axis=1)]
    if len(bad):
        first = bad.iloc[0]
        raise AnalysisError(
            f"the contribution of {first['component']} in decoder layer {first['layer']} is no "
            f"finite number for {bad['query_id'].nunique()} queries, {first['query_id']!r} first "
            f"(norm {first['norm']}, ratio {first['ratio']}): the layer adds nothing to the "
            "residual stream, or more than float32 holds; take another checkpoint of the model"
        )


def _contribution(trace: Trace, layer: int, component: Component) -> Tensors:
    """The four numbers of one component, each `[query]`."""
    before, after = trace.residual[layer], trace.residual[layer + 1]
    output = trace.output(layer, component)
    return {
        "norm": output.norm(dim=-1),
        "ratio": output.norm(dim=-1) / (after - before).norm(dim=-1),
        "cosine_input": cosine_similarity(output, before, dim=-1),
        "cosine_output": cosine_similarity(output, after, dim=-1),
    }
