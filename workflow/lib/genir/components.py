"""Names of decoder components, patching methods, stages and circuits, and of the files of them."""

from collections.abc import Iterable
from itertools import product
from typing import Literal

Component = Literal["self_attention", "cross_attention", "mlp"]
COMPONENTS: tuple[Component, ...] = ("self_attention", "cross_attention", "mlp")
ATTENTIONS: tuple[Component, ...] = ("self_attention", "cross_attention")
EMBEDDING = "embedding"
"""The start token's embedding, with which the residual stream begins."""

Method = Literal["zero", "mean", "mean_leave_one_out", "pretrained"]
METHODS: tuple[Method, ...] = ("zero", "mean", "mean_leave_one_out", "pretrained")

STAGES = ("I", "II", "III")
PATCHED_STAGES = (*STAGES, "all")
"""What patch_stage patches: each stage, and all decoder layers at once."""

Variant = Literal["study", "zero", "mean", "pretrained", "automatic"]
VARIANTS: tuple[Variant, ...] = ("study", "zero", "mean", "pretrained", "automatic")
AUTOMATIC_METHODS: tuple[Method, ...] = ("zero", "mean")
"""What the automatic circuit replaces a component by, preferred first."""

EVALUATED = ("validation", "test")
"""The splits that models are evaluated on."""
BASELINES = ("bm25_text", "bm25_text_queries")


def layer_patch(method: str, layer: int, component: str) -> str:
    """Name of the ranks with one component of one layer patched."""
    return f"{method}/layer{layer}.{component}"


def stage_patch(method: str, stage: str, component: str) -> str:
    """Name of the ranks with one component patched in all layers of a stage."""
    return f"{method}/{stage}.{component}"


def layer_patches(
    methods: Iterable[str], layers: Iterable[int], components: Iterable[str] = COMPONENTS
) -> list[str]:
    """Names of the ranks under every single patch of `components`."""
    return [layer_patch(*place) for place in product(methods, layers, components)]


def stage_patches(methods: Iterable[str]) -> list[str]:
    """Names of the ranks under every patch by stage."""
    return [stage_patch(*place) for place in product(methods, PATCHED_STAGES, COMPONENTS)]


def circuit_split(variant: str, split: str) -> str:
    """Name of the ranks of a split under a circuit."""
    return f"{variant}.{split}"


def table_file(name: str) -> str:
    """The file of one of these names, in the folder of a model."""
    return f"{name}.parquet"
