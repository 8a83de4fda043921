"""What a configuration asks for: its models, and the files and settings of their jobs.

Paths are seen from the working directory and none is absolute: a parameter or an input that named
the place of repository or results would rerun all when they are moved.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from genir.base import paths
from genir.base.names import (
    AS_RELEASED,
    AUTOMATIC_METHODS,
    BASELINES,
    DONORS,
    EVALUATED,
    VARIANTS,
    Method,
    Variant,
    is_seed_copy,
    part_names,
    seed_name,
)
from genir.base.parts import EVERYTHING
from genir.corpora.words import slug
from genir.engine.model_files import files_read
from genir.run import hub
from genir.run.arguments import Folder
from genir.run.config import values
from genir.run.results import RESULTS, dataset_file, pretrained

_SMALL = ("hpo", "files")


class Plan:
    """A checked configuration, with the copies of models that further seeds ask for.

    `repository` is relative to `workdir`, the folder that the workflow runs in; `snapshots` say
    where what comes from the hub lies.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        repository: Path,
        workdir: Path,
        snapshots: Sequence[hub.Snapshot],
    ) -> None:
        entries = values.expand_seeds(config["models"])
        self.config = {**config, "models": entries}
        self.repository, self.workdir, self.snapshots = repository, workdir, snapshots
        self.generators: dict[str, Any] = config.get("query_generators", {})
        self.headline: str = config["headline_model"]
        self.seed: int = config["seed"]
        self.models = sorted(entries, key=lambda name: (name != self.headline, name))
        self.trained = [m for m in self.models if values.is_trained(entries[m])]
        self.imported = [m for m in self.models if m not in self.trained]
        self.original = [m for m in self.models if not is_seed_copy(m)]
        self.reduced = [name for m in self.models for name in self.reduced_names(m)]
        self.with_reduced = [m for m in self.models if self.reduced_names(m)]
        self.pretrained = [m for m in self.models if self._has_weights(m)]
        self.started = [m for m in self.models if m in {*self.trained, *self.pretrained}]
        self.seeds = {m: entries[m]["seeds"] for m in self.models if "seeds" in entries[m]}
        self.series: dict[str, Any] = config.get("series", {})
        self.ordered_series = [s for s, e in self.series.items() if values.is_ordered(e)]
        self.with_donors = [m for m in self.models if self.donor_methods(m)]
        self.as_released = config["evaluation"]["attention_mask"] == AS_RELEASED
        self.traces = {slug(text): text for text in config["trace"]["queries"]}
        self.study = values.study_models(self.config)

    # --- places

    def resolve(self, path: str) -> Path:
        """Where a path of the configuration lies, seen from the working directory."""
        return paths.resolve(path, self.repository, Path())

    def snapshot(self, kind: hub.Kind, entry: Mapping[str, Any]) -> hub.Snapshot:
        """What an entry of the configuration takes from the hub."""
        wanted = (kind, entry["id"], entry.get("name", ""), entry.get("revision") or "",
                  entry.get("tokenizer_revision") or "")  # fmt: skip
        return next(
            s
            for s in self.snapshots
            if (s.kind, s.id, s.name, s.wanted, s.tokenizer_wanted) == wanted
        )

    def hub_folder(self, kind: hub.Kind, entry: Mapping[str, Any]) -> Path:
        """Where that is fetched to."""
        return Path(self.snapshot(kind, entry).folder)

    def paper(self, table: str) -> Path:
        """A table of the study's numbers."""
        return self.repository / f"resources/paper/{table}.csv"

    def published(self) -> Folder:
        """All of them."""
        folder = self.repository / "resources/paper"
        return Folder(folder, self._files_of(folder, "*.csv"))

    def model_files(self, folder: Path, kind: str = "folder") -> Folder:
        """A model folder and what is read of it: a folder of the workflow's own as a whole; of any
        other its files, whose content counts, for a random model without the weights."""
        if folder.parts[0] == RESULTS.name:
            return Folder(folder, (folder,))
        read = files_read(self.workdir / folder, weights=kind == "folder")
        return Folder(folder, tuple(folder / path.name for path in read))

    def _files_of(self, folder: Path, pattern: str) -> tuple[Path, ...]:
        found = sorted((self.workdir / folder).glob(pattern))
        return tuple(folder / path.name for path in found)

    # --- corpora and datasets

    def is_small(self, corpus: str) -> bool:
        """Whether a corpus is read in minutes; others can be hundreds of thousands of pages."""
        return self.config["corpora"][corpus]["source"] in _SMALL

    def collections(self) -> list[str]:
        """The corpora that ir-datasets downloads."""
        entries = self.config["corpora"].items()
        return [name for name, entry in entries if entry["source"] == "ir_datasets"]

    def corpus_options(self, corpus: str) -> dict[str, Any]:
        """What else the source of a corpus takes."""
        entry = self.config["corpora"][corpus]
        options = {key: entry[key] for key in ("id", "ids", "name", "faulty") if key in entry}
        if "name" in entry:
            options["revision"] = self.snapshot("dataset", entry).revision
        return options

    def collection_options(self, corpus: str) -> dict[str, Any]:
        """Which collection of ir-datasets it is."""
        entry = self.config["corpora"][corpus]
        return {key: entry[key] for key in ("id", "ids") if key in entry}

    def dataset_settings(self, dataset: str) -> dict[str, Any]:
        """How a dataset is drawn from its corpus; `queries_per_document` is there only where it is
        not all of them."""
        entry = {"queries_per_document": "all"} | self.config["datasets"][dataset]
        left_out = {"corpus"}
        if entry["queries_per_document"] == "all":
            left_out.add("queries_per_document")
        return {key: value for key, value in entry.items() if key not in left_out}

    def dataset_of(self, trained: str) -> str:
        """The dataset of a full or reduced model."""
        return self.config["models"][self.full_name(trained)]["dataset"]

    def data(self, trained: str, key: str) -> Path:
        """A file, by a key of DATA, of the dataset of a model."""
        return dataset_file(self.dataset_of(trained), key)

    def manifests(self, models: Iterable[str]) -> list[Path]:
        """Manifests of the datasets that `models` belong to, each once."""
        return list(dict.fromkeys(self.data(name, "manifest") for name in models))

    # --- models

    def reduced_settings(self, model: str) -> dict[str, int]:
        """How many reduced models there are of a model, and without how many documents each."""
        return self.config["models"][model].get("reduced", {"models": 0, "documents": 0})

    def reduced_names(self, model: str) -> list[str]:
        """Names of the reduced models of a model."""
        return [f"{model}-rd{i + 1}" for i in range(self.reduced_settings(model)["models"])]

    def trainings(self, model: str) -> list[str]:
        """A model and its copies with further seeds."""
        return [model, *(seed_name(model, seed) for seed in self.seeds.get(model, [])[1:])]

    def full_name(self, trained: str) -> str:
        """The model that a reduced model belongs to; a full model's own name."""
        return trained if trained in self.models else trained.rpartition("-rd")[0]

    def made_by(self, trained: str) -> Path:
        """The folder of the job that makes a model."""
        if trained in self.reduced:
            return RESULTS / "finetune_reduced" / trained
        return RESULTS / ("finetune" if trained in self.trained else "import_model") / trained

    def model_folder(self, trained: str) -> Path:
        """Folder of a full or reduced model."""
        return self.made_by(trained) / "model"

    def imported_folder(self, model: str) -> Path:
        """Where an existing model lies."""
        entry = self.config["models"][model]
        if "hub" in entry:
            return self.hub_folder("model", entry["hub"])
        return self.resolve(entry["folder"])

    def written_start(self, start: Mapping[str, Any] | None) -> dict[str, str] | None:
        """What a start is, wherever repository and results lie."""
        if start is None:
            return None
        if start["type"] == "hub":
            return {"type": "folder", "path": str(self.hub_folder("model", start))}
        if start["type"] == "pretraining":
            return {"type": "folder", "path": str(pretrained(start.get("step")))}
        return {"type": start["type"], "path": start.get("path") or start["like"]}

    def start(self, start: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """What scripts take as --start."""
        written = self.written_start(start)
        if written is None:
            return None
        own = start is not None and start["type"] in ("hub", "pretraining")
        folder = Path(written["path"]) if own else self.resolve(written["path"])
        return {"type": written["type"], "path": self.model_files(folder, written["type"])}

    def start_of(self, model: str) -> dict[str, Any] | None:
        """What the training of a model starts from; of an existing model, what it started from."""
        return self.start(self.config["models"][model].get("start"))

    def pretraining_of(self, model: str) -> dict[str, Any] | None:
        """The same; nothing for a random start, which has no pre-training."""
        return self.start_of(model) if model in self.pretrained else None

    def _has_weights(self, model: str) -> bool:
        start = self.config["models"][model].get("start")
        return start is not None and start["type"] != "random"

    def start_types(self) -> set[str]:
        """The kinds of start that something is trained from."""
        entries = [*self.config["models"].values(), *self.generators.values()]
        return {entry["start"]["type"] for entry in entries if "start" in entry}

    def finetuning(self, model: str) -> dict[str, Any]:
        """How a model is fine-tuned; `trainable` is there only where it is not all of a model."""
        settings = values.finetuning(self.config, model)
        settings.pop("trainable", None)
        if model in self.trained:
            parts = values.trainable(self.config, model, self.workdir)
            settings |= {} if parts == EVERYTHING else {"trainable": parts}
        return settings

    def training_key(self, model: str) -> list[Any]:
        """All that makes a training what it is, beside its rule's own."""
        entry = self.config["models"][model]
        return [
            *self.dataset_key(entry["dataset"]),
            self.written_start(entry.get("start")),
            self.finetuning(model),
            self.generator_settings(values.query_generator(self.config, model)),
        ]

    def dataset_key(self, dataset: str) -> list[Any]:
        """All that makes a dataset what it is."""
        source = self.config["corpora"][self.config["datasets"][dataset]["corpus"]]
        return [source, self.dataset_settings(dataset)]

    # --- pre-training

    def pretraining_snapshots(self) -> list[int]:
        """Steps of the pre-training after which a model is kept."""
        return sorted(self.config["pretraining"].get("snapshots", []))

    def pretraining_key(self) -> dict[str, Any]:
        """All that makes a pre-training what it is; of a start also its tokenizer and shape, and
        no snapshots, which change nothing."""
        start = values.pretraining_start(self.config)
        begun = (
            self._random_pretraining() if start is None else {"start": self.written_start(start)}
        )
        return {key: self.config["pretraining"][key] for key in ("sources", "training")} | begun

    def pretraining_card(self) -> dict[str, Any]:
        """What the model card says of it beside its sources; the start as the configuration
        writes it, with its revision."""
        training = {"training": self.config["pretraining"]["training"]}
        if (start := values.pretraining_start(self.config)) is None:
            return self._random_pretraining() | training
        if start["type"] == "folder":
            return {"start": {"path": start["path"]}} | training
        revision = self.snapshot("model", start).revision
        return {"start": {"id": start["id"], "revision": revision}} | training

    def _random_pretraining(self) -> dict[str, Any]:
        """What random weights are made by and a start brings along."""
        keys = ("vocabulary", "sentinels", "shape")
        return {key: self.config["pretraining"][key] for key in keys}

    # --- query generators

    def generator_settings(self, generator: str | None) -> dict[str, Any]:
        """All that makes a generator what it is; nothing for direct indexing."""
        entry = self.generators.get(generator, {}) if generator else {}
        own = {"start": self.written_start(entry["start"])} if "start" in entry else {}
        return entry | own

    # --- what is asked of a model

    def source(self, trained: str, split: str) -> dict[str, Any]:
        """Queries of a split, as analyses take them."""
        return {
            "queries": self.data(trained, "queries"),
            "qrels": self.data(trained, split),
            "split": split,
            "query_tokens": self.finetuning(self.full_name(trained))["query_tokens"],
        }

    def encoders(self, model: str) -> dict[str, str]:
        """Names of the encoders swapped into a model, and where each comes from."""
        kinds = {"full": "own"}
        kinds |= {f"rd{i + 1}": "model" for i in range(len(self.reduced_names(model)))}
        if model in self.pretrained:
            kinds |= {name: name for name in ("pretrained", "pretrained_own_norm")}
        return kinds | {"random": "random"}

    def encoder_parts(self, model: str) -> list[str]:
        """Names of the parts of the pre-trained encoder swapped into a model."""
        return part_names(values.encoder_layers(self.config, model, self.workdir))

    def decoder_layers(self, model: str) -> range:
        """The decoder layers of a model."""
        return range(values.decoder_layers(self.config, model, self.workdir))

    def layer_chunks(self, model: str) -> list[range]:
        """The decoder layers of every patching job."""
        layers, size = self.decoder_layers(model), self.config["patching"]["layers_per_job"]
        size = len(layers) if size == "all" else size
        return [layers[start : start + size] for start in layers[::size]]

    def methods(self, model: str, key: str = "methods") -> list[Method]:
        """Patching methods, `head_methods` for single heads."""
        left_out = {"pretrained"} if model not in self.pretrained else set()
        if self.dataset_of(model) != self.dataset_of(self.headline):
            # The pairs are of queries of one dataset.
            left_out |= {"donor_pairs"}
        return [method for method in self.config["patching"][key] if method not in left_out]

    def donor_methods(self, model: str) -> list[Method]:
        """Those of them that take donors, for components or heads."""
        chosen = {*self.methods(model), *self.methods(model, "head_methods")}
        return [method for method in DONORS if method in chosen]

    def donor_pairs(self, model: str) -> Path | None:
        """The user's file of donors, where a method takes it."""
        wanted = "donor_pairs" in self.donor_methods(model)
        return self.resolve(self.config["patching"]["donor_pairs"]) if wanted else None

    def automatic_methods(self, model: str) -> list[Method]:
        """Methods of patch_stage that the automatic circuit chooses from."""
        return [method for method in AUTOMATIC_METHODS if method in self.methods(model)]

    def circuit_variants(self, model: str) -> list[Variant]:
        """The circuits of a model."""
        return [v for v in VARIANTS if v != "pretrained" or model in self.pretrained]

    def systems(self) -> list[tuple[str, str]]:
        """Dataset and name of all that retrieves: baselines, full and reduced models."""
        datasets = dict.fromkeys(map(self.dataset_of, self.models))
        names = [*self.models, *self.reduced]
        return [
            (dataset, system)
            for dataset in datasets
            for system in [*BASELINES, *(n for n in names if self.dataset_of(n) == dataset)]
        ]

    def run(self, dataset: str, system: str, split: str) -> Path:
        """The TREC run of a system on a split."""
        baseline = system in BASELINES
        place = f"bm25/{dataset}/{system}" if baseline else f"retrieve/{system}"
        return RESULTS / place / f"{split}.run"

    def compared_runs(self) -> dict[str, dict[str, Path]]:
        """{split: {system: run}} of the headline model, the other models of its dataset and the
        baselines."""
        dataset = self.dataset_of(self.headline)
        systems = [m for m in self.original if self.dataset_of(m) == dataset]
        systems += BASELINES
        return {
            split: {system: self.run(dataset, system, split) for system in systems}
            for split in EVALUATED
        }
