"""A small folder of results with planted numbers and titles that must never become markup."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import synthetic_results as synthetic
from plain_t5 import DOCUMENTS
from tiny_text import tiny_tokenizer

from genir.base.names import ATTENTIONS, COMPONENTS, EMBEDDING, PATCHED_STAGES
from genir.corpora.trec import write_qrels, write_run
from genir.files.io import write_csv, write_json, write_parquet

LAYERS, HEADS = 4, 2
METHODS, HEAD_METHODS = ["mean", "zero"], ["mean"]
ODD = [
    "<script>window.wrong = 1</script>",
    "quotes \" and ' and & and <b>bold</b>",
    "مرحبا بالعالم",
    "👩‍🔬 emoji",
    "</script><img src=x onerror='window.wrong = 2'>",
]
MODELS = ("full", "other")
PLACES = (*(f"layer{layer}" for layer in range(LAYERS)), *PATCHED_STAGES, "mean_state")
NO_RIVAL = "q23"


def write_results(folder: Path) -> Path:
    """The folder `results`; test queries are the validation queries with another name."""
    results, data = folder / "results", folder / "results/subset_corpus/terms"
    ranks = {"validation": synthetic.clean_ranks(), "test": _test(synthetic.clean_ranks())}
    named = sorted(set(ranks["validation"]["doc_id"]))
    titles = [ODD[i] if i < len(ODD) else f"Title {i}" for i in range(len(named))]
    write_parquet(
        data / "documents.parquet", pd.DataFrame({"doc_id": named, "title": titles, "text": "t"})
    )
    _write_queries(data, ranks)
    for model in MODELS:
        _write_model(results, model, ranks, named)
        _write_head_words(results, model)
        seed = MODELS.index(model)
        write_parquet(results / "query_words" / f"{model}.parquet", query_words(seed))
        signed = signed_contributions(seed)
        write_parquet(results / "signed_contributions" / f"{model}.parquet", signed)
    _write_tables(results)
    folder = results / "finetune" / "full" / "model"
    folder.mkdir(parents=True)
    tiny_tokenizer().backend_tokenizer.save(str(folder / "tokenizer.json"))
    write_json(folder / "config.json", {"model_type": "t5", "vocab_size": 200 + DOCUMENTS})
    write_json(folder / "docids.json", {f"d{i:02d}": 200 + i for i in range(DOCUMENTS)})
    return results


def write_slices(results: Path) -> Path:
    """Every fourth query has no training query; the thirds of the others go round."""
    ids = [*synthetic.query_ids(), *_test(synthetic.clean_ranks())["query_id"]]
    names = ["none", "low", "middle", "high"]
    thirds = [names[number % 4] for number in range(len(ids))]
    frame = pd.DataFrame({"query_id": ids, "nearest_query": thirds, "training_queries": thirds})
    overlap = [np.nan if name == "none" else names.index(name) / 4 for name in thirds]
    counts = [names.index(name) for name in thirds]
    path = results / "query_slices" / "terms.parquet"
    write_parquet(path, frame.assign(nearest_overlap=overlap, training_count=counts))
    return path


def _test(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(query_id="test-" + frame["query_id"])


def _write_queries(data: Path, ranks: dict[str, pd.DataFrame]) -> None:
    parts = []
    for split, frame in ranks.items():
        texts = [f"query {i} {ODD[i]}" if i < len(ODD) else f"query {i}" for i in range(len(frame))]
        shared = np.arange(len(frame)) % 3
        facts = {"text": texts, "split": split, "verbatim": False, "shared_words": shared}
        parts.append(frame[["query_id", "doc_id"]].assign(**facts))
        write_qrels(data / f"qrels.{split}.txt", frame)
    write_parquet(data / "queries.parquet", pd.concat(parts, ignore_index=True))


def _write_model(
    results: Path, model: str, ranks: dict[str, pd.DataFrame], named: list[str]
) -> None:
    for split, frame in ranks.items():
        write_parquet(results / "evaluate" / model / f"{split}.ranks.parquet", frame)
        # The relevant document is first of those that are correct, second of the others.
        others = [[d for d in named if d != own][:10] for own in frame["doc_id"]]
        first = [
            [own, *rest] if rank == 1 else [rest[0], own, *rest[1:]]
            for own, rank, rest in zip(
                frame["doc_id"], frame["vocabulary_rank"], others, strict=True
            )
        ]
        path = results / "retrieve" / model / f"{split}.run"
        write_run(path, frame["query_id"], np.array(first), model)
    write_json(
        results / "stages" / f"{model}.json",
        {"used": synthetic.LAYERS, "status": "imposed", "detected": {}},
    )
    for name, made in (
        ("contributions", synthetic.contributions()),
        ("rank_development", synthetic.rank_development()),
        (
            "direct_contribution",
            pd.concat(synthetic.clean_ranks().assign(source=kind) for kind in COMPONENTS),
        ),
    ):
        write_parquet(results / name / f"{model}.parquet", made)
    for method, place, kind in product(METHODS, [*range(LAYERS), *PATCHED_STAGES], COMPONENTS):
        rule = "patch_component" if isinstance(place, int) else "patch_stage"
        where = f"layer{place}" if isinstance(place, int) else place
        write_parquet(results / rule / model / method / f"{where}.{kind}.parquet", patched(place))
    for layer, kind in product(range(LAYERS), ATTENTIONS):
        heads = pd.concat(synthetic.clean_ranks().assign(head=head) for head in range(HEADS))
        write_parquet(results / f"patch_head/{model}/mean/layer{layer}.{kind}.parquet", heads)


def patched(place: int | str) -> pd.DataFrame:
    """A patch of layer l breaks the first l queries, that of a stage none."""
    breaks = place if isinstance(place, int) else 0
    ranks = synthetic.clean_ranks()["vocabulary_rank"].tolist()
    return synthetic.ranks([40 + i if i < breaks else rank for i, rank in enumerate(ranks)])


def query_words(seed: int) -> pd.DataFrame:
    """Correct queries have words of ODD, one more than the number of the query modulo three."""
    base = synthetic.clean_ranks()[: synthetic.CORRECT]
    words = [
        {"query_id": query, "doc_id": doc, "word": i, "text": ODD[i], "pieces": i + 1, "where": at}
        for number, (query, doc) in enumerate(zip(base["query_id"], base["doc_id"], strict=True))
        for i, at in product(range(1 + number % 3), PLACES)
    ]
    random = np.random.default_rng(seed)
    ranks, logits = random.integers(1, 900, len(words)), random.normal(4, 3, (2, len(words)))
    named = {"vocabulary_rank": ranks, "docid_rank": 1}
    return pd.DataFrame(words).assign(
        of_words=1, **named, relevant_logit=logits[0], other_logit=logits[1]
    )


def signed_contributions(seed: int) -> pd.DataFrame:
    """What adds up to the logit difference, heads to their component; NO_RIVAL has no rows."""
    base = synthetic.clean_ranks()
    base = base[base["query_id"] != NO_RIVAL]
    left = base["relevant_logit"] - base["other_logit"]
    random, parts = np.random.default_rng(seed), []
    for layer, component in product(range(LAYERS), COMPONENTS):
        heads = random.normal(size=(HEADS, len(base)))
        named = base[["query_id", "doc_id"]].assign(layer=layer, component=component)
        parts.append(named.assign(head=-1, logit_difference=heads.sum(0)))
        left = left - heads.sum(0)
        if component in ATTENTIONS:
            parts += [named.assign(head=i, logit_difference=own) for i, own in enumerate(heads)]
    start = base[["query_id", "doc_id"]].assign(layer=-1, component=EMBEDDING, head=-1)
    return pd.concat([start.assign(logit_difference=left), *parts], ignore_index=True)


def _write_head_words(results: Path, model: str) -> None:
    base = synthetic.clean_ranks()[["query_id", "doc_id"]]
    parts = [
        base.assign(layer=layer, head=head, position=place, token_id=199 + place)
        for layer, head, place in product(range(LAYERS), range(HEADS), range(1, 4))
    ]
    write_parquet(results / f"head_lens/{model}/top_tokens.parquet", pd.concat(parts))


def _write_tables(results: Path) -> None:
    effect = {"rank_kind": "vocabulary", "broken_percent": 12.5, "low": 3.25, "high": 37.5, "n": 16}
    lost = dict(zip(("", "_low", "_high", "_n"), (0.25, 0.125, 0.5, 16), strict=True))
    effect |= {f"logit_difference_lost{key}": value for key, value in lost.items()}
    places = {
        "patching": product(METHODS, range(LAYERS), COMPONENTS),
        "patching_by_stage": product(METHODS, PATCHED_STAGES, COMPONENTS),
    }
    for name, cells in places.items():
        where = "layer" if name == "patching" else "stage"
        rows = [
            {"model": "full", "method": m, where: place, "component": kind} | effect
            for m, place, kind in cells
        ]
        write_csv(results / f"table_{name}" / f"{name}.csv", pd.DataFrame(rows))
    parts = [(-1, EMBEDDING, -1), *product(range(LAYERS), COMPONENTS, [-1])]
    parts += product(range(LAYERS), ATTENTIONS, range(HEADS))
    rows = [
        {"model": "full", "queries": view, "layer": layer, "component": kind, "head": head, "n": n}
        for view, n in (("correct", 16), ("failed", 7))
        for layer, kind, head in parts
    ]
    _write_drawn(results, "signed_contributions", rows)
    rows = [
        {"model": "full", "where": where, "kind": kind, "group": group, "measure": measure, "n": 32}
        for where, (kind, group) in product(PLACES, (("all", "all"), ("idf", "high")))
        for measure in ("broken_percent", "logit_difference_lost")
    ]
    _write_drawn(results, "query_words", rows)


def _write_drawn(results: Path, name: str, rows: list[dict]) -> None:
    values = np.random.default_rng(5).normal(0, 1, len(rows)).round(3)
    frame = pd.DataFrame(rows).assign(value=values, low=values - 0.25, high=values + 0.5)
    write_csv(results / f"table_{name}" / f"{name}.csv", frame)
