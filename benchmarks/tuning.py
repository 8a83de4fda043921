"""Fine-tune with other settings and compare on a development split.

The development queries are training queries of the dataset, one of every document that has two or
more, which these trainings do not see. Validation and test queries take no part.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow/lib"))

from genir.base.progress import configure_logging  # noqa: E402
from genir.base.seeding import generator  # noqa: E402
from genir.corpora.dataset import TrainingFiles  # noqa: E402
from genir.engine.one_step import OneStep  # noqa: E402
from genir.files.checkpoint import Checkpoint  # noqa: E402
from genir.models.load import add_docids, load_start  # noqa: E402
from genir.models.start import Start  # noqa: E402
from genir.models.tokens import truncated_tokens  # noqa: E402
from genir.training.finetuning import FinetuningConfig, build_examples, finetune  # noqa: E402

COLUMNS = ["changed", "seed", "seconds", "loss", "n", "hits_at_1", "hits_at_10"]


@dataclass(frozen=True)
class Data:
    """Documents, training pairs without the development queries, and these."""

    documents: pd.DataFrame
    pairs: pd.DataFrame
    development: pd.DataFrame


def development_split(folder: Path, queries: int, seed: int = 1) -> Data:
    """Hold out one training query of each document that has two or more, `queries` at most."""
    files = ("documents.parquet", "queries.parquet", "qrels.train.txt")
    documents, pairs = TrainingFiles(*(folder / name for name in files)).read()
    order = generator(seed, "development").permutation(len(pairs))
    shuffled = pairs.iloc[order]
    more = shuffled[shuffled.groupby("doc_id")["doc_id"].transform("size") > 1]
    held_out = more.drop_duplicates("doc_id")[:queries]
    return Data(documents, pairs.drop(held_out.index), held_out)


@torch.no_grad()
def development_ranks(
    data: Data, model: OneStep, docids: dict[str, int], inputs: list[np.ndarray]
) -> np.ndarray:
    """Rank of the relevant document of every development query among all documents."""
    tokens = torch.tensor(list(docids.values()))
    gold = torch.tensor([docids[doc_id] for doc_id in data.development["doc_id"]])
    logits = model.logits(inputs)
    return 1 + (logits[:, tokens] > logits.gather(1, gold[:, None])).sum(1).numpy()


def trial(data: Data, config: FinetuningConfig) -> dict[str, float]:
    """One training and its quality on the development queries."""
    start = Start("folder", path=str(REPOSITORY / "resources/mini-t5"))
    model, tokenizer = load_start(start, config.seed)
    docids = add_docids(model, data.documents["doc_id"].tolist(), config.seed)
    pieces = tokenizer.backend_tokenizer
    examples = build_examples(data.documents, data.pairs, docids, pieces, config)
    began = time.monotonic()
    unused = Checkpoint(Path("unused"))
    curve = finetune(model, examples, config, unused, min(docids.values()))
    seconds = time.monotonic() - began
    inputs = truncated_tokens(data.development["text"], pieces, config.query_tokens)
    ranks = development_ranks(data, OneStep(model), docids, inputs)
    hits = {f"hits_at_{k}": round(float((ranks <= k).mean()), 4) for k in (1, 10)}
    loss = round(curve[-1]["loss"], 4)
    return {"seconds": round(seconds, 1), "loss": loss, "n": len(ranks)} | hits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder of results/subset_corpus")
    parser.add_argument("--change", type=json.loads, default={}, help="JSON of finetuning keys")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--queries", type=int, default=500, help="development queries at most")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "benchmarks/results/tuning.csv")
    arguments = parser.parse_args()
    configure_logging()
    torch.set_num_threads(1)
    default = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())["finetuning"]
    never = {"checkpoint_every": 10**9}
    config = FinetuningConfig(**(default | arguments.change | never))
    data = development_split(arguments.data, arguments.queries)
    for seed in arguments.seeds:
        result = trial(data, replace(config, seed=seed))
        row = {"changed": json.dumps(arguments.change), "seed": seed} | result
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        header = not arguments.output.exists()
        frame = pd.DataFrame([row], columns=COLUMNS)
        frame.to_csv(arguments.output, mode="a", header=header, index=False)
        print(frame.to_string(index=False, header=False), flush=True)


if __name__ == "__main__":
    main()
