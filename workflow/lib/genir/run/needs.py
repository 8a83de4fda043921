"""What jobs need at the sizes of a configuration: memory in MiB, time in minutes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genir.engine.model_config import read_config
from genir.files.io import read_json
from genir.run import costs
from genir.run.config import values
from genir.run.config.checks import HPO_DOCUMENTS
from genir.run.plan import Plan
from genir.run.results import dataset_file
from genir.run.shape import ASSUMED_ROWS, Shape, assumed_shape, fetched_shape, shape_of_config

# Where a corpus is taken whole and not exported yet: more than Natural Questions has pages.
ASSUMED_DOCUMENTS = 250_000
ASSUMED_QUERIES = 8_000


class Needs:
    """Of every dataset how many documents it has, or an upper bound; of every query generator and
    of the pre-training the memory; of every model what is asked of it.

    Raises ConfigError if a fetched model is not what the configuration says, and what `read_json`
    raises of a damaged manifest.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.documents = {name: self._documents(name) for name in plan.config["datasets"]}
        self.generators = {name: self._generator(name) for name in plan.generators}
        self.pretraining_memory = self._pretraining()
        self.workloads = {model: self._workload(model) for model in plan.models}

    def analysis_memory(self, trained: str) -> int:
        """Of a job that runs a full or reduced model on queries."""
        return costs.analysis_memory_mb(self._work(trained))

    def analysis_minutes(
        self, cost: str, trained: str, least: int, layers: int | None = None
    ) -> int:
        """Of such a job that costs what the rule `cost` does, or of one that does `layers` decoder
        layers."""
        work = self._work(trained)
        share = (layers or work.shape.decoder_layers) / work.shape.decoder_layers
        return max(least, round(share * costs.analysis_minutes(work, cost)))

    def training_memory(self, model: str) -> int:
        """Of a fine-tuning."""
        return costs.training_memory_mb(self.workloads[model])

    def training_minutes(self, model: str, least: int) -> int:
        """Of a fine-tuning."""
        return max(least, costs.training_minutes(self.workloads[model]))

    def _pretraining(self) -> int:
        """Memory of a pre-training; 4 GB hold the text."""
        training = self.plan.config["pretraining"]["training"]
        shape = self._start_shape({"type": "pretraining"})
        return max(4000, costs.pretraining_memory_mb(shape, training))

    def corpus_memory(self, dataset: str) -> int:
        """Of reading all documents, with an index of their words."""
        return 2000 + self.documents[dataset] // 25

    def _work(self, trained: str) -> costs.Workload:
        return self.workloads[self.plan.full_name(trained)]

    def _documents(self, dataset: str) -> int:
        entry = self.plan.config["datasets"][dataset]
        if entry["documents"] != "all":
            return entry["documents"]
        hpo = self.plan.config["corpora"][entry["corpus"]]["source"] == "hpo"
        bound = HPO_DOCUMENTS if hpo else ASSUMED_DOCUMENTS
        return self._exported_counts(dataset).get("documents", bound)

    def _queries(self, dataset: str, split: str) -> int:
        """How many queries of a split there are, or an estimate: two for a held-out document."""
        entry, key = self.plan.config["datasets"][dataset], f"{split}_queries"
        if entry["split"] == "query":
            return entry[key]
        estimate = 2 * entry[key] if key in entry else ASSUMED_QUERIES
        return self._exported_counts(dataset).get(key, estimate)

    def _exported_counts(self, dataset: str) -> dict[str, int]:
        """Counts of a dataset that is there already; nothing before."""
        manifest = self.plan.workdir / dataset_file(dataset, "manifest")
        return read_json(manifest)["counts"] if manifest.exists() else {}

    def _hub_shape(self, entry: Mapping[str, Any]) -> Shape:
        """Shape of a hub model, assumed as long as it is not fetched."""
        file = self.plan.workdir / self.plan.hub_folder("model", entry) / "config.json"
        if not file.exists():
            return assumed_shape(entry)
        return fetched_shape(read_config(file.parent), entry)

    def _folder_shape(self, folder: str) -> Shape:
        place: Path = self.plan.workdir / self.plan.resolve(folder)
        return shape_of_config(read_config(place))

    def _start_shape(self, start: Mapping[str, Any]) -> Shape:
        """Shape of what a training starts from."""
        if start["type"] == "hub":
            return self._hub_shape(start)
        if start["type"] == "pretraining":
            if (pretrained := values.pretraining_start(self.plan.config)) is not None:
                return self._start_shape(pretrained)
            pretraining = self.plan.config["pretraining"]
            rows = {"vocab_size": pretraining["vocabulary"]}
            return shape_of_config(pretraining["shape"] | rows)
        return self._folder_shape(start.get("path") or start["like"])

    def _model_shape(self, model: str) -> Shape:
        """Shape of a model; of one that is trained, before it gets its docids."""
        entry = self.plan.config["models"][model]
        if "hub" in entry:
            return self._hub_shape(entry["hub"])
        if "folder" in entry:
            return self._folder_shape(entry["folder"])
        return self._start_shape(entry["start"])

    def _workload(self, model: str) -> costs.Workload:
        plan, shape = self.plan, self._model_shape(model)
        dataset, settings = plan.dataset_of(model), plan.finetuning(model)
        trained = model in plan.trained
        pieces = shape.rows if trained else ASSUMED_ROWS
        return costs.Workload(
            model=model,
            shape=shape,
            rows=max(shape.rows, pieces + self.documents[dataset]),
            validation=self._queries(dataset, "validation"),
            test=self._queries(dataset, "test"),
            training=settings if trained else {},
            reduced=len(plan.reduced_names(model)),
            query_tokens=settings["query_tokens"],
            methods=len(plan.methods(model)),
            head_methods=len(plan.methods(model, "head_methods")),
            encoders=len(plan.encoders(model)),
            parts=len(plan.encoder_parts(model)) if model in plan.pretrained else 0,
            released=len(plan.automatic_methods(model)) if plan.as_released else 0,
            padded_tokens=plan.config["evaluation"]["padded_tokens"] if plan.as_released else 0,
        )

    def _generator(self, generator: str) -> int:
        """Memory of training a query generator or of drawing queries from a model."""
        entry = self.plan.generators[generator]
        if entry["type"] != "trained":
            return costs.LEAST_MIB
        lengths = {key: entry[key] for key in ("document_tokens", "query_tokens")}
        shape = self._start_shape(entry["start"])
        return costs.generator_memory_mb(shape, entry["training"] | lengths)
