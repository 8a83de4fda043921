# What jobs need at the sizes of a configuration.
from genir import costs
from genir.config_checks import HPO_DOCUMENTS
from genir.files import read_json
from genir.model_config import read_config
from genir.shape import (
    ASSUMED_ROWS,
    assumed_shape,
    fetched_shape,
    shape_of_config,
)

# Where a corpus is taken whole and not exported yet: more than Natural Questions has pages.
ASSUMED_DOCUMENTS = 250_000
ASSUMED_QUERIES = 8_000


def exported_counts(dataset):
    """Counts of a dataset that is there already; nothing before."""
    manifest = Path(f"results/subset_corpus/{dataset}/manifest.json")
    if not manifest.exists():
        return {}
    try:
        return read_json(manifest)["counts"]
    except UserError as error:
        raise WorkflowError(f"{type(error).__name__}: {error}") from None


def documents_of(dataset):
    """How many documents a dataset has, or an upper bound."""
    entry = config["datasets"][dataset]
    if entry["documents"] != "all":
        return entry["documents"]
    hpo = config["corpora"][entry["corpus"]]["source"] == "hpo"
    bound = HPO_DOCUMENTS if hpo else ASSUMED_DOCUMENTS
    return exported_counts(dataset).get("documents", bound)


def queries_of(dataset, split):
    """How many queries of a split a dataset has, or an estimate: two for a held-out document."""
    entry, key = config["datasets"][dataset], f"{split}_queries"
    if entry["split"] == "query":
        return entry[key]
    estimate = 2 * entry[key] if key in entry else ASSUMED_QUERIES
    return exported_counts(dataset).get(key, estimate)


def hub_shape(entry):
    """Shape of a hub model, assumed as long as it is not fetched."""
    file = Path(hub_folder("model", entry)) / "config.json"
    if not file.exists():
        return assumed_shape(entry)
    try:
        return fetched_shape(read_config(file.parent), entry)
    except UserError as error:
        raise WorkflowError(f"{type(error).__name__}: {error}") from None


def folder_shape(folder):
    return shape_of_config(read_config(folder))


def start_shape(start):
    """Shape of what a training starts from."""
    if start["type"] == "hub":
        return hub_shape(start)
    if start["type"] == "pretraining":
        entry = config["pretraining"]["shape"] | {
            "vocab_size": config["pretraining"]["vocabulary"]
        }
        return shape_of_config(entry)
    return folder_shape(resolve(start.get("path") or start["like"]))


def model_shape(model):
    """Shape of a model; of one that is trained, before it gets its docids."""
    entry = config["models"][model]
    if "hub" in entry:
        return hub_shape(entry["hub"])
    if "folder" in entry:
        return folder_shape(resolve(entry["folder"]))
    return start_shape(entry["start"])


def workload(model):
    """What is asked of a model."""
    entry, shape = config["models"][model], model_shape(model)
    dataset, settings = entry["dataset"], finetuning_settings(model)
    pieces = shape.rows if model in TRAINED else ASSUMED_ROWS
    rows = max(shape.rows, pieces + documents_of(dataset))
    return costs.Workload(
        model=model,
        shape=shape,
        rows=rows,
        validation=queries_of(dataset, "validation"),
        test=queries_of(dataset, "test"),
        training=settings if model in TRAINED else {},
        reduced=len(reduced_names(model)),
        query_tokens=settings["query_tokens"],
        methods=len(methods(model)),
        head_methods=len(methods(model, "head_methods")),
        encoders=len(encoders(model)),
        parts=len(encoder_parts(model)) if model in PRETRAINED else 0,
    )


WORKLOADS = {model: workload(model) for model in MODELS}


def analysis_memory(trained):
    """mem_mb of a rule that runs a full or reduced model on queries."""
    return costs.analysis_memory_mb(WORKLOADS[full_name(trained)])


def analysis_minutes(rule, trained, least, layers=None):
    """runtime of such a rule, or of a job of it that does `layers` decoder layers."""
    work = WORKLOADS[full_name(trained)]
    share = (layers or work.shape.decoder_layers) / work.shape.decoder_layers
    return max(least, round(share * costs.analysis_minutes(work, rule)))


def training_memory(model):
    """mem_mb of a fine-tuning."""
    return costs.training_memory_mb(WORKLOADS[model])


def training_minutes(model, least):
    """runtime of a fine-tuning."""
    return max(least, costs.training_minutes(WORKLOADS[model]))


def generator_memory(generator):
    """mem_mb of a rule that trains a query generator or draws queries from a model."""
    entry = config["query_generators"][generator]
    if entry["type"] != "trained":
        return costs.LEAST_MIB
    settings = entry["training"] | {
        key: entry[key] for key in ("document_tokens", "query_tokens")
    }
    return costs.generator_memory_mb(start_shape(entry["start"]), settings)


def corpus_memory(dataset):
    """mem_mb of reading all documents, with an index of their words."""
    return 2000 + documents_of(dataset) // 25


def growing(mb):
    """mem_mb that a scheduler raises with every attempt; a number or a function of wildcards."""
    return lambda wildcards, attempt: attempt * (mb(wildcards) if callable(mb) else mb)
