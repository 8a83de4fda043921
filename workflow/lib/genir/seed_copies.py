"""Names of the copies of a model that are trained with other seeds."""

import re

_COPY = re.compile(r"-seed\d+$")


def seed_name(model: str, seed: int) -> str:
    """Name of the copy of `model` that is trained with another seed."""
    return f"{model}-seed{seed}"


def is_seed_copy(model: str) -> bool:
    """Whether `model` is such a copy; no model of a configuration may be called like one."""
    return _COPY.search(model) is not None
