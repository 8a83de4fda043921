import atexit
import json
import logging
import os
import re
import shlex
import sys
from functools import cache, partial
from pathlib import Path

from snakemake.logging import logger

SCRIPTS = f"{workflow.basedir}/scripts"
LIBRARY = f"{workflow.basedir}/lib"
sys.path.insert(0, LIBRARY)

from genir import config_model, hub, paths
from genir.circuit import AUTOMATIC_METHODS, VARIANTS
from genir.components import ATTENTIONS, BASELINES, COMPONENTS, PATCHED_STAGES, STAGES
from genir.config_checks import check_config
from genir.config_files import load_yaml_strict
from genir.encoder_parts import part_names
from genir.errors import UserError
from genir.fingerprint import code_fingerprint, fingerprint_of
from genir.run_status import show_status
from genir.split_files import data_files_in
from genir.text import slug
from genir.seed_copies import is_seed_copy
from genir.storage import check_storage, tell_if_full
from genir.timing import Timing

WORKDIR = Path.cwd()
REPOSITORY = Path(os.path.relpath(paths.REPOSITORY, WORKDIR))
EVALUATED = ["validation", "test"]
WITH_TORCH = ["train", "analysis"]
TIMING = Timing(Path("results"))

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

# A prefix of our own takes the place of Snakemake's `set -euo pipefail`.
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH={shlex.quote(LIBRARY)}"
    f" SCRIPTS={shlex.quote(SCRIPTS)} HF_HUB_OFFLINE=1; "
)

try:
    for path in workflow.configfiles:
        load_yaml_strict(Path(path))
    config_model.drop_empty(config)
    check_config(config, Path(workflow.basedir) / "schemas/config.schema.yaml", WORKDIR)
    sources = config_model.named_paths(config, paths.REPOSITORY, WORKDIR)
    if workflow.is_main_process:
        check_storage(WORKDIR, sources)
        atexit.register(tell_if_full, WORKDIR)
    SNAPSHOTS = hub.pinned(
        hub.named_snapshots(config), hub.read_lock(hub.LOCK_FILE), hub.LOCK_FILE
    )
    if not NEEDS_NO_LOCK & set(sys.argv):
        hub.check_pinned(SNAPSHOTS, hub.LOCK_FILE)
except UserError as error:
    raise WorkflowError(f"{type(error).__name__}: {error}") from None

config["models"] = config_model.expand_seeds(config["models"])
MODELS = sorted(
    config["models"], key=lambda name: (name != config["headline_model"], name)
)
TRAINED = [name for name in MODELS if config_model.is_trained(config["models"][name])]
IMPORTED = [name for name in MODELS if name not in TRAINED]
ORIGINAL = [name for name in MODELS if not is_seed_copy(name)]


def one_of(names):
    """A wildcard constraint that admits exactly `names`."""
    return "|".join(map(re.escape, names)) or "(?!)"


def as_json(value):
    return json.dumps(value, default=str, sort_keys=True)


def environment(name):
    """The conda environment of a rule, as seen from the rule files. Of those with torch, the config
    says which build; the pins, which `code` covers, are the same."""
    cpu = config["torch"] == "cpu" and name in WITH_TORCH
    return f"../../envs/{name}{'-cpu' if cpu else ''}.yaml"


def code(script, environment, *modules):
    """Fingerprint of a script, all it imports and the packages it runs with; as a parameter it
    makes Snakemake rerun."""
    return fingerprint_of(
        code_fingerprint(Path(SCRIPTS) / f"{script}.py", Path(LIBRARY), *modules),
        packages(environment),
    )


@cache
def packages(environment):
    """What an environment file says, without its comments."""
    return load_yaml_strict(Path(workflow.basedir) / f"../envs/{environment}.yaml")


def options(**values):
    """Options of a command as one parameter. Snakemake compares the set of a rule's parameters: as
    two of them, two numbers could change places unseen."""
    return " ".join(f"--{name} {value}" for name, value in sorted(values.items()))


def uncompared(value):
    """A parameter that changes no result: one that may depend on output is not compared."""
    return lambda wildcards, output: value


def resolve(path):
    """Where a path of the config lies, seen from the working directory: a parameter or an input
    that named the place of both would rerun all when they are moved."""
    return str(paths.resolve(path, REPOSITORY, Path()))


def hub_snapshot(kind, entry):
    """What an entry of the config takes from the hub."""
    wanted = (kind, entry["id"], entry.get("name", ""))
    return next(s for s in SNAPSHOTS if (s.kind, s.id, s.name) == wanted)


def hub_folder(kind, entry):
    """Where what an entry of the config takes from the hub is fetched to. Its name holds the
    revision: what lies there stays the same, whatever its time says."""
    return ancient(hub_snapshot(kind, entry).folder)


# --- corpora and datasets


def is_small(corpus):
    """Whether a corpus is read in minutes; the others can be hundreds of thousands of pages."""
    return config["corpora"][corpus]["source"] in ("hpo", "files")


def corpus_files(corpus):
    """What export_corpus reads, by the names of its source."""
    entry = config["corpora"][corpus]
    keys = [key for key in config_model.CORPUS_FILES if key in entry]
    files = {key: resolve(entry[key]) for key in keys}
    if "path" in entry:
        files["folder"] = resolve(entry["path"])
    elif entry["source"] in hub.CORPUS_SOURCES:
        files["folder"] = hub_folder("dataset", entry)
    return files


def corpus_inputs(corpus):
    """The same as a list; of a folder of the user's own its files, so that a new one counts; of
    what ir-datasets keeps in its own folder, the word that it is there."""
    entry = config["corpora"][corpus]
    if entry["source"] == "ir_datasets":
        return [f"results/fetch_collection/{corpus}.json"]
    if "path" in entry:
        return [str(path) for path in data_files_in(Path(resolve(entry["path"])))]
    return list(corpus_files(corpus).values())


def corpus_options(corpus):
    """What else the source of a corpus takes."""
    entry = config["corpora"][corpus]
    options = {key: entry[key] for key in ("id", "ids", "name") if key in entry}
    if "name" in entry:
        options["revision"] = hub_snapshot("dataset", entry).revision
    return options


def dataset_settings(dataset):
    return {
        key: value
        for key, value in config["datasets"][dataset].items()
        if key != "corpus"
    }


def exported(dataset, file):
    return f"results/export_corpus/{config['datasets'][dataset]['corpus']}/{file}"


def subset(model, file):
    return f"results/subset_corpus/{config['models'][model]['dataset']}/{file}"


def data_files(model, qrels_split):
    return {
        "documents": subset(model, "documents.parquet"),
        "queries": subset(model, "queries.parquet"),
        "qrels": subset(model, f"qrels.{qrels_split}.txt"),
    }


def imported_folder(model):
    """Folder of an existing model."""
    entry = config["models"][model]
    if "hub" in entry:
        return hub_folder("model", entry["hub"])
    return resolve(entry["folder"])


def import_files(wildcards):
    """Files of an existing model and of its start, its docid mapping if it has one, the dataset's
    documents."""
    entry = config["models"][wildcards.model]
    mapping = {"docids": resolve(entry["docids"])} if "docids" in entry else {}
    return {
        "folder": model_files(imported_folder(wildcards.model)),
        "pretrained": files_of(start_settings(wildcards.model)),
        "documents": subset(wildcards.model, "documents.parquet"),
    } | mapping


def training_files(wildcards):
    return data_files(wildcards.model, "train") | generated_files(wildcards.model)


# --- models


def reduced_settings(model):
    return config["models"][model].get("reduced", {"models": 0, "documents": 0})


def reduced_names(model):
    return [f"{model}-rd{i + 1}" for i in range(reduced_settings(model)["models"])]


def full_name(trained):
    """The model a reduced model belongs to; a full model's own name."""
    return trained if trained in MODELS else trained.rpartition("-rd")[0]


def dataset_of(trained):
    return config["models"][full_name(trained)]["dataset"]


def model_folder(trained):
    if trained in REDUCED:
        return f"results/finetune_reduced/{trained}/model"
    rule_name = "finetune" if trained in TRAINED else "import_model"
    return f"results/{rule_name}/{trained}/model"


def written_start(start):
    """What a start is, wherever repository and results lie."""
    if start is None:
        return None
    if start["type"] == "hub":
        return {"type": "folder", "path": hub_folder("model", start)}
    if start["type"] == "pretraining":
        return {"type": "folder", "path": "results/pretrain/model"}
    return {"type": start["type"], "path": start.get("path") or start["like"]}


def located(start):
    """What the training scripts take as --start."""
    if start is None or start["type"] in ("hub", "pretraining"):
        return written_start(start)
    return written_start(start) | {"path": resolve(written_start(start)["path"])}


def start_settings(model):
    return located(config["models"][model].get("start"))


def start_files(wildcards):
    return files_of(start_settings(wildcards.model))


def files_of(start):
    """What a rule that reads a located start depends on."""
    return [] if start is None else model_files(start["path"], start["type"])


def model_files(folder, kind="folder"):
    """What is read of a model folder, to depend on it: a folder of the workflow's own; of any
    other its files, whose content counts, for a random model without the weights."""
    if Path(folder).parts[0] == "results":
        return [folder]
    patterns = ["*.json"] + ["*.safetensors"] * (kind == "folder")
    return [str(f) for pattern in patterns for f in sorted(Path(folder).glob(pattern))]


def start_argument(model):
    """The --start argument of an analysis; empty for a random start, which has no pre-training."""
    return (
        "--start '{}'".format(as_json(start_settings(model)))
        if model in PRETRAINED
        else ""
    )


def finetuning_settings(model):
    return config_model.finetuning(config, model)


def training_key(model):
    """All that makes a training what it is, beside its rule's own."""
    dataset = config["models"][model]["dataset"]
    source = config["corpora"][config["datasets"][dataset]["corpus"]]
    return [
        source,
        dataset_settings(dataset),
        written_start(config["models"][model].get("start")),
        finetuning_settings(model),
        generator_settings(config_model.query_generator(config, model)),
    ]


def checkpoint_folder(script, artifact, *key):
    """An undeclared folder that changes with the code and with everything in `key`. Those of one
    artifact lie together: when it is made, its rule removes them all."""
    version = fingerprint_of(code(script, "train"), *key)
    return f"results/checkpoints/{script}/{artifact}/{version}"


REDUCED = [name for model in MODELS for name in reduced_names(model)]
WITH_REDUCED = [name for name in MODELS if reduced_names(name)]
PRETRAINED = [
    name
    for name in MODELS
    if (start_settings(name) or {"type": "random"})["type"] != "random"
]


wildcard_constraints:
    corpus=one_of(config["corpora"]),
    dataset=one_of(config["datasets"]),
    model=one_of(MODELS),
    trained=one_of(MODELS + REDUCED),
    system=one_of([*MODELS, *REDUCED, *BASELINES]),
    variant=one_of(BASELINES),
    set=r"\d+",
