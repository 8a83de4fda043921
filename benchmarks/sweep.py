"""Fine-tune with many settings and take the models apart on development queries.

The development queries are training queries of a dataset, so validation and test queries take no
part. Every setting is a model of one Snakemake run in a folder of its own, which goes on where it
was; what its tables say goes into one row of sweep.csv. The rule that chooses is stated in
sweep.yaml.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow/lib"))

from genir.analyses.run_metrics import query_metrics  # noqa: E402
from genir.corpora.dataset import TrainingFiles  # noqa: E402
from genir.estimates.paired_tests import paired_difference  # noqa: E402
from genir.files.io import (  # noqa: E402
    read_csv,
    read_json,
    read_parquet,
    write_csv,
    write_text,
)

DEVELOPMENT = 400
BM25 = ("bm25_text", "bm25_text_queries")
TABLES = ("retrieval", "patching_by_stage", "direct_contribution", "rank_development", "drift")
CELLS = (
    ("pretrained", "III", "mlp"),
    ("pretrained", "all", "mlp"),
    ("mean", "I", "mlp"),
    ("zero", "I", "mlp"),
    ("mean", "II", "cross_attention"),
    ("mean", "all", "mlp"),
)


def write_corpus(subset: Path, folder: Path) -> dict[str, str]:
    """The documents of a dataset and its training queries, as a corpus of files."""
    names = ("documents.parquet", "queries.parquet", "qrels.train.txt")
    documents, pairs = TrainingFiles(*(subset / name for name in names)).read()
    pairs = pairs.reset_index().assign(query_id=lambda rows: "q" + rows.index.astype(str))
    files = {
        "documents": documents[["doc_id", "title", "text"]],
        "queries": pairs[["query_id", "text", "doc_id"]],
    }
    for name, rows in files.items():
        lines = (json.dumps(row, ensure_ascii=False) for row in rows.to_dict("records"))
        write_text(folder / f"{name}.jsonl", "\n".join(lines) + "\n")
    return {name: str(folder / f"{name}.jsonl") for name in files}


def configuration(plan: dict[str, Any], subsets: dict[int, Path], work: Path) -> dict[str, Any]:
    """The configuration of one run with a model for every setting of the plan."""
    corpora, datasets = {}, {}
    for documents, subset in subsets.items():
        name = f"development-{documents}"
        corpora[name] = {"source": "files", **write_corpus(subset, work / "data" / name)}
        datasets[name] = {
            **{"corpus": name, "documents": "all", "minimum_queries": 2},
            **{"below_minimum": "keep", "split": "query", "seed": 1},
            **{"validation_queries": DEVELOPMENT, "test_queries": 1},
        }
    models: dict[str, Any] = {"full": None, "random_start": None}
    for name, changed in plan["settings"].items():
        tuned = {k: v for k, v in changed.items() if k not in ("start", "documents")}
        models[name] = {
            "dataset": f"development-{changed.get('documents', plan['documents'])}",
            "start": {"type": "folder", "path": str(Path(changed["start"]).resolve())},
            "finetuning": plan["finetuning"] | tuned,
        }
    first = next(iter(plan["settings"]))
    return {"corpora": corpora, "datasets": datasets, "models": models, "headline_model": first}


def run(config: dict[str, Any], work: Path, cores: int) -> None:
    path = work / "config.yaml"
    write_text(path, yaml.safe_dump(config, sort_keys=False))
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--keep-going"]
    command += ["--configfile", str(path), "--directory", str(work)]
    command += [f"table_{name}" for name in TABLES]
    subprocess.run(command, check=True, cwd=REPOSITORY)


def table(work: Path, name: str, **chosen: object) -> pd.DataFrame:
    rows = read_csv(work / f"results/table_{name}/{name}.csv")
    for column, value in chosen.items():
        rows = rows[rows[column] == value]
    return rows


def row_of(work: Path, name: str, config: dict[str, Any]) -> dict[str, Any]:
    """What the tables say of one model."""
    model = config["models"][name]
    start = read_json(Path(model["start"]["path"]) / "config.json")
    row = {"setting": name, "documents": int(model["dataset"].split("-")[1])}
    row |= {"decoder_layers": start["num_decoder_layers"], "d_model": start["d_model"]}
    curve = Path(model["start"]["path"]) / "curve.csv"
    row["pretraining_steps"] = int(read_csv(curve)["step"].iloc[-1]) if curve.exists() else None
    row |= {key: value for key, value in model["finetuning"].items() if key != "batch_size"}
    timing = pd.read_csv(work / f"results/benchmarks/finetune/{name}.tsv", sep="\t")
    row["cpu_seconds"] = float(timing["cpu_time"].iloc[-1])
    retrieval = table(work, "retrieval", system=name, split="validation", slice="all")
    for metric in ("hits_at_1", "hits_at_10"):
        one = retrieval[retrieval["metric"] == metric].iloc[0]
        row |= {metric: one["value"], f"{metric}_low": one["low"], f"{metric}_high": one["high"]}
    row["n"] = int(retrieval["n"].iloc[0])
    stages = read_json(work / f"results/stages/{name}.json")
    found = stages["detected"]
    row |= {"stages": stages["status"], "p_order": found["p_order"]}
    row["segments"] = " ".join(f"{first}-{last}" for first, last in found["segments"])
    row["leaders"] = " ".join(found["dominant"])
    for method, stage, component in CELLS:
        cells = table(work, "patching_by_stage", model=name, method=method, stage=stage)
        cell = cells[(cells["component"] == component) & (cells["rank_kind"] == "vocabulary")]
        key = f"{method}_{stage}_{component}"
        row[key] = cell["broken_percent"].iloc[0] if len(cell) else None
        row["correct"] = int(cell["n"].iloc[0]) if len(cell) else row.get("correct")
    for source in ("mlp", "cross_attention"):
        alone = table(
            work,
            "direct_contribution",
            **{"model": name, "queries": "correct", "source": source},
            **{"measure": "percent_not_first", "rank_kind": "vocabulary"},
        )
        row[f"{source}_alone_not_first"] = alone["value"].iloc[0]
    lens = table(
        work,
        "rank_development",
        **{"model": name, "queries": "correct", "source": "residual"},
        measure="docid_rank_median",
    )
    first = lens[lens["value"] <= 1]["layer"]
    row["first_from_layer"] = int(first.min()) if len(first) else None
    moved = table(work, "drift", model=name, stack="decoder", start="pretrained")
    moved = moved[moved["component"].isin(["self_attention", "cross_attention", "mlp"])]
    row["drift"] = moved["value"].mean()
    return row


def hits(work: Path, dataset: str, system: str) -> pd.DataFrame:
    """Metrics of every development query."""
    subset = work / f"results/subset_corpus/{dataset}"
    queries = read_parquet(subset / "queries.parquet")
    asked = queries[queries["split"] == "validation"]
    folder = "bm25" if system in BM25 else "retrieve"
    inner = f"{dataset}/{system}" if system in BM25 else system
    run = work / f"results/{folder}/{inner}/validation.run"
    metrics = query_metrics(run, subset / "qrels.validation.txt", asked["query_id"])
    return metrics.assign(doc_id=asked["doc_id"].to_numpy())


def p_of(own: pd.DataFrame, other: pd.DataFrame) -> float:
    """Of the paired test of Hits@1, McNemar's exact one for a query a document."""
    return paired_difference(own["hits_at_1"], other["hits_at_1"], own["doc_id"], 1).p


def judged(rows: pd.DataFrame, work: Path, seconds: float) -> pd.DataFrame:
    """With both forms of BM25 on the same queries, the p of a comparison with each and with the
    best setting of the dataset that takes at most so many seconds, and what the rule of sweep.yaml
    chooses there."""
    rows = rows.assign(p_to_best=1.0, chosen=False)
    for documents, group in rows.groupby("documents"):
        dataset = f"development-{documents}"
        own = {name: hits(work, dataset, name) for name in (*group["setting"], *BM25)}
        quick = group[group["cpu_seconds"] <= seconds]
        best = own[group.loc[quick["hits_at_1"].idxmax(), "setting"]] if len(quick) else None
        for place, name in group["setting"].items():
            for system in BM25:
                rows.loc[place, system] = own[system]["hits_at_1"].mean()
                rows.loc[place, f"p_to_{system}"] = p_of(own[name], own[system])
            rows.loc[place, "p_to_best"] = None if best is None else p_of(own[name], best)
        fair = rows.loc[quick.index][rows.loc[quick.index, "p_to_best"] >= 0.05]
        if len(fair):
            rows.loc[fair["drift"].idxmin(), "chosen"] = True
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="folder of the runs; goes on where it was")
    parser.add_argument(
        "--subset",
        type=Path,
        action="append",
        required=True,
        help="a folder of results/subset_corpus; once for each number of documents",
    )
    parser.add_argument("--plan", type=Path, default=REPOSITORY / "benchmarks/sweep.yaml")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks/results/sweep.csv")
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    plan = yaml.safe_load(arguments.plan.read_text())
    subsets = {
        len(pd.read_parquet(subset / "documents.parquet", columns=["doc_id"])): subset
        for subset in arguments.subset
    }
    config = configuration(plan, subsets, work)
    run(config, work, arguments.cores)
    rows = pd.DataFrame([row_of(work, name, config) for name in plan["settings"]])
    write_csv(arguments.out, judged(rows, work, plan["seconds"]))


if __name__ == "__main__":
    main()
