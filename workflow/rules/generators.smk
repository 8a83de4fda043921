# Query generators of the configuration: what their rules read and are told. Functions only.
GENERATORS = config.get("query_generators", {})
SAMPLING = [
    "queries_per_document",
    "top_k",
    "temperature",
    "document_tokens",
    "query_tokens",
    "seed",
]


def generator_settings(generator):
    """All that makes a generator what it is; nothing for direct indexing."""
    entry = GENERATORS.get(generator, {})
    return entry | (
        {"start": written_start(entry["start"])} if "start" in entry else {}
    )


def generator_training(generator):
    """What train_query_generator takes as --settings."""
    entry = GENERATORS[generator]
    return entry["training"] | {
        key: entry[key] for key in ("document_tokens", "query_tokens")
    }


def dataset_key(dataset):
    source = config["corpora"][config["datasets"][dataset]["corpus"]]
    return [source, dataset_settings(dataset)]


def generator_source(wildcards):
    """The file of queries or the folder of the model that writes them."""
    entry = GENERATORS[wildcards.generator]
    if entry["type"] == "trained":
        return f"results/train_query_generator/{wildcards.generator}/{wildcards.dataset}/model"
    if entry["type"] == "hub":
        return hub_folder("model", entry)
    return resolve(entry["path"])


def generator_files(wildcards):
    """The same as files that a rule depends on."""
    source = generator_source(wildcards)
    return model_files(source) if Path(source).is_dir() else literal([source])


def generator_argument(wildcards):
    """What generate_queries takes of its source, as words of the command."""
    entry, source = GENERATORS[wildcards.generator], generator_source(wildcards)
    if entry["type"] == "file":
        return [f"--file={as_path(source)}"]
    sampling = as_json({key: entry[key] for key in SAMPLING})
    folder = checkpoint_folder(
        "generate_queries",
        f"{wildcards.generator}/{wildcards.dataset}",
        generator_settings(wildcards.generator),
        code("train_query_generator", "train"),
        *dataset_key(wildcards.dataset),
    )
    return [
        f"--model={as_path(source)}",
        *options(sampling=sampling, checkpoints=folder),
    ]


def generated_files(model):
    """The generated queries that a model learns, if any."""
    generator, dataset = config_model.query_generator(config, model), dataset_of(model)
    path = f"results/generate_queries/{generator}/{dataset}.parquet"
    return {"generated": path} if generator else {}


def generated_argument(input):
    generated = "generated" in input.keys()
    return options(**{"data.generated": input.generated}) if generated else []
