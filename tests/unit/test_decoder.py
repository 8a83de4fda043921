import pytest
import torch
from plain import (
    FAMILIES,
    component_module,
    lean,
    plain_logits,
    random_inputs,
    replaced,
    small_model,
)

from genir.components import COMPONENTS

PLACES = [(layer, component) for layer in range(3) for component in COMPONENTS]


@pytest.fixture(params=FAMILIES)
def setting(request):
    model = small_model(request.param)
    ids, mask = random_inputs()
    decoder = lean(model)
    with torch.no_grad():
        hidden = model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    memory = decoder.memory(hidden, mask)
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


def test_padding_changes_nothing(setting):
    model, ids, mask, decoder, _, trace = setting
    wider = torch.nn.functional.pad(ids, (0, 6))
    wide_mask = torch.nn.functional.pad(mask, (0, 6))
    with torch.no_grad():
        hidden = model.encoder(input_ids=wider, attention_mask=wide_mask).last_hidden_state
    again = decoder.trace(decoder.memory(hidden, wide_mask))
    torch.testing.assert_close(again.residual, trace.residual, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "patch", [{}, {(3, "mlp"): torch.zeros(16)}, {(-1, "mlp"): torch.zeros(16)}]
)
def test_a_patch_of_nothing_or_of_no_layer_is_refused(setting, patch):
    *_, decoder, memory, trace = setting
    with pytest.raises(ValueError, match="must name components of layers 0 to 2 or heads 0 to 2"):
        decoder.run(memory, trace, [patch])
