"""What patch_component and patch_stage share: load, patch, write one file per patch."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import torch

from genir.components import Method
from genir.decoder import LeanDecoder
from genir.files import write_parquet
from genir.models import Start, load_start
from genir.patching import Place, patched_ranks
from genir.subject import QuerySource, Subject, load_subject


def patch_and_write(
    model: Path,
    source: QuerySource,
    correct: Path,
    patches: Mapping[str, tuple[Method, list[Place]]],
    output: Path,
    start: Start | None,
) -> None:
    """Rank all queries under every patch and write each table to `output`/<name>.parquet."""
    subject = load_subject(model, source)
    correct_ids = pd.read_csv(correct, dtype=str)["query_id"]
    marked = pd.Series(subject.queries.ids).isin(correct_ids).to_numpy()
    wanted = any(method == "pretrained" for method, _ in patches.values())
    pretrained = _pretrained_subject(subject, start) if wanted and start else None
    for name, table in patched_ranks(subject, marked, pretrained, patches).items():
        write_parquet(output / f"{name}.parquet", table)


def _pretrained_subject(subject: Subject, start: Start) -> Subject:
    model, tokenizer = load_start(start, seed=0)
    decoder = LeanDecoder(model, torch.empty(0, dtype=torch.long))
    return Subject(model, tokenizer, {}, decoder, subject.queries, subject.source)
