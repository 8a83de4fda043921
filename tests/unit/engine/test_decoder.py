import pytest
import torch
from plain_t5 import (
    FAMILIES,
    component_module,
    lean,
    plain_logits,
    random_inputs,
    replaced,
    small_model,
)

from genir.base.names import COMPONENTS
from genir.engine.encoder import LeanEncoder, layout_of, token_batch
from genir.engine.t5 import t5_of

PLACES = [(layer, component) for layer in range(3) for component in COMPONENTS]


def _memory(model, decoder, ids, mask):
    """Read through Hugging Face's encoder."""
    layout = layout_of(mask.sum(1).tolist())
    with torch.no_grad():
        hidden = model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return decoder.memory(hidden[mask.bool()], layout)


@pytest.fixture(params=FAMILIES)
def setting(request):
    model = small_model(request.param)
    ids, mask = random_inputs()
    decoder = lean(model)
    memory = _memory(model, decoder, ids, mask)
    return model, ids, mask, decoder, memory, decoder.trace(memory)


def test_unmodified_run_gives_the_plain_logits(setting):
    model, ids, mask, decoder, _, trace = setting
    logits = decoder.unembedding.logits(trace.residual[-1])
    torch.testing.assert_close(logits, plain_logits(model, ids, mask), atol=1e-4, rtol=1e-5)


def test_trace_holds_what_plain_hooks_capture(setting):
    model, ids, mask, _, _, trace = setting
    for layer, component in PLACES:
        seen = []

        def hook(module, inputs, output, seen=seen):
            seen.append((output[0] if isinstance(output, tuple) else output)[:, 0])

        handle = component_module(model, layer, component).register_forward_hook(hook)
        plain_logits(model, ids, mask)
        handle.remove()
        torch.testing.assert_close(trace.output(layer, component), seen[0], atol=1e-4, rtol=1e-5)


def test_outputs_sum_to_the_residual_stream(setting):
    trace = setting[-1]
    total = trace.residual[0] + sum(trace.outputs[component].sum(0) for component in COMPONENTS)
    torch.testing.assert_close(total, trace.residual[-1], atol=1e-4, rtol=1e-5)


def test_patching_with_clean_values_changes_nothing(setting):
    *_, decoder, memory, trace = setting
    everything = {place: trace.output(*place) for place in PLACES}
    singles = [{place: trace.output(*place)} for place in PLACES]
    residual = decoder.run(memory, trace, [everything, *singles])
    for stream in residual:
        torch.testing.assert_close(stream, trace.residual[-1], atol=1e-5, rtol=1e-5)


def test_every_patch_equals_plain_hooks_and_changes_something(setting):
    model, ids, mask, decoder, memory, trace = setting
    torch.manual_seed(3)
    patches = [{place: torch.zeros(16)} for place in reversed(PLACES)]
    patches += [{place: torch.randn(len(ids), 16)} for place in PLACES]
    patches += [
        {(0, "mlp"): torch.randn(16), (2, "cross_attention"): torch.randn(len(ids), 16)},
        {(1, component): torch.zeros(16) for component in COMPONENTS},
    ]
    residual = decoder.run(memory, trace, patches)
    clean = decoder.unembedding.logits(trace.residual[-1])
    for patch, stream in zip(patches, residual, strict=True):
        with replaced(model, patch):
            expected = plain_logits(model, ids, mask)
        logits = decoder.unembedding.logits(stream)
        torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-5)
        assert (logits - clean).abs().max() > 1e-3


def test_the_encoder_gives_the_plain_hidden_states(setting):
    model, ids, mask, *_ = setting
    inputs = [row[kept.bool()].numpy() for row, kept in zip(ids, mask, strict=True)]
    with torch.no_grad():
        hidden = model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        packed = LeanEncoder(t5_of(model))(token_batch(inputs))
    torch.testing.assert_close(packed, hidden[mask.bool()], atol=1e-4, rtol=1e-5)


def test_other_queries_and_their_padding_change_nothing(setting):
    model, ids, mask, decoder, _, trace = setting
    for query in range(len(ids)):
        length = int(mask[query].sum())
        alone = ids[query : query + 1, :length], mask[query : query + 1, :length]
        again = decoder.trace(_memory(model, decoder, *alone))
        torch.testing.assert_close(again.states[:, 0], trace.states[:, query], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "patch", [{}, {(3, "mlp"): torch.zeros(16)}, {(-1, "mlp"): torch.zeros(16)}]
)
def test_a_patch_of_nothing_or_of_no_layer_is_refused(setting, patch):
    *_, decoder, memory, trace = setting
    with pytest.raises(ValueError, match="must name components of layers 0 to 2 or heads 0 to 2"):
        decoder.run(memory, trace, [patch])
