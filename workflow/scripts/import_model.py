"""Check an existing model folder and its docid mapping and bring them into the results."""

from pathlib import Path

import pandas as pd

from genir.docids import load_docids
from genir.errors import ModelError
from genir.files import atomic_folder
from genir.models import load_model, load_tokenizer, save_model
from script import run


def main(folder: Path, docids: Path, documents: Path, output: Path) -> None:
    """Check an existing model folder and its docid mapping and bring them into the results.

    Args:
        folder: model folder written by save_pretrained (safetensors and tokenizer).
        docids: JSON, the token of each doc_id.
        documents: the dataset's documents (Parquet); each needs a docid token.
        output: model folder to write.
    """
    model, tokenizer = load_model(folder), load_tokenizer(folder)
    mapping = load_docids(docids, model.shared.num_embeddings)
    missing = [d for d in pd.read_parquet(documents)["doc_id"] if d not in mapping]
    if missing:
        raise ModelError(
            f"{docids} has no token for {len(missing)} documents of the dataset, {missing[0]!r} "
            "first; use the mapping that was written when the model was trained on these documents"
        )
    with atomic_folder(output) as temporary:
        save_model(temporary, model, tokenizer, mapping)


if __name__ == "__main__":
    run(main)
