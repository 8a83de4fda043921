# What must happen when the workflow is read: checks, the plan, and what rules are written with.
import atexit
import json
import logging
import os
import re
import shlex
import sys
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path

from snakemake.io import AnnotatedString
from snakemake.logging import logger

SCRIPTS = f"{workflow.basedir}/scripts"
LIBRARY = f"{workflow.basedir}/lib"
sys.path.insert(0, LIBRARY)

from genir.base import paths
from genir.base.errors import UserError
from genir.base.names import BASELINES, EVALUATED
from genir.base.surroundings import check_encoding, check_prefix, keep_apart
from genir.files.fingerprint import code_fingerprint, fingerprint_of
from genir.run import artifacts, hub, rule_arguments
from genir.run.arguments import read_files, words
from genir.run.config import values
from genir.run.config.checks import check_config
from genir.run.config.strict_yaml import load_yaml_strict
from genir.run.needs import Needs
from genir.run.plan import Plan
from genir.run.results import (
    clean_ranks,
    correct_queries,
    dataset_file,
    pretrained,
    removed_documents,
    stages,
)
from genir.run.status import show_status
from genir.run.storage import check_storage, tell_if_full
from genir.run.timing import Timing

WORKDIR = Path.cwd()
WITH_TORCH = ["train", "analysis"]
TIMING = Timing(Path("results"))
FORMATS = config["figures"]["formats"]

# Where Snakemake cannot write its own log, what it prints must not drown in tracebacks.
logging.raiseExceptions = False

# -n, -p, --verbose, --debug-dag and --quiet are answered by Snakemake alone.
asked = workflow.output_settings
if workflow.is_main_process and not any(
    (asked.dryrun, asked.printshellcmds, asked.verbose, asked.debug_dag, asked.quiet)
):
    show_status(logger)

# The targets that can do without knowing the hub revisions.
NEEDS_NO_LOCK = {"fetch", "costs"}

# A prefix of our own takes the place of Snakemake's `set -euo pipefail`. Snakemake formats it. Threads
# that wait sleep: where jobs share cores, spinning ones take the time of those that work.
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH={shlex.quote(LIBRARY)}"
    f" SCRIPTS={shlex.quote(SCRIPTS)} HF_HUB_OFFLINE=1 PYTHONUTF8=1 OMP_WAIT_POLICY=passive; ".replace(
        "{", "{{"
    ).replace(
        "}", "}}"
    )
)


# Snakemake fills in <name> in paths, and this after wildcards: see `Literal`.
pathvars:
    brace="{",


try:
    check_encoding()
    if workflow.deployment_settings.deployment_method:
        keep_apart(Path(sys.modules["snakemake"].__file__), workflow.non_local_exec)
        check_prefix(Path(workflow.deployment_settings.conda_prefix or WORKDIR))
    for path in workflow.configfiles:
        load_yaml_strict(Path(path))
    values.drop_empty(config)
    check_config(config, Path(workflow.basedir) / "schemas/config.schema.yaml", WORKDIR)
    repository = Path(os.path.relpath(paths.REPOSITORY, WORKDIR))
    sources = list(values.named_paths(config, paths.REPOSITORY, WORKDIR))
    paths.check_names([repository, *sources])
    if workflow.is_main_process:
        check_storage(WORKDIR, sources)
        atexit.register(tell_if_full, WORKDIR)
    SNAPSHOTS = hub.pinned(
        hub.named_snapshots(config), hub.read_lock(hub.LOCK_FILE), hub.LOCK_FILE
    )
    if not NEEDS_NO_LOCK & set(sys.argv):
        hub.check_pinned(SNAPSHOTS, hub.LOCK_FILE)
    PLAN = Plan(config, repository, WORKDIR, SNAPSHOTS)
    NEEDS = Needs(PLAN)
except UserError as error:
    raise WorkflowError(f"{type(error).__name__}: {error}") from None


def one_of(names):
    """A wildcard constraint that admits exactly `names`."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    corpus=one_of(config["corpora"]),
    dataset=one_of(config["datasets"]),
    generator=one_of(PLAN.generators),
    model=one_of(PLAN.models),
    trained=one_of(PLAN.models + PLAN.reduced),
    system=one_of([*PLAN.models, *PLAN.reduced, *BASELINES]),
    variant=one_of(BASELINES),
    set=r"\d+",


class Literal(AnnotatedString):
    """A path in the list that an input function returns, with braces that are no wildcards."""

    def __init__(self, path):
        super().__init__(path)
        self.callable = self

    def __call__(self, wildcards):
        return self.replace("{", "<brace>")


def to_read(path):
    """A file as input. What is fetched stays the same, whatever its time says."""
    if Path(path).is_relative_to(hub.FOLDER):
        return ancient(path)
    return Literal(path) if "{" in path else path


def as_input(read):
    """An input function for `unpack`: the files that `read` gives for the wildcards, by option."""
    return lambda wildcards: {
        option: [to_read(path) for path in files]
        for option, files in read(wildcards).items()
    }


def reads(arguments):
    """The input of a rule: the files that its arguments name."""
    return as_input(
        lambda wildcards: read_files(arguments(PLAN, **dict(wildcards.items())))
    )


def told(arguments):
    """The command line, as one parameter: Snakemake compares the set of a rule's parameters, and as
    two of them two numbers could change places unseen."""
    return lambda wildcards: words(arguments(PLAN, **dict(wildcards.items())))


def constant(value):
    """The same for all wildcards. Snakemake leaves braces alone in what a function returns."""
    return lambda wildcards: value


def uncompared(value):
    """A parameter that changes no result: one that may depend on output is not compared."""
    return lambda wildcards, output: value(wildcards) if callable(value) else value


def environment(name):
    """The conda environment of a rule, as seen from the rule files. Of those with torch, the config
    says which build; the pins, which `code` covers, are the same."""
    cpu = config["torch"] == "cpu" and name in WITH_TORCH
    file = f"envs/{name}{'-cpu' if cpu else ''}.yaml"
    if "{" not in workflow.basedir:
        return f"../../{file}"
    # Snakemake formats the whole path.
    return str(paths.REPOSITORY / file).replace("{", "{{").replace("}", "}}")


def caption(*names):
    """The caption of an artifact: the first of these that there is."""
    files = (f"../report/{name}.rst" for name in names)
    return next(f for f in files if Path(workflow.basedir, "rules", f).is_file())


def code(script, environment, *modules):
    """Fingerprint of a script, of the modules that it loads by name, of all they import and of the
    packages it runs with; as a parameter it makes Snakemake rerun."""
    file = Path(SCRIPTS) / f"{script}.py"
    return fingerprint_of(
        code_fingerprint(file, Path(LIBRARY), *modules), packages(environment)
    )


@cache
def packages(environment):
    """What an environment file says, without its comments."""
    return load_yaml_strict(Path(workflow.basedir) / f"../envs/{environment}.yaml")


def checkpoint_folder(script, artifact, *key):
    """An undeclared folder that changes with the code and with everything in `key`. Those of one
    artifact lie together: when it is made, its rule removes them all."""
    version = fingerprint_of(code(script, "train"), *key)
    return f"results/checkpoints/{script}/{artifact}/{version}"


def pretraining_checkpoints(artifact):
    """That of the pre-training, or of one of its snapshots."""
    return checkpoint_folder("pretrain", artifact, PLAN.pretraining_key())


# Step -> the folder in which the pre-training keeps its weights until they are written as a model.
PRETRAINING_SNAPSHOTS = {
    str(step): pretraining_checkpoints(f"step-{step}")
    for step in PLAN.pretraining_snapshots()
}


def generation_checkpoints(wildcards):
    """The --checkpoints argument of generate_queries, which a file needs none of."""
    generator, dataset = wildcards.generator, wildcards.dataset
    key = [PLAN.generator_settings(generator), code("train_query_generator", "train")]
    key += PLAN.dataset_key(dataset)
    folder = checkpoint_folder("generate_queries", f"{generator}/{dataset}", *key)
    of_file = PLAN.generators[generator]["type"] == "file"
    return [] if of_file else ["--checkpoints", folder]


def growing(mb):
    """mem_mb that a scheduler raises with every attempt; a number or a function of wildcards."""
    return lambda wildcards, attempt: attempt * (mb(wildcards) if callable(mb) else mb)
