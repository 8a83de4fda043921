"""Names that files, tables and the configuration share: components, methods, stages, circuits,
splits, rank kinds, baselines, docid tokens, seed copies, parts of an encoder."""

import re
from typing import Literal

Component = Literal["self_attention", "cross_attention", "mlp"]
COMPONENTS: tuple[Component, ...] = ("self_attention", "cross_attention", "mlp")
ATTENTIONS: tuple[Component, ...] = ("self_attention", "cross_attention")
EMBEDDING = "embedding"
"""The start token's embedding, with which the residual stream begins."""
UNEMBEDDING = "unembedding"
"""What reads the residual stream last: final norm and output projection."""

DonorMethod = Literal["donor_random", "donor_rival", "donor_pairs"]
DONORS: tuple[DonorMethod, ...] = ("donor_random", "donor_rival", "donor_pairs")
"""Methods that put in the same component's output on another query, the donor."""
Method = Literal["zero", "mean", "mean_leave_one_out", "pretrained"] | DonorMethod
METHODS: tuple[Method, ...] = ("zero", "mean", "mean_leave_one_out", "pretrained", *DONORS)

Variant = Literal["study", "zero", "mean", "pretrained", "automatic"]
VARIANTS: tuple[Variant, ...] = ("study", "zero", "mean", "pretrained", "automatic")
"""Circuits."""
AUTOMATIC_METHODS: tuple[Method, ...] = ("zero", "mean")
"""What the automatic circuit replaces components by."""

ABLATIONS: tuple[Method, ...] = ("mean", "donor_random")
"""What replaces the components outside of a circuit of any size."""
ORDERS = ("zero", "mean", "donor_random", "attribution", "study", "random")
"""By what components enter such a circuit: the effect of replacing each alone by a method, an
estimate of it by gradients, the study's circuit before all others, chance."""

STAGES = ("I", "II", "III")
PATCHED_STAGES = (*STAGES, "all")
"""What patch_stage patches: each stage, and all decoder layers at once."""

EVALUATED = ("validation", "test")
"""The splits that models are evaluated on."""

RANK_KINDS = ("vocabulary", "docid")
"""The rank among all tokens, and that among the docids alone."""

AS_RELEASED = "as_released"
"""The value of `evaluation.attention_mask` that also computes what the study's code does without
one."""
UNMODIFIED, STUDY = "unmodified", "study"
"""The whole model and the study's circuit in its tables."""
RELEASED, WITH_MASK = "released", "with_mask"
"""Lists of correct queries in its tables: the released code's, and ours."""

BASELINES = ("bm25_text", "bm25_text_queries")

SPLITS = ("train", "validation", "test")

PUBLISHED = re.compile(r"@DOC_ID_(.+)@", re.DOTALL)
"""How the study's published checkpoints spell the token of a document."""

_COPY = re.compile(r"-seed\d+$")


def seed_name(model: str, seed: int) -> str:
    """Name of the copy of `model` that is trained with another seed."""
    return f"{model}-seed{seed}"


def is_seed_copy(model: str) -> bool:
    """Whether `model` is such a copy; no model of a configuration may be called like one."""
    return _COPY.search(model) is not None


def part_names(layers: int) -> list[str]:
    """Names of the partial swaps of an encoder with `layers` layers."""
    single = [f"layer{i}.{part}" for i in range(layers) for part in ("self_attention", "mlp")]
    return ["embedding", *single, *(f"up_to.layer{i}" for i in range(layers))]
