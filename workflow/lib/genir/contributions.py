"""How much each component adds to the residual stream, layer by layer (the study's Fig. 3)."""

import pandas as pd
from torch.nn.functional import cosine_similarity

from genir.components import COMPONENTS
from genir.decoder import Trace
from genir.queries import Queries
from genir.subject import Subject


def contributions(subject: Subject) -> pd.DataFrame:
    """One row per query, layer and component: norm, ratio, cosine_input, cosine_output.

    ratio = norm(output) / norm(residual after the layer - residual before it); the cosines compare
    the output with the residual stream before and after the layer.
    """
    tables = []
    for rows, _, trace in subject.traces():
        block = subject.queries.take(rows)
        tables += [
            _layer_table(block, trace, layer, component)
            for layer in range(len(trace.residual) - 1)
            for component in COMPONENTS
        ]
    return pd.concat(tables, ignore_index=True)


def _layer_table(block: Queries, trace: Trace, layer: int, component: str) -> pd.DataFrame:
    before, after = trace.residual[layer], trace.residual[layer + 1]
    output = trace.output(layer, component)
    values = {
        "norm": output.norm(dim=-1),
        "ratio": output.norm(dim=-1) / (after - before).norm(dim=-1),
        "cosine_input": cosine_similarity(output, before, dim=-1),
        "cosine_output": cosine_similarity(output, after, dim=-1),
    }
    names = {"query_id": block.ids, "doc_id": block.doc_ids, "layer": layer, "component": component}
    return pd.DataFrame(names | {name: value.cpu().numpy() for name, value in values.items()})
