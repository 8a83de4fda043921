"""The comparison with other implementations: shares no code with the engine, finds mistakes."""

import ast
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from family_checkpoints import write_checkpoint, write_dataset
from plain_t5 import ALL_FAMILIES, plain_ranks
from small_subjects import small_subject
from workflow_sources import REPOSITORY

from genir.analyses import attribution, query_words
from genir.analyses import signed_contributions as module_of_signed
from genir.analyses.attribution import UNITS
from genir.analyses.patching import BlockValues, Means
from genir.base.errors import VerificationError
from genir.base.names import ABLATIONS
from genir.engine import edges, encoder, t5
from genir.engine.decoder import LeanDecoder
from genir.engine.ranking import Unembedding, _Rows
from genir.files.io import write_json
from genir.models.tokens import pad_rows
from genir.subjects.blocks import Blocks, Limits
from genir.subjects.subject import load_subject
from genir.verification.compare import compare, compared_patches, prepare, sampled
from genir.verification.compare_causes import compare_causes
from genir.verification.differences import COLUMNS, Differences, beyond_tolerance, read_logits
from genir.verification.hugging_face import PlainReference, sorted_ranks
from genir.verification.references import references
from genir.verification.verify import Verification, verify_engine

LIBRARY = REPOSITORY / "workflow/lib/genir/verification"


def _imports(module):
    tree = ast.parse((LIBRARY / f"{module}.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def test_the_references_share_no_code_with_the_engine():
    assert not [name for name in _imports("hugging_face") if name.startswith(("genir", "."))]
    own = [name for name in _imports("transformer_lens") if name.startswith("genir")]
    assert own == ["genir.verification.hugging_face"]


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Per family: the reference, what it captures in the model fine-tuning started from, inputs."""
    found = {}
    for family in ALL_FAMILIES:
        subjects = [small_subject(family, seed) for seed in (0, 1)]
        ids = torch.from_numpy(pad_rows(subjects[0].queries.inputs, 0))
        inputs = {"input_ids": ids, "attention_mask": (ids != 0).long()}
        references = []
        for subject in subjects:
            folder = tmp_path_factory.mktemp("model")
            subject.plain.save_pretrained(folder)
            references.append(PlainReference(folder, inputs, "cpu"))
        found[family] = references[0], references[1].captured(), inputs
    return found


def _table(cases, family):
    subject, start = (small_subject(family, seed) for seed in (0, 1))
    ours = prepare(subject, start, seed=3)
    return compare(ours, *cases[family]).table("plain", len(subject.queries))


def _causes(cases, family, seed=3):
    subject, differences = small_subject(family, sizes=Blocks(6, 40)), Differences()
    compare_causes(differences, prepare(subject, None, seed), cases[family][0], seed)
    return differences.table("plain", len(subject.queries))


@pytest.mark.parametrize("family", ALL_FAMILIES)
def test_engine_and_reference_agree(cases, family):
    table = _table(cases, family)
    assert list(table) == COLUMNS
    assert len(beyond_tolerance(table)) == 0
    assert table["quantity"].is_unique
    assert (table["n"] == 11).all()
    exact = table["quantity"].str.contains(": ranks") | (table["quantity"] == "query tokens")
    assert ((table["tolerance"] == 0) == exact).all()
    assert table["scale"].min() > 0


@pytest.mark.parametrize("family", ALL_FAMILIES)
def test_circuits_edges_gradients_words_and_signed_contributions_agree(cases, family):
    table = _causes(cases, family)
    assert len(beyond_tolerance(table)) == 0
    assert table["scale"].min() > 0
    names = table.set_index("quantity")
    for method in ABLATIONS:
        assert names.loc[f"circuits of every size, {method}: ranks", "n"] == 11
        assert names.loc[f"edges patched, {method}: ranks", "tolerance"] == 0
        for unit in UNITS:
            assert 1 <= names.loc[f"attribution of {unit}, {method}: integrated_2", "n"] <= 11
    for rest in ("query words not seen: logits", "query words by their mean: ranks"):
        assert rest in names.index
    assert names.loc["signed contributions", "n"] == 11


def _wrong_heads(monkeypatch):
    right = LeanDecoder.head_outputs
    monkeypatch.setattr(LeanDecoder, "head_outputs", lambda *a: right(*a).roll(1, 0))


def _no_mask(monkeypatch):
    from genir.engine import decoder

    for module in (encoder, decoder):
        monkeypatch.setattr(module, "mask_bias", lambda mask, dtype: torch.zeros(mask.shape))


def _no_scale(monkeypatch):
    right = Unembedding.state
    monkeypatch.setattr(Unembedding, "state", lambda *a: right(*a) * 1.01)


def _scaled_attention(monkeypatch):
    right = LeanDecoder.memory

    def memory(self, hidden, layout):
        found = right(self, hidden, layout)
        return replace(found, keys=[keys / 2 for keys in found.keys])

    monkeypatch.setattr(LeanDecoder, "memory", memory)


def _wrong_mean(monkeypatch):
    right = Means.mean
    monkeypatch.setattr(Means, "mean", lambda *a: right(*a) * 1.01)


def _shifted_donors(monkeypatch):
    right = BlockValues.value

    def value(self, method, place):
        found = right(self, method, place)
        return found.roll(1, 0) if method == "donor_random" else found

    monkeypatch.setattr(BlockValues, "value", value)


def _rank_from_zero(monkeypatch):
    def off_by_one(right):
        def ranks(self, *arguments):
            found = right(self, *arguments)
            return replace(found, vocabulary=found.vocabulary - 1)

        return ranks

    for name in ("ranks", "ranks_and_logits"):
        monkeypatch.setattr(Unembedding, name, off_by_one(getattr(Unembedding, name)))


def _other_activation(monkeypatch):
    monkeypatch.setitem(t5.ACTIVATIONS, "relu", torch.nn.functional.silu)


def _blind_cascade(monkeypatch):
    right = _Rows.tolerance
    monkeypatch.setattr(_Rows, "tolerance", lambda *a: right(*a[:3], torch.float32) / 9)


@pytest.mark.parametrize(
    ("mistake", "found_in"),
    [
        (_blind_cascade, "several patched, bfloat16 products: ranks"),
        (_wrong_heads, "cross_attention output by head"),
        (_no_mask, "encoder output"),
        (_no_scale, "unmodified: logits"),
        (_scaled_attention, "cross_attention output"),
        (_wrong_mean, "component patched, mean: logits"),
        (_shifted_donors, "component patched, donor_random: logits"),
        (_rank_from_zero, "lens of mlp: ranks"),
        (_other_activation, "encoder output"),
    ],
)
def test_a_mistake_in_the_engine_is_found(cases, mistake, found_in, monkeypatch):
    mistake(monkeypatch)
    assert found_in in beyond_tolerance(_table(cases, "relu-tied"))["quantity"].tolist()


def test_mistakes_in_analyses_are_found(cases, monkeypatch):
    mistakes = {
        "circuits of every size, mean: logits": (BlockValues, "value"),
        "edges patched, donor_random: logit difference": (edges, "output_of"),
        "attribution of edges, mean: gradient": (attribution, "reader_gradients"),
        "attribution of heads, donor_random: integrated_2": (attribution, "_away"),
        "query words not seen: logits": (query_words, "without_tokens"),
        "query words by their mean: logits": (query_words, "_mean_state"),
        "signed contributions": (module_of_signed, "difference_read"),
    }
    for place, name in mistakes.values():
        right = getattr(place, name)
        monkeypatch.setattr(place, name, lambda *a, right=right: right(*a).roll(1, 0))
    wrong = beyond_tolerance(_causes(cases, "relu-tied"))["quantity"]
    assert mistakes.keys() <= set(wrong)


def test_no_number_is_a_difference():
    differences = Differences()
    differences.add("states", torch.tensor([1.0, torch.nan]), torch.tensor([1.0, 2.0]))
    differences.add("states", torch.tensor([1.0]), torch.tensor([1.0]))
    assert beyond_tolerance(differences.table("plain", 1))["quantity"].tolist() == ["states"]
    with pytest.raises(ValueError, match=r"states: \(1,\) beside \(2,\)"):
        differences.add("states", torch.ones(1), torch.ones(2))


def test_other_tokens_are_a_difference():
    for ours in ([3, 4], [3, 4, 6], [3, 4, 5, 6]):
        differences = Differences()
        differences.add_tokens("query tokens", torch.tensor(ours), torch.tensor([3, 4, 5]))
        assert len(beyond_tolerance(differences.table("plain", 1))) == 1


def test_sorted_ranks_give_ties_to_the_lower_id():
    logits = torch.tensor([[1.0, 3.0, 1.0, 2.0], [0.0, 0.0, 0.0, 0.0]])
    assert sorted_ranks(logits).tolist() == [[3, 1, 4, 2], [1, 2, 3, 4]]


def test_read_ranks_are_those_of_a_plain_sort():
    random = torch.Generator().manual_seed(0)
    logits = torch.randint(0, 9, (6, 30), generator=random).float()
    docids = torch.arange(3, 30, 3)
    relevant = torch.tensor([[3, -1], [6, 9], [27, 3], [12, -1], [15, 18], [21, -1]])
    read = read_logits(logits, torch.zeros(6), relevant, docids)
    lists = [[token for token in row if token >= 0] for row in relevant.tolist()]
    for column, among in enumerate((torch.arange(30), docids)):
        assert read.ranks[:, column].tolist() == plain_ranks(logits, lists, among)
    ranks = sorted_ranks(logits).double()
    assert torch.equal(read.mean_ranks[:, 0], ranks[:, docids].mean(1))
    others = [token for token in range(30) if token not in docids.tolist()]
    assert torch.equal(read.mean_ranks[:, 1], ranks[:, others].mean(1))


@pytest.mark.parametrize(("apart", "excess"), [(1e-3, 1.0), (5e-7, 0.0)])
def test_a_rank_may_differ_only_by_tokens_as_near_as_rounding(apart, excess):
    theirs = torch.tensor([[5.0, 2.0, 2.0 + apart, 1.0]])
    read = read_logits(theirs, torch.tensor([1e-6]), torch.tensor([[1]]), torch.tensor([1, 3]))
    assert read.ranks.tolist() == [[3, 1]]
    differences = Differences()
    differences.add_ranks("ranks", torch.tensor([[2, 1]]), read)
    assert differences.largest["ranks"] == excess
    assert (differences.ranks, differences.equal_ranks) == (2, 1)


def test_the_patches_cover_every_component_and_attention():
    methods = ["zero", "mean", "mean_leave_one_out", "pretrained"]
    patches = compared_patches(range(4), 3, methods, seed=1)
    for method in ("zero", "mean", "pretrained"):
        assert len(patches[f"component patched, {method}"]) == 12
    assert len({place[:2] for patch in patches["head patched"] for place in patch}) == 8
    several = patches["several patched"]
    assert {m for patch in several for m in patch.values()} == set(methods)
    assert {len(place) for patch in several for place in patch} == {2, 3}
    assert patches == compared_patches(range(4), 3, methods, seed=1)


def test_the_sample_depends_on_the_seed_alone():
    rows = sampled(400, 1)
    assert len(set(rows.tolist())) == 20
    assert np.array_equal(rows, sampled(400, 1))
    assert not np.array_equal(rows, sampled(400, 2))
    assert sampled(5, 1).tolist() == [0, 1, 2, 3, 4]


def test_the_verification_of_a_folder(tmp_path, monkeypatch):
    rows = len(write_checkpoint(tmp_path / "model", "t5").shared.weight)
    docids = {f"d{i:02d}": rows - 1 - i for i in range(12)}
    write_json(tmp_path / "model/docids.json", docids)
    _, source = write_dataset(tmp_path / "data")
    folder, limits = tmp_path / "model", Limits(4000)
    verification = verify_engine(folder, source, None, 1, limits)
    table = verification.table()
    assert table["reference"].str.startswith("transformers").any()
    assert (table["n"] == 12).all()
    assert not table["quantity"].str.contains("pretrained").any()
    assert verification.patches > 30
    assert f"12 validation queries, {verification.patches} patches" in verification.sentences()
    assert len(load_subject(folder, source, limits).queries) == 12

    _rank_from_zero(monkeypatch)
    wrong = verify_engine(folder, source, None, 1, limits)
    with pytest.raises(VerificationError, match="differs in unmodified: ranks by 1 from transfor"):
        wrong.table()


def test_ranks_that_are_as_near_as_rounding_are_told():
    differences = Differences(ranks=100, equal_ranks=99)
    sentences = Verification({"plain": differences}, 5, 7, "").sentences()
    assert "Of 100 ranks 99 equal those of plain; the others differ" in sentences


def test_transformer_lens_is_optional(tmp_path):
    write_checkpoint(tmp_path, "flan-t5")
    found, sentence = references(tmp_path)
    assert [name.split()[0] for name in found] == ["transformers"]
    assert "TransformerLens" in sentence


@pytest.mark.transformer_lens
def test_transformer_lens_agrees(tmp_path):
    rows = len(write_checkpoint(tmp_path / "model", "t5").shared.weight)
    docids = {f"d{i:02d}": rows - 1 - i for i in range(12)}
    write_json(tmp_path / "model/docids.json", docids)
    _, source = write_dataset(tmp_path / "data")
    table = verify_engine(tmp_path / "model", source, None, 1, Limits(4000)).table()
    by_reference = {name.split()[0]: len(rows) for name, rows in table.groupby("reference")}
    assert 30 < by_reference["TransformerLens"] < by_reference["transformers"]
    assert isinstance(table, pd.DataFrame)
