"""Names of what patching writes: one file for each method, place and component."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path

from genir.components import COMPONENTS


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
        patch: folder / f"{patch_name(*patch)}.parquet"
        for patch in product(methods, places, components)
    }
