"""Values that follow from a checked configuration."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genir.base.names import seed_name
from genir.base.parts import EVERYTHING, STACKS, read_part
from genir.base.paths import REPOSITORY, resolve
from genir.engine.model_config import read_config

DIRECT = "documents"
CORPUS_FILES = (
    "documents",
    "queries",
    "qrels",
    "train_queries",
    "validation_queries",
    "test_queries",
    "validation_qrels",
    "test_qrels",
)
"""Keys of a corpus that name a file."""
_FIRST_SEED_ONLY = ("seeds", "reduced", "study_dataset")


def named_paths(value: Any, repository: Path, workdir: Path) -> Iterator[Path]:
    """Files and folders that are there and are named anywhere in a configuration."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from named_paths(part, repository, workdir)
    elif isinstance(value, str) and value:
        path = resolve(value, repository, workdir)
        if path.exists() and not workdir.is_relative_to(path):
            yield path


def drop_empty(config: dict[str, Any]) -> None:
    """Take out the entries of `corpora`, `datasets`, `models` and `series`, and the models of a
    series, that a file emptied by `name:` alone, which is how it leaves out one of the file
    below."""
    for key in ("corpora", "datasets", "models", "series"):
        _drop_empty(config, key)
    series = config.get("series")
    for entry in series.values() if isinstance(series, dict) else ():
        _drop_empty(entry, "models")


def _drop_empty(entry: Any, key: str) -> None:
    if isinstance(entry, dict) and isinstance(entry.get(key), dict):
        entry[key] = {name: value for name, value in entry[key].items() if value is not None}


def is_trained(entry: dict[str, Any]) -> bool:
    """Whether an entry of `models` is trained here rather than taken from a folder or the hub."""
    return not {"folder", "hub"} & entry.keys()


def finetuning(config: dict[str, Any], model: str) -> dict[str, Any]:
    """How `model` is fine-tuned: the common keys, overridden by its own."""
    return config["finetuning"] | config["models"][model].get("finetuning", {})


def trainable(
    config: dict[str, Any], model: str, workdir: Path, repository: Path = REPOSITORY
) -> list[str] | str:
    """The parts of `model` that are trained, each once and in one order, stages as the layers that
    they are: other names of the same make no other training. The word all for all of it.

    Raises ConfigError if there is no such part, ModelError as `decoder_layers`.
    """
    names = finetuning(config, model).get("trainable", EVERYTHING)
    if names == EVERYTHING:
        return EVERYTHING
    layers = dict(zip(STACKS, _layers(config, model, workdir, repository), strict=True))
    stages = config["models"][model].get("stages")
    return sorted({str(read_part(name, layers, stages) or name) for name in names})


def query_generator(config: dict[str, Any], model: str) -> str | None:
    """The entry of query_generators whose queries `model` learns; None for direct indexing."""
    indexing = config["models"][model].get("indexing", DIRECT)
    return None if indexing == DIRECT else indexing


def pretraining_start(config: dict[str, Any]) -> dict[str, Any] | None:
    """The model that a pre-training goes on from; None if it starts from random weights."""
    start = config["pretraining"].get("start", {"type": "random"})
    return None if start["type"] == "random" else start


def expand_seeds(models: dict[str, Any]) -> dict[str, Any]:
    """`models` with an entry `<name>-seed<k>` behind every model for each of its further `seeds`:
    the same model with `finetuning.seed` k, without reduced models and without a place beside the
    study's numbers."""
    expanded = {}
    for name, model in models.items():
        expanded[name] = model
        kept = {key: value for key, value in model.items() if key not in _FIRST_SEED_ONLY}
        for seed in model.get("seeds", [])[1:]:
            settings = kept.get("finetuning", {}) | {"seed": seed}
            expanded[seed_name(name, seed)] = kept | {"finetuning": settings}
    return expanded


def is_ordered(series: dict[str, Any]) -> bool:
    """Whether the quantity of a series is a number; words have no order."""
    return not any(isinstance(value, str) for value in series["models"].values())


def study_models(config: dict[str, Any]) -> dict[str, str]:
    """Dataset of the study -> the model that stands beside its numbers: the one that names it in
    `study_dataset`; NQ10k, if none does, the headline model unless that one names another."""
    named = {
        model["study_dataset"]: name
        for name, model in config["models"].items()
        if "study_dataset" in model
    }
    headline = config["headline_model"]
    return named if headline in named.values() else {"NQ10k": headline} | named


def encoder_layers(
    config: dict[str, Any], model: str, workdir: Path, repository: Path = REPOSITORY
) -> int:
    """Encoder layers of `model`. Raises ModelError if its config.json cannot be read."""
    return _layers(config, model, workdir, repository)[0]


def decoder_layers(
    config: dict[str, Any], model: str, workdir: Path, repository: Path = REPOSITORY
) -> int:
    """Decoder layers of `model`. Raises ModelError if its config.json cannot be read."""
    return _layers(config, model, workdir, repository)[1]


def _layers(config: dict[str, Any], model: str, workdir: Path, repository: Path) -> tuple[int, int]:
    entry = config["models"][model]
    if "folder" in entry:
        return folder_layers(resolve(entry["folder"], repository, workdir))
    if "hub" in entry:
        return entry["hub"]["encoder_layers"], entry["hub"]["decoder_layers"]
    return start_layers(config, entry["start"], workdir, repository)


def start_layers(
    config: dict[str, Any], start: dict[str, Any], workdir: Path, repository: Path
) -> tuple[int, int]:
    """Encoder and decoder layers of what fine-tuning starts from."""
    if start["type"] == "hub":
        return start["encoder_layers"], start["decoder_layers"]
    if start["type"] == "pretraining":
        if (pretrained := pretraining_start(config)) is not None:
            return start_layers(config, pretrained, workdir, repository)
        shape = config["pretraining"]["shape"]
        return shape["num_layers"], shape["num_decoder_layers"]
    folder = start["path"] if start["type"] == "folder" else start["like"]
    return folder_layers(resolve(folder, repository, workdir))


def folder_layers(folder: Path) -> tuple[int, int]:
    """Encoder and decoder layers that a folder's config.json states.

    Raises ModelError if there is no such file or it does not describe a T5.
    """
    config = read_config(folder)
    return config["num_layers"], config["num_decoder_layers"]
