"""The weights of a T5 in a folder: all that its architecture has, nothing else, every number
finite."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import safe_open

from genir.base.errors import ModelError
from genir.base.progress import LOGGER
from genir.engine.model_files import check_names, left_over, shard_of_tensors, shortly, weight_files
from genir.files.damage import reading

FLOATS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
HEAD = "lm_head.weight"
COPIES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
"""Of the token embedding, which some checkpoints have."""
UNUSED = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
"""In old checkpoints; transformers leaves it out too."""

Shapes = dict[str, tuple[int, ...]]


class SafetensorsWeights(Mapping[str, torch.Tensor]):
    """The tensors of a checkpoint in float32, each read at its first use and then kept.

    `shapes` are those that must be there, `optional` those that may.
    """

    def __init__(
        self, folder: Path, shapes: Shapes, optional: Shapes, device: torch.device | str = "cpu"
    ) -> None:
        self._device, self._read = device, {}
        self._file_of = opened_tensors(folder)
        self._check_tensors(folder, shapes, optional)
        for name in COPIES:
            self._check_copy(folder, name)
        self._file_of = {n: file for n, file in self._file_of.items() if n != UNUSED}

    def __getitem__(self, name: str) -> torch.Tensor:
        if name not in self._read:
            path, file = self._file_of[name]
            with reading(path, opened=True):
                stored = file.get_tensor(name)
            tensor = stored.to(self._device, torch.float32)
            check_finite(tensor, stored, f"{path}: tensor {name}")
            self._read[name] = tensor
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._file_of

    def __iter__(self) -> Iterator[str]:
        return iter(self._file_of)

    def __len__(self) -> int:
        return len(self._file_of)

    def check_all(self) -> None:
        """Raises ModelError as reading every tensor does; none is kept."""
        for name in self._file_of:
            kept = name in self._read
            self[name]
            if not kept:
                del self._read[name]

    def _check_tensors(self, folder: Path, shapes: Shapes, optional: Shapes) -> None:
        """Raises ModelError with all that is missing, unexpected, of another shape or encoding."""
        slices = {n: file.get_slice(n) for n, (_, file) in self._file_of.items()}
        known = shapes | optional
        encoded = [
            f"{name} is {held.get_dtype()}"
            for name, held in slices.items()
            if held.get_dtype() not in FLOATS
        ]
        faults = {
            "in an encoding that is not computed": encoded,
            "missing": [name for name in shapes if name not in slices],
            "unexpected": [name for name in slices if name not in known],
            "of another shape": [
                f"{name} is {held.get_shape()}, config.json means {list(known[name])}"
                for name, held in slices.items()
                if name in known and tuple(held.get_shape()) != known[name]
            ],
        }
        found = [f"{len(names)} {how}: {shortly(names)}" for how, names in faults.items() if names]
        if found:
            raise ModelError(
                f"{folder}: its tensors are not those of the T5 in its config.json: "
                f"{'; '.join(found)}; name a folder that T5ForConditionalGeneration's "
                f"save_pretrained wrote, in {', '.join(FLOATS.values())}"
            )

    def _check_copy(self, folder: Path, name: str) -> None:
        if name in self._file_of:
            if not torch.equal(self[name], self["shared.weight"]):
                raise ModelError(
                    f"{folder}: tensor {name} differs from shared.weight, but a T5 has one token "
                    "embedding; keep the right one of the two"
                )
            del self._file_of[name], self._read[name]


def opened_tensors(folder: Path) -> dict[str, tuple[Path, safe_open]]:
    """File of every tensor of the checkpoint in a folder; none is cut off.

    Raises ModelError as `weight_files`, and if the shards are not those of the index;
    DamagedFileError as `reading`. Safetensors files that are left over are logged.
    """
    files = {path: _opened(path) for path in weight_files(folder)}
    if others := left_over(folder):
        LOGGER.warning(
            "%s: %s not read, for the checkpoint is %s", folder, shortly(others), next(iter(files))
        )
    shards = shard_of_tensors(folder)
    if shards is not None:
        check_names(folder, shards, {path.name: list(f.keys()) for path, f in files.items()})
    return {name: (path, file) for path, file in files.items() for name in file.keys()}  # noqa: SIM118


def _opened(path: Path) -> safe_open:
    with reading(path):
        return safe_open(path, framework="pt")


def check_finite(tensor: torch.Tensor, stored: torch.Tensor, what: str) -> None:
    """Raises ModelError if a number of `tensor` is none; `stored` is what it was converted from."""
    if tensor.numel() == 0 or are_finite(tensor):
        return
    count = int((~tensor.isfinite()).sum())
    if are_finite(stored):
        said = f"are too large for float32 ({str(stored.dtype).removeprefix('torch.')})"
    else:
        said = "are not finite (NaN or infinite)"
    raise ModelError(
        f"{what}: {count} of {tensor.numel()} values {said}; nothing computed with them can be "
        "compared. Take an earlier checkpoint of the model"
    )


def are_finite(tensor: torch.Tensor) -> bool:
    """One sum: NaN and what is infinite stay in it. A sum may overflow too, which is looked at."""
    return bool(torch.isfinite(tensor.sum())) or bool(torch.isfinite(tensor).all())


def check_module(model: torch.nn.Module, what: str) -> None:
    """The same of the weights of a model that is about to be saved."""
    for name, weight in model.named_parameters():
        check_finite(weight.data, weight.data, f"{what}: tensor {name}")
