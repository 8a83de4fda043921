"""Note the hub revisions a configuration is computed with and download what it names."""

from pathlib import Path

from genir.files.provenance import carrying
from genir.run.fetch import fetch
from genir.run.hub import Snapshot
from script import run


def main(snapshots: list[Snapshot], lock: Path) -> None:
    """Note the hub revisions a configuration is computed with and download what it names.

    Args:
        snapshots: what to fetch; the commits of their revisions, or the newest, are noted in the
            lock.
        lock: the lock file (YAML); entries that are there stay.
    """
    # What is fetched stays as the hub has it; its folder names the revision.
    with carrying(None):
        fetch(snapshots, lock)


if __name__ == "__main__":
    run(main)
