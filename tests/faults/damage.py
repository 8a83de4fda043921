"""Files that are cut off, emptied, changed or deleted."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from fault import ANALYSED, CHECKPOINT, TABLE, TRAINED, Fault, Seen
from trial import REPOSITORY, START, Trial

METRICS = "retrieval_metrics/hpo-2k/full-rd2.csv"
MODEL_FILE = f"{TRAINED}/model/model.safetensors"
AFTER_MODEL = ("encoder_swap", "table_encoder_swap", "figure_encoder_swap")


def _damage(
    trial: Trial, harm: Callable[[Path], None], file: str, missing: tuple[str, ...] = ()
) -> Seen:
    """Harm a result; `missing` is what the run has to make from it."""
    trial.delete(*missing)
    harm(trial.results / file)
    return _refused(trial)


def _refused(trial: Trial) -> Seen:
    trial.fails(trial.start())
    assert "Traceback" not in trial.said, trial.said
    return Seen("the job that reads it failed", trial.line("DamagedFileError: "))


def _damage_run(trial: Trial, harm: Callable[[Path], None]) -> Seen:
    seen = _damage(trial, harm, "retrieve/full-rd2/test.run")
    what = f"{seen.what}; what is made from its output is there, so nothing asks for that again"
    return replace(seen, what=what, mend=partial(_ask_for, file=METRICS))


def _delete_figure(trial: Trial) -> Seen:
    trial.delete("figure_late_cosines/late_cosines.svg")
    return Seen("the next run makes it")


def _delete_analysis(trial: Trial) -> Seen:
    trial.delete(ANALYSED)
    assert trial.run() == 0, trial.said
    assert not (trial.results / ANALYSED).exists(), "there is nothing to tell of"
    what = "nothing runs, as what is made from it is there"
    return Seen(what, mend=partial(_ask_for, file=ANALYSED))


def _ask_for(trial: Trial, file: str) -> str:
    assert trial.run(f"results/{file}") == 0, trial.said
    return f"`snakemake results/{file}`"


def _damage_checkpoint(trial: Trial, harm: Callable[[Path], None]) -> Seen:
    (path,) = trial.folder.glob(CHECKPOINT)
    harm(path)
    assert trial.run(f"results/{TRAINED}/run.json") == 0, trial.said
    log = (trial.results / f"logs/{TRAINED}.log").read_text()
    return Seen("the training began again", trial.line("damaged", log))


def _shorten(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _omit(path: Path) -> None:
    """Half of the lines."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: len(lines) // 2]))


def _edit(path: Path) -> None:
    content = path.read_text()
    path.write_text(content.replace("0.", "0.9", 1))
    assert path.read_text() != content


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _overwrite(path: Path) -> None:
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + os.urandom(64) + content[middle + 64 :])


CHECKPOINTS = [
    Fault(
        f"checkpoint of a killed training {name}",
        partial(_damage_checkpoint, harm=harm),
        "killed",
        makes="" if harm is _overwrite else TRAINED,
    )
    for name, harm in (
        ("with random bytes in it", _overwrite),
        ("cut to half", _shorten),
        ("emptied", _empty),
    )
]


def _cut_start(trial: Trial) -> Seen:
    _shorten(trial.folder / "mini-t5/model.safetensors")
    trial.fails(trial.start("results/finetune/full/run.json"))
    return Seen("the training failed", trial.line("get it again"), _restore_start)


def _restore_start(trial: Trial) -> str:
    shutil.copy2(REPOSITORY / START / "model.safetensors", trial.folder / "mini-t5")
    return "put the file back"


FAULTS = [
    *CHECKPOINTS,
    Fault(
        "model file cut to half",
        partial(_damage, harm=_shorten, file=MODEL_FILE, missing=AFTER_MODEL),
    ),
    Fault(
        "model file with random bytes in it",
        partial(_damage, harm=_overwrite, file=MODEL_FILE, missing=AFTER_MODEL),
    ),
    Fault("model file of the user cut to half", _cut_start, makes="finetune/full"),
    Fault("Parquet cut to half", partial(_damage, harm=_shorten, file=ANALYSED)),
    Fault("random bytes in Parquet", partial(_damage, harm=_overwrite, file=ANALYSED)),
    Fault("CSV emptied", partial(_damage, harm=_empty, file=TABLE)),
    Fault("CSV cut within a line", partial(_damage, harm=_shorten, file=TABLE)),
    Fault("CSV cut between lines", partial(_damage, harm=_omit, file=TABLE)),
    Fault("a number in a CSV changed", partial(_damage, harm=_edit, file=TABLE)),
    Fault("JSON cut to half", partial(_damage, harm=_shorten, file="circuit/full/automatic.json")),
    Fault("TREC run emptied", partial(_damage_run, harm=_empty)),
    Fault("TREC run cut between lines", partial(_damage_run, harm=_omit)),
    Fault("a figure deleted", _delete_figure),
    Fault("an analysis deleted", _delete_analysis),
]
