"""Write the results into one JSON file."""

from pathlib import Path

from genir.files.io import write_json
from genir.tables.summary import Tables, summary
from script import run


def main(
    headline: str,
    tables: Tables,
    correct: dict[str, Path],
    stages: dict[str, Path],
    manifest: Path,
    output: Path,
) -> None:
    """Write the results into one JSON file.

    Args:
        headline: model whose encoder swap, patching by stage and circuits stand at the top level.
        tables: CSV files of the tables.
        correct: model -> its correct queries (CSV), all models.
        stages: model -> its stages (JSON).
        manifest: manifest.json of the headline model's dataset.
        output: JSON to write.
    """
    write_json(output, summary(headline, tables, correct, stages, manifest))


if __name__ == "__main__":
    run(main)
