"""Look for stages in the contributions of a model, and say which stages its analyses use."""

from pathlib import Path

from genir.analyses.stages import stages_record
from genir.files.io import read_csv, read_parquet, write_json
from script import run


def main(
    contributions: Path,
    correct: Path,
    seed: int,
    output: Path,
    configured: dict[str, list[int]] | None = None,
) -> None:
    """Look for stages in the contributions of a model, and say which stages its analyses use.

    Args:
        contributions: contributions of every component (Parquet).
        correct: the model's correct queries (CSV).
        seed: seed of the shuffled layer orders.
        output: JSON to write.
        configured: first and last layer of the stages I, II and III; without it T5-large's, scaled
            by depth.
    """
    query_ids = read_csv(correct)["query_id"]
    write_json(output, stages_record(read_parquet(contributions), query_ids, configured, seed))


if __name__ == "__main__":
    run(main)
