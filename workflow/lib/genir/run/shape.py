"""How large a T5 is, read without loading it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genir.base.errors import ConfigError
from genir.engine.model_config import UNTIED, complete_config

# Where a hub model has not been fetched yet: t5-large, whose inner width is d_model.
ASSUMED_WIDTH = 1024
ASSUMED_HEADS = 16
ASSUMED_ROWS = 32_128


@dataclass(frozen=True)
class Shape:
    """Dimensions of a T5; `inner` is heads x d_kv, `rows` those of its token embedding."""

    d_model: int
    d_ff: int
    inner: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    rows: int
    gated: bool = False
    tied: bool = True

    @property
    def mlp(self) -> int:
        """Weights of one MLP."""
        return (3 if self.gated else 2) * self.d_model * self.d_ff

    @property
    def encoder(self) -> int:
        """Weights of the encoder's blocks."""
        return self.encoder_layers * (4 * self.inner * self.d_model + self.mlp)

    @property
    def decoder(self) -> int:
        """Weights of the decoder's blocks."""
        return self.decoder_layers * (8 * self.inner * self.d_model + self.mlp)

    def tables(self, rows: int) -> int:
        """Weights of token embedding and output projection with `rows` rows."""
        return (1 if self.tied else 2) * rows * self.d_model

    def weights(self, rows: int) -> int:
        """All weights of the model with `rows` rows; norms and position biases are left out."""
        return self.encoder + self.decoder + self.tables(rows)


def shape_of_config(config: Mapping[str, Any]) -> Shape:
    """From the keys of config.json. Raises ModelError if it does not describe a T5."""
    config = complete_config(config)
    untied, heads = config.get("model_type") in UNTIED, config["num_heads"]
    return Shape(
        d_model=config["d_model"],
        d_ff=config["d_ff"],
        inner=heads * config["d_kv"],
        heads=heads,
        encoder_layers=config["num_layers"],
        decoder_layers=config["num_decoder_layers"],
        rows=config["vocab_size"],
        gated=config["feed_forward_proj"].startswith("gated-"),
        tied=not untied and config.get("tie_word_embeddings") is not False,
    )


def fetched_shape(config: Mapping[str, Any], entry: Mapping[str, Any]) -> Shape:
    """The same of a hub model. Raises ConfigError if `entry` states other layers."""
    shape = shape_of_config(config)
    for key in ("encoder_layers", "decoder_layers"):
        if entry[key] != getattr(shape, key):
            raise ConfigError(
                f"{entry['id']}: {key} is {entry[key]}, but its config.json says "
                f"{getattr(shape, key)}; write {getattr(shape, key)}"
            )
    return shape


def assumed_shape(entry: Mapping[str, Any]) -> Shape:
    """A hub model before it is fetched: the layers and width that `entry` states, the rest in the
    proportions of the first T5."""
    width = entry.get("d_model", ASSUMED_WIDTH)
    return Shape(
        d_model=width,
        d_ff=4 * width,
        inner=width,
        heads=ASSUMED_HEADS,
        encoder_layers=entry["encoder_layers"],
        decoder_layers=entry["decoder_layers"],
        rows=ASSUMED_ROWS,
    )
