"""A graph as the circuit track of MIB reads it: what its loader asks of a file, in short."""

from collections.abc import Iterator
from typing import Any


class Graph:
    """Scores of nodes and edges by name. A file with a name that the transformer of its `cfg` has
    not, or without in_graph, is refused (KeyError), as there."""

    def __init__(self, cfg: dict[str, Any]) -> None:
        self.nodes = dict.fromkeys(_nodes(cfg))
        self.edges = dict.fromkeys(_edges(cfg))

    @classmethod
    def read(cls, content: dict[str, Any]) -> "Graph":
        graph = cls(content["cfg"])
        for held, given in ((graph.nodes, content["nodes"]), (graph.edges, content["edges"])):
            for name, entry in given.items():
                if name not in held:
                    raise KeyError(name)
                entry["in_graph"]
                held[name] = None if name == "logits" else entry["score"]
        return graph


def _nodes(cfg: dict[str, Any]) -> Iterator[str]:
    yield "input"
    for layer in range(cfg["n_layers"]):
        yield from (f"a{layer}.h{head}" for head in range(cfg["n_heads"]))
        yield f"m{layer}"
    yield "logits"


def _edges(cfg: dict[str, Any]) -> Iterator[str]:
    """Heads of a layer do not read each other; its MLP reads them, unless both run side by side."""
    places = {"input": -1.0, "logits": float(cfg["n_layers"])}
    for layer in range(cfg["n_layers"]):
        places |= {f"a{layer}.h{head}": float(layer) for head in range(cfg["n_heads"])}
        places[f"m{layer}"] = layer + (0.0 if cfg["parallel_attn_mlp"] else 0.5)
    for source, before in places.items():
        for reader, after in places.items():
            if before < after:
                ends = [f"<{read}>" for read in "qkv"] if reader.startswith("a") else [""]
                yield from (f"{source}->{reader}{end}" for end in ends)
