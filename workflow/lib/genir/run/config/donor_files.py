"""Is the file of donors there that a configuration names, and does it hold pairs?"""

from pathlib import Path
from typing import Any

from genir.base.errors import ConfigError, CorpusError
from genir.base.paths import resolve
from genir.corpora.donor_pairs import read_donor_pairs
from genir.run.config.data_files import check_file


def check_donor_pairs(config: dict[str, Any], base: Path, repository: Path) -> None:
    """Raises ConfigError if the method donor_pairs has no file, or one that it cannot take."""
    patching, key = config["patching"], "patching.donor_pairs"
    if "donor_pairs" not in (*patching["methods"], *patching["head_methods"]):
        return
    if "donor_pairs" not in patching:
        raise ConfigError(
            f"{key}: is missing, and the method donor_pairs takes donors from it; write the path "
            "of a CSV or JSON Lines file with query_id and donor or donor_text, or leave the "
            "method out"
        )
    check_file(key, patching["donor_pairs"], base, repository)
    try:
        read_donor_pairs(resolve(patching["donor_pairs"], repository, base))
    except CorpusError as error:
        raise ConfigError(f"{key}: {error}") from None
