"""Print what made an artifact."""

import json
from pathlib import Path

from genir.files.damage import check_unchanged
from genir.files.provenance import read_provenance
from script import run


def main(artifact: Path) -> None:
    """Print what made an artifact: script, arguments, code, versions and seeds.

    Args:
        artifact: a file, as it was written, or a model folder below results/.
    """
    check_unchanged(artifact)
    print(json.dumps(read_provenance(artifact), indent=2))


if __name__ == "__main__":
    run(main, as_positional=True)
