"""Generate the queries that stand in for documents in indexing, or take them from a file."""

from pathlib import Path

import pandas as pd

from genir.checkpoints import Checkpoint, identity_of
from genir.corpus_files import read_generated_queries
from genir.devices import best_device
from genir.files import read_parquet, write_json, write_parquet
from genir.generated_queries import GeneratedQueries, clean_queries
from genir.manifest import described
from genir.model_files import weight_files
from genir.models import load_start
from genir.progress import LOGGER
from genir.query_generation import Sampling, generate_until
from genir.start import Start, start_files
from script import run


def main(
    documents: Path,
    queries: Path,
    drop_held_out: bool,
    output: Path,
    manifest: Path,
    file: Path | None = None,
    model: Path | None = None,
    sampling: Sampling | None = None,
    checkpoints: Path | None = None,
) -> None:
    """Generate the queries that stand in for documents in indexing, or take them from a file.

    Args:
        documents: documents of the dataset (Parquet).
        queries: queries of all splits of the dataset (Parquet).
        drop_held_out: leave out generated queries that equal a validation or test query.
        output: generated queries to write (Parquet: doc_id, text).
        manifest: what came from where, how much was left out (JSON), to write.
        file: queries that were generated elsewhere (JSON Lines or Parquet: doc_id, text).
        model: folder of a document-to-query T5; needs sampling and checkpoints.
        sampling: how queries are drawn from the model.
        checkpoints: folder to resume from; removed when all queries are there.
    """
    table, known = read_parquet(documents), read_parquet(queries)

    def cleaned(generated: pd.DataFrame) -> GeneratedQueries:
        return clean_queries(generated, table, known, drop_held_out=drop_held_out)

    checkpoint = None
    if file is not None:
        generated, source = read_generated_queries(file), [file]
    else:
        start = Start("folder", str(model))
        identity = identity_of([documents, queries, *start_files(start)], sampling, drop_held_out)
        checkpoint = Checkpoint(checkpoints, identity)
        writer, tokenizer = load_start(start, sampling.seed)
        generated = generate_until(
            lambda drawn: cleaned(drawn).lacking(),
            *(writer.to(best_device()), tokenizer, table, sampling, checkpoint),
        )
        source = weight_files(model)
    kept = cleaned(generated)
    write_parquet(output, kept.table())
    inputs = {"documents": documents, "queries": queries} | {path.name: path for path in source}
    own = {
        "sampling": sampling and vars(sampling),
        "drop_held_out": drop_held_out,
        "inputs": described(inputs),
        "outputs": described({"queries": output}),
    }
    facts = kept.facts()
    write_json(manifest, facts | own)
    LOGGER.info("%(queries)d queries of %(documents)d documents", facts["counts"])
    if checkpoint is not None:
        checkpoint.remove()


if __name__ == "__main__":
    run(main)
