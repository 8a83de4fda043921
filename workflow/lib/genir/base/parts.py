"""Names of the parts of a model that a fine-tuning may train, the rest being frozen.

    docids | embedding | norms | <stack>[.<layers>][.<component>]

Stacks are encoder and decoder, layers a number, a range such as 4-7 or, of the decoder, a stage,
components self_attention, cross_attention (of the decoder), mlp and norms.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genir.base.default_stages import default_stages
from genir.base.errors import ConfigError

STACKS = ("encoder", "decoder")
EVERYTHING = "all"
"""In place of a list."""
DOCIDS = "docids"
"""Rows of docids in the token embedding and in an output projection of its own."""
WORDS = "embedding"
"""All other rows of these."""
NORMS = "norms"
"""The norms of both stacks, or as a component those of one."""
WRITTEN = (
    "all or a list of docids, embedding, norms, encoder, decoder and of the two last what is in "
    "them: a layer (decoder.3), layers (encoder.0-1), a stage (decoder.III), a component "
    "(self_attention, cross_attention, mlp, norms: decoder.mlp), or both (decoder.III.mlp)"
)
_PART = re.compile(
    r"(?P<stack>encoder|decoder)"
    r"(\.((?P<stage>III|II|I)|(?P<first>\d+)(-(?P<last>\d+))?))?"
    rf"(\.(?P<component>self_attention|cross_attention|mlp|{NORMS}))?"
)


@dataclass(frozen=True)
class Part:
    """Weights of `stack`, or of both, in `layers` (first and last) and of `component`, where these
    say so."""

    stack: str | None
    layers: tuple[int, int] | None
    component: str | None

    def holds(self, stack: str, layer: int | None, component: str) -> bool:
        """Whether a weight is in it; what is of no layer is in no part that names layers."""
        if self.stack not in (None, stack) or self.component not in (None, component):
            return False
        return self.layers is None or (
            layer is not None and self.layers[0] <= layer <= self.layers[1]
        )

    def __str__(self) -> str:
        first, last = self.layers or (None, None)
        layers = None if first is None else str(first) if first == last else f"{first}-{last}"
        return ".".join(name for name in (self.stack, layers, self.component) if name is not None)


def read_part(
    name: str, depths: Mapping[str, int], stages: Mapping[str, Sequence[int]] | None = None
) -> Part | None:
    """The part that is called so in a model with `depths`, stack -> layers, and `stages`, stage ->
    first and last layer (T5-large's, scaled by depth, where none are given); None for the rows
    `docids` and `embedding`.

    Raises ConfigError if there is none.
    """
    if name in (DOCIDS, WORDS):
        return None
    if name == NORMS:
        return Part(None, None, NORMS)
    found = _PART.fullmatch(name)
    if found is None:
        raise ConfigError(f"{name!r} is no part of a model; write {WRITTEN}")
    stack, component = found["stack"], found["component"]
    if stack == "encoder" and (found["stage"] or component == "cross_attention"):
        what = "cross-attention" if component == "cross_attention" else "stages"
        raise ConfigError(f"{name}: the encoder has no {what}; write {WRITTEN}")
    layers = None
    if found["stage"]:
        first, last = (stages or default_stages(depths["decoder"]))[found["stage"]]
        layers = first, last
    elif found["first"]:
        layers = int(found["first"]), int(found["last"] or found["first"])
        if not layers[0] <= layers[1] < depths[stack]:
            raise ConfigError(
                f"{name}: the {stack} has the layers 0 to {depths[stack] - 1}; write a layer, or "
                f"the first and the last of a range, such as {stack}.0-{depths[stack] - 1}"
            )
    return Part(stack, layers, component)
