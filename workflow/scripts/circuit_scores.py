"""Write the scores of components and edges of a model as MIB's circuit track reads them."""

from pathlib import Path

from genir.base.names import ABLATIONS
from genir.files.io import write_json
from genir.tables.circuit_scores import circuit_scores
from script import run


def main(folder: Path, edges: Path, orders: Path, output: Path) -> None:
    """Write the scores of components and edges of a model as MIB's circuit track reads them.

    Args:
        folder: the model.
        edges: single edges that patch_edge wrote (Parquet).
        orders: orders of components that circuit_curve wrote (Parquet).
        output: folder to write <ablation>.json into.
    """
    for ablation in ABLATIONS:
        write_json(output / f"{ablation}.json", circuit_scores(folder, edges, orders, ablation))


if __name__ == "__main__":
    run(main)
