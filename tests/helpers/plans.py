"""The plan of a shipped configuration, with changes laid over it, in a folder without results."""

from pathlib import Path
from typing import Any

from snakemake.utils import update_config

from genir.run.config.strict_yaml import load_yaml_strict
from genir.run.config.values import drop_empty
from genir.run.hub import named_snapshots, pinned, place
from genir.run.plan import Plan

REPOSITORY = Path(__file__).resolve().parents[2]


def plan_of(workdir: Path, *names: str, **changes: Any) -> Plan:
    """That of config.yaml with the files of these names and `changes` over it; what comes from the
    hub is at revision 0000."""
    config = load_yaml_strict(REPOSITORY / "config/config.yaml")
    for over in [*(load_yaml_strict(REPOSITORY / f"config/{n}.yaml") for n in names), changes]:
        update_config(config, over)
    drop_empty(config)
    named = pinned(named_snapshots(config), {})
    lock = {(s.kind, place(s.id, wanted)): "0" * 40 for s in named for wanted in s.unknown}
    snapshots = pinned(named, lock)
    return Plan(config, REPOSITORY, workdir, snapshots)
