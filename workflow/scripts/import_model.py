"""Check an existing model folder and its docid tokens and bring them into the results."""

from pathlib import Path

import pandas as pd

from genir.corpora.trec import read_qrels
from genir.files.io import read_parquet
from genir.models.import_folder import import_checkpoint
from script import run


def main(
    folder: Path, documents: Path, qrels: list[Path], output: Path, docids: Path | None = None
) -> None:
    """Check an existing model folder and its docid tokens and bring them into the results.

    Args:
        folder: model folder written by save_pretrained (safetensors and tokenizer.json).
        documents: the dataset's documents (Parquet); each needs a docid token.
        qrels: qrels of the dataset; each document in them needs a docid token.
        output: model folder to write.
        docids: JSON, the token of each doc_id; without it they are called @DOC_ID_<doc_id>@.
    """
    wanted = [read_parquet(documents)["doc_id"], *(read_qrels(file)["doc_id"] for file in qrels)]
    import_checkpoint(folder, docids, pd.concat(wanted).unique(), output)


if __name__ == "__main__":
    run(main)
