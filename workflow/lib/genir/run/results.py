"""Where the workflow's results lie, seen from the folder it runs in."""

from collections.abc import Iterable
from pathlib import Path

from genir.base.names import DONORS, EVALUATED
from genir.base.patched_files import table_file
from genir.run.arguments import Folder

RESULTS = Path("results")
DATA = {
    "documents": "documents.parquet",
    "queries": "queries.parquet",
    **{split: f"qrels.{split}.txt" for split in ("train", *EVALUATED)},
    "manifest": "manifest.json",
}
"""What subset_corpus writes of a dataset; the splits are their qrels."""


def dataset_file(dataset: str, key: str) -> Path:
    """A file of a dataset, by a key of DATA."""
    return RESULTS / "subset_corpus" / dataset / DATA[key]


def generated_queries(generator: str, dataset: str) -> Path:
    """The queries that a generator writes for a dataset."""
    return RESULTS / "generate_queries" / generator / f"{dataset}.parquet"


def pretrained(step: int | str | None = None) -> Path:
    """The pre-trained model, or its snapshot after some step; `{step}` for any."""
    return RESULTS / "pretrain" / ("model" if step is None else f"step-{step}/model")


def of_model(rule: str, model: str, suffix: str = "parquet") -> Path:
    """What the rule of this name writes of a model, in one file."""
    return RESULTS / rule / f"{model}.{suffix}"


def inside(rule: str, model: str, file: str) -> Path:
    """One of the files that the rule of this name writes of a model."""
    return RESULTS / rule / model / file


def clean_ranks(trained: str, split: str = "validation") -> Path:
    """Ranks of the relevant documents in the unmodified model."""
    return inside("evaluate", trained, f"{split}.ranks.parquet")


def correct_queries(model: str) -> Path:
    """The validation queries that a model answers."""
    return of_model("correct_queries", model, "csv")


def donors(model: str, methods: Iterable[str]) -> Folder | None:
    """What these of the methods that take donors read of a model; None if none of them does."""
    folder = RESULTS / "donors" / model
    files = tuple(folder / table_file(method) for method in DONORS if method in methods)
    return Folder(folder, files) if files else None


def stages(model: str) -> Path:
    """The stages of a model."""
    return of_model("stages", model, "json")


def removed_documents(model: str) -> Path:
    """The documents that the reduced models of a model are trained without."""
    return of_model("removed_documents", model, "csv")
