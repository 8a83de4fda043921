"""What every table says about itself: corpus, release, split mode, rank kind."""

from pathlib import Path
from typing import Any

from genir.errors import AnalysisError
from genir.files import read_json

VOCABULARY_RANK = (
    "rank kind: vocabulary (among all tokens); the CSV beside this file also holds the docid rank"
)
MIXED_RANKS = "rank kind: vocabulary (among all tokens) unless a row says docid"
NO_RANK = "rank kind: none, nothing here is a rank"
_KEYS = ("corpus", "release", "split_mode")


def dataset_facts(manifest: Path) -> dict[str, Any]:
    """Corpus, release, dataset and split mode from a dataset's manifest.json, whose folder bears
    the dataset's name.

    Raises AnalysisError if the manifest leaves one of them out.
    """
    content = read_json(manifest)
    missing = [key for key in _KEYS if key not in content]
    if missing:
        raise AnalysisError(f"{manifest} lacks {', '.join(missing)}; run the rule subset_corpus")
    return {"dataset": Path(manifest).parent.name} | {key: content[key] for key in _KEYS}


def heading(manifests: list[Path], rank_kind: str) -> str:
    """The first line of a table in Markdown."""
    facts = [dataset_facts(path) for path in manifests]
    facts = [fact | {"release": fact["release"] or "not known"} for fact in facts]
    datasets = [
        "dataset {dataset} of corpus {corpus} (release {release}), split mode: {split_mode}".format(
            **fact
        )
        for fact in facts
    ]
    return f"{'; '.join(datasets)}; {rank_kind}."
