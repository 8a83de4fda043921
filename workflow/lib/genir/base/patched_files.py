"""Names of what patching, circuits and swaps write: one file for each of them, in the folder of a
model."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path

from genir.base.names import COMPONENTS

RELEASED = ("evaluation", "patching", "circuit", "encoder_swap", "communication")
"""What as_released writes of a model, a table each."""


def patch_name(method: str, place: int | str, component: str) -> str:
    """`place` is a decoder layer or a stage."""
    where = f"layer{place}" if isinstance(place, int) else place
    return f"{method}/{where}.{component}"


def patch_files(
    folder: Path,
    methods: Iterable[str],
    places: Iterable[int | str],
    components: Iterable[str] = COMPONENTS,
) -> dict[tuple[str, int | str, str], Path]:
    """(method, place, component) -> the file of its ranks in a model's `folder`."""
    return {
        patch: folder / table_file(patch_name(*patch))
        for patch in product(methods, places, components)
    }


def circuit_split(variant: str, split: str) -> str:
    """The ranks of a split under a circuit."""
    return f"{variant}.{split}"


def table_file(name: str) -> str:
    """The file of one of these names, or of an encoder or a part of one that is swapped in."""
    return f"{name}.parquet"
