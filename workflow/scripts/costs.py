"""Print what a configuration costs, model by model and rule by rule."""

from genir.run.cost_table import cost_text
from genir.run.costs import Workload
from script import run


def main(workloads: list[Workload]) -> None:
    """Print what a configuration costs, model by model and rule by rule.

    Args:
        workloads: what is asked of every model.
    """
    print(cost_text(workloads))


if __name__ == "__main__":
    run(main)
