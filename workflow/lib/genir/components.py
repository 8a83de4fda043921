"""Names of decoder components, patching methods and stages."""

from typing import Literal

Component = Literal["self_attention", "cross_attention", "mlp"]
COMPONENTS: tuple[Component, ...] = ("self_attention", "cross_attention", "mlp")

Method = Literal["zero", "mean", "mean_leave_one_out", "pretrained"]
METHODS: tuple[Method, ...] = ("zero", "mean", "mean_leave_one_out", "pretrained")

STAGES = ("I", "II", "III")
