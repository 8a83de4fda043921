"""What config.json says of a T5, with the values that transformers takes for what it leaves out."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genir.base.errors import ModelError
from genir.engine.model_json import read_object

FAMILIES = ("t5", "mt5", "umt5")
"""`model_type` of T5, T5 v1.1 and Flan-T5; of mT5; of umT5 and Pile-T5."""

UNTIED = ("mt5", "umt5")
"""Whose output projection is never the token embedding, whatever `tie_word_embeddings` says:
transformers 5 writes true for all of them."""

ACTIVATIONS = ("relu", "gelu_new", "gelu", "silu")
_GELU = "gated-gelu"
"""T5 v1.1's `feed_forward_proj`, which means gelu_new."""

_SIZES = (
    "vocab_size",
    "d_model",
    "d_kv",
    "d_ff",
    "num_layers",
    "num_decoder_layers",
    "num_heads",
    "relative_attention_num_buckets",
    "relative_attention_max_distance",
)
_OF_ALL = {
    "d_model": 512,
    "d_kv": 64,
    "relative_attention_num_buckets": 32,
    "relative_attention_max_distance": 128,
    "layer_norm_epsilon": 1e-6,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "decoder_start_token_id": 0,
}
_MULTILINGUAL = _OF_ALL | {
    "vocab_size": 250112,
    "d_ff": 1024,
    "num_layers": 8,
    "num_heads": 6,
    "feed_forward_proj": "gated-gelu",
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "t5": _OF_ALL
    | {
        "vocab_size": 32128,
        "d_ff": 2048,
        "num_layers": 6,
        "num_heads": 8,
        "feed_forward_proj": "relu",
    },
    "mt5": _MULTILINGUAL,
    "umt5": _MULTILINGUAL,
}
_OTHER_NAMES = {
    "hidden_size": "d_model",
    "num_attention_heads": "num_heads",
    "num_hidden_layers": "num_layers",
    "head_dim": "d_kv",
}
"""By which transformers knows some keys too."""
_UNMERGED = "adapter_config.json"


def read_config(folder: Path | str) -> dict[str, Any]:
    """The checked config.json of a model folder, complete.

    Raises ModelError if there is none, if it describes no T5, or weights that are not plain numbers
    of their own.
    """
    folder = Path(folder)
    path = folder / "config.json"
    if not path.is_file():
        raise ModelError(
            f"{folder} has no config.json; name a folder written by save_pretrained, "
            "with model.safetensors and a tokenizer"
        )
    config = read_object(path)
    if "model_type" not in config:
        raise ModelError(f'{path} states no model_type; write "model_type": "t5" if it is a T5')
    if (folder / _UNMERGED).is_file():
        raise ModelError(
            f"{folder} holds an adapter ({_UNMERGED}), which is not computed; merge it into the "
            "weights (merge_and_unload in peft), save_pretrained, and name that folder"
        )
    try:
        return complete_config(config)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def complete_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a config.json with the defaults of its family; without `model_type` a T5's.

    Raises ModelError for a value that no T5 has, and for what would change the weights' meaning.
    """
    family = config.get("model_type", "t5")
    if family not in FAMILIES:
        raise ModelError(
            f"model_type {family!r} is not a T5; this engine computes {', '.join(FAMILIES)}"
        )
    _check_plain(config)
    said = {key: value for key, value in config.items() if value is not None}
    for other, name in _OTHER_NAMES.items():
        if other in said and said.setdefault(name, said[other]) != said[other]:
            raise ModelError(
                f"{other} is {said[other]!r} and {name} is {said[name]!r}; they mean the same, "
                "keep the right one"
            )
    complete = DEFAULTS[family] | said
    complete.setdefault("num_decoder_layers", complete["num_layers"])
    _check_values(complete)
    return complete


def _check_plain(config: Mapping[str, Any]) -> None:
    """Raises ModelError for encoded weights, and for weights that are elsewhere or shared."""
    encoding = config.get("quantization_config")
    if encoding is not None:
        named = encoding if isinstance(encoding, dict) else {"quant_method": encoding}
        said = ", ".join(f"{key} {value}" for key, value in named.items()) or "quantization_config"
        raise ModelError(
            f"the weights are quantised ({said}), which this engine does not compute; name the "
            "folder of the model before it was quantised, in float32, float16 or bfloat16"
        )
    for key in ("transformers_weights", "pruned_heads", "tie_encoder_decoder"):
        if config.get(key):
            raise ModelError(
                f"{key} is {config[key]!r}, which this engine does not compute; load the model "
                "where it was made, save_pretrained it without, and name that folder"
            )


def _check_values(config: Mapping[str, Any]) -> None:
    for key in _SIZES:
        if type(config[key]) is not int or config[key] < 1:
            raise ModelError(f"{key} is {config[key]!r}; write a whole number from 1 on")
    epsilon = config["layer_norm_epsilon"]
    if type(epsilon) not in (int, float) or not math.isfinite(epsilon) or epsilon < 0:
        raise ModelError(f"layer_norm_epsilon is {epsilon!r}; write a number such as 1e-06")
    _check_tokens(config)
    kind = config["feed_forward_proj"]
    if kind != _GELU and kind not in (f"{gate}{a}" for gate in ("", "gated-") for a in ACTIVATIONS):
        raise ModelError(
            f"feed_forward_proj {kind!r} is not known; this engine computes "
            f"{', '.join(ACTIVATIONS)}, each alone or after 'gated-'"
        )
    meant = {"dense_act_fn": activation_of(kind), "is_gated_act": kind.startswith("gated-")}
    for key, value in meant.items():
        if config.get(key, value) != value:
            raise ModelError(
                f"{key} is {config[key]!r}, but feed_forward_proj {kind!r} means {value!r}; "
                "correct the wrong one"
            )
    for key in ("tie_word_embeddings", "scale_decoder_outputs"):
        if type(config.get(key, True)) is not bool:
            raise ModelError(f"{key} is {config[key]!r}; write true or false")


def _check_tokens(config: Mapping[str, Any]) -> None:
    """Token ids are rows of the embedding; of end tokens there may be several."""
    for key in ("pad_token_id", "decoder_start_token_id", "eos_token_id"):
        value = config[key]
        listed = value if key == "eos_token_id" and isinstance(value, list) and value else [value]
        for token in listed:
            if type(token) is not int or not 0 <= token < config["vocab_size"]:
                raise ModelError(
                    f"{key} is {value!r}; write a whole number from 0 to "
                    f"{config['vocab_size'] - 1}, the last row (vocab_size)"
                )


def activation_of(kind: str) -> str:
    """The activation function that a `feed_forward_proj` means."""
    return "gelu_new" if kind == _GELU else kind.rpartition("-")[2]


def end_tokens(config: Mapping[str, Any]) -> list[int]:
    """The ids of the tokens that end a text."""
    value = config["eos_token_id"]
    return value if isinstance(value, list) else [value]
