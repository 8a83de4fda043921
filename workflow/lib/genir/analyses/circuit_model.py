"""The circuits of a model as models of their own, in which what is cut is gone."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from genir.analyses.circuit import FIXED, recorded_cells, replacements
from genir.analyses.patching import Means, Replacements, correct_rows, patch_means
from genir.analyses.rank_agreement import agreement
from genir.analyses.stages import patched_stages
from genir.base.names import EVALUATED, Variant
from genir.base.patched_files import circuit_split, table_file
from genir.engine.circuit import VECTORS, Circuit, all_places, circuit_of, kept_tensors
from genir.engine.circuit_files import RECORD
from genir.engine.model_files import CIRCUIT, checkpoint_files, weight_files
from genir.engine.t5 import T5
from genir.engine.weights import opened_tensors
from genir.files.fingerprint import sha256
from genir.files.io import atomic_folder, read_json, write_json
from genir.models.docids import DOCIDS_FILE
from genir.subjects.circuit import CircuitSubject
from genir.subjects.queries import Queries
from genir.subjects.subject import Subject

COPIED = ("config.json", "tokenizer.json", DOCIDS_FILE)


@dataclass(frozen=True)
class CircuitSources:
    """What a model's circuits are made from beside itself: its correct validation queries, its
    stages, and the folder that rule circuit wrote of it."""

    correct: Path
    stages: Path
    circuits: Path


def write_circuits(
    subject: Subject,
    test: Queries,
    sources: CircuitSources,
    variants: Iterable[Variant],
    name: str,
    output: Path,
) -> None:
    """Write each of the `variants` of the circuit of a model called `name` into a folder of
    `output`.

    All validation queries, those of `subject`, and the `test` queries are ranked by each, and
    compared with what rule circuit ranked, which patches the model. Raises AnalysisError if they
    differ by more than rounding.
    """
    layers = patched_stages(read_json(sources.stages)["used"])
    cells = FIXED | {"automatic": recorded_cells(read_json(sources.circuits / "automatic.json"))}
    patches = {variant: replacements(cells[variant], layers) for variant in variants}
    means = patch_means(subject, correct_rows(subject, sources.correct), patches)
    for variant, patch in patches.items():
        circuit = circuit_of(subject.model, cut_values(subject.model, patch, means))
        record = {
            "circuit": variant,
            "model": _identity(name, subject.folder),
            "stages": {stage: list(span) for stage, span in layers.items() if stage != "all"},
            **_parts(circuit, patch),
            "means": _means(means, patch, sources.correct),
            "parameters": parameters(subject.model, circuit),
            "ranks": {
                split: agreement(
                    _before(circuit, subject, queries),
                    sources.circuits / table_file(circuit_split(variant, split)),
                )
                for split, queries in zip(EVALUATED, (subject.queries, test), strict=True)
            },
        }
        with atomic_folder(output / variant) as folder:
            write_circuit(folder, subject.folder, circuit, record)


def _before(circuit: Circuit, subject: Subject, queries: Queries) -> CircuitSubject:
    """A circuit of a subject's model before queries."""
    shared = {"shards": subject.shards, "folder": subject.folder}
    return CircuitSubject(circuit, subject.docids, queries, subject.limits, **shared)


def cut_values(model: T5, patch: Replacements, means: Means | None) -> dict[Any, torch.Tensor]:
    """What each place that a patch by zero and mean replaces adds to the residual stream,
    `[d_model]`."""
    zero = torch.zeros_like(model.embedding[0])
    return {place: means.mean(place) if how == "mean" else zero for place, how in patch.items()}


def write_circuit(folder: Path, model: Path, circuit: Circuit, record: Mapping[str, Any]) -> None:
    """Write a circuit of the model in the folder `model`, weights in the precision they have there,
    and the record with the size of both files of weights, in bytes."""
    for file in COPIED:
        shutil.copyfile(model / file, folder / file)
    files = opened_tensors(model)
    tensors = {n: files[n][1].get_tensor(n) for n in circuit.weights if n != VECTORS}
    save_file(tensors | {VECTORS: circuit.vectors.cpu()}, folder / CIRCUIT)
    sizes = {
        "model": sum(path.stat().st_size for path in weight_files(model)),
        "circuit": (folder / CIRCUIT).stat().st_size,
    }
    write_json(folder / RECORD, {**record, "bytes": sizes})


def _identity(name: str, folder: Path) -> dict[str, Any]:
    """Which model it is: its name and the SHA-256 of its files."""
    files = [*checkpoint_files(folder), *(folder / file for file in COPIED)]
    return {"name": name, "sha256": {path.name: sha256(path) for path in files}}


def _parts(circuit: Circuit, patch: Replacements) -> dict[str, Any]:
    """How many components stay, and of each whether it is computed for every query, the same for
    all of them and so folded into a vector, or cut and by what method."""
    rows = []
    for place in all_places(circuit.architecture.decoder_layers):
        stays = "computed" if place in circuit.places else "folded"
        state = "cut" if place in patch else stays
        row = {"layer": place[0], "component": place[1], "state": state}
        rows.append(row | {"method": patch.get(place)})
    return {"active": len(rows) - len(patch), "components": rows}


def _means(means: Means | None, patch: Replacements, correct: Path) -> dict[str, Any] | None:
    """The queries whose mean replaces a component; None where nothing is replaced by a mean."""
    if means is None or "mean" not in patch.values():
        return None
    counted = {"split": "validation", "correct_queries": len(means.query_ids)}
    return counted | {"sha256": {correct.name: sha256(correct)}}


def parameters(model: T5, circuit: Circuit) -> dict[str, dict[str, int]]:
    """Numbers of weights, in all and in the decoder, of the model, of what one step reads of it
    (which is no query and key of the decoder's self-attention), and of the circuit."""
    every = all_places(model.architecture.decoder_layers)
    parts = {
        "model": {name: model.weights[name] for name in model.weights},
        "one_step": {n: model.weights[n] for n in kept_tensors(model.weights, every)},
        "circuit": circuit.weights,
    }
    return {
        part: {
            "total": sum(tensor.numel() for tensor in weights.values()),
            "decoder": sum(
                tensor.numel()
                for name, tensor in weights.items()
                if name.startswith("decoder.") or name == VECTORS
            ),
        }
        for part, weights in parts.items()
    }
