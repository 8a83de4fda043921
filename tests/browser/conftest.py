from pathlib import Path

import pytest
from explored_results import write_results, write_slices

from genir.pages import places
from genir.pages.explorer import explored, explorer_page

PICTURES = Path(__file__).parent / "pictures"


@pytest.fixture(scope="session")
def results(tmp_path_factory) -> Path:
    return write_results(tmp_path_factory.mktemp("explored"))


@pytest.fixture(scope="session")
def explorer(results) -> Path:
    """The page of a small model that stands beside another."""
    models = [explored(results, name) for name in ("full", "other")]
    data, folder = places.dataset(results), places.model_folder(results, "full")
    page = results / "explorer" / "full.html"
    page.parent.mkdir()
    page.write_text(
        explorer_page(results, data, folder, models[0], models[1:], write_slices(results)),
        encoding="utf-8",
    )
    return page


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where screenshots are kept."""
    PICTURES.mkdir(exist_ok=True)
    return PICTURES
