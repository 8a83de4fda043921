"""The workflow's own files, as rules name them: scripts, environments, captions; and what changes
with their content."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from genir.files.fingerprint import code_fingerprint, fingerprint_of
from genir.pages.page import assembled, first_sentences
from genir.run.config.strict_yaml import load_yaml_strict
from genir.run.plan import Plan
from genir.run.results import RESULTS

_WITH_TORCH = ("train", "analysis")


@dataclass(frozen=True)
class Sources:
    """The files below `workflow`, the folder of the Snakefile; `torch` is the build, cpu or
    gpu."""

    workflow: Path
    torch: str

    @property
    def scripts(self) -> Path:
        """The folder of the scripts."""
        return self.workflow / "scripts"

    @property
    def library(self) -> Path:
        """The folder that holds this library."""
        return self.workflow / "lib"

    def environment(self, name: str) -> str:
        """The conda environment of a rule, as seen from the rule files. Of those with torch,
        `torch` says which build; the pins, which `code` covers, are the same."""
        build = "-cpu" if self.torch == "cpu" and name in _WITH_TORCH else ""
        file = f"envs/{name}{build}.yaml"
        if "{" not in str(self.workflow):
            return f"../../{file}"
        # Snakemake formats the whole path.
        there = (self.workflow / "..").resolve() / file
        return str(there).replace("{", "{{").replace("}", "}}")

    def caption(self, *names: str) -> str:
        """The caption of an artifact, seen from there: the first of these that there is."""
        there = (name for name in names if (self.workflow / f"report/{name}.rst").is_file())
        return f"../report/{next(there)}.rst"

    def sentences(self, name: str) -> str:
        """Title and first sentence of a caption, which stand on top of a table's page."""
        text = (self.workflow / f"report/{name}.rst").read_text(encoding="utf-8")
        return first_sentences(text)

    def page(self, name: str) -> str:
        """Fingerprint of a page's own sources, without data."""
        return fingerprint_of(assembled(name, "", {}))

    def code(self, script: str, environment: str, *modules: str) -> str:
        """Fingerprint of a script, of the modules that it loads by name, of all they import and of
        the packages it runs with; as a parameter it makes Snakemake rerun."""
        own = code_fingerprint(self.scripts / f"{script}.py", self.library, *modules)
        return fingerprint_of(own, _packages(self.workflow / f"../envs/{environment}.yaml"))

    def checkpoint_folder(self, script: str, artifact: str, *key: Any) -> str:
        """An undeclared folder that changes with the code and with everything in `key`. Those of
        one artifact lie together: when it is made, its rule removes them all."""
        version = fingerprint_of(self.code(script, "train"), *key)
        return str(RESULTS / "checkpoints" / script / artifact / version)

    def finetuning_checkpoints(self, plan: Plan, model: str, set: str | None = None) -> str:
        """That of a full model, or of the reduced one of this number."""
        key = plan.training_key(model)
        if set is None:
            return self.checkpoint_folder("finetune", model, key)
        settings = plan.reduced_settings(model)
        return self.checkpoint_folder("finetune", f"{model}-rd{set}", settings, key)

    def pretraining_checkpoints(self, plan: Plan, artifact: str = "model") -> str:
        """That of the pre-training, or the place of one of its snapshots until it is written as a
        model."""
        return self.checkpoint_folder("pretrain", artifact, plan.pretraining_key())

    def pretraining_snapshots(self, plan: Plan) -> dict[str, str]:
        """Step -> that of its snapshot."""
        steps = plan.pretraining_snapshots()
        return {str(n): self.pretraining_checkpoints(plan, f"step-{n}") for n in steps}

    def generation_checkpoints(self, plan: Plan, generator: str, dataset: str) -> Sequence[str]:
        """The --checkpoints argument of generate_queries, which a file needs none of."""
        if plan.generators[generator]["type"] == "file":
            return []
        trained_by = self.code("train_query_generator", "train")
        key = [plan.generator_settings(generator), trained_by, *plan.dataset_key(dataset)]
        folder = self.checkpoint_folder("generate_queries", f"{generator}/{dataset}", *key)
        return ["--checkpoints", folder]


@cache
def _packages(environment: Path) -> Any:
    """What an environment file says, without its comments."""
    return load_yaml_strict(environment)
