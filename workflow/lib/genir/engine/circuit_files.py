"""The folder of a circuit: the T5's config.json, `circuit.safetensors` with what is left of its
weights, and `circuit.json`, which says what that is."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from genir.base.errors import ModelError
from genir.engine.circuit import VECTORS, Circuit, ComponentPlace, all_places, kept_tensors
from genir.engine.model_config import read_config
from genir.engine.model_files import CIRCUIT, shortly
from genir.engine.model_json import read_object
from genir.engine.t5 import Architecture, tensor_shapes
from genir.engine.weights import HEAD, Shapes, check_finite
from genir.files.damage import reading

RECORD = "circuit.json"
MEND = "have Snakemake make the folder again (rule circuit_model)"


def is_circuit(folder: Path | str) -> bool:
    """Whether a folder holds a circuit and no whole model."""
    return (Path(folder) / RECORD).is_file()


def load_circuit(folder: Path | str, device: torch.device | str = "cpu") -> Circuit:
    """A circuit that rule circuit_model wrote, computed with in float32.

    Raises ModelError if the folder holds none, or if its files do not belong together or hold what
    is no number; DamagedFileError for a file below results/ that is not as it was written.
    """
    folder = Path(folder)
    config = read_config(folder)
    architecture = Architecture.from_config(config)
    record = folder / RECORD
    places = computed_places(read_object(record), architecture.decoder_layers, record)
    every, optional = tensor_shapes(architecture, config)
    shapes = {name: every[name] for name in kept_tensors(every, places)}
    shapes[VECTORS] = (len(places) + 1, architecture.d_model)
    weights = _tensors(folder / CIRCUIT, shapes, optional.get(HEAD), device)
    return Circuit(architecture, weights, places)


def computed_places(record: dict[str, Any], layers: int, path: Path) -> tuple[ComponentPlace, ...]:
    """The components that a circuit.json calls `computed`.

    Raises ModelError unless it lists every component of so many layers in their order.
    """
    listed = record.get("components")
    rows = listed if isinstance(listed, list) else []
    try:
        found = [(row["layer"], row["component"], row["state"]) for row in rows]
    except (TypeError, KeyError):
        found = []
    states = {state for _, _, state in found}
    if [row[:2] for row in found] != all_places(layers) or states - {"computed", "folded", "cut"}:
        raise ModelError(
            f"{path} does not say of the components of {layers} layers which are computed, folded "
            f"and cut; {MEND}"
        )
    return tuple(row[:2] for row in found if row[2] == "computed")


def _tensors(
    path: Path, shapes: Shapes, head: tuple[int, ...] | None, device: torch.device | str
) -> dict[str, torch.Tensor]:
    """Tensors of just these shapes in float32; with an output projection, which a T5 may have."""
    try:
        with reading(path):
            stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} cannot be read ({error}); {MEND}") from None
    if head is not None and HEAD in stored:
        shapes = shapes | {HEAD: head}
    found = {name: tuple(t.shape) for name, t in stored.items() if t.is_floating_point()}
    if wrong := [n for n in sorted(shapes | found) if shapes.get(n) != found.get(n)]:
        raise ModelError(
            f"{path}: {len(wrong)} tensors are missing, unexpected or of another shape than "
            f"circuit.json and config.json mean: {shortly(wrong)}; {MEND}"
        )
    weights = {name: tensor.to(device, torch.float32) for name, tensor in stored.items()}
    for name, tensor in weights.items():
        check_finite(tensor, stored[name], f"{path}: tensor {name}")
    return weights
