"""The traps of T5, transformers and TransformerLens that are known to give wrong numbers without an
error, one test each."""

import ast
import json
from functools import cache

import numpy as np
import pytest
import torch
from family_checkpoints import UNTIED, write_checkpoint, write_finetuned
from plain_t5 import FAMILIES, component_module, lean, plain_logits, plain_ranks, small_model
from safetensors.torch import load_file, save_file
from set_iteration import iterated_sets
from small_subjects import small_subject
from tiny_text import tiny_tokenizer
from workflow_sources import REPOSITORY

from genir.analyses.communication import neuron_contributions, sources_of
from genir.analyses.encoder_swap import with_final_norm
from genir.analyses.rank_queries import rank_queries
from genir.engine.encoder import LeanEncoder, token_batch
from genir.engine.one_step import OneStep
from genir.engine.ranking import Unembedding
from genir.engine.t5 import Architecture, load_t5, t5_of
from genir.models.docids import load_docids, published_docids
from genir.models.load import add_docids, load_model, load_tokenizer, random_like, save_model
from genir.models.start import Start
from genir.verification.hugging_face import PlainReference

families = pytest.mark.parametrize("family", FAMILIES)
CODE = sorted([*REPOSITORY.glob("workflow/**/*.py"), *REPOSITORY.glob("benchmarks/**/*.py")])
DOC_IDS = [f"d{i}" for i in range(20)]


@cache
def _tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def _calls_in(path, name):
    """Calls of a function or method of this name."""
    calls = (node for node in ast.walk(_tree(path)) if isinstance(node, ast.Call))
    named = ((call, getattr(call.func, "attr", getattr(call.func, "id", ""))) for call in calls)
    return [call for call, found in named if found == name]


@families
def test_1a_docid_rows_are_not_all_alike(family):
    """`resize_token_embeddings` would draw them around one mean: cosines of 1.0."""
    model = small_model(family)
    add_docids(model, DOC_IDS, seed=1)
    for weight in (model.shared.weight, model.lm_head.weight):
        unit = torch.nn.functional.normalize(weight[-len(DOC_IDS) :].detach(), dim=1)
        cosines = (unit @ unit.T)[~torch.eye(len(DOC_IDS), dtype=torch.bool)]
        assert cosines.abs().mean() < 0.5
    assert not [path for path in CODE if _calls_in(path, "resize_token_embeddings")]


@families
def test_1b_docids_after_a_backward_pass_leave_no_stale_gradient(family):
    model, inputs = small_model(family), [np.array([3, 4, 5])]
    OneStep(model).logits(inputs).sum().backward()
    add_docids(model, DOC_IDS, seed=1)
    logits = OneStep(model).logits(inputs)
    assert logits.shape[1] == len(model.shared.weight)
    model.zero_grad(set_to_none=True)
    logits.sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is None or parameter.grad.shape == parameter.shape, name
    assert model.lm_head.weight.grad[-len(DOC_IDS) :].abs().min() > 0


@pytest.mark.parametrize("family", UNTIED)
def test_1c_a_trained_output_projection_is_never_tied_again(family, tmp_path):
    write_checkpoint(tmp_path / "start", family)
    folder, _ = write_finetuned(tmp_path, Start("folder", path=str(tmp_path / "start")), steps=3)
    before = load_t5(tmp_path / "start").head
    stored = load_file(folder / "model.safetensors")["lm_head.weight"]
    assert not torch.equal(stored[: len(before)], before)
    for head, embedding in (
        (load_t5(folder).head, load_t5(folder).embedding),
        (load_model(folder).lm_head.weight, load_model(folder).shared.weight),
    ):
        assert torch.equal(head, stored)
        assert not torch.allclose(head, embedding, atol=0.1)


def test_2_the_scale_before_unembedding_is_not_read_off_a_forced_tie():
    """transformers 5 writes tie_word_embeddings: true into the config.json of every T5."""
    sizes = {"d_model": 64, "d_kv": 8, "d_ff": 32, "num_heads": 2, "num_layers": 3}
    for stated, scale in (
        ({"tie_word_embeddings": True, "scale_decoder_outputs": True}, 64**-0.5),
        ({"tie_word_embeddings": True, "scale_decoder_outputs": False}, 1.0),
        ({"tie_word_embeddings": False}, 1.0),
        ({"tie_word_embeddings": True, "model_type": "mt5"}, 1.0),
        ({}, 64**-0.5),
    ):
        assert Architecture.from_config(sizes | stated).scale == scale
    model = small_model("gated-untied")
    assert model.config.tie_word_embeddings
    assert t5_of(model).architecture.scale == 1.0


def test_3_docids_lie_beyond_the_checkpoint_rows_and_not_in_the_tokenizer(tmp_path):
    """A T5 has more rows than its tokenizer pieces; added tokens make a tokenizer crawl."""
    plain = write_checkpoint(tmp_path / "start", "t5")
    rows, pieces = len(plain.shared.weight), len(tiny_tokenizer())
    assert rows > pieces
    folder, _ = write_finetuned(tmp_path, Start("folder", path=str(tmp_path / "start")), steps=2)
    docids = load_docids(folder / "docids.json", rows + 12)
    assert sorted(docids.values()) == list(range(rows, rows + 12))
    assert len(load_tokenizer(folder)) == pieces
    added = [
        json.loads((each / "tokenizer.json").read_text())["added_tokens"]
        for each in (tmp_path / "start", folder)
    ]
    assert added[0] == added[1]


def test_3_published_docids_are_found_by_their_spelling(tmp_path):
    tokenizer = json.loads(tiny_tokenizer().backend_tokenizer.to_str())
    first = len(tiny_tokenizer())
    tokens = {"@DOC_ID_7@": first + 2, "other": first, "@DOC_ID_a b@": first + 1}
    tokenizer["added_tokens"] += [
        tokenizer["added_tokens"][0] | {"content": content, "id": token}
        for content, token in tokens.items()
    ]
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert published_docids(tmp_path, first + 3) == {"7": first + 2, "a b": first + 1}


@families
def test_4_an_encoder_swap_takes_embedding_blocks_and_final_norm_and_spares_the_decoder(family):
    own, other = small_subject(family), small_subject(family, seed=1)
    decoder_side = [own.model.embedding, own.model.head, own.decoder.start]
    before = [tensor.clone() for tensor in decoder_side]
    swapped = rank_queries(own, LeanEncoder(other.model))
    assert all(torch.equal(*pair) for pair in zip(decoder_side, before, strict=True))

    logits, kept_norm = [], with_final_norm(other.model, own.model)
    for tokens in own.queries.inputs:
        ids = torch.from_numpy(tokens)[None]
        with torch.no_grad():
            encoded = other.plain.encoder(input_ids=ids)
            logits.append(
                own.plain(
                    encoder_outputs=encoded,
                    decoder_input_ids=torch.zeros(1, 1, dtype=torch.long),
                    use_cache=False,
                ).logits[0]
            )
            batch = token_batch([tokens])
            hidden = LeanEncoder(other.model)(batch)
            torch.testing.assert_close(hidden, encoded[0][0], atol=1e-5, rtol=1e-4)
            assert not torch.allclose(kept_norm(batch), hidden, atol=1e-2)
    relevant = [[t for t in row if t >= 0] for row in own.queries.relevant.tolist()]
    expected = plain_ranks(torch.cat(logits), relevant, torch.arange(len(own.model.head)))
    assert swapped["vocabulary_rank"].tolist() == expected
    assert swapped["vocabulary_rank"].tolist() != rank_queries(own)["vocabulary_rank"].tolist()


@families
def test_5_padding_moves_no_logit(family):
    model = small_model(family)
    short, long = np.array([5, 6, 7]), np.arange(5, 37)
    ids = torch.zeros(1, 32, dtype=torch.long)
    ids[0, :3] = torch.from_numpy(short)
    alone, beside = (_engine_logits(model, rows)[0] for rows in ([short], [short, long]))
    torch.testing.assert_close(alone, beside, atol=1e-5, rtol=1e-5)
    with torch.no_grad():
        trained = OneStep(model).logits([short, long])[0]
    torch.testing.assert_close(alone, trained, atol=1e-4, rtol=1e-5)
    masked, unmasked = plain_logits(model, ids, (ids != 0).long()), plain_logits(model, ids, None)
    torch.testing.assert_close(alone, masked[0], atol=1e-4, rtol=1e-5)
    assert (unmasked[0] - alone).abs().max() > 0.1


def _engine_logits(model, inputs):
    decoder, batch = lean(model), token_batch(inputs)
    with torch.no_grad():
        memory = decoder.memory(LeanEncoder(t5_of(model))(batch), batch.layout)
    return decoder.unembedding.logits(decoder.trace(memory).states[-1])


@families
def test_6_self_attention_is_a_matrix_and_cross_attention_has_neither_scale_nor_position(family):
    subject = small_subject(family)
    _, trace = subject.trace()
    for layer in range(3):
        module = component_module(subject.plain, layer, "self_attention")
        norm = subject.plain.decoder.block[layer].layer[0].layer_norm
        matrix = (module.o.weight @ module.v.weight).detach()
        expected = norm(trace.before(layer, "self_attention")).detach() @ matrix.T
        own = trace.output(layer, "self_attention")
        torch.testing.assert_close(own, expected, atol=1e-5, rtol=1e-4)

        module = component_module(subject.plain, layer, "cross_attention")
        norm = subject.plain.decoder.block[layer].layer[1].layer_norm
        states = norm(trace.before(layer, "cross_attention")).detach()
        for query, hidden in enumerate(subject.hidden):
            with torch.no_grad():
                q, k, v = (
                    projection(x).unflatten(-1, (3, -1)).transpose(0, 1)
                    for projection, x in (
                        (module.q, states[query : query + 1]),
                        (module.k, hidden.flip(0)),
                        (module.v, hidden.flip(0)),
                    )
                )
                mixed = (q @ k.transpose(1, 2)).softmax(-1) @ v
                read = module.o(mixed.transpose(0, 1).flatten(1))[0]
            output = trace.output(layer, "cross_attention")[query]
            torch.testing.assert_close(output, read, atol=1e-5, rtol=1e-4)


@families
def test_7_norm_weights_belong_into_attributions(family):
    """W_in . (g * c) / rms(r) sums to the pre-activation; without g it does not."""
    subject = small_subject(family)
    _, trace = subject.trace()
    for layer in range(3):
        terms = trace.terms[: len(sources_of("mlp", layer))]
        expected = _preactivations(subject, trace, layer).clamp(min=0).sum(1)
        signed = neuron_contributions(subject.decoder, trace, layer, terms)
        sums = torch.stack([of_query.sum() for of_query in signed])
        torch.testing.assert_close(sums, expected, atol=1e-4, rtol=1e-4)
    norm = subject.plain.decoder.block[2].layer[2].layer_norm
    norm.weight.data = torch.ones_like(norm.weight)
    unweighted = _preactivations(subject, trace, 2).clamp(min=0).sum(1)
    assert (unweighted - expected).abs().max() > 0.1


def _preactivations(subject, trace, layer):
    block = subject.plain.decoder.block[layer].layer[2]
    mlp = block.DenseReluDense
    first = mlp.wi_0 if hasattr(mlp, "wi_0") else mlp.wi
    with torch.no_grad():
        return first(block.layer_norm(trace.before(layer, "mlp")))


@families
def test_8_active_neurons_of_a_gated_mlp_are_those_whose_activation_function_opens(family):
    subject = small_subject(family)
    _, trace = subject.trace()
    for layer in range(3):
        terms = trace.terms[: len(sources_of("mlp", layer))]
        positive = _preactivations(subject, trace, layer) > 0
        active = neuron_contributions(subject.decoder, trace, layer, terms)
        assert [part.shape[1] for part in active] == positive.sum(1).tolist()
        assert 0 < positive.sum() < positive.numel()


def test_9_the_reference_attends_eagerly_and_caches_nothing(tmp_path):
    small_model().save_pretrained(tmp_path)
    ids = torch.tensor([[3, 4]])
    reference = PlainReference(tmp_path, {"input_ids": ids, "attention_mask": ids.sign()}, "cpu")
    assert reference.model.config._attn_implementation == "eager"
    assert reference.inputs["use_cache"] is False
    output = reference.model(**reference.inputs, output_attentions=True)
    assert output.past_key_values is None
    assert len(output.cross_attentions) == 3


def test_10_models_are_evaluated_without_dropout_and_in_float32(tmp_path):
    write_checkpoint(tmp_path, "t5")
    path = tmp_path / "model.safetensors"
    halves = {name: weight.half() for name, weight in load_file(path).items()}
    save_file(halves, path, metadata={"format": "pt"})
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"dtype": "float16"}))
    for model in (load_model(tmp_path), random_like(tmp_path, 1)):
        assert model.config.dropout_rate > 0
        assert not any(module.training for module in model.modules())
        assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    weights = load_t5(tmp_path).weights
    assert {weights[name].dtype for name in weights} == {torch.float32}
    model.train()
    inputs = [np.array([3, 4, 5])]
    with torch.no_grad():
        assert torch.equal(OneStep(model).logits(inputs), OneStep(model).logits(inputs))


def test_11_a_saved_model_has_the_n_positions_that_transformer_lens_asks_for(tmp_path):
    for given, expected in ((None, 512), (1024, 1024)):
        model = small_model()
        if given:
            model.config.n_positions = given
        save_model(tmp_path, model, tiny_tokenizer(), {"d0": 99})
        assert json.loads((tmp_path / "config.json").read_text())["n_positions"] == expected
        assert load_model(tmp_path).config.n_positions == expected


def test_12_ranks_are_counted_and_give_ties_to_the_lower_id():
    """As by sorting; no ranks by sorting the order of a sort, which is slow and breaks ties
    anyhow."""
    head = torch.randn(20, 4, generator=torch.Generator().manual_seed(0)).repeat(3, 1)
    docids = torch.arange(20, 60, 2)
    unembedding = Unembedding(head, torch.ones(4), 1e-6, 1.0, docids)
    states = torch.randn(40, 4, generator=torch.Generator().manual_seed(1))
    relevant = docids[torch.arange(40) % len(docids)]
    ranks = unembedding.ranks(states, relevant[:, None])
    lists = [[token] for token in relevant.tolist()]
    exact = unembedding.state(states).double() @ head.double().T
    assert ranks.vocabulary.tolist() == plain_ranks(exact, lists, torch.arange(60))
    assert ranks.docid.tolist() == plain_ranks(exact, lists, docids)
    nested = [
        (path.name, node.lineno)
        for path in CODE
        for node in _calls_in(path, "argsort")
        for inner in ast.walk(node)
        if inner is not node and inner in _calls_in(path, "argsort")
    ]
    assert nested == []


def test_13_nothing_depends_on_the_order_of_a_set():
    assert {path.name: lines for path in CODE if (lines := iterated_sets(path))} == {}


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("x = list(set(a))", [1]),
        ("for x in set(a):\n    print(x)", [1]),
        ("s = {1, 2}\nt = s - {1}\ny = [x for x in t]", [3]),
        ("def f(a):\n    found = set()\n    return tuple(found | a)", [3]),
        ("y = ', '.join({str(x) for x in a})", [1]),
        ("y = ', '.join(str(x) for x in set(a))", [1]),
        ("y = [*frozenset(a)]", [1]),
        ("y = {x: 1 for x in set(a).union(b)}", [1]),
        ("y = sorted(set(a))", []),
        ("y = sum(x for x in set(a))", []),
        ("y = len(set(a)), max({1, 2}), 3 in set(a)", []),
        ("s = set(a)\ns = list(a)\ny = [x for x in s]", []),
        ("y = {f(x) for x in set(a)}", []),
    ],
)
def test_13_iterated_sets_are_found(code, lines, tmp_path):
    path = tmp_path / "code.py"
    path.write_text(code)
    assert iterated_sets(path) == lines
