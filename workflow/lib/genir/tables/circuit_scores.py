"""Scores of components and edges in the form that the circuit track of MIB reads.

That form (arXiv 2504.13151; `Graph.from_json` of EAP-IG, on which its evaluation is built) is a
decoder-only transformer: blocks of attention heads `a<block>.h<head>`, which read queries, keys and
values, and an MLP `m<block>`, between `input` and `logits`. Our decoder layers have three
components, so that each becomes two blocks.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from genir.base.errors import AnalysisError
from genir.base.names import COMPONENTS, EMBEDDING, UNEMBEDDING, Method
from genir.engine.model_config import read_config
from genir.files.io import read_parquet

READS = {"self_attention": "v", "cross_attention": "q"}
"""What an attention reads of the residual stream in the one decoder step: its own token is the only
one, so that queries and keys of self-attention change nothing, and keys and values of
cross-attention come from the encoder."""
METRIC = "logit of the relevant document minus that of the best other one"
SCORE = "mean of how many logits of that are lost without the node or edge alone"


def circuit_scores(folder: Path, edges: Path, orders: Path, ablation: Method) -> dict[str, Any]:
    """The JSON of one model and ablation: `cfg`, `nodes`, `edges`, and `genir`, which says what is
    what.

    Every node and edge of a graph of `cfg` is there. Those that are none of ours, the MLP of every
    first block and what cannot be read, are not in_graph and have score 0, the effect of what does
    not exist. A score is a mean over correct validation queries, in logits; above 0: it is needed.

    Args:
        folder: the model.
        edges: what patch_edge wrote of single edges.
        orders: the orders of components that circuit_curve wrote, with the effect of each alone.

    Raises AnalysisError if no query has another document to compare with.
    """
    of_edges, queries = _edge_scores(read_parquet(edges), ablation)
    components = read_parquet(orders)
    components = components[components["order"] == ablation]
    of_nodes = {
        node(row.component, row.layer): float(row.effect) for row in components.itertuples()
    }
    layers = int(components["layer"].max()) + 1
    # The start token's embedding is the same for every query, so nothing takes its place.
    of_nodes[node(EMBEDDING)] = 0.0
    names = ["input", *(name for b in range(2 * layers) for name in (f"a{b}.h0", f"m{b}"))]
    graph = {"n_layers": 2 * layers, "n_heads": 1, "parallel_attn_mlp": False}
    return {
        "cfg": graph | {"d_model": read_config(folder)["d_model"]},
        "nodes": {name: _entry(name, of_nodes) for name in names} | {"logits": {"in_graph": True}},
        "edges": {name: _entry(name, of_edges) for name in edge_names(2 * layers)},
        "genir": {
            "ablation": ablation,
            "metric": METRIC,
            "score": SCORE,
            "edges": len(of_edges),
            "edge_queries": queries,
            "components": _meanings(layers),
        },
    }


def node(component: str, layer: int = -1) -> str:
    """Their name of one of our components."""
    if component in (EMBEDDING, UNEMBEDDING):
        return "input" if component == EMBEDDING else "logits"
    if component == "self_attention":
        return f"a{2 * layer}.h0"
    return f"a{2 * layer + 1}.h0" if component == "cross_attention" else f"m{2 * layer + 1}"


def edge(source: str, source_layer: int, reader: str, reader_layer: int) -> str:
    """Their name of one of our edges."""
    name = f"{node(source, source_layer)}->{node(reader, reader_layer)}"
    return f"{name}<{READS[reader]}>" if reader in READS else name


def edge_names(blocks: int) -> Iterator[str]:
    """All edges of a graph with so many blocks of one head, in its order."""
    sources = ["input"]
    for block in range(blocks):
        yield from (f"{source}->a{block}.h0<{read}>" for source in sources for read in "qkv")
        sources.append(f"a{block}.h0")
        yield from (f"{source}->m{block}" for source in sources)
        sources.append(f"m{block}")
    yield from (f"{source}->logits" for source in sources)


def _edge_scores(table: pd.DataFrame, ablation: Method) -> tuple[dict[str, float], int]:
    """Edge -> score, and over how many queries they are."""
    part = table[(table["method"] == ablation) & table["unmodified"].notna()]
    if part.empty:
        raise AnalysisError(
            f"no query has an edge patched by {ablation} and another document to compare with; "
            "draw a dataset of more documents"
        )
    places = ["source", "source_layer", "reader", "reader_layer"]
    lost = (part["unmodified"] - part["difference"]).groupby([part[name] for name in places])
    scores = {edge(*place): float(value) for place, value in lost.mean().items()}
    return scores, part["query_id"].nunique()


def _entry(name: str, scores: dict[str, float]) -> dict[str, Any]:
    return {"score": scores.get(name, 0.0), "in_graph": name in scores}


def _meanings(layers: int) -> dict[str, str]:
    """Their name -> ours, of every node that is one of ours."""
    inner = {
        node(component, layer): f"layer{layer}.{component}"
        for layer in range(layers)
        for component in COMPONENTS
    }
    return {node(EMBEDDING): EMBEDDING} | inner | {node(UNEMBEDDING): UNEMBEDDING}
