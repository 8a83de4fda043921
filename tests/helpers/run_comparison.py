"""Whether two runs of the workflow gave the same results."""

from pathlib import Path

# How a run went, not what it found.
OF_THE_RUN = ("logs", "benchmarks", "checkpoints", "timing.json")
# With seconds in it, which no two runs have in common.
TIMED = ("table_attribution", "figure_attribution")
TIMED_FILES = ("seconds.json", "seconds.provenance.json")


def differing_files(one: Path, other: Path) -> list[str]:
    """Paths below two `results` folders that only one of them has, or whose bytes differ."""
    files = {folder: compared_files(folder) for folder in (one, other)}
    lacking = files[one] ^ files[other]
    shared = files[one] & files[other]
    differ = {file for file in shared if (one / file).read_bytes() != (other / file).read_bytes()}
    return sorted(lacking | differ)


def compared_files(folder: Path) -> set[str]:
    """Paths below a `results` folder that another run must have too."""
    paths = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {
        path.as_posix()
        for path in paths
        if path.parts[0] not in (*OF_THE_RUN, *TIMED)
        and path.name not in TIMED_FILES
        and path.name != ".snakemake_timestamp"
    }
