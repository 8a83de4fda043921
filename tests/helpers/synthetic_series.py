"""The files that a series is made from, with made-up numbers that rise along it."""

from pathlib import Path

import numpy as np
import pandas as pd
import synthetic_views

from genir.files.io import write_json, write_parquet
from genir.tables.series import Member, SeriesTables

LAYERS = 8


def tables(folder: Path, models: list[str]) -> SeriesTables:
    """The tables of `models`, the values of each a little above those of the one before."""
    paths = {}
    for name in SeriesTables.__annotations__:
        table = getattr(synthetic_views, name)()
        column = "system" if name == "retrieval" else "model"
        number = "broken_percent" if "broken_percent" in table else "value"
        own = table[table[column] == "full"]
        copies = [
            own.assign(**{column: m, **{c: own[c] + 0.1 * i for c in (number, "low", "high")}})
            for i, m in enumerate(models)
        ]
        others = table[~table[column].isin(synthetic_views.MODELS)]
        paths[name] = folder / f"{name}.csv"
        pd.concat([*copies, others]).to_csv(paths[name], index=False)
    return SeriesTables(**paths)


def stages(folder: Path, models: list[str]) -> dict[str, Path]:
    """Records of the stages: as many segments as the model's place, leads of 0.2 and 0.1."""
    paths = {}
    for place, model in enumerate(models, start=1):
        names = {"component": "mlp", "over": "cross_attention", "low": 0.0, "n": 5}
        leads = [names | {"value": lead, "high": lead} for lead in (0.2, 0.1)]
        found = {"segments": [[0, 0]] * place, "supported": place == 3, "p_order": 0.25}
        paths[model] = folder / f"{model}.json"
        write_json(paths[model], {"detected": found | {"leads": leads}, "n": 5})
    return paths


def development(folder: Path, models: list[str], first: list[int]) -> dict[str, Path]:
    """Ranks by layer of as many queries as `first` has: the document of each is first from that
    layer on, and in layer 0 for a moment; the last query is never answered."""
    rows = [
        {
            **{"query_id": f"q{query}", "doc_id": f"d{query}", "layer": layer, "source": source},
            "vocabulary_rank": 1 if layer >= start or layer == 0 else 7,
        }
        for query, start in enumerate(first)
        for layer in range(LAYERS)
        for source in ("residual", "mlp")
    ]
    paths = {model: folder / f"{model}.parquet" for model in models}
    for path in paths.values():
        write_parquet(path, pd.DataFrame(rows))
    return paths


def clean(folder: Path, models: list[str], first: list[int]) -> dict[str, Path]:
    """Their ranks in the unmodified models."""
    ranks = np.where(np.array(first) < LAYERS, 1, 7)
    frame = pd.DataFrame(
        {
            "query_id": [f"q{query}" for query in range(len(first))],
            "doc_id": [f"d{query}" for query in range(len(first))],
            **{"vocabulary_rank": ranks, "docid_rank": ranks},
            **{"relevant_logit": 1.0, "other_logit": 0.0},
        }
    )
    paths = {model: folder / f"{model}.ranks.parquet" for model in models}
    for path in paths.values():
        write_parquet(path, frame)
    return paths


def members(values: dict[str, str], seeds: dict[str, list[int]]) -> list[Member]:
    """Trainings of models with their values; those of further seeds are called after them."""
    found = []
    for model, value in values.items():
        for place, seed in enumerate(seeds.get(model, [1])):
            training = model if place == 0 else f"{model}-seed{seed}"
            found.append(Member(model, training, value, seed))
    return found
