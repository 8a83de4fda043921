"""A fault, and what a user sees of it."""

from collections.abc import Callable
from dataclasses import dataclass

from trial import Trial

# From the trial's results: a training with what needs it, and an analysis with what needs it.
TRAINING, TRAINED = "finetune_reduced", "finetune_reduced/full-rd2"
ANALYSIS, ANALYSED = "late_cosines", "late_cosines/full.parquet"
TABLE = "table_late_cosines/late_cosines.csv"
AFTER_ANALYSIS = (ANALYSIS, "table_late_cosines", "figure_late_cosines", "paper_comparison")
CHECKPOINT = "results/checkpoints/**/*.pt"
GOES_ON = "goes on where this run stopped"


@dataclass(frozen=True)
class Seen:
    """What happened, the message that told of it, and what a user does that no message says."""

    what: str
    message: str = ""
    mend: Callable[[Trial], str] | None = None


@dataclass(frozen=True)
class Fault:
    """`inflict` does it to a trial and raises AssertionError where something wrong is accepted.

    A trial begins as a copy of a run that is `done`; `half` done, so that the last training and
    what needs it are missing; or `killed` in that training, with its checkpoint. It may lie on a
    small `disk` of its own. The next run makes everything, or one training, below results/`makes`.
    """

    name: str
    inflict: Callable[[Trial], Seen]
    begins: str = "done"
    disk: bool = False
    makes: str = ""

    @property
    def targets(self) -> tuple[str, ...]:
        """What the next run is asked for; nothing is everything."""
        return (f"results/{self.makes}/run.json",) if self.makes else ()
