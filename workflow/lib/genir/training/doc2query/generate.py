"""The queries that stand in for documents in indexing, from a model or a file, as files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from genir.corpora.manifest import described
from genir.corpora.sources.files import read_generated_queries
from genir.engine.devices import best_device
from genir.engine.model_files import weight_files
from genir.files.checkpoint import Checkpoint, identity_of
from genir.files.io import read_parquet, write_json, write_parquet
from genir.models.load import load_start
from genir.models.start import Start, start_files
from genir.training.doc2query.clean import GeneratedQueries, clean_queries
from genir.training.doc2query.sample import Sampling, generate_until


@dataclass(frozen=True)
class Dataset:
    """Documents and queries of all splits of a dataset (Parquet); with `drop_held_out`, generated
    queries that equal a validation or test query are left out."""

    documents: Path
    queries: Path
    drop_held_out: bool

    def cleaned(self, generated: pd.DataFrame) -> GeneratedQueries:
        """What of the generated queries may be trained on."""
        known, drop = read_parquet(self.queries), self.drop_held_out
        return clean_queries(generated, read_parquet(self.documents), known, drop_held_out=drop)

    def write(
        self,
        generated: pd.DataFrame,
        source: Iterable[Path],
        sampling: Sampling | None,
        output: Path,
        manifest: Path,
    ) -> dict[str, Any]:
        """Write what is kept of `generated`, and what came from where; counts of queries and
        documents. Raises CorpusError if a document has no query."""
        kept = self.cleaned(generated)
        write_parquet(output, kept.table())
        inputs = {"documents": self.documents, "queries": self.queries}
        inputs |= {path.name: path for path in source}
        own = {
            "sampling": sampling and vars(sampling),
            "drop_held_out": self.drop_held_out,
            "inputs": described(inputs),
            "outputs": described({"queries": output}),
        }
        facts = kept.facts()
        write_json(manifest, facts | own)
        return facts["counts"]


def from_file(file: Path, dataset: Dataset, output: Path, manifest: Path) -> dict[str, Any]:
    """Take queries that were generated elsewhere (JSON Lines or Parquet: doc_id, text)."""
    return dataset.write(read_generated_queries(file), [file], None, output, manifest)


def from_model(
    model: Path,
    sampling: Sampling,
    checkpoints: Path,
    dataset: Dataset,
    output: Path,
    manifest: Path,
) -> dict[str, Any]:
    """Draw queries from the document-to-query T5 in the folder `model`; what is drawn is kept in
    `checkpoints` until all is there."""
    start = Start("folder", str(model))
    read = [dataset.documents, dataset.queries, *start_files(start)]
    checkpoint = Checkpoint(checkpoints, identity_of(read, sampling, dataset.drop_held_out))
    writer, tokenizer = load_start(start, sampling.seed)
    generated = generate_until(
        lambda drawn: dataset.cleaned(drawn).lacking(),
        *(writer.to(best_device()), tokenizer, read_parquet(dataset.documents)),
        *(sampling, checkpoint),
    )
    counts = dataset.write(generated, weight_files(model), sampling, output, manifest)
    checkpoint.remove()
    return counts
