"""Which files of a model folder are read: as transformers does, `model.safetensors` or, without it,
the shards that `model.safetensors.index.json` names."""

from collections.abc import Mapping
from pathlib import Path

from genir.base.errors import ModelError, UserError
from genir.engine.model_json import read_object

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
CIRCUIT = "circuit.safetensors"
"""What is left of a T5's weights in the folder of a circuit."""
CONVERSION = (
    "convert it once where you trust it: AutoModelForSeq2SeqLM.from_pretrained(<folder>)"
    ".save_pretrained(<folder>)"
)


def shard_of_tensors(folder: Path | str) -> dict[str, str] | None:
    """The file name that the index gives for every tensor; None if `model.safetensors` is there.

    Raises ModelError if there is neither, and if the index is damaged or names a file that is not
    there.
    """
    folder = Path(folder)
    if (folder / SINGLE).is_file():
        return None
    if not (folder / INDEX).is_file():
        raise ModelError(_no_weights(folder))
    shards = read_object(folder / INDEX).get("weight_map")
    if not isinstance(shards, dict) or not shards or not all(map(_is_name, shards.values())):
        raise ModelError(
            f'{folder / INDEX} must say {{"weight_map": {{<tensor>: <file>.safetensors}}}} with '
            "files of the same folder; get it again"
        )
    missing = sorted(name for name in set(shards.values()) if not (folder / name).is_file())
    if missing:
        raise ModelError(
            f"{folder} lacks {shortly(missing)}, which {INDEX} names; get the folder again"
        )
    return shards


def weight_files(folder: Path | str) -> list[Path]:
    """The safetensors files that are the checkpoint. Raises ModelError as `shard_of_tensors`."""
    shards = shard_of_tensors(folder)
    names = [SINGLE] if shards is None else sorted(set(shards.values()))
    return [Path(folder) / name for name in names]


def checkpoint_files(folder: Path | str) -> list[Path]:
    """The same, with the index if it is read. Raises ModelError as `shard_of_tensors`."""
    files = weight_files(folder)
    return files if files == [Path(folder) / SINGLE] else [Path(folder) / INDEX, *files]


def left_over(folder: Path | str) -> list[str]:
    """Names of safetensors files that are not the checkpoint, in a folder that has one."""
    read = set(weight_files(folder))
    there = sorted(Path(folder).glob("*.safetensors"))
    return [path.name for path in there if path not in read and not path.name.startswith(".")]


def files_read(folder: Path | str, weights: bool = True) -> list[Path]:
    """What results depend on in a model folder: configuration, tokenizer and, with `weights`, the
    checkpoint; as far as it is there, for those that read it say what is missing."""
    folder = Path(folder)
    files = {
        path
        for pattern in ("*.json", "*.model")
        for path in folder.glob(pattern)
        if path.is_file() and not path.name.startswith(".")
    }
    if weights:
        try:
            files |= set(checkpoint_files(folder))
        except UserError:
            files |= {path for path in folder.glob("*.safetensors") if path.is_file()}
    return sorted(files)


def shortly(names: list[str], most: int = 3) -> str:
    """The first names and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and Path(value).name == value and value.endswith(".safetensors")


def _no_weights(folder: Path) -> str:
    if (folder / CIRCUIT).is_file():
        return (
            f"{folder} holds a circuit, which lacks parts of its T5, so it can only retrieve "
            "(evaluate.py, retrieve.py); name the folder of the whole model"
        )
    others = sorted(path.name for path in folder.glob("*.safetensors"))
    if others:
        return (
            f"{folder} has neither {SINGLE} nor {INDEX}, which say what the checkpoint is, only "
            f"{shortly(others)}; rename the right file to {SINGLE}, or get the index of the shards"
        )
    return (
        f"{folder} has no weights in safetensors; other formats can hold programs and are not "
        f"loaded: {CONVERSION}"
    )


def check_names(folder: Path, shards: Mapping[str, str], held: Mapping[str, list[str]]) -> None:
    """`held` are the tensors of every file. Raises ModelError unless they are the index's."""
    wrong = [f"{name} is not in {file}" for name, file in shards.items() if name not in held[file]]
    wrong += [
        f"{name} is in {file}, which the index does not say"
        for file, names in held.items()
        for name in names
        if shards.get(name) != file
    ]
    if wrong:
        raise ModelError(
            f"{folder}: {INDEX} and its files do not belong together: {shortly(wrong)}; get the "
            "folder again"
        )
