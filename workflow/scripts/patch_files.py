"""What patch_component and patch_stage share: load, patch, write one file per patch."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from genir.blocks import Limits
from genir.components import Method
from genir.decoder import Place
from genir.files import write_parquet
from genir.patching import patched_ranks
from genir.start import Start, start_folder
from genir.subject import QuerySource, load_subject
from genir.t5 import load_t5


def patch_and_write(
    model: Path,
    source: QuerySource,
    correct: Path,
    patches: Mapping[str, tuple[Method, list[Place]]],
    output: Path,
    limits: Limits,
    start: Start | None,
) -> None:
    """Rank all queries under every patch and write each table to `output`/<name>.parquet."""
    subject = load_subject(model, source, limits)
    correct_ids = pd.read_csv(correct, dtype=str)["query_id"]
    marked = pd.Series(subject.queries.ids).isin(correct_ids).to_numpy()
    wanted = start and any(method == "pretrained" for method, _ in patches.values())
    donor = subject.reading(load_t5(start_folder(start), subject.device)) if wanted else None
    for name, table in patched_ranks(subject, marked, donor, patches).items():
        write_parquet(output / f"{name}.parquet", table)
