"""Queries padded without a mask, beside plain Hugging Face that is given none either."""

import copy

import numpy as np
import pytest
import torch
from plain_communication import earlier, neuron_weights, recorded, through_norm
from plain_t5 import FAMILIES, component_module, docid_tokens, plain_ranks, replaced
from small_subjects import relevant_lists, small_subject

from genir.analyses.as_released import padded_ranks, ranks_without_mask, swapped_ranks
from genir.analyses.circuit import FIXED, replacements
from genir.analyses.patching import patch_means, patched_ranks, single_patches, stage_patches
from genir.analyses.rank_queries import rank_queries
from genir.analyses.released_communication import communication_as_released, neuron_means
from genir.base.names import COMPONENTS
from genir.engine.t5 import load_t5
from genir.models.tokens import pad_rows

STAGES = {"I": (0, 0), "II": (1, 1), "III": (2, 2), "all": (0, 2)}
METHODS = ["zero", "mean"]
PLACES = [(layer, component) for layer in range(3) for component in COMPONENTS]


@torch.no_grad()
def unmasked_logits(subject, tokens):
    """Logits `[query, vocabulary]` as the released code has them: one length, no mask."""
    rows = [np.pad(row, (0, max(0, tokens - len(row)))) for row in subject.queries.inputs]
    start = torch.zeros(1, 1, dtype=torch.long)
    found = [
        subject.plain(
            input_ids=torch.from_numpy(row)[None], decoder_input_ids=start, use_cache=False
        ).logits[0, 0]
        for row in rows
    ]
    return torch.stack(found)


def assert_ranks(table, logits, subject):
    relevant = relevant_lists(subject)
    every = plain_ranks(logits, relevant, torch.arange(logits.shape[1]))
    assert table["query_id"].tolist() == subject.queries.ids.tolist()
    assert table["vocabulary_rank"].tolist() == every
    assert table["docid_rank"].tolist() == plain_ranks(logits, relevant, docid_tokens())
    best = [float(row[own].max()) for row, own in zip(logits, relevant, strict=True)]
    assert table["relevant_logit"].tolist() == pytest.approx(best, rel=1e-4, abs=1e-5)


def outputs(subject, tokens):
    """Output `[query, d_model]` of every component of the padded queries, by plain hooks."""
    seen, handles = {place: [] for place in PLACES}, []
    for place in PLACES:

        def keep(module, inputs, output, place=place):
            seen[place].append((output[0] if isinstance(output, tuple) else output)[:, 0])

        handles.append(component_module(subject.plain, *place).register_forward_hook(keep))
    unmasked_logits(subject, tokens)
    for handle in handles:
        handle.remove()
    return {place: torch.cat(rows) for place, rows in seen.items()}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tokens", [7, 20])
def test_padding_is_read_where_there_is_no_mask(family, tokens):
    subject = small_subject(family)
    table = padded_ranks(subject, tokens)
    assert_ranks(table, unmasked_logits(subject, tokens), subject)
    assert not table["vocabulary_rank"].equals(rank_queries(subject)["vocabulary_rank"])


def test_queries_of_one_length_need_no_mask():
    subject = small_subject()
    longest = [row for row in range(11) if len(subject.queries.inputs[row]) == 7]
    same = subject.over(subject.queries.take(np.array(longest)))
    assert padded_ranks(same, 7).equals(rank_queries(same))
    assert padded_ranks(same, 1).equals(rank_queries(same))


@pytest.mark.parametrize("family", FAMILIES)
def test_patches_and_circuit_without_a_mask_equal_plain_hooks(family):
    whole = small_subject(family)
    listed, others = (
        whole.over(whole.queries.take(np.arange(*rows))) for rows in ((0, 6), (4, 11))
    )
    tokens = listed.queries.longest
    patching, circuit = ranks_without_mask(listed, others, STAGES, METHODS)
    assert set(patching["padded_tokens"]) == set(circuit["padded_tokens"]) == {tokens}
    clean = outputs(listed, tokens)
    values = {
        "zero": lambda place: torch.zeros(16),
        "mean": lambda place: clean[place].mean(0),
    }

    def logits_under(patch, subject):
        put = {place: values[method](place) for place, method in patch.items()}
        with replaced(whole.plain, put):
            return unmasked_logits(subject, tokens)

    patches = {"unmodified": {}} | stage_patches(STAGES, METHODS)
    patches |= single_patches(range(3), METHODS)
    for name, patch in patches.items():
        assert_ranks(patching[patching["patch"] == name], logits_under(patch, listed), listed)
    assert set(patching["patch"]) == set(patches)
    for name, patch in {"unmodified": {}, "study": replacements(FIXED["study"], STAGES)}.items():
        assert_ranks(circuit[circuit["circuit"] == name], logits_under(patch, others), others)

    with_mask = patched_ranks(listed, patch_means(listed, np.ones(6, bool), patches), None, patches)
    differing = [
        name
        for name, table in with_mask.items()
        if table["vocabulary_rank"].tolist()
        != patching[patching["patch"] == name]["vocabulary_rank"].tolist()
    ]
    assert "mean/II.cross_attention" in differing
    assert len(differing) > len(patches) / 2


def test_a_reduced_encoder_keeps_the_full_models_final_norm(tmp_path):
    subject, donor = small_subject(), small_subject(seed=4)
    donor.plain.save_pretrained(tmp_path / "rd1")
    chimera = copy.deepcopy(subject.plain)
    chimera.encoder = copy.deepcopy(donor.plain.encoder)
    chimera.encoder.final_layer_norm = copy.deepcopy(subject.plain.encoder.final_layer_norm)
    ids = torch.from_numpy(pad_rows(subject.queries.inputs, 0))
    start = torch.zeros(len(ids), 1, dtype=torch.long)
    with torch.no_grad():
        logits = chimera(
            input_ids=ids,
            attention_mask=(ids != 0).long(),
            decoder_input_ids=start,
            use_cache=False,
        ).logits[:, 0]
    [(name, table)] = swapped_ranks(subject, {"rd1": tmp_path / "rd1"})
    assert name == "rd1"
    assert_ranks(table, logits, subject)
    swapped = rank_queries(subject, donor.encoder)
    assert not table["relevant_logit"].equals(swapped["relevant_logit"])
    assert torch.equal(
        load_t5(tmp_path / "rd1").weights["encoder.final_layer_norm.weight"],
        donor.model.weights["encoder.final_layer_norm.weight"],
    )


def listed_shares(subject, records, layer, norm_weights):
    """Source -> share for one layer's MLP, with the lists that the released code makes."""
    of_neurons = {}
    weights = neuron_weights(subject.plain, layer)
    for record in records:
        signed = {}
        for source in earlier(layer, "mlp"):
            output = record.outputs[source]
            if norm_weights == "kept":
                output = through_norm(subject.plain, record, layer, "mlp", output)
            signed[source] = (weights @ output).tolist()
        for neuron in torch.nonzero(record.preactivations[layer] > 0)[:, 0].tolist():
            pushed = {source: values[neuron] for source, values in signed.items()}
            pushed = {source: value for source, value in pushed.items() if value > 0}
            total = sum(pushed.values())
            shares = {source: value / total for source, value in pushed.items()}
            of_neurons.setdefault(neuron, []).append(shares)
    found = dict.fromkeys(earlier(layer, "mlp"), 0.0)
    for shares in of_neurons.values():
        sums = {source: sum(each.get(source, 0.0) for each in shares) for source in found}
        total = sum(sums.values())
        for source in found:
            found[source] += sums[source] / total / len(of_neurons)
    return found


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("norm_weights", ["left_out", "kept"])
def test_shares_of_neurons_are_put_together_as_in_the_released_code(family, norm_weights):
    subject = small_subject(family)
    stages = {"I": (0, 0), "II": (1, 1), "III": (2, 2)}
    table = communication_as_released(subject, stages)
    table = table[table["norm_weights"] == norm_weights]
    records = [recorded(subject.plain, tokens) for tokens in subject.queries.inputs]
    names = {"embedding": ("embedding", "all")}
    for layer, stage in enumerate(stages):
        names |= {(layer, component): (component, stage) for component in COMPONENTS}
        cells = table[table["target_stage"] == stage].set_index(["source", "source_stage"])
        assert cells["value"].drop("all", level=1).sum() + cells.loc[
            ("embedding", "all"), "value"
        ] == pytest.approx(1)
        for source, share in listed_shares(subject, records, layer, norm_weights).items():
            assert cells.loc[names[source], "value"] == pytest.approx(share, abs=1e-5)
    assert (table["low"] <= table["value"]).all() & (table["value"] <= table["high"]).all()


def test_without_a_document_the_neurons_of_its_queries_alone_are_gone():
    shares = np.full((3, 2, 2), -1.0)
    shares[0, :, 0], shares[1, :, 0], shares[2, :, 1] = (0.2, 0.8), (0.6, 0.4), (1.0, 0.0)
    whole, without_a, without_b = neuron_means(shares, np.array(["a", "a", "b"]))
    assert whole.tolist() == pytest.approx([0.7, 0.3])
    assert without_a.tolist() == pytest.approx([1.0, 0.0])
    assert without_b.tolist() == pytest.approx([0.4, 0.6])
