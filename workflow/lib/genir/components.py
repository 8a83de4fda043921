"""Names of decoder components, patching methods, stages, circuits, rank kinds and baselines."""

from typing import Literal

Component = Literal["self_attention", "cross_attention", "mlp"]
COMPONENTS: tuple[Component, ...] = ("self_attention", "cross_attention", "mlp")
ATTENTIONS: tuple[Component, ...] = ("self_attention", "cross_attention")
EMBEDDING = "embedding"
"""The start token's embedding, with which the residual stream begins."""

Method = Literal["zero", "mean", "mean_leave_one_out", "pretrained"]
METHODS: tuple[Method, ...] = ("zero", "mean", "mean_leave_one_out", "pretrained")

Variant = Literal["study", "zero", "mean", "pretrained", "automatic"]
VARIANTS: tuple[Variant, ...] = ("study", "zero", "mean", "pretrained", "automatic")
"""Circuits."""
AUTOMATIC_METHODS: tuple[Method, ...] = ("zero", "mean")
"""What the automatic circuit replaces components by."""

STAGES = ("I", "II", "III")
PATCHED_STAGES = (*STAGES, "all")
"""What patch_stage patches: each stage, and all decoder layers at once."""

EVALUATED = ("validation", "test")
"""The splits that models are evaluated on."""

RANK_KINDS = ("vocabulary", "docid")
"""The rank among all tokens, and that among the docids alone."""

BASELINES = ("bm25_text", "bm25_text_queries")
