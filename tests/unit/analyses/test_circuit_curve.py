from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from plain_t5 import (
    FAMILIES,
    component_module,
    docid_tokens,
    plain_logits,
    plain_margin,
    plain_ranks,
    replaced,
)
from small_subjects import relevant_lists, small_subject

from genir.analyses.circuit_curve import curves, node_effects, steps
from genir.analyses.circuit_orders import (
    ALL_ORDERS,
    by_effect,
    kept_first,
    nodes,
    of_study,
    random_orders,
)
from genir.analyses.donors import deranged
from genir.analyses.patching import place_means
from genir.analyses.rank_queries import rank_queries
from genir.base.errors import AnalysisError
from genir.base.names import ABLATIONS
from genir.files.io import write_parquet
from genir.models.tokens import pad_rows
from genir.subjects.queries import Queries
from genir.tables import circuit_curve as scores
from genir.tables import faithfulness as table

LAYERS, EVERY = 3, nodes(3)
STAGES = {"I": (0, 0), "II": (1, 1), "III": (2, 2)}
RANKED = ["vocabulary_rank", "docid_rank", "relevant_logit", "other_logit"]


def _means(subject):
    return place_means(subject, np.ones(len(subject.queries), dtype=bool), EVERY)


def _padded(subject):
    ids = torch.from_numpy(pad_rows(subject.queries.inputs, 0))
    return ids, (ids != 0).long()


def _outputs(subject):
    """Output `[query, d_model]` of every component, by plain hooks."""
    seen, handles = {}, []
    for node in EVERY:

        def keep(module, inputs, output, node=node):
            seen[node] = (output[0] if isinstance(output, tuple) else output)[:, 0]

        handles.append(component_module(subject.plain, *node).register_forward_hook(keep))
    plain_logits(subject.plain, *_padded(subject))
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize("family", FAMILIES)
def test_every_circuit_equals_plain_hooks(family):
    subject = small_subject(family)
    order = random_orders(EVERY, 3)["random07"]
    found = curves(subject, _means(subject), {"mean": order}, seed=1)
    asked, donors = deranged(subject, 1)
    assert len(asked.queries) == len(subject.queries)
    clean, theirs = _outputs(subject), _outputs(donors)
    relevant, seen = relevant_lists(subject), set()
    for ablation in ABLATIONS:
        for active in range(len(EVERY) + 1):
            values = {
                node: clean[node].mean(0) if ablation == "mean" else theirs[node]
                for node in order[active:]
            }
            with replaced(subject.plain, values):
                logits = plain_logits(subject.plain, *_padded(subject))
            name = ALL_ORDERS if active in (0, len(EVERY)) else "mean"
            rows = found[found["order"].eq(name) & found["ablation"].eq(ablation)]
            rows = rows[rows["active"] == active]
            every = plain_ranks(logits, relevant, torch.arange(logits.shape[1]))
            assert rows["vocabulary_rank"].tolist() == every
            best, other = plain_margin(logits, relevant, docid_tokens())
            assert rows["relevant_logit"].tolist() == pytest.approx(best, rel=1e-4, abs=1e-5)
            assert rows["other_logit"].tolist() == pytest.approx(other, rel=1e-4, abs=1e-5)
            seen.add(tuple(rows["relevant_logit"]))
    assert len(seen) > len(EVERY)


def test_all_is_the_model_and_none_under_donors_is_the_donor():
    subject = small_subject()
    found = curves(subject, _means(subject), {"zero": EVERY}, seed=1)
    asked, donors = deranged(subject, 1)
    ends = found[found["order"] == ALL_ORDERS].groupby(["ablation", "active"])
    for ablation in ABLATIONS:
        whole = ends.get_group((ablation, len(EVERY)))
        pd.testing.assert_frame_equal(
            whole[RANKED].reset_index(drop=True), rank_queries(asked)[RANKED]
        )
    swapped = replace(donors.queries, relevant=asked.queries.relevant)
    of_donors = rank_queries(subject.over(swapped))[RANKED]
    none = ends.get_group(("donor_random", 0))
    pd.testing.assert_frame_equal(none[RANKED].reset_index(drop=True), of_donors, rtol=1e-5)
    assert none["donor_id"].tolist() == donors.queries.ids.tolist()


def _planted(subject, needed):
    """The same queries before a decoder in which only `needed` write anything."""
    weights = dict(subject.model.weights)
    outs = {"self_attention": "0.SelfAttention.o", "cross_attention": "1.EncDecAttention.o"}
    for layer, component in set(EVERY) - set(needed):
        name = outs.get(component, "2.DenseReluDense.wo")
        key = f"decoder.block.{layer}.layer.{name}.weight"
        weights[key] = torch.zeros_like(weights[key])
    model = replace(subject.model, weights=weights)
    queries = replace(subject, model=model)
    # Each query is about the document that this decoder puts first.
    tokens = torch.tensor(
        [
            [int(queries.decoder.unembedding.top(row[None], 1))]
            for row in queries.trace()[1].states[-1]
        ]
    )
    own = subject.queries
    named = np.array([f"d{int(token):02d}" for token in tokens], dtype=object)
    return replace(queries, queries=Queries(own.ids, named, own.inputs, tokens))


def test_a_planted_circuit_is_recovered(tmp_path):
    needed = [(1, "cross_attention"), (2, "mlp"), (2, "cross_attention")]
    subject = _planted(small_subject(queries=24, seed=4), needed)
    means = _means(subject)
    effects = node_effects(subject, means, seed=1)
    orders = {method: by_effect(of) for method, of in effects.items()}
    assert set(orders["mean"][:3]) == set(needed) == set(orders["donor_random"][:3])
    nothing = [effects["mean"][node] for node in set(EVERY) - set(needed)]
    assert nothing == pytest.approx([0] * 6, abs=1e-6)
    kept = {"mean": kept_first(needed, EVERY), "zero": kept_first(set(EVERY) - set(needed), EVERY)}
    found = curves(subject, means, kept | random_orders(EVERY, 1), seed=1)
    path = tmp_path / "curves.parquet"
    write_parquet(path, found)
    rows = table.make({"m": path}, seed=1).rows
    rows = rows[rows["metric"].eq("logit_difference") & rows["ablation"].eq("mean")]
    for order, whole in (("mean", range(3, 10)), ("zero", [9])):
        f = rows[rows["order"] == order].set_index("active")["value"]
        assert f.loc[list(whole)].tolist() == pytest.approx([1] * len(whole), abs=1e-4)
    zero = rows[rows["order"] == "zero"].set_index("active")["value"]
    assert zero.loc[range(7)].tolist() == pytest.approx([0] * 7, abs=1e-4)
    cells = scores.make({"m": path}, seed=1).rows.set_index(
        ["order", "ablation", "measure", "metric"]
    )
    assert list(scores.make({"m": path}, seed=1).rows) == scores.COLUMNS
    cpr = cells.loc[(slice(None), "mean", "cpr", "logit_difference"), "value"].droplevel([1, 2, 3])
    assert cpr["mean"] > cpr["random"] > cpr["zero"]
    # Trapezoids between the values by hand.
    values = rows[rows["order"] == "mean"].sort_values("active")["value"].to_numpy()
    assert cpr["mean"] == pytest.approx((values[1:] + values[:-1]).sum() / 2 / 9)
    assert cells.loc[("random", "mean", "cmd", "logit_difference"), "n"] == 24


def test_orders():
    assert by_effect({EVERY[0]: 1.0, EVERY[1]: 3.0, EVERY[2]: 1.0}) == [
        EVERY[1],
        EVERY[0],
        EVERY[2],
    ]
    study = of_study(EVERY[::-1], STAGES)
    assert study[:3] == [(2, "mlp"), (2, "cross_attention"), (1, "cross_attention")]
    assert sorted(study) == sorted(EVERY)
    drawn = random_orders(EVERY, 1)
    assert len(drawn) == len({tuple(order) for order in drawn.values()}) == 20
    assert drawn == random_orders(EVERY, 1) != random_orders(EVERY, 2)


def test_random_orders_go_in_twelve_steps_and_others_component_by_component():
    assert list(steps("zero", 48)) == list(range(1, 48))
    assert list(steps("random03", 48)) == list(range(4, 48, 4))
    assert list(steps("random03", 9)) == list(range(1, 9))


def test_queries_without_a_donor_are_left_out_and_of_none_is_said():
    subject = small_subject(queries=5)
    tokens = subject.queries.relevant.clone()
    tokens[:, 0] = tokens[1, 0]
    alike = subject.over(replace(subject.queries, relevant=tokens))
    with pytest.raises(AnalysisError, match="none of the 5 queries"):
        deranged(alike, 1)
    tokens[4, 0] += 1
    asked, donors = deranged(subject.over(replace(subject.queries, relevant=tokens)), 1)
    assert len(asked.queries) == len(donors.queries) == 2
    assert "q04" in asked.queries.ids
