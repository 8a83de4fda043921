"""The configuration: what is shipped passes, what is wrong is named."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from configurations import CONFIG, SCHEMA, merge, paths, shipped_config

from genir.base.errors import ConfigError
from genir.run.config import values
from genir.run.config.checks import check_config
from genir.run.config.strict_yaml import load_yaml_strict

DELETE = object()


def write_folder(folder: Path, **shape: int | str) -> None:
    folder.mkdir(parents=True)
    shape = {"model_type": "t5"} | shape
    (folder / "config.json").write_text(json.dumps(shape), encoding="utf-8")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A stand-in with the one resource the default config names."""
    folder = tmp_path / "repository"
    write_folder(folder / "resources" / "mini-t5", num_layers=3, num_decoder_layers=16)
    return folder


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    """A folder with an existing model, a shallow one, and a corpus."""
    folder = tmp_path / "workdir"
    write_folder(folder / "deep", num_layers=24)
    write_folder(folder / "shallow", num_layers=2)
    write_folder(folder / "not-t5", model_type="bert")
    for name in ("docids.json", "documents.jsonl", "queries.parquet", "qrels.txt", "all.json"):
        (folder / name).touch()
    for name in ("corpus.jsonl", "qrels/test.tsv", "queries/a.parquet", "queries/.b.tsv"):
        (folder / "beir" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "beir" / name).touch()
    return folder


@pytest.fixture(scope="module")
def shipped() -> dict[str, Any]:
    return shipped_config()


@pytest.fixture
def default(shipped: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(shipped)


@pytest.mark.parametrize("overlays", [[], ["tiny.yaml"], ["query_generation.yaml"]])
def test_shipped_configs_pass(
    overlays: list[str], default: dict[str, Any], repository: Path, workdir: Path
) -> None:
    for overlay in overlays:
        default = merge(default, load_yaml_strict(CONFIG / overlay))
    check_config(default, SCHEMA, workdir, repository)


def test_tiny_names_only_keys_of_the_default(default: dict[str, Any]) -> None:
    tiny = load_yaml_strict(CONFIG / "tiny.yaml")
    assert set(paths(tiny)) <= set(paths(default))
    assert list(merge(default, tiny)["models"]) == ["full", "random_start"]


def test_checks_leave_the_config_alone(
    default: dict[str, Any], repository: Path, workdir: Path
) -> None:
    before = copy.deepcopy(default)
    check_config(default, SCHEMA, workdir, repository)
    assert default == before


HUB = {"type": "hub", "id": "a/b", "revision": "0" * 40, "encoder_layers": 6, "decoder_layers": 6}
HUB_AT_ANY_COMMIT = {key: value for key, value in HUB.items() if key != "revision"}
OWN_START = {"dataset": "hpo-2k", "start": {"type": "pretraining"}}
AT_STEP_9 = {"dataset": "hpo-2k", "start": {"type": "pretraining", "step": 9}}
OWN_TEXT = {"path": "documents.jsonl", "licence": "ours", "characters": 1000}
FILES = {"source": "files", "documents": "documents.jsonl", "queries": "queries.parquet"}
NQ = {"source": "natural_questions", "id": "a/b", "name": "default"}
NQ_FILES = {"source": "natural_questions", "path": "deep"}
TRIVIA = NQ | {"source": "trivia_qa", "name": "rc.wikipedia", "revision": "0" * 40}
IRDS = {"source": "ir_datasets", "id": "beir/nfcorpus/train"}
IDS = {"train": "a/train", "validation": "a/dev", "test": "a/test"}
AUTHORS = {"source": "published", "documents": "all.json"}
AUTHORS |= {f"{split}_queries": "all.json" for split in ("train", "validation", "test")}
PUBLISHED = {"id": "a/b", "encoder_layers": 24, "decoder_layers": 24}
EXISTING = {"dataset": "hpo-2k", "folder": "deep", "docids": "docids.json"}
QUERIES = {"type": "file", "path": "documents.jsonl"}
DRAW = {"queries_per_document": 5, "top_k": 10, "temperature": 1.0, "seed": 1}
DRAW |= {"document_tokens": 64, "query_tokens": 24}
SAMPLED = DRAW | {"type": "folder", "path": "deep"}
TRAINING = {"seed": 1, "steps": 9, "batch_size": 4, "dropout_rate": 0.1, "learning_rate": 0.01}
TRAINING |= {"warmup_steps": 2, "decay_fraction": 0.4, "checkpoint_every": 5}
TRAINED = DRAW | {"type": "trained", "start": {"type": "folder", "path": "deep"}}
TRAINED |= {"training": TRAINING}
DATASET = {
    "corpus": "mine",
    "documents": "all",
    "minimum_queries": 1,
    "below_minimum": "keep",
    "split": "given",
    "seed": 0,
}


@pytest.mark.parametrize(
    "overlay",
    [
        {"models": {"hub": {"dataset": "hpo-2k", "start": HUB}}},
        {"models": {"own": OWN_START}},
        {"pretraining": {"snapshots": [0, 9], "start": {"type": "folder", "path": "deep"}}},
        {"pretraining": {"snapshots": [9]}, "models": {"own": AT_STEP_9}},
        {"pretraining": {"start": HUB}, "models": {"own": OWN_START}},
        {"pretraining": {"start": HUB, "vocabulary": 100, "sentinels": 2}},
        {"pretraining": {"sources": [OWN_TEXT]}},
        {"models": {"existing": EXISTING}},
        {"models": {"existing": {"dataset": "hpo-2k", "folder": "deep"}}},
        {"models": {"existing": {"dataset": "hpo-2k", "hub": PUBLISHED}}},
        {"models": {"hub": {"dataset": "hpo-2k", "start": HUB_AT_ANY_COMMIT}}},
        {"models": {"existing": EXISTING | {"start": HUB | {"decoder_layers": 24}}}},
        {
            "models": {
                "existing": EXISTING | {"stages": {"I": [0, 6], "II": [7, 17], "III": [18, 23]}}
            }
        },
        {"corpora": {"mine": FILES}, "datasets": {"mine": DATASET}},
        {"corpora": {"mine": FILES | {"qrels": "qrels.txt", "faulty": "error"}}},
        {"corpora": {"mine": IRDS | {"faulty": "drop"}}},
        {"corpora": {"mine": {"source": "files", "path": "beir"}}},
        {"corpora": {"mine": FILES | {"documents": "beir/queries"}}},
        {"corpora": {"mine": NQ}},
        {"corpora": {"mine": NQ | {"revision": None}}},
        {"corpora": {"mine": NQ_FILES}},
        {"corpora": {"mine": TRIVIA}, "datasets": {"mine": DATASET}},
        {"corpora": {"mine": IRDS}},
        {"corpora": {"mine": {"source": "ir_datasets", "ids": IDS}}, "datasets": {"mine": DATASET}},
        {"corpora": {"mine": AUTHORS}, "datasets": {"mine": DATASET}},
        {"corpora": {"mine": AUTHORS | {"test_qrels": "all.json"}}},
        {"models": {"full": {"finetuning": {"steps": 10, "warmup_steps": 1}}}},
        {"models": {"full": {"stages": {"I": [0, 0], "II": [1, 1], "III": [2, 15]}}}},
        {"datasets": {"hpo-2k": {"documents": "all"}}, "patching": {"layers_per_job": 2}},
        {"models": {"full": {"seeds": [3, 1], "finetuning": {"seed": 3}}}},
        {"models": {"full": {"study_dataset": "Trivia-QA QG"}}},
        {"finetuning": {"trainable": ["docids", "norms", "encoder.0-2.mlp", "decoder.III"]}},
        {"models": {"full": {"finetuning": {"trainable": "all"}}}},
        {"query_generators": {"d2q": QUERIES}, "models": {"full": {"indexing": "d2q"}}},
        {"query_generators": {"d2q": SAMPLED | {"drop_held_out": False}}},
        {"query_generators": {"d2q": DRAW | {"type": "hub", "id": "a/b"}}},
        {"query_generators": {"d2q": TRAINED}, "models": {"full": {"indexing": "documents"}}},
    ],
)
def test_other_valid_configs_pass(
    overlay: dict[str, Any], default: dict[str, Any], repository: Path, workdir: Path
) -> None:
    check_config(merge(default, overlay), SCHEMA, workdir, repository)


def with_value(config: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(config)
    *parents, last = path.split("/")
    node = changed
    for parent in parents:
        node = node[parent] if isinstance(node, dict) else node[int(parent)]
    if value is DELETE:
        del node[last]
    else:
        node[last] = value
    return changed


def _folder(path: str) -> dict[str, Any]:
    return {"type": "folder", "path": path}


FULL, HPO, QG = "models/full", "datasets/hpo-2k", "query_generators/d2q"
BROKEN: list[tuple[str, Any, str, str]] = [
    # path, value, the key the message must begin with, what it must say
    ("sead", 1, "sead", "did you mean seed?"),
    (f"{FULL}/strat", {}, "models.full.strat", "did you mean start?"),
    (f"{FULL}/xyz", 1, "models.full.xyz", "write one of dataset, start"),
    ("seed", DELETE, "seed", "is missing; write seed: seed of intervals"),
    ("seed", "one", "seed", "write a whole number"),
    ("seed", True, "seed", "true is not allowed; write a whole number"),
    ("seed", -1, "seed", "write at least 0"),
    ("seed", None, "seed", "is empty"),
    ("evaluation/attention_mask", False, "evaluation.attention_mask", "one of true, as_released"),
    ("evaluation/padded_tokens", 1, "evaluation.padded_tokens", "write at least 2"),
    ("finetuning/steps", 800.0, "finetuning.steps", "write a whole number"),
    ("finetuning/steps", DELETE, "finetuning.steps", "is missing; write steps: optimiser steps"),
    ("finetuning/learning_rate", "1e-2", "finetuning.learning_rate", "0.01, without quotes"),
    ("finetuning/learning_rate", float("nan"), "finetuning.learning_rate", "write a number"),
    ("finetuning/learning_rate", 0, "finetuning.learning_rate", "a number above 0"),
    ("finetuning/docid_learning_rate", 0, "finetuning.docid_learning_rate", "a number above 0"),
    (
        "finetuning/docid_learning_rate",
        "0.1",
        "finetuning.docid_learning_rate",
        "or null: 0.1, without",
    ),
    (
        "finetuning/docid_learning_rate",
        float("nan"),
        "finetuning.docid_learning_rate",
        "write a number",
    ),
    ("finetuning/trainable", "docids", "finetuning.trainable", "the word all or a list such as"),
    ("finetuning/trainable", [], "finetuning.trainable", "at least 1 in the list"),
    ("finetuning/trainable", ["norms", "norms"], "finetuning.trainable", "write each once"),
    ("finetuning/trainable", [3], "finetuning.trainable[0]", "write text in quotes"),
    (
        "finetuning/trainable",
        ["docids", "decoder.mpl"],
        "finetuning.trainable",
        "models.full has it: 'decoder.mpl' is no part of a model; write all or a list of docids",
    ),
    (
        f"{FULL}/finetuning",
        {"trainable": ["decoder.6-16.mlp"]},
        "models.full.finetuning.trainable",
        "decoder.6-16.mlp: the decoder has the layers 0 to 15; write a layer",
    ),
    ("finetuning/dropout_rate", 1, "finetuning.dropout_rate", "a number below 1"),
    ("finetuning/warmup_steps", 10_000, "finetuning.warmup_steps", "write less than"),
    (f"{FULL}/finetuning", {"steps": 20}, "models.full.finetuning.warmup_steps", "less than 20"),
    (f"{FULL}/finetuning", {"step": 20}, "models.full.finetuning.step", "did you mean steps?"),
    ("headline_model", "ful", "headline_model", "did you mean full?"),
    ("models", {}, "models", "at least 1 entry"),
    ("models/Full", {"dataset": "hpo-2k"}, "models.Full", "a-z, 0-9, _ and -"),
    ("models/a b", {"dataset": "hpo-2k"}, "models.a b", "a-z, 0-9, _ and -"),
    ("models/bm25_text", EXISTING, "models.bm25_text", "reserved"),
    (f"{FULL}/dataset", "hpo-3k", "models.full.dataset", "did you mean hpo-2k?"),
    (f"{FULL}/start/type", "foldr", "models.full.start.type", "folder, hub, random, pretraining"),
    (f"{FULL}/start", DELETE, "models.full.start", "is missing; write start"),
    (f"{FULL}/start/path", DELETE, "models.full.start.path", "is missing"),
    (f"{FULL}/start/path", "nowhere", "models.full.start.path", "save_pretrained"),
    (f"{FULL}/start/path", "not-t5", "models.full.start.path", "is not a T5"),
    (f"{FULL}/start/path", "shallow", "models.full.start.path", "at least 3"),
    (f"{FULL}/start/like", "deep", "models.full.start.like", "no meaning with type: folder"),
    ("models/random_start/start/like", "nowhere", "models.random_start.start.like", "config.json"),
    (f"{FULL}/start", HUB | {"path": "a"}, "models.full.start.path", "such as full:"),
    (f"{FULL}/start", HUB | {"revision": "a b"}, "models.full.start.revision", "40 hexadecimal"),
    (
        f"{FULL}/start",
        HUB | {"tokenizer_revision": 1},
        "models.full.start.tokenizer_revision",
        "in quotes",
    ),
    (
        f"{FULL}/start/tokenizer_revision",
        "main",
        "models.full.start.tokenizer_revision",
        "no meaning with type",
    ),
    (f"{FULL}/start", HUB | {"revision": 10**39}, "models.full.start.revision", "in quotes"),
    (f"{FULL}/docids", "docids.json", "models.full.docids", "folder"),
    ("models/new", {"dataset": "hpo-2k"}, "models.new.start", "is missing"),
    ("models/new", EXISTING | {"hub": PUBLISHED}, "models.new.folder", "the key hub"),
    (
        "models/new",
        {"dataset": "hpo-2k", "hub": PUBLISHED, "docids": "docids.json"},
        "models.new.docids",
        "the key hub",
    ),
    (
        "models/new",
        {"dataset": "hpo-2k", "hub": {"id": "a/b", "encoder_layers": 6}},
        "models.new.hub.decoder_layers",
        "is missing",
    ),
    ("models/new", {"dataset": "hpo-2k", "hub": PUBLISHED, "start": HUB}, "models.new.start", "24"),
    ("models/new", EXISTING | {"docids": "no.json"}, "models.new.docids", "there is no file"),
    ("models/new", EXISTING | {"finetuning": {}}, "models.new.finetuning", "leave it out"),
    ("models/new", EXISTING | {"start": HUB}, "models.new.start", "has 6 decoder layers"),
    (f"{FULL}/reduced/models", 1, "models.full.reduced.models", "at least 2"),
    (f"{FULL}/reduced/documents", 101, "models.full.reduced.documents", "at most 100"),
    (f"{FULL}/stages", {"I": [0, 1]}, "models.full.stages.II", "is missing"),
    (
        f"{FULL}/stages",
        {"I": [0, 1], "II": [3, 5], "III": [6, 7]},
        "models.full.stages.II",
        "without gap or overlap: write 2 first",
    ),
    (
        f"{FULL}/stages",
        {"I": [0, 1], "II": [1, 5], "III": [6, 7]},
        "models.full.stages.II",
        "without gap or overlap: write 2 first",
    ),
    (
        f"{FULL}/stages",
        {"I": [0, 1], "II": [2, 5], "III": [6, 6]},
        "models.full.stages.III",
        "16 decoder layers; write 15 last",
    ),
    (
        f"{FULL}/stages",
        {"I": [0, 1], "II": [2, 1], "III": [2, 7]},
        "models.full.stages.II",
        "runs backwards",
    ),
    (f"{HPO}/corpus", "hpp", "datasets.hpo-2k.corpus", "did you mean hpo?"),
    (f"{HPO}/documents", 50_000, "datasets.hpo-2k.documents", "at most 16449"),
    (f"{HPO}/documents", 700, "datasets.hpo-2k.documents", "at least 800"),
    (f"{HPO}/documents", "every", "datasets.hpo-2k.documents", "the word all"),
    (f"{HPO}/documents", "1000", "datasets.hpo-2k.documents", "the word all"),
    (f"{HPO}/split", "queries", "datasets.hpo-2k.split", "query, document, given"),
    (f"{HPO}/split", "given", "datasets.hpo-2k.test_queries", "split: given"),
    (f"{HPO}/test_queries", DELETE, "datasets.hpo-2k.test_queries", "is missing"),
    ("datasets/new", DATASET | {"corpus": "hpo"}, "datasets.new.split", "write query or document"),
    ("corpora/hpo/queries", "q.jsonl", "corpora.hpo.queries", "no meaning with source: hpo"),
    ("corpora/mine", {"source": "files"}, "corpora.mine.documents", "is missing"),
    ("corpora/mine", FILES | {"queries": "q.csv"}, "corpora.mine.queries", ".jsonl or .parquet"),
    ("corpora/mine", FILES | {"queries": "q.jsonl"}, "corpora.mine.queries", "there is no file"),
    (
        "corpora/mine",
        FILES | {"queries": "documents.jsonl"},
        "corpora.mine.queries",
        "same file as documents",
    ),
    ("corpora/mine", {"source": "nq"}, "corpora.mine.source", "natural_questions, published"),
    ("corpora/mine", {"source": "natural_questions"}, "corpora.mine.id", "is missing"),
    ("corpora/mine", NQ | {"id": "b"}, "corpora.mine.id", "owner/name"),
    ("corpora/mine", NQ | {"path": "deep"}, "corpora.mine.id", "no meaning with path: deep"),
    ("corpora/mine", NQ | {"revision": "a b"}, "corpora.mine.revision", "40 hexadecimal"),
    ("corpora/mine", NQ | {"documents": "a.jsonl"}, "corpora.mine.documents", "no meaning with so"),
    ("corpora/mine", NQ | {"ids": IDS}, "corpora.mine.ids", "source: natural_questions"),
    ("corpora/mine", NQ_FILES | {"path": "gone"}, "corpora.mine.path", "there is no folder"),
    ("corpora/mine", NQ_FILES | {"path": "all.json"}, "corpora.mine.path", "there is no folder"),
    ("corpora/mine", {"source": "ir_datasets"}, "corpora.mine.id", "is missing"),
    ("corpora/mine", IRDS | {"ids": IDS}, "corpora.mine.id", "no meaning with the key ids"),
    ("corpora/mine", IRDS | {"name": "x"}, "corpora.mine.name", "source: ir_datasets"),
    (
        "corpora/mine",
        {"source": "ir_datasets", "ids": {"train": "a", "dev": "b"}},
        "corpora.mine.ids.dev",
        "write one of train, validation, test",
    ),
    ("corpora/mine", {"source": "published"}, "corpora.mine.documents", "is missing"),
    ("corpora/mine", AUTHORS | {"queries": "a.jsonl"}, "corpora.mine.queries", "source: published"),
    ("corpora/mine", AUTHORS | {"documents": "a.jsonl"}, "corpora.mine.documents", "in .json ("),
    ("corpora/mine", FILES | {"documents": "all.json"}, "corpora.mine.documents", ".jsonl or"),
    ("corpora/mine", AUTHORS | {"test_qrels": "no.json"}, "corpora.mine.test_qrels", "no file"),
    ("corpora/hpo/id", "a/b", "corpora.hpo.id", "no meaning with source: hpo"),
    ("corpora/mine", FILES | {"id": "a/b"}, "corpora.mine.id", "no meaning with source: files"),
    ("corpora/mine", FILES | {"path": "deep"}, "corpora.mine.documents", "with path: deep"),
    ("corpora/mine", {"source": "files", "path": "deep"}, "corpora.mine.path", "no corpus.jsonl"),
    ("corpora/mine", FILES | {"documents": "deep"}, "corpora.mine.documents", "holds no data"),
    ("corpora/mine", FILES | {"faulty": "skip"}, "corpora.mine.faulty", "one of error, drop"),
    ("corpora/mine", NQ | {"faulty": "drop"}, "corpora.mine.faulty", "no meaning with source"),
    ("corpora/hpo/path", "deep", "corpora.hpo.path", "no meaning with source: hpo"),
    ("patching/layers_per_job", 0, "patching.layers_per_job", "at least 1"),
    ("patching/layers_per_job", "some", "patching.layers_per_job", "the word all"),
    ("patching/methods", ["zero", "men"], "patching.methods[1]", "mean_leave_one_out, pretrained"),
    ("patching/methods", ["zero", "zero"], "patching.methods", "each once"),
    ("patching/methods", "zero", "patching.methods", "a list"),
    ("patching/head_methods", [], "patching.head_methods", "at least 1"),
    ("patching/head_methods", ["men"], "patching.head_methods[0]", "mean_leave_one_out"),
    ("patching/methods", ["donor_pairs"], "patching.donor_pairs", "is missing, and the method"),
    ("patching/head_methods", ["donor_pairs"], "patching.donor_pairs", "or leave the method out"),
    (
        "patching/methods",
        ["donor"],
        "patching.methods[0]",
        "donor_random, donor_rival, donor_pairs",
    ),
    ("circuit/broken_percent", 0, "circuit.broken_percent", "above 0"),
    ("circuit/broken_percent", 101, "circuit.broken_percent", "at most 100"),
    ("circuit", DELETE, "circuit", "is missing"),
    ("lens/examples", 0, "lens.examples", "at least 1"),
    ("lens", DELETE, "lens", "is missing"),
    ("trace/queries", "bone", "trace.queries", "a list"),
    ("trace/queries", ["bone", " "], "trace.queries[1]", "a text with a word in it"),
    ("trace/queries", ["bone", 1], "trace.queries[1]", "a text"),
    ("trace/query", "bone", "trace.query", "did you mean queries?"),
    ("figures/formats", [], "figures.formats", "at least 1 in the list"),
    ("figures/dpi", 9999, "figures.dpi", "at most 1200"),
    (
        "datasets/hpo-2k/queries_per_document",
        0,
        "datasets.hpo-2k.queries_per_document",
        "at least 1",
    ),
    ("pretraining/training/objective", "lm", "pretraining.training.objective", "prefix_lm"),
    ("series", {"s": {"quantity": "x"}}, "series.s.models", "is missing"),
    ("series", {"s": {"quantity": "x", "models": {"full": 1}}}, "series.s.models", "at least 2"),
    ("series", {"S": {"quantity": "x", "models": {}}}, "series.S", "a-z"),
    ("pretraining/sentinels", 1, "pretraining.sentinels", "at least 2"),
    ("pretraining/vocabulary", 120, "pretraining.vocabulary", "at least 132"),
    ("pretraining/training/warmup_steps", 10**5, "pretraining.training.warmup_steps", "less than"),
    ("pretraining/training/accumulation", 99, "pretraining.training.accumulation", "at most 48"),
    ("finetuning/accumulation", 99, "models.full.finetuning.accumulation", "write at most 64"),
    ("pretraining/sources/0/sha256", "ab", "pretraining.sources[0].sha256", "64 hexadecimal"),
    ("pretraining/sources/0/version", 4.0, "pretraining.sources[0].version", "in quotes"),
    ("pretraining/sources", [OWN_TEXT | {"path": "x"}], "pretraining.sources[0].path", "no file"),
    ("pretraining/sources/0/path", "documents.jsonl", "pretraining.sources[0].extractor", "leave"),
    ("pretraining/sources/0/package", DELETE, "pretraining.sources[0].package", "is missing"),
    ("pretraining/snapshots", 5, "pretraining.snapshots", "a list"),
    ("pretraining/snapshots", [-1], "pretraining.snapshots[0]", "at least 0"),
    ("pretraining/snapshots", [5, 5], "pretraining.snapshots", "each once"),
    ("pretraining/snapshots", [5, 10**6], "pretraining.snapshots[1]", "write less than"),
    (f"{FULL}/start/step", 5, "models.full.start.step", "no meaning with type: folder"),
    (f"{FULL}/start", {"type": "pretraining", "step": 5}, "models.full.start.step", "(none); add"),
    ("pretraining/start", {"type": "folder"}, "pretraining.start.path", "is missing"),
    ("pretraining/start", {"type": "hub", "id": "a/b"}, "pretraining.start.encoder_layers", "miss"),
    (
        "pretraining/start",
        HUB | {"type": "random"},
        "pretraining.start.decoder_layers",
        "type: random",
    ),
    ("pretraining/start", {"type": "pretraining"}, "pretraining.start.type", "random, folder, hub"),
    ("pretraining/start", _folder("nowhere"), "pretraining.start.path", "save_pretrained"),
    ("pretraining/start", _folder("shallow"), "pretraining.start.path", "at least 3"),
    ("pretraining/start", _folder("results/pretrain/model"), "pretraining.start.path", "copy the"),
    (f"{FULL}/seeds", [1], "models.full.seeds", "two seeds or more, such as [1, 2]"),
    (f"{FULL}/seeds", [1, 2, 2], "models.full.seeds", "each once"),
    (f"{FULL}/seeds", [1, -2], "models.full.seeds[1]", "at least 0"),
    (f"{FULL}/seeds", [2, 1], "models.full.seeds", "finetuning.seed is 1; write 1 first"),
    ("models/new", EXISTING | {"seeds": [1, 2]}, "models.new.seeds", "leave it out"),
    ("models/full-seed2", EXISTING, "models.full-seed2", "write another, such as full_seed2"),
    (f"{FULL}/study_dataset", "NQ1k", "models.full.study_dataset", "NQ10k, NQ100k, NQ320k"),
    (f"{FULL}/indexing", "d2q", "models.full.indexing", "write documents, or define d2q under"),
    ("models/new", EXISTING | {"indexing": "d2q"}, "models.new.indexing", "leave it out"),
    (f"{QG}", {"type": "fil"}, "query_generators.d2q.type", "file, folder, hub, trained"),
    (f"{QG}", {"type": "file"}, "query_generators.d2q.path", "is missing"),
    (f"{QG}", QUERIES | {"path": "a.csv"}, "query_generators.d2q.path", ".jsonl or .parquet"),
    (f"{QG}", QUERIES | {"path": "a.jsonl"}, "query_generators.d2q.path", "there is no file"),
    (f"{QG}", QUERIES | {"top_k": 1}, "query_generators.d2q.top_k", "no meaning with type: file"),
    (f"{QG}", SAMPLED | {"path": "gone"}, "query_generators.d2q.path", "no config.json"),
    (f"{QG}", SAMPLED | {"start": HUB}, "query_generators.d2q.start", "with type: folder"),
    (f"{QG}", SAMPLED | {"type": "hub"}, "query_generators.d2q.path", "with type: hub"),
    (f"{QG}", SAMPLED | {"top_k": 0}, "query_generators.d2q.top_k", "at least 1"),
    (f"{QG}", SAMPLED | {"topk": 1}, "query_generators.d2q.topk", "did you mean top_k?"),
    ("query_generators/documents", QUERIES, "query_generators.documents", "write another"),
    ("pretraining/sources/0/extractor", "x", "pretraining.sources[0].extractor", "icd10cm"),
]


@pytest.mark.parametrize(("path", "value", "key", "hint"), BROKEN)
def test_a_mistake_is_named(
    path: str,
    value: Any,
    key: str,
    hint: str,
    default: dict[str, Any],
    repository: Path,
    workdir: Path,
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_config(with_value(default, path, value), SCHEMA, workdir, repository)
    text = str(caught.value)
    assert text.startswith(f"{key}: "), text
    assert hint in text
    assert "\n" not in text


def test_document_split_needs_indexing(
    default: dict[str, Any], repository: Path, workdir: Path
) -> None:
    overlay = {"datasets": {"hpo-2k": {"split": "document"}}, "finetuning": {"indexing_ratio": 0}}
    with pytest.raises(ConfigError, match=r"models\.full\.finetuning\.indexing_ratio: .*above 0"):
        check_config(merge(default, overlay), SCHEMA, workdir, repository)


@pytest.mark.parametrize(
    ("overlay", "said"),
    [
        ({"models": {"full": {"indexing": "d3q"}}}, r"models\.full\.indexing: d3q .*mean d2q\?"),
        (
            {"models": {"full": {"indexing": "d2q", "finetuning": {"indexing_ratio": 0}}}},
            r"models\.full\.finetuning\.indexing_ratio: .*d2q.*above 0",
        ),
        (
            {"query_generators": {"d2q": {"training": {"warmup_steps": 9}}}},
            r"query_generators\.d2q\.training\.warmup_steps: .*less than 9",
        ),
        (
            {"query_generators": {"d2q": {"start": {"path": "gone"}}}},
            r"query_generators\.d2q\.start\.path: .*no config\.json",
        ),
    ],
)
def test_a_mistake_about_query_generators_is_named(
    overlay: dict[str, Any], said: str, default: dict[str, Any], repository: Path, workdir: Path
) -> None:
    config = merge(merge(default, {"query_generators": {"d2q": TRAINED}}), overlay)
    with pytest.raises(ConfigError, match=said):
        check_config(config, SCHEMA, workdir, repository)


@pytest.mark.parametrize("corpus", [NQ, IRDS])
def test_a_given_split_needs_a_source_that_gives_it(
    corpus: dict[str, Any], default: dict[str, Any], repository: Path, workdir: Path
) -> None:
    overlay = {"corpora": {"mine": corpus}, "datasets": {"mine": DATASET}}
    with pytest.raises(ConfigError, match=r"datasets\.mine\.split: .*; write query or document"):
        check_config(merge(default, overlay), SCHEMA, workdir, repository)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, r"patching\.donor_pairs: there is no file .*pairs\.csv"),
        ("query_id,donor\nq1,q1\n", r"patching\.donor_pairs: .*pairs\.csv, row 1: .* own donor"),
        ("query_id,donor\nq1,q2\n", None),
    ],
)
def test_pairs_of_donors_are_read_when_the_workflow_is(
    text: str | None, said: str | None, default: dict[str, Any], repository: Path, workdir: Path
) -> None:
    if text is not None:
        (workdir / "pairs.csv").write_text(text)
    default["patching"] |= {"methods": ["donor_pairs"], "donor_pairs": "pairs.csv"}
    if said is None:
        check_config(default, SCHEMA, workdir, repository)
        return
    with pytest.raises(ConfigError, match=said):
        check_config(default, SCHEMA, workdir, repository)


def test_a_key_that_is_no_text_is_named(
    default: dict[str, Any], repository: Path, workdir: Path
) -> None:
    default["models"][1] = {}
    with pytest.raises(ConfigError, match=r'models\.1: .*write "1"'):
        check_config(default, SCHEMA, workdir, repository)


def test_layers_come_from_where_the_model_comes_from(
    default: dict[str, Any], repository: Path, workdir: Path
) -> None:
    default["models"] |= {
        "hub": {"start": HUB | {"encoder_layers": 5}},
        "own": {"start": {"type": "pretraining"}},
        "existing": EXISTING,
        "published": {"hub": PUBLISHED},
    }
    found = {
        name: (
            values.encoder_layers(default, name, workdir, repository),
            values.decoder_layers(default, name, workdir, repository),
        )
        for name in default["models"]
    }
    assert found == {
        "full": (3, 16),
        "random_start": (3, 16),
        "hub": (5, 6),
        "own": (3, 16),
        "existing": (24, 24),
        "published": (24, 24),
    }


def test_a_pretraining_has_the_layers_of_its_start(
    default: dict[str, Any], repository: Path, workdir: Path
) -> None:
    default["models"] = {"own": OWN_START}
    default["pretraining"]["start"] = HUB | {"encoder_layers": 5}
    assert values.encoder_layers(default, "own", workdir, repository) == 5
    default["pretraining"]["start"] = {"type": "folder", "path": "deep"}
    assert values.decoder_layers(default, "own", workdir, repository) == 24


def test_one_model_a_dataset_of_the_study(
    default: dict[str, Any], repository: Path, workdir: Path
) -> None:
    for model in default["models"].values():
        model["study_dataset"] = "NQ10k"
    with pytest.raises(ConfigError, match=r"models\.random_start\.study_dataset: NQ10k is that of"):
        check_config(default, SCHEMA, workdir, repository)


def test_readme_examples_pass(default: dict[str, Any], repository: Path, workdir: Path) -> None:
    readme = (CONFIG / "README.md").read_text(encoding="utf-8")
    readme = readme.replace("<the commit, 40 hexadecimal digits>", "0" * 40)
    (workdir / "data").mkdir()
    for name in ("documents", "queries"):
        (workdir / "data" / f"{name}.jsonl").touch()
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        (workdir / "data/scifact" / name).parent.mkdir(parents=True, exist_ok=True)
        (workdir / "data/scifact" / name).touch()
    (workdir / "data/nq10k").mkdir()
    for name in re.findall(r"data/nq10k/(\w+\.json)", readme):
        (workdir / "data/nq10k" / name).touch()
    write_folder(workdir / "models" / "trained_elsewhere", num_layers=24)
    (workdir / "models" / "trained_elsewhere" / "docids.json").touch()
    examples = re.findall(r"```yaml\n(.*?)```", readme, flags=re.DOTALL)
    assert len(examples) == 9
    for example in examples:
        default = merge(default, yaml.safe_load(example))
        check_config(default, SCHEMA, workdir, repository)


SAID = {
    "none": ({"full": 1, "fulll": 2}, r"models\.fulll: fulll is not an entry .* mean full\?"),
    "mixed": ({"full": 1, "random_start": "two"}, r"random_start: 'two' is a word, .* numbers"),
    "equal": ({"full": 1, "random_start": 1}, r"models: all models have 1; write models that"),
    "bool": (
        {"full": True, "random_start": 1},
        r"full: true is not allowed; write a number or text",
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_a_series_of_no_series_is_refused(
    name: str, default: dict[str, Any], repository: Path, workdir: Path
) -> None:
    models, said = SAID[name]
    default["series"] = {"s": {"quantity": "shade", "models": models}}
    with pytest.raises(ConfigError, match=rf"series\.s\.{said}|series\.s\.models\.{said}"):
        check_config(default, SCHEMA, workdir, repository)


@pytest.mark.parametrize(
    ("quantity", "own", "wrong"),
    [
        ("documents", (2000, 250), 300),
        ("learning_rate", (0.5, 0.25), 0.3),
        ("pretraining_steps", (70, 5), 6),
        ("queries_per_document", (99, 2), 1),
    ],
)
def test_a_number_of_a_series_is_the_model_s_own(
    quantity: str,
    own: tuple[float, float],
    wrong: float,
    default: dict[str, Any],
    repository: Path,
    workdir: Path,
) -> None:
    default["pretraining"]["training"] |= {"steps": 70, "warmup_steps": 1}
    default["pretraining"]["snapshots"] = [5]
    default["finetuning"]["learning_rate"] = 0.5
    held_out = {"validation_queries": 50, "test_queries": 50, "queries_per_document": 2}
    default["datasets"]["small"] = default["datasets"]["hpo-2k"] | held_out | {"documents": 250}
    default["models"] = {
        "full": {"dataset": "hpo-2k", "start": {"type": "pretraining"}},
        "other": {
            **{"dataset": "small", "start": {"type": "pretraining", "step": 5}},
            "finetuning": {"learning_rate": 0.25},
        },
    }
    series = {"quantity": quantity, "models": dict(zip(("full", "other"), own, strict=True))}
    default["series"] = {"s": series}
    check_config(default, SCHEMA, workdir, repository)
    series["models"]["other"] = wrong
    said = rf"series\.s\.models\.other: {wrong} is not the {quantity} of models\.other, which has"
    with pytest.raises(ConfigError, match=said):
        check_config(default, SCHEMA, workdir, repository)
