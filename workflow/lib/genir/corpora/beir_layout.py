"""A folder laid out as BEIR's collections are.

`corpus` and `queries`, each a file or a folder of them, and `qrels/`, a file for each split.
"""

from dataclasses import dataclass
from pathlib import Path

from genir.base.errors import CorpusError
from genir.base.names import SPLITS
from genir.corpora.user_folders import QRELS_SUFFIXES, RECORD_SUFFIXES, check_no_copy, visible_files

_SPLIT_OF = {"train": "train", "dev": "validation", "validation": "validation", "test": "test"}
_LAYOUT = "corpus.jsonl, queries.jsonl and qrels/train.tsv, qrels/dev.tsv, qrels/test.tsv"


@dataclass(frozen=True)
class BeirFiles:
    """Where the parts of a collection lie; `qrels` by split, in the order of the splits."""

    documents: Path
    queries: Path
    qrels: dict[str, Path]


def beir_files(folder: Path) -> BeirFiles:
    """The parts of a collection in `folder`.

    Raises CorpusError if one is missing, is there twice, or if a file of qrels is of no split.
    """
    documents, queries = (_named(Path(folder), name) for name in ("corpus", "queries"))
    return BeirFiles(documents, queries, _qrels(Path(folder)))


def _named(folder: Path, name: str) -> Path:
    found = [folder / name] if (folder / name).is_dir() else []
    found += [folder / f"{name}{suffix}" for suffix in RECORD_SUFFIXES]
    found = [path for path in found if path.exists()]
    if not found:
        raise CorpusError(f"{folder} holds no {name}.jsonl; name a folder that holds {_LAYOUT}")
    if len(found) > 1:
        raise CorpusError(
            f"{found[0]} and {found[1]} may be the same data twice; leave one of them there"
        )
    return found[0]


def _qrels(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in visible_files(folder / "qrels"):
        if not path.name.endswith(QRELS_SUFFIXES):
            continue
        check_no_copy(path)
        split = _SPLIT_OF.get(path.name.split(".")[0])
        if split is None or path.parent != folder / "qrels":
            raise CorpusError(
                f"{path} is of no split; call it train.tsv, dev.tsv or test.tsv, or move it out of "
                "the folder"
            )
        if split in found:
            raise CorpusError(
                f"{found[split]} and {path} are both of {split} queries; leave one of them there"
            )
        found[split] = path
    if not found:
        raise CorpusError(f"{folder} holds no qrels/test.tsv; name a folder that holds {_LAYOUT}")
    return {split: found[split] for split in SPLITS if split in found}
