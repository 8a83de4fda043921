"""Which files of a results folder an explorer is made of."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from genir.base.errors import AnalysisError
from genir.base.names import ATTENTIONS, EVALUATED, PATCHED_STAGES
from genir.base.patched_files import patch_files

TABLES = (
    *("patching", "patching_heads", "patching_by_stage", "contributions", "rank_development"),
    *("signed_contributions", "query_words"),
)
"""Tables whose rows are the pictures of all queries."""
OF_ONE = ("contributions", "rank_development", "direct_contribution")
"""Analyses that write one file for each model."""
WHERE_THERE = ("query_words", "signed_contributions")
"""The same, which a page can do without."""
_TRAINED_BY = ("finetune", "import_model")


@dataclass(frozen=True)
class Explored:
    """A model whose queries are shown: its name, its decoder layers, its patching methods and those
    of its heads."""

    name: str
    layers: int
    methods: list[str] = field(default_factory=list)
    head_methods: list[str] = field(default_factory=list)


def ranks(results: Path, model: str, split: str) -> Path:
    return results / "evaluate" / model / f"{split}.ranks.parquet"


def run(results: Path, model: str, split: str) -> Path:
    return results / "retrieve" / model / f"{split}.run"


def stages(results: Path, model: str) -> Path:
    return results / "stages" / f"{model}.json"


def of_one(results: Path, analysis: str, model: str) -> Path:
    return results / analysis / f"{model}.parquet"


def top_tokens(results: Path, model: str) -> Path:
    return results / "head_lens" / model / "top_tokens.parquet"


def table(results: Path, name: str) -> Path:
    return results / f"table_{name}" / f"{name}.csv"


def patches(results: Path, model: Explored) -> dict[tuple[str, int | str, str], Path]:
    """(method, layer, component) -> ranks."""
    folder = results / "patch_component" / model.name
    return patch_files(folder, model.methods, range(model.layers))


def stage_patches(results: Path, model: Explored) -> dict[tuple[str, int | str, str], Path]:
    """(method, stage, component) -> ranks."""
    return patch_files(results / "patch_stage" / model.name, model.methods, PATCHED_STAGES)


def head_patches(results: Path, model: Explored) -> dict[tuple[str, int | str, str], Path]:
    """(method, layer, attention) -> ranks by head."""
    folder = results / "patch_head" / model.name
    return patch_files(folder, model.head_methods, range(model.layers), ATTENTIONS)


def of_model(results: Path, model: Explored) -> list[Path]:
    """What is read of a model that another is compared with."""
    return [
        *(place(results, model.name, split) for place in (ranks, run) for split in EVALUATED),
        *(of_one(results, analysis, model.name) for analysis in OF_ONE),
        *patches(results, model).values(),
        *stage_patches(results, model).values(),
    ]


def read_by(results: Path, model: Explored, beside: Iterable[Explored]) -> list[Path]:
    """All that is read of `results` for the page of a model, but for its dataset and its folder."""
    beside = list(beside)
    return [
        *of_model(results, model),
        stages(results, model.name),
        top_tokens(results, model.name),
        *head_patches(results, model).values(),
        *(table(results, name) for name in TABLES),
        *(path for other in beside for path in of_model(results, other)),
        *(of_one(results, name, m.name) for name in WHERE_THERE for m in (model, *beside)),
    ]


def found(results: Path, name: str, layers: int) -> Explored:
    """A model with the methods that are there, as without the workflow nobody says which."""
    methods, heads = (_folders(results / rule / name) for rule in ("patch_component", "patch_head"))
    return Explored(name, layers, methods, heads)


def model_folder(results: Path, name: str) -> Path:
    """Where a model lies. Raises AnalysisError if it is in none of the usual places."""
    usual = [results / rule / name / "model" for rule in _TRAINED_BY]
    for folder in usual:
        if folder.is_dir():
            return folder
    raise AnalysisError(
        f"{results} holds no model {name!r} ({' or '.join(map(str, usual))}); write its folder as "
        "--folder"
    )


def dataset(results: Path) -> Path:
    """The only dataset. Raises AnalysisError if there is none, or several."""
    names = _folders(results / "subset_corpus")
    if len(names) == 1:
        return results / "subset_corpus" / names[0]
    raise AnalysisError(
        f"{results / 'subset_corpus'} holds {len(names)} datasets ({', '.join(names)}); write that "
        "of the model as --data"
    )


def _folders(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir() if path.is_dir()) if place.is_dir() else []
