"""Download a collection of ir-datasets."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

from genir.base.progress import LOGGER
from genir.corpora.manifest import spelled_out
from genir.corpora.sources.ir_datasets import download
from genir.files.io import write_json
from script import run


def main(options: dict[str, Any], output: Path) -> None:
    """Download a collection of ir-datasets.

    Args:
        options: which one (JSON), such as {"id": "antique/train"}.
        output: JSON to write: what is there.
    """
    counts = download(**options)
    write_json(output, options | {"source": f"ir-datasets=={version('ir-datasets')}"} | counts)
    LOGGER.info("%s", spelled_out(counts))


if __name__ == "__main__":
    run(main)
