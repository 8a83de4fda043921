from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from analysis_jobs import write_files
from hypothesis import given, settings
from hypothesis import strategies as some
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

from genir.analyses.donors import derangement, differences, donors
from genir.analyses.patching import (
    head_patches,
    patched_ranks,
    ranks_under,
    single_patches,
    stage_patches,
)
from genir.analyses.rank_queries import rank_queries, top_documents
from genir.base.errors import AnalysisError
from genir.base.seeding import generator
from genir.corpora.trec import write_qrels
from genir.estimates.patch_effects import patching_effects
from genir.files.io import read_parquet
from genir.models.tokens import pad_rows
from genir.subjects.blocks import Blocks, Limits
from genir.subjects.donors import with_donors
from genir.subjects.subject import QuerySource, load_subject

NO_DONOR = 4


def table_of(subject):
    """The next query is the donor of each, the first that of the last; query 4 has none."""
    queries = subject.queries
    order = np.roll(np.arange(len(queries)), -1)
    table = pd.DataFrame(
        {
            "query_id": queries.ids,
            "doc_id": queries.doc_ids,
            "donor_id": queries.ids[order],
            "donor_doc_id": queries.doc_ids[order],
            "donor_tokens": [queries.inputs[row].tolist() for row in order],
        }
    )
    table.loc[NO_DONOR, ["donor_id", "donor_doc_id", "donor_tokens"]] = None
    return table


def padded(subject):
    ids = torch.from_numpy(pad_rows(subject.queries.inputs, 0))
    return ids, (ids != 0).long()


def captured(subject, layer, component, projection=False):
    """Output of a component, or the input of an attention's output matrix, `[query, ...]`."""
    seen, module = [], component_module(subject.plain, layer, component)
    if projection:
        hook = lambda module, inputs: seen.append(inputs[0][:, 0])  # noqa: E731
        handle = module.o.register_forward_pre_hook(hook)
    else:
        hook = lambda module, inputs, output: seen.append(  # noqa: E731
            (output[0] if isinstance(output, tuple) else output)[:, 0]
        )
        handle = module.register_forward_hook(hook)
    plain_logits(subject.plain, *padded(subject))
    handle.remove()
    return seen[0]


def assert_as_plain(table, logits, subject, given_donors):
    relevant = relevant_lists(subject)
    assert table["query_id"].tolist() == subject.queries.ids.tolist()
    every = plain_ranks(logits, relevant, torch.arange(logits.shape[1]))
    assert table["vocabulary_rank"].tolist() == every
    assert table["docid_rank"].tolist() == plain_ranks(logits, relevant, docid_tokens())
    best, other = plain_margin(logits, relevant, docid_tokens())
    theirs = logits.gather(1, given_donors.queries.relevant)[:, 0].tolist()
    for name, expected in (("relevant", best), ("other", other), ("donor", theirs)):
        assert table[f"{name}_logit"].tolist() == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_place_equals_plain_hooks_with_the_donor_s_output(family):
    own, given_donors = with_donors(*(lambda s: (s, table_of(s)))(small_subject(family)))
    assert len(own.queries) == len(given_donors.queries) == 10
    patches = single_patches(range(3), ["donor_random"])
    patches |= stage_patches({"I": (0, 1)}, ["donor_random"])
    tables = patched_ranks(own, None, None, patches, given_donors)
    assert len(tables) == 12
    for name, patch in patches.items():
        values = {place: captured(given_donors, *place) for place in patch}
        with replaced(own.plain, values):
            logits = plain_logits(own.plain, *padded(own))
        assert_as_plain(tables[name], logits, own, given_donors)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_head_equals_a_plain_hook_with_the_donor_s_head(family):
    own, given_donors = with_donors(*(lambda s: (s, table_of(s)))(small_subject(family)))
    patches = head_patches(range(1, 3), 3, ["donor_rival"])
    tables = patched_ranks(own, None, None, patches, given_donors)
    for name, patch in patches.items():
        ((layer, component, head),) = patch
        part = slice(4 * head, 4 * head + 4)
        value = captured(given_donors, layer, component, projection=True)[:, part]

        def put_in(module, inputs, part=part, value=value):
            states = inputs[0].clone()
            states[:, 0, part] = value
            return (states,)

        module = component_module(own.plain, layer, component).o
        handle = module.register_forward_pre_hook(put_in)
        logits = plain_logits(own.plain, *padded(own))
        handle.remove()
        assert_as_plain(tables[name], logits, own, given_donors)


def test_donors_of_any_length_and_blocks_of_any_size_change_no_rank():
    expected = None
    for sizes in (Blocks(100, 100), Blocks(1, 1), Blocks(3, 7)):
        subject = small_subject(sizes=sizes)
        own, given_donors = with_donors(subject, table_of(subject))
        patches = single_patches(range(3), ["donor_random"])
        tables = patched_ranks(own, None, None, patches, given_donors)
        expected = expected or tables
        for name, table in tables.items():
            pd.testing.assert_frame_equal(table, expected[name], rtol=1e-5, atol=1e-5)


def test_oneself_as_donor_changes_nothing_and_moves_nothing():
    subject = small_subject()
    patches = single_patches(range(3), ["donor_pairs"])
    for table in patched_ranks(subject, None, None, patches, subject).values():
        found = table.drop(columns="donor_logit")
        pd.testing.assert_frame_equal(found, rank_queries(subject), rtol=1e-5, atol=1e-5)


def test_a_donor_s_cross_attentions_move_all_of_the_difference():
    subject = small_subject()
    table = table_of(subject)
    own, given_donors = with_donors(subject, table)
    compared = pd.DataFrame(
        differences(own, given_donors), index=np.delete(np.arange(11), NO_DONOR)
    )
    # Signs are a random model's: turned so that the query prefers its own document.
    sign = np.sign(compared["difference"] - compared["donor_difference"])
    # Nothing but cross-attention reads the query.
    stages = stage_patches({"all": (0, 2)}, ["donor_random"])
    ranked = patched_ranks(own, None, None, stages, given_donors)
    found = ranked["donor_random/all.cross_attention"]
    moved = found["relevant_logit"] - found["donor_logit"]
    assert moved.tolist() == pytest.approx(compared["donor_difference"].tolist(), abs=1e-5)
    clean = rank_queries(subject).assign(vocabulary_rank=1)
    known = table.join(compared)
    chosen = known["query_id"].isin(found["query_id"][(sign > 0).to_numpy()])
    known, rest = known[chosen], found[found["query_id"].isin(known["query_id"][chosen])]
    rows = patching_effects(clean, rest, 1, known)
    assert rows["moved_to_donor"].tolist() == pytest.approx([1, 1], abs=1e-5)
    assert rows["moved_to_donor_n"].tolist() == [len(known)] * 2


def test_differences_are_those_of_plain_logits():
    subject = small_subject()
    own, given_donors = with_donors(subject, table_of(subject))
    found = differences(own, given_donors)
    theirs = given_donors.queries.relevant
    for name, read in (("difference", own), ("donor_difference", given_donors)):
        logits = plain_logits(own.plain, *padded(read))
        best = plain_margin(logits, relevant_lists(own), docid_tokens())[0]
        expected = np.array(best) - logits.gather(1, theirs)[:, 0].numpy()
        assert found[name].tolist() == pytest.approx(expected.tolist(), rel=1e-4, abs=1e-5)


def test_a_donor_of_a_relevant_document_has_no_difference():
    subject = small_subject()
    same = subject.over(replace(subject.queries, relevant=subject.queries.relevant[:, :1]))
    assert all(np.isnan(values).all() for values in differences(subject, same).values())


def test_donors_reach_the_patching_rules_by_their_folder(tmp_path):
    subject = small_subject()
    table_of(subject).to_parquet(tmp_path / "donor_random.parquet")
    ids = pd.DataFrame({"query_id": subject.queries.ids, "doc_id": subject.queries.doc_ids})
    ids.iloc[:5].to_csv(tmp_path / "correct.csv", index=False)
    patches = single_patches(range(2), ["donor_random", "mean"])
    tables = ranks_under(subject, tmp_path / "correct.csv", patches, None, tmp_path)
    assert list(tables) == list(patches)
    lengths = {name.partition("/")[0]: len(table) for name, table in tables.items()}
    assert lengths == {"donor_random": 10, "mean": 11}
    with pytest.raises(AnalysisError, match="'donor_random' needs donors"):
        ranks_under(subject, tmp_path / "correct.csv", patches, None)


def test_donors_of_other_queries_are_refused():
    subject = small_subject()
    with pytest.raises(AnalysisError, match="the table of donors lacks 'q10'"):
        with_donors(subject, table_of(subject).iloc[:10])


# --- who is the donor


@settings(max_examples=200, deadline=None)
@given(
    some.lists(some.sets(some.integers(0, 30), min_size=1, max_size=2), max_size=25),
    some.integers(0, 99),
)
def test_a_derangement_gives_every_query_one_other_without_a_common_document(relevant, seed):
    partner = derangement(relevant, generator(seed))
    given_away = [p for p in partner if p >= 0]
    assert len(set(given_away)) == len(given_away)
    assert all(not relevant[q] & relevant[p] for q, p in enumerate(partner) if p >= 0)
    assert (partner == derangement(relevant, generator(seed))).all()
    counts = Counter(document for documents in relevant for document in documents)
    if len(relevant) > 1 and set(counts.values()) == {1}:
        assert (partner >= 0).all()


def test_a_derangement_has_no_fixed_point_even_of_two():
    assert derangement([{1}, {2}], generator(0)).tolist() == [1, 0]
    assert derangement([{1}], generator(0)).tolist() == [-1]
    assert derangement([{1}, {1}], generator(0)).tolist() == [-1, -1]
    assert derangement([], generator(0)).tolist() == []


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    return folder


def source(files, split):
    return QuerySource(files / "queries.parquet", files / f"qrels.{split}.txt", split, 8)


@pytest.fixture(scope="module")
def loaded(files):
    return load_subject(files / "model", source(files, "validation"), Limits(4000))


def chosen(files, subject, *methods, pairs=None, seed=1):
    training = source(files, "test")
    return donors(subject, files / "correct.csv", list(methods), training, seed, pairs)


def test_random_donors_are_correct_queries_of_other_documents(files, loaded):
    table = chosen(files, loaded, "donor_random")["donor_random"]
    correct = pd.read_csv(files / "correct.csv")["query_id"]
    of_correct = table["query_id"].isin(correct)
    assert sorted(table.loc[of_correct, "donor_id"]) == sorted(correct)
    assert (table["donor_id"] != table["query_id"]).all()
    assert (table["donor_doc_id"] != table["doc_id"]).all()
    assert set(table["donor_id"]) <= set(correct)
    texts = read_parquet(files / "queries.parquet").set_index("query_id")
    assert table["donor_text"].tolist() == texts.loc[table["donor_id"], "text"].tolist()
    inputs = dict(zip(loaded.queries.ids, loaded.queries.inputs, strict=True))
    for donor, tokens in zip(table["donor_id"], table["donor_tokens"], strict=True):
        assert list(tokens) == inputs[donor].tolist()
    again = chosen(files, loaded, "donor_random")["donor_random"]
    pd.testing.assert_frame_equal(table, again)
    others = [chosen(files, loaded, "donor_random", seed=n)["donor_random"] for n in range(2, 6)]
    assert any(other["donor_id"].tolist() != table["donor_id"].tolist() for other in others)


def test_rival_donors_are_training_queries_of_the_best_other_document(files, loaded, tmp_path):
    ranked = top_documents(loaded, 2)
    documents = zip(loaded.queries.doc_ids, ranked, strict=True)
    rivals = [next(document for document in best if document != own) for own, best in documents]
    # Two training queries of the most frequent rival, none of the others.
    (common, times) = Counter(rivals).most_common(1)[0]
    training = pd.DataFrame({"query_id": ["t1", "t2", "t3"], "text": ["bone pain", "ache", "skin"]})
    training["doc_id"] = [common, common, next(d for d in loaded.docids if d not in rivals)]
    queries = read_parquet(files / "queries.parquet")
    everything = pd.concat([queries, training.assign(split="train")], ignore_index=True)
    everything.to_parquet(tmp_path / "queries.parquet")
    write_qrels(tmp_path / "train.txt", training)
    given_source = QuerySource(tmp_path / "queries.parquet", tmp_path / "train.txt", "train", 8)
    table = donors(loaded, files / "correct.csv", ["donor_rival"], given_source, 1)["donor_rival"]
    known = np.array([rival == common for rival in rivals])
    assert table["donor_id"].notna().tolist() == known.tolist()
    assert table["difference"].notna().tolist() == known.tolist()
    assert known.sum() == times
    assert set(table.loc[known, "donor_id"]) <= {"t1", "t2"}
    assert set(table.loc[known, "donor_doc_id"]) == {common}
    unmodified = rank_queries(loaded)
    margin = unmodified["relevant_logit"] - unmodified["other_logit"]
    assert table.loc[known, "difference"].tolist() == pytest.approx(
        margin[known].tolist(), abs=1e-5
    )


def test_pairs_are_those_of_the_file(files, loaded, tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text(
        '{"query_id": "q02", "donor": "q03"}\n{"query_id": "q04", "donor_text": "bone pain"}\n'
    )
    table = chosen(files, loaded, "donor_pairs", pairs=path)["donor_pairs"].set_index("query_id")
    assert table["donor_text"].notna().sum() == 2
    assert (table.at["q02", "donor_id"], table.at["q02", "donor_doc_id"]) == ("q03", "d03")
    assert (table.at["q04", "donor_id"], table.at["q04", "donor_text"]) == ("", "bone pain")
    asked = loaded.over(
        replace(
            loaded.queries.take(np.array([0])), inputs=[np.array(table.at["q04", "donor_tokens"])]
        )
    )
    assert table.at["q04", "donor_doc_id"] == top_documents(asked, 1)[0, 0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("q01,q02", "pairs.csv, row 1: 'q01' is not the id of a validation query"),
        ("q02,q99", "pairs.csv, row 1: 'q99' is not the id of a query of the model's dataset"),
    ],
)
def test_an_unknown_id_is_named_with_its_row(files, loaded, tmp_path, line, said):
    path = tmp_path / "pairs.csv"
    path.write_text(f"query_id,donor\n{line}\n")
    with pytest.raises(AnalysisError, match=said):
        chosen(files, loaded, "donor_pairs", pairs=path)


def test_a_method_without_any_donor_says_what_to_leave_out(files, loaded, tmp_path):
    lonely = tmp_path / "correct.csv"
    pd.read_csv(files / "correct.csv").iloc[:0].to_csv(lonely, index=False)
    with pytest.raises(
        AnalysisError, match="no validation query has a donor for donor_random; leave"
    ):
        donors(loaded, lonely, ["donor_random"], source(files, "test"), 1)
