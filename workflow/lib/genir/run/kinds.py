"""What kinds of artifacts there are: analyses, which are cut into jobs, tables and figures."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from genir.run.arguments import Arguments, read_files, words, written_files
from genir.run.needs import Needs
from genir.run.plan import Plan
from genir.run.results import RESULTS


@dataclass(frozen=True)
class Analysis:
    """`analyse.py` runs the function of `module` that is called like it; other drivers do one
    thing.

    `arguments` are those for a model, or for the layers of it that a job does. `cost` is the entry
    of `costs.analysis_operations` that its time goes by, `minutes` the least that is declared.
    """

    name: str
    message: str
    module: str
    cost: str
    arguments: Callable[..., Arguments]
    driver: str = "analyse"
    minutes: int = 60
    priority: int = 0
    ranks: bool = True
    """Whether it makes products behind ranks, whose precision the configuration chooses."""
    cut: str = ""
    """Without it, one rule for all models; "model": a rule for each, whose files depend on it;
    "layers": for some decoder layers of each."""
    models: Callable[[Plan], list[str]] = lambda plan: plan.models

    @property
    def of(self) -> str:
        """The wildcard of the rule: `trained` is a full or reduced model."""
        return "trained" if self.name in ("evaluate", "retrieve") else "model"


@dataclass(frozen=True)
class Job:
    """A rule of an analysis: for all models, for `model`, or for `layers` of it."""

    plan: Plan
    analysis: Analysis
    model: str | None = None
    layers: range | None = None

    @property
    def rule(self) -> str:
        """The name of the rule."""
        parts = [self.analysis.name, self.model]
        if self.layers:
            parts.append(f"layer{self.layers[0]}_to_{self.layers[-1]}")
        return "_".join(filter(None, parts))

    @property
    def place(self) -> str:
        """Where its log, benchmark and checkpoints lie, below folders of these kinds."""
        name = self.model or f"{{{self.analysis.of}}}"
        if self.layers:
            name += f".layer{self.layers[0]}-{self.layers[-1]}"
        return f"{self.analysis.name}/{name}"

    @property
    def message(self) -> str:
        """With the wildcard in it, where there is one."""
        name = self.model or f"{{wildcards.{self.analysis.of}}}"
        layers = {"first": self.layers[0], "last": self.layers[-1]} if self.layers else {}
        return self.analysis.message.format(model=name, **layers)

    @property
    def written(self) -> list[str]:
        """The output, with the wildcard in it."""
        any_model = self.model or self.plan.models[0]
        known = {self.analysis.of: self.model} if self.model else {}
        return written_files(self._arguments(any_model), **known)

    @property
    def piece(self) -> list[str]:
        """The layers on the command line, which change no file."""
        if not self.layers:
            return []
        return words({"first_layer": self.layers[0], "last_layer": self.layers[-1]})

    def trained(self, wildcards: Mapping[str, str]) -> str:
        """The model that the job runs."""
        return self.model or wildcards[self.analysis.of]

    def read(self, wildcards: Mapping[str, str]) -> dict[str, list[str]]:
        """The input, by option."""
        return read_files(self._arguments(self.trained(wildcards)))

    def words(self, wildcards: Mapping[str, str]) -> list[str]:
        """The command line, but for `piece` and what changes with the attempt."""
        trained = self.trained(wildcards)
        arguments = self._arguments(trained)
        if self.analysis.ranks:
            precision = self.plan.config["evaluation"]["precision"]
            arguments = {**arguments, "limits.precision": precision}
        by_name = self.analysis.driver == "analyse"
        name = [self.analysis.module.rpartition(".")[2]] if by_name else []
        return name + words(arguments, **{self.analysis.of: trained})

    def checkpoints(self, wildcards: Mapping[str, str]) -> str:
        """The folder of what is finished before the job is."""
        name = self.place.replace(f"{{{self.analysis.of}}}", self.trained(wildcards))
        return str(RESULTS / "checkpoints" / name)

    def memory(self, needs: Needs, wildcards: Mapping[str, str]) -> int:
        """In MiB."""
        return needs.analysis_memory(self.trained(wildcards))

    def minutes(self, needs: Needs, wildcards: Mapping[str, str]) -> int:
        """What is declared."""
        own, layers = self.analysis, len(self.layers) if self.layers else None
        return needs.analysis_minutes(own.cost, self.trained(wildcards), own.minutes, layers)

    def _arguments(self, trained: str) -> Arguments:
        layers = [self.layers] if self.layers else []
        return self.analysis.arguments(self.plan, trained, *layers)


@dataclass(frozen=True)
class Artifact:
    """A table or figure: what it is called, where it stands in the report, how it is made.

    `arguments` are what it is made from; `module` is the library's, whose code counts beside the
    driver's; `wanted` says whether a configuration has it. `group` is the job that a cluster makes
    of many; `mem_mb` and `minutes` are what it costs. `each` names what there is a file of, such as
    the series of a configuration; an artifact of one of them, its `item`, has that in its messages.
    """

    name: str
    category: str
    message: str
    arguments: Callable[..., Arguments]
    wanted: Callable[[Plan], bool] = lambda plan: True
    drawn: bool = True
    label: str = ""
    kind: str = "table"
    rule: str = ""
    module: str = ""
    environment: str = "plot"
    group: str = "tables"
    mem_mb: int = 2000
    minutes: int = 10
    each: Callable[[Plan], Iterable[str]] | None = None
    item: str = ""

    def __post_init__(self) -> None:
        given = {
            "label": self.name.replace("_", " "),
            "rule": f"{self.kind}_{self.name}",
            "module": f"genir.{self.kind}s.{self.name}",
        }
        for key, value in given.items():
            object.__setattr__(self, key, getattr(self, key) or value)

    def of_each(self, plan: Plan) -> list["Artifact"]:
        """Itself, or those of its items in a configuration."""
        if self.each is None:
            return [self]
        return [
            replace(
                self,
                item=item,
                label=f"{self.label} {item}",
                message=self.message.format(item=item),
            )
            for item in self.each(plan)
        ]

    @property
    def rule_name(self) -> str:
        """What Snakemake calls its rule; `rule` is the folder of its files."""
        return "_".join(filter(None, (self.rule, self.item)))

    @property
    def log(self) -> str:
        """Where its log lies, below the folder of logs, without suffix."""
        return "/".join(filter(None, (self.rule, self.item)))

    @property
    def benchmark(self) -> str:
        """Where its benchmark lies, below the folder of benchmarks, without suffix."""
        return f"{self.rule}/{self.item or 'all'}"

    @property
    def labels(self) -> dict[str, str]:
        """What the report sorts it by."""
        return {"artifact": self.label, "kind": self.kind}

    def file(self, suffix: str) -> str:
        """One of its files."""
        return str(RESULTS / self.rule / f"{self.item or self.name}.{suffix}")

    def read(self, plan: Plan) -> dict[str, list[str]]:
        """The input, by option."""
        return read_files(self._arguments(plan))

    def words(self, plan: Plan) -> list[str]:
        """Its name and what it is made from, as the driver takes them."""
        return [self.name, *words(self._arguments(plan))]

    def _arguments(self, plan: Plan) -> Arguments:
        return self.arguments(plan, *filter(None, [self.item]))
