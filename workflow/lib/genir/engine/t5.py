"""A T5 as plain tensors: its architecture and its weights by name, read when they are asked for.

Analyses need tensors, not modules; reading them directly saves every job the import of the model
classes, and tensors that are not asked for take no memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch.nn import functional

from genir.base.errors import ModelError
from genir.engine.model_config import UNTIED, activation_of, complete_config, read_config
from genir.engine.weights import COPIES, HEAD, UNUSED, SafetensorsWeights, Shapes

Weights = Mapping[str, torch.Tensor]

EVERY_LAYER = "umt5"
"""The `model_type` whose layers have position biases of their own."""

# Applied to what a product has just given, so the first may work in place.
ACTIVATIONS = {
    "relu": torch.relu_,
    "gelu_new": lambda x: functional.gelu(x, approximate="tanh"),
    "gelu": functional.gelu,
    "silu": functional.silu,
}


@dataclass(frozen=True)
class Architecture:
    """What config.json says of a T5 of any family; `scale` multiplies the final state before
    unembedding (d_model^-0.5 where input and output embedding are tied, else 1).

    transformers 5 writes `tie_word_embeddings: true` for all of them, so `scale_decoder_outputs`
    counts where it is there; mT5 and umT5, which are never tied, do not have it.
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
        config = complete_config(config)
        other, kind = config.get("model_type") in UNTIED, config["feed_forward_proj"]
        tied = not other and config.get("tie_word_embeddings") is not False
        return cls(
            d_model=config["d_model"],
            d_kv=config["d_kv"],
            d_ff=config["d_ff"],
            heads=config["num_heads"],
            encoder_layers=config["num_layers"],
            decoder_layers=config["num_decoder_layers"],
            activation=activation_of(kind),
            gated=kind.startswith("gated-"),
            scale=config["d_model"] ** -0.5 if config.get("scale_decoder_outputs", tied) else 1.0,
            epsilon=config["layer_norm_epsilon"],
            buckets=config["relative_attention_num_buckets"],
            max_distance=config["relative_attention_max_distance"],
            start_token=config["decoder_start_token_id"],
            pad_token=config["pad_token_id"],
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


def load_t5(folder: Path | str, device: torch.device | str = "cpu") -> T5:
    """A T5 that `save_pretrained` wrote, in any precision; computed with in float32.

    Raises ModelError if the folder holds no readable T5 in safetensors, or another one than its
    config.json describes.
    """
    folder = Path(folder)
    config = read_config(folder)
    architecture = Architecture.from_config(config)
    try:
        weights = SafetensorsWeights(folder, *tensor_shapes(architecture, config), device)
    except (OSError, ValueError, SafetensorError) as error:
        raise cannot_be_loaded(folder, error) from None
    return T5(architecture, weights)


def cannot_be_loaded(folder: Path | str, error: Exception) -> ModelError:
    return ModelError(
        f"{folder} cannot be loaded as a T5 model: {error}; get it again, or write it with "
        "save_pretrained"
    )


def tensor_shapes(a: Architecture, config: Mapping[str, Any]) -> tuple[Shapes, Shapes]:
    """The tensors that a T5 has, and those that it may have."""
    table, inner = (config["vocab_size"], a.d_model), a.heads * a.d_kv
    attention = dict.fromkeys(("q", "k", "v"), (inner, a.d_model)) | {"o": (a.d_model, inner)}
    up = ("wi_0", "wi_1") if a.gated else ("wi",)
    mlp = dict.fromkeys(up, (a.d_ff, a.d_model)) | {"wo": (a.d_model, a.d_ff)}
    parts = {"SelfAttention": attention, "EncDecAttention": attention, "DenseReluDense": mlp}
    shapes: Shapes = {"shared.weight": table}
    for stack, layers in (("encoder", a.encoder_layers), ("decoder", a.decoder_layers)):
        names = [name for name in parts if stack == "decoder" or name != "EncDecAttention"]
        for block, (number, name) in product(range(layers), enumerate(names)):
            place = f"{stack}.block.{block}.layer.{number}"
            shapes |= {f"{place}.{name}.{one}.weight": size for one, size in parts[name].items()}
            shapes[f"{place}.layer_norm.weight"] = (a.d_model,)
        with_biases = layers if config.get("model_type") == EVERY_LAYER else 1
        biases = (position_bias(stack, block) for block in range(with_biases))
        shapes |= dict.fromkeys(biases, (a.buckets, a.heads))
        shapes[f"{stack}.final_layer_norm.weight"] = (a.d_model,)
    optional: Shapes = dict.fromkeys(COPIES, table) | {UNUSED: (a.buckets, a.heads)}
    # Without it an untied model would begin with an output projection of its own, drawn anew.
    # That of umT5 cannot be the token embedding: nothing would say whether to scale before it.
    own = config.get("tie_word_embeddings") is False or config.get("model_type") == EVERY_LAYER
    (shapes if own else optional)[HEAD] = table
    return shapes, optional


def position_bias(stack: str, layer: int) -> str:
    """Name of a layer's position biases `[bucket, head]` in "encoder" or "decoder". umT5 has them
    in every layer; in other T5s the first layer's serve all."""
    return f"{stack}.block.{layer}.layer.0.SelfAttention.relative_attention_bias.weight"


def t5_of(model: torch.nn.Module) -> T5:
    """The weights of a `T5ForConditionalGeneration`, shared with it, not copied. An output
    projection that is the token embedding is no parameter of its own."""
    weights = dict(model.named_parameters())
    return T5(Architecture.from_config(model.config.to_dict()), weights)


def rms_norm(residual: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
    """T5's layer norm: weight * residual / root mean square, no mean subtracted. Where the squares
    are too large for a float the result is NaN; it would be zero, as if nothing had been there."""
    square = residual.pow(2).mean(-1, keepdim=True)
    square = square.masked_fill(square == torch.inf, torch.nan)
    return weight * (residual * torch.rsqrt(square + epsilon))
