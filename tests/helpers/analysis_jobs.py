"""Every analysis as a job on small files: its command line, run here, or forked and killed.

As a program: runs the jobs it is given as JSON, each in a fork of this process, so that all are
imported once, and kills each with SIGKILL once it has saved so many shards.
"""

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pandas as pd

from genir.base.names import COMPONENTS, PATCHED_STAGES
from genir.files.checkpoint import Checkpoint
from genir.run import artifacts
from genir.subjects import blocks

ANALYSES = {analysis.name: analysis for analysis in artifacts.ANALYSES}
QUERIES = 10
STAGES = {"used": {"I": [0, 0], "II": [1, 1], "III": [2, 2]}, "status": "imposed"}


def write_files(folder: Path) -> None:
    """What the jobs read: two models of three layers, what one started from, queries of two
    splits, stages, ranks."""
    import torch
    from plain_t5 import DOCUMENTS, PIECES, small_model
    from tiny_text import SENTINELS, sentences

    from genir.corpora.trec import write_qrels
    from genir.models.load import save_model
    from genir.models.tokenizer import train_tokenizer

    torch.manual_seed(0)
    documents = {f"d{i:02d}": PIECES + i for i in range(DOCUMENTS)}
    tokenizer = train_tokenizer(sentences(), PIECES, SENTINELS)
    for seed, name in enumerate(("model", "reduced", "start")):
        save_model(folder / name, small_model(seed=seed), tokenizer, documents)
    texts = sentences(2 * QUERIES, seed=3)
    table = pd.DataFrame({"query_id": [f"q{i:02d}" for i in range(len(texts))], "text": texts})
    table["doc_id"] = list(documents)[: len(texts)]
    table["split"] = ["validation", "test"] * QUERIES
    table.to_parquet(folder / "queries.parquet")
    for split, rows in table.groupby("split"):
        write_qrels(folder / f"qrels.{split}.txt", rows)
    validation = table[table["split"] == "validation"][["query_id", "doc_id"]]
    validation.iloc[:6].to_csv(folder / "correct.csv", index=False)
    (folder / "stages.json").write_text(json.dumps(STAGES))
    ranks = validation.assign(vocabulary_rank=1, docid_rank=1, relevant_logit=1.0, other_logit=0.0)
    ranks.to_parquet(folder / "clean.parquet")
    names = table[table["split"] == "test"][["query_id", "doc_id"]]
    columns = ["vocabulary_rank", "docid_rank", "relevant_logit", "other_logit"]
    names.assign(**ranks[columns].iloc[0]).to_parquet(folder / "clean_test.parquet")
    _write_donors(folder / "donors/donor_random.parquet", validation)
    for stage in PATCHED_STAGES:
        for component in COMPONENTS:
            path = folder / f"patched/zero/{stage}.{component}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            ranks.to_parquet(path)
    _write_circuits(folder)


def _write_circuits(folder: Path) -> None:
    """What rule circuit writes of the model."""
    from genir.analyses.circuit_ranks import circuit_ranks
    from genir.subjects.subject import QuerySource, load_subject

    source = {
        split: QuerySource(folder / "queries.parquet", folder / f"qrels.{split}.txt", split, 8)
        for split in ("validation", "test")
    }
    subject = load_subject(folder / "model", source["validation"], blocks.Limits(4000))
    read = [folder / name for name in ("correct.csv", "stages.json", "clean.parquet", "patched")]
    told = (["zero"], 25, ["study", "automatic"], 1)
    found = circuit_ranks(subject, folder / "model", source["test"], *read, *told)
    (folder / "circuits").mkdir()
    (folder / "circuits/automatic.json").write_text(json.dumps(found.pop("automatic")))
    for name, table in found.items():
        table.to_parquet(folder / f"circuits/{name}.parquet")


def _write_donors(path: Path, queries: pd.DataFrame) -> None:
    """The next query is the donor, and the last query has none."""
    path.parent.mkdir()
    donors = queries.shift(-1).add_prefix("donor_").rename(columns={"donor_query_id": "donor_id"})
    tokens = [[3 + number, 5, 1] for number in range(len(queries) - 1)] + [None]
    queries.join(donors).assign(donor_tokens=tokens).to_parquet(path)


def arguments(name: str) -> list[str]:
    """Command line of an analysis, in a folder that has the files in `data`."""
    source = {
        split: {
            "queries": "data/queries.parquet",
            "qrels": f"data/qrels.{split}.txt",
            "split": split,
            "query_tokens": 8,
        }
        for split in ("validation", "test")
    }
    start = {"type": "folder", "path": "data/start"}
    own = {"model": "data/model", "source": source["validation"], "start": start}
    patching = own | {"correct": "data/correct.csv", "methods": ["zero", "mean", "pretrained"]}
    patching |= {"output": "out", "donors": "data/donors"}
    patching["methods"] = [*patching["methods"], "donor_random"]
    measuring = {"model": own["model"], "source": own["source"], "output": "out/table.parquet"}
    encoders = {
        "own": {"kind": "own"},
        "reduced": {"kind": "model", "folder": "data/reduced"},
        "random": {"kind": "random"},
    }
    options = {
        "evaluate": {
            "model": own["model"],
            "sources": list(source.values()),
            "ranks": ["out/validation.parquet", "out/test.parquet"],
        },
        "retrieve": {
            "model": own["model"],
            "sources": list(source.values()),
            "runs": ["out/validation.run", "out/test.run"],
            "depth": 5,
            "tag": "model",
        },
        "encoder_swap": own | {"encoders": encoders, "seed": 1, "output": "out"},
        "partial_swap": own | {"parts": ["embedding", "layer1.mlp"], "output": "out"},
        "donors": {
            "model": own["model"],
            "source": own["source"],
            "correct": "data/correct.csv",
            "methods": ["donor_random"],
            "training": source["test"],
            "seed": 1,
            "output": "out",
        },
        "patch_component": patching | {"first_layer": 0, "last_layer": 1},
        "patch_head": patching | {"first_layer": 1, "last_layer": 1},
        "patch_stage": patching | {"stages": "data/stages.json"},
        "circuit": own
        | {
            "test": source["test"],
            "correct": "data/correct.csv",
            "stages": "data/stages.json",
            "clean": "data/clean.parquet",
            "patched": "data/patched",
            "methods": ["zero"],
            "broken_percent": 25,
            "variants": ["study", "pretrained", "automatic"],
            "seed": 1,
            "output": "out",
        },
        "circuit_model": {
            **{key: own[key] for key in ("model", "source")},
            "name": "model",
            "test": source["test"],
            "correct": "data/correct.csv",
            "stages": "data/stages.json",
            "circuits": "data/circuits",
            "variants": ["study", "automatic"],
            "output": "out",
        },
        "circuit_curve": measuring
        | {
            "test": source["test"],
            "correct": "data/correct.csv",
            "clean_test": "data/clean_test.parquet",
            "stages": "data/stages.json",
            "seed": 1,
            "output": "out",
        },
        "as_released": {
            "model": own["model"],
            "source": own["source"],
            "test": source["test"],
            "correct": "data/correct.csv",
            "stages": "data/stages.json",
            "methods": ["zero", "mean"],
            "padded_tokens": 12,
            "reduced": {"rd1": "data/reduced"},
            "output": "out",
        },
        "attribution": measuring | {"correct": "data/correct.csv", "seed": 1, "output": "out"},
        "patch_edge": measuring
        | {
            "correct": "data/correct.csv",
            "stages": "data/stages.json",
            "seed": 1,
            "output": "out",
        },
        "query_words": measuring
        | {
            "correct": "data/correct.csv",
            "queries": "data/queries.parquet",
            "stages": "data/stages.json",
        },
        "head_lens": measuring | {"output": "out"},
        "drift": measuring | {"start": start},
        "top_heads": measuring | {"stages": "data/stages.json"},
        "late_cosines": measuring | {"stages": "data/stages.json"},
    }.get(name, measuring)
    limits = {"memory_mb": 4000, "checkpoints": "kept/artifact", "checkpoint_seconds": 0}
    options |= {"limits": limits}
    texts = {key: v if isinstance(v, str) else json.dumps(v) for key, v in options.items()}
    return [part for key, value in texts.items() for part in (f"--{key}", value)]


def run_job(name: str) -> None:
    """An analysis in this process and folder, four queries and four patches at a time."""
    script = importlib.import_module(ANALYSES[name].driver)
    by_name = [ANALYSES[name].module.rpartition(".")[2]] if script.__name__ == "analyse" else []
    with (
        patch.object(blocks, "MAXIMUM_QUERIES", 4),
        patch.object(blocks, "MAXIMUM_ROWS", 16),
        patch.object(sys, "argv", [script.__file__, *by_name, *arguments(name)]),
    ):
        if by_name:
            script.main()
        else:
            importlib.import_module("script").run(script.main)


def killing_after(number: int) -> Callable[..., None]:
    """Saves checkpoints, and ends this process when it has saved so many."""
    save, saved = Checkpoint.save, []

    def wrapped(*values: object) -> None:
        save(*values)
        saved.append(values)
        if len(saved) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return wrapped


def main(jobs: list[tuple[str, str, int]]) -> None:
    """Analysis, folder and number of shards of each job; every one must be killed."""
    for name, _, _ in jobs:
        importlib.import_module(ANALYSES[name].driver)
        importlib.import_module(ANALYSES[name].module)
    for name, folder, number in jobs:
        child = os.fork()
        if child == 0:
            os.chdir(folder)
            Checkpoint.save = killing_after(number)
            run_job(name)
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ended != -signal.SIGKILL:
            sys.exit(f"{name} was not killed, it ended with {ended}")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
