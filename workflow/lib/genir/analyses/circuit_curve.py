"""Circuits of every size: the first k components of an order stay, all others are replaced at once
(MIB, arXiv 2504.13151, scores circuits so)."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from genir.analyses.attribution import node_attributions
from genir.analyses.circuit_orders import (
    ALL_ORDERS,
    Node,
    by_effect,
    logit_difference,
    nodes,
    of_study,
    random_orders,
)
from genir.analyses.donors import asked
from genir.analyses.patching import (
    Means,
    correct_rows,
    drawn_rows,
    patched_ranks,
    place_means,
)
from genir.analyses.stages import patched_stages
from genir.base.errors import AnalysisError
from genir.base.names import ABLATIONS
from genir.estimates.ranks import read_ranks
from genir.files.io import read_json
from genir.subjects.subject import QuerySource, Subject, load_queries

RANDOM_STEPS = 12
"""In how many steps random orders go from none to all; all other orders go component by
component."""

MOST_QUERIES = 1000

Orders = Mapping[str, Sequence[Node]]


def circuit_curve(
    subject: Subject,
    model: Path,
    test: QuerySource,
    correct: Path,
    clean_test: Path,
    stages: Path,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """Rank the test queries that the model answers with circuits of every size.

    At most 1,000 of them, drawn by `seed`. Orders are chosen on the correct validation queries.
    Tables: `orders` (order, position from 1, layer, component, effect: the mean logit difference
    that replacing it alone takes, where an order goes by it) and `curves` (order, ablation, active:
    how many components stay, and ranks and logits of every query; donor_id under donors). Circuits
    of none and of all components, which are the same in every order, have an empty order. Random
    orders go from none to all in twelve steps.

    Args:
        subject: the model and its validation queries; means are taken over the correct ones.
        test: the test queries.
        clean_test: ranks of every test query in the unmodified model (Parquet).
        stages: the model's stages (JSON); the study's circuit is made of them.
        seed: seed of donors and random orders.
    """
    others = load_queries(model, test, subject.docids)
    answered = read_ranks(clean_test).set_index("query_id")["vocabulary_rank"] == 1
    answers = drawn_rows(answered.loc[others.ids].to_numpy(), MOST_QUERIES, seed, "circuit_curve")
    tested = subject.over(others.take(answers))
    if len(tested.queries) < 2:
        raise AnalysisError(
            "circuits of every size need at least 2 test queries that the model answers, it "
            f"answers {len(tested.queries)}; train it longer or hold out more queries"
        )
    chosen = correct_rows(subject, correct)
    every = nodes(len(subject.decoder.layers))
    means = place_means(subject, chosen, every)
    own = subject.over(subject.queries.take(np.flatnonzero(chosen)))
    effects = node_effects(own, means, seed) | {"attribution": node_attributions(own, means)}
    layers = patched_stages(read_json(stages)["used"])
    orders = {method: by_effect(of_method) for method, of_method in effects.items()}
    orders |= {"study": of_study(orders["mean"], layers)} | random_orders(every, seed)
    return {
        "orders": _orders_table(orders, effects),
        "curves": curves(tested, means, orders, seed),
    }


def node_effects(subject: Subject, means: Means, seed: int) -> dict[str, dict[Node, float]]:
    """By method the mean logit difference that each component takes when it alone is replaced; the
    queries are correct ones."""
    found: dict[str, dict[Node, float]] = {}
    every = nodes(len(subject.decoder.layers))
    for method in ("zero", *ABLATIONS):
        own, donors = asked(subject, method, seed)
        patches = {"unmodified": {}} | {str(node): {node: method} for node in every}
        tables = patched_ranks(own, means, None, patches, donors)
        before = logit_difference(tables["unmodified"])
        found[method] = {
            node: float(np.nanmean(before - logit_difference(tables[str(node)]))) for node in every
        }
    return found


def curves(subject: Subject, means: Means, orders: Orders, seed: int) -> pd.DataFrame:
    """Ranks and logits of every query under the circuits of all `orders`: see `circuit_curve`.

    A circuit of k components keeps the first k of its order; the others are replaced by their means
    or by what they say on a donor, drawn among the queries.
    """
    parts = []
    for ablation in ABLATIONS:
        own, donors = asked(subject, ablation, seed)
        given = {} if donors is None else {"donor_id": donors.queries.ids}
        circuits = {
            (name, active): dict.fromkeys(order[active:], ablation)
            for name, order in orders.items()
            for active in steps(name, len(order))
        }
        some = next(iter(orders.values()))
        circuits[ALL_ORDERS, 0] = dict.fromkeys(some, ablation)
        circuits[ALL_ORDERS, len(some)] = {}
        named = {f"{name or 'any'}/{active}": key for key in circuits for name, active in [key]}
        patches = {text: circuits[key] for text, key in named.items()}
        tables = patched_ranks(own, means, None, patches, donors)
        for text, (name, active) in named.items():
            places = {"order": name, "ablation": ablation, "active": active}
            parts.append(tables[text].assign(**places, **given))
    table = pd.concat(parts, ignore_index=True)
    return table.drop(columns=["donor_logit"], errors="ignore")


def steps(order: str, components: int) -> Iterable[int]:
    """How many components stay in the circuits of an order, without none and all."""
    if not order.startswith("random"):
        return range(1, components)
    points = np.linspace(0, components, RANDOM_STEPS + 1).round().astype(int)
    return sorted({int(point) for point in points} - {0, components})


def _orders_table(orders: Orders, effects: Mapping[str, Mapping[Node, float]]) -> pd.DataFrame:
    rows = [
        {"order": name, "position": position, "layer": node[0], "component": node[1]}
        | {"effect": effects.get(name, {}).get(node, np.nan)}
        for name, order in orders.items()
        for position, node in enumerate(order, start=1)
    ]
    return pd.DataFrame(rows)
