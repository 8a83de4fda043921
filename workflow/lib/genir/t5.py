"""A T5 as plain tensors: its architecture and its weights by name, read when they are asked for.

Analyses need tensors, not modules; reading them directly saves every job the import of the model
classes, and tensors that are not asked for take no memory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch.nn import functional

from genir.damaged import reading
from genir.errors import ModelError
from genir.files import read_json

Weights = Mapping[str, torch.Tensor]

FAMILIES = ("t5", "mt5")
"""`model_type` of T5, T5 v1.1 and Flan-T5, and of mT5."""

# Applied to what a product has just given, so the first may work in place.
ACTIVATIONS = {
    "relu": torch.relu_,
    "gelu_new": lambda x: functional.gelu(x, approximate="tanh"),
    "gelu": functional.gelu,
    "silu": functional.silu,
}


@dataclass(frozen=True)
class Architecture:
    """What config.json says of a T5, T5 v1.1, Flan-T5 or mT5; `scale` multiplies the final state
    before unembedding (d_model^-0.5 where input and output embedding are tied, else 1).

    transformers 5 writes `tie_word_embeddings: true` for all of them, so `scale_decoder_outputs`
    counts where it is there; mT5, which is never tied, does not have it.
    """

    d_model: int
    d_kv: int
    d_ff: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    activation: str
    gated: bool
    scale: float
    epsilon: float
    buckets: int
    max_distance: int
    start_token: int
    pad_token: int

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Architecture":
        """From the keys of config.json. Raises ModelError for an activation T5 does not have, and
        for a relative of T5 that computes something else."""
        family = config.get("model_type", "t5")
        if family not in FAMILIES:
            raise ModelError(
                f"model_type {family!r} is not a T5; this engine computes {' and '.join(FAMILIES)}"
            )
        other = family == "mt5"
        kind = config.get("feed_forward_proj", "gated-gelu" if other else "relu")
        activation = "gelu_new" if kind == "gated-gelu" else kind.rpartition("-")[2]
        if activation not in ACTIVATIONS:
            raise ModelError(
                f"feed_forward_proj {kind!r} is not known; this engine computes "
                f"{', '.join(ACTIVATIONS)}, each alone or after 'gated-'"
            )
        tied = not other and config.get("tie_word_embeddings") is not False
        layers = config["num_layers"]
        return cls(
            d_model=config["d_model"],
            d_kv=config["d_kv"],
            d_ff=config["d_ff"],
            heads=config["num_heads"],
            encoder_layers=layers,
            decoder_layers=config.get("num_decoder_layers") or layers,
            activation=activation,
            gated=kind.startswith("gated-"),
            scale=config["d_model"] ** -0.5 if config.get("scale_decoder_outputs", tied) else 1.0,
            epsilon=config.get("layer_norm_epsilon", 1e-6),
            buckets=config.get("relative_attention_num_buckets", 32),
            max_distance=config.get("relative_attention_max_distance", 128),
            start_token=config.get("decoder_start_token_id") or 0,
            pad_token=config.get("pad_token_id") or 0,
        )


@dataclass(frozen=True)
class T5:
    """Architecture and weights, named as in `T5ForConditionalGeneration.state_dict()`."""

    architecture: Architecture
    weights: Weights

    @property
    def embedding(self) -> torch.Tensor:
        """Token embedding `[vocabulary, d_model]`."""
        return self.weights["shared.weight"]

    @property
    def head(self) -> torch.Tensor:
        """Output projection `[vocabulary, d_model]`: the token embedding itself where tied."""
        tied = "lm_head.weight" not in self.weights
        return self.embedding if tied else self.weights["lm_head.weight"]


class SafetensorsWeights(Weights):
    """The tensors of a model folder in float32, each read at its first use and then kept."""

    def __init__(self, folder: Path, device: torch.device | str = "cpu") -> None:
        self._device, self._read = device, {}
        opened = open_weights(folder)
        self._file_of = {name: file for file in opened for name in file.keys()}  # noqa: SIM118

    def __getitem__(self, name: str) -> torch.Tensor:
        if name not in self._read:
            tensor = self._file_of[name].get_tensor(name)
            self._read[name] = tensor.to(self._device, torch.float32)
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._file_of

    def __iter__(self) -> Iterator[str]:
        return iter(self._file_of)

    def __len__(self) -> int:
        return len(self._file_of)


def open_weights(folder: Path | str) -> list[safe_open]:
    """The safetensors files of a folder; none is cut off. Raises DamagedFileError as `reading`."""
    opened = []
    for file in sorted(Path(folder).glob("*.safetensors")):
        with reading(file):
            opened.append(safe_open(file, framework="pt"))
    return opened


def load_t5(folder: Path | str, device: torch.device | str = "cpu") -> T5:
    """A T5 that `save_pretrained` wrote, in any precision; computed with in float32.

    Raises ModelError if the folder holds no readable T5 in safetensors.
    """
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"{folder} has no config.json; name a folder written by save_pretrained, "
            "with model.safetensors and a tokenizer"
        )
    try:
        architecture = Architecture.from_config(read_json(folder / "config.json"))
        model = T5(architecture, SafetensorsWeights(folder, device))
        _check_complete(model)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise cannot_be_loaded(folder, error) from None
    return model


def cannot_be_loaded(folder: Path | str, error: Exception) -> ModelError:
    return ModelError(
        f"{folder} cannot be loaded as a T5 model: {error}; get it again, or write it with "
        "save_pretrained"
    )


def _check_complete(model: T5) -> None:
    """Raises ValueError unless embedding and the last layer of either stack are there."""
    last = model.architecture.encoder_layers - 1, model.architecture.decoder_layers - 1
    wanted = (
        "shared.weight",
        f"encoder.block.{last[0]}.layer.1.layer_norm.weight",
        f"decoder.block.{last[1]}.layer.2.layer_norm.weight",
        "encoder.final_layer_norm.weight",
        "decoder.final_layer_norm.weight",
    )
    missing = [name for name in wanted if name not in model.weights]
    if missing:
        raise ValueError(f"its safetensors files have no tensor {missing[0]}")


def t5_of(model: torch.nn.Module) -> T5:
    """The weights of a `T5ForConditionalGeneration`, shared with it, not copied."""
    weights = dict(model.named_parameters())
    if model.lm_head.weight is not model.shared.weight:
        weights["lm_head.weight"] = model.lm_head.weight
    return T5(Architecture.from_config(model.config.to_dict()), weights)


def rms_norm(residual: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
    """T5's layer norm: weight * residual / root mean square, no mean subtracted."""
    return weight * (residual * torch.rsqrt(residual.pow(2).mean(-1, keepdim=True) + epsilon))
