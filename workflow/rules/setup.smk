# What must happen when the workflow is read; what it decides is in genir/run/.
import atexit
import json
import logging
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from snakemake.io import AnnotatedString
from snakemake.logging import logger

sys.path.insert(0, f"{workflow.basedir}/lib")

from genir.base import paths
from genir.base.errors import UserError
from genir.base.names import ABLATIONS, BASELINES, EVALUATED
from genir.base.surroundings import check_encoding, check_prefix, keep_apart
from genir.run import artifacts, hub, parameters, results, rule_arguments
from genir.run.arguments import read_files, words
from genir.run.config.values import named_paths
from genir.run.needs import Needs
from genir.run.parameters import constant, growing, one_of, uncompared
from genir.run.reading import prefix, read_plan
from genir.run.sources import Sources
from genir.run.status import show_status
from genir.run.storage import check_storage, tell_if_full
from genir.run.timing import Timing

WORKDIR = Path.cwd()
TIMING = Timing(Path("results"))

# Where Snakemake cannot write its own log, what it prints must not drown in tracebacks.
logging.raiseExceptions = False

# -n, -p, --verbose, --debug-dag and --quiet are answered by Snakemake alone.
asked = workflow.output_settings
if workflow.is_main_process and not any(
    (asked.dryrun, asked.printshellcmds, asked.verbose, asked.debug_dag, asked.quiet)
):
    show_status(logger)


# Snakemake fills in <name> in paths, and this after wildcards: see `Literal`.
pathvars:
    brace="{",


try:
    check_encoding()
    if workflow.deployment_settings.deployment_method:
        keep_apart(Path(sys.modules["snakemake"].__file__), workflow.non_local_exec)
        check_prefix(Path(workflow.deployment_settings.conda_prefix or WORKDIR))
    schema = Path(workflow.basedir) / "schemas/config.schema.yaml"
    PLAN = read_plan(config, workflow.configfiles, schema, WORKDIR, sys.argv)
    if workflow.is_main_process:
        check_storage(WORKDIR, named_paths(config, paths.REPOSITORY, WORKDIR))
        atexit.register(tell_if_full, WORKDIR)
    NEEDS, told = Needs(PLAN), partial(parameters.told, PLAN)
except UserError as error:
    raise WorkflowError(f"{type(error).__name__}: {error}") from None

FORMATS = config["figures"]["formats"]
SOURCES = Sources(Path(workflow.basedir), config["torch"])
code, environment, caption = SOURCES.code, SOURCES.environment, SOURCES.caption
checkpoint_folder = SOURCES.checkpoint_folder
shell.prefix(prefix(SOURCES))


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
    return as_input(parameters.files_read(PLAN, arguments))
