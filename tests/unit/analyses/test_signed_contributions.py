from dataclasses import replace

import pytest
import torch
from plain_t5 import FAMILIES, plain_logits, random_inputs
from small_subjects import relevant_lists, small_subject

from genir.analyses.signed_contributions import signed_contributions


def _of_whole_components(table):
    return table[table["head"] == -1]


@pytest.mark.parametrize("family", FAMILIES)
def test_components_sum_to_the_plain_models_logit_difference(family):
    subject = small_subject(family)
    table = signed_contributions(subject)
    assert list(table.columns) == "query_id doc_id layer component head logit_difference".split()
    logits = plain_logits(subject.plain, *random_inputs(len(subject.queries))).double()
    sums = _of_whole_components(table).groupby("query_id")["logit_difference"].sum()
    docids = set(subject.docids.values())
    for row, (query, relevant) in enumerate(
        zip(subject.queries.ids, relevant_lists(subject), strict=True)
    ):
        others = sorted(docids - set(relevant))
        expected = logits[row, relevant].max() - logits[row, others].max()
        assert sums[query] == pytest.approx(expected.item(), abs=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_heads_sum_to_their_attention(family):
    table = signed_contributions(small_subject(family))
    names = ["query_id", "layer", "component"]
    attentions = table[table["component"].str.endswith("attention")]
    whole = _of_whole_components(attentions).set_index(names)["logit_difference"]
    heads = attentions[attentions["head"] != -1].groupby(names)["logit_difference"].sum()
    assert (heads - whole).abs().max() < 1e-4
    assert heads.abs().max() > 1e-2


def test_a_query_without_a_rival_has_no_rows():
    subject = small_subject()
    every = torch.tensor(list(subject.docids.values()))
    relevant = torch.full((len(subject.queries), len(every)), -1)
    relevant[:, 0] = subject.queries.relevant[:, 0]
    relevant[0] = every
    table = signed_contributions(subject.over(replace(subject.queries, relevant=relevant)))
    assert table["query_id"].unique().tolist() == subject.queries.ids[1:].tolist()
