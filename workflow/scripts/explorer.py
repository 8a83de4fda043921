"""Write the explorer of one model: a page on which one looks at how it answers single queries."""

from pathlib import Path

from genir.files.io import write_text
from genir.pages import places
from genir.pages.explorer import explored, explorer_page
from genir.pages.places import Explored
from script import run


def main(
    results: Path,
    name: str,
    output: Path,
    data: Path | None = None,
    folder: Path | None = None,
    beside: list[str] | None = None,
    slices: Path | None = None,
    models: list[Explored] | None = None,
) -> None:
    """Write the explorer of one model: a page on which one looks at how it answers single queries.

    Args:
        results: folder of results, such as results.
        name: the model.
        output: HTML to write.
        data: the model's dataset in it, such as results/subset_corpus/hpo-2k; the only one if it
            is left out.
        folder: the model itself; found in results if it is left out.
        beside: other models of the same dataset that it can be compared with.
        slices: slices of the dataset's queries (Parquet, written by query_slices); no filters by
            slices if it is left out.
        models: what to read of all of these; everything that is there if it is left out.
    """
    shown, *others = models or [explored(results, each) for each in (name, *(beside or []))]
    page = explorer_page(
        results,
        data or places.dataset(results),
        folder or places.model_folder(results, name),
        shown,
        others,
        slices,
    )
    write_text(output, page)


if __name__ == "__main__":
    run(main)
