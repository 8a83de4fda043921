"""What is no number is never ranked, averaged, trained on or saved."""

from dataclasses import replace

import pytest
import torch
from family_checkpoints import SETTINGS, write_checkpoint, write_dataset
from plain_t5 import PIECES, docid_tokens, small_model
from safetensors.torch import load_file, save_file
from small_subjects import small_subject
from small_training import Settings, losses_of_part, small_network
from tiny_text import tiny_tokenizer

from genir.analyses.as_released import padded_ranks
from genir.analyses.communication import communication
from genir.analyses.contributions import contributions
from genir.analyses.direct_contribution import direct_contribution
from genir.analyses.encoder_swap import partial_encoder
from genir.analyses.head_lens import head_lens
from genir.analyses.late_cosines import late_cosines
from genir.analyses.patching import patched_ranks, stage_patches
from genir.analyses.rank_development import rank_development
from genir.analyses.rank_queries import rank_queries, top_documents
from genir.analyses.signed_contributions import signed_contributions
from genir.analyses.top_heads import top_heads
from genir.base.errors import AnalysisError, ModelError, TrainingError
from genir.engine.ranking import Unembedding
from genir.engine.t5 import T5, rms_norm
from genir.files.checkpoint import Checkpoint
from genir.models.load import save_plain_model
from genir.models.start import Start
from genir.training.finetuned_model import make_finetuned_model
from genir.training.loop import train
from genir.training.outputs import FinetuningOutputs

BAD = [float("nan"), float("inf"), -float("inf"), 1e30]
bad = pytest.mark.parametrize("value", BAD)


def _unembedding(precision=torch.float32):
    model = small_model()
    return Unembedding(
        model.shared.weight.detach(), torch.ones(16), 1e-6, 0.25, docid_tokens(), precision
    )


@bad
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_state_that_is_no_number_has_no_rank(value, precision):
    unembedding, states = _unembedding(precision), torch.randn(6, 16)
    states[4, 3] = value
    relevant = torch.full((6, 1), PIECES)
    asked = [
        lambda: unembedding.ranks(states, relevant),
        lambda: unembedding.top(states, 3),
        lambda: list(unembedding.blocks(states)),
        lambda: unembedding.logits(states),
    ]
    for ask in asked:
        with pytest.raises(AnalysisError, match="logits of 1 of 6 states are no numbers"):
            ask()


@bad
def test_a_head_that_is_no_number_has_no_rank(value):
    model = small_model()
    head = model.shared.weight.detach().clone()
    head[PIECES + 1, 2] = value
    unembedding = Unembedding(head, torch.ones(16), 1e-6, 0.25, docid_tokens())
    relevant = torch.full((6, 1), PIECES)
    with pytest.raises(AnalysisError, match="are no numbers"):
        unembedding.ranks(torch.randn(6, 16), relevant)


def test_large_states_and_zero_states_are_ranked_as_before():
    unembedding, relevant = _unembedding(), torch.full((6, 1), PIECES)
    states = torch.randn(6, 16)
    ranks = unembedding.ranks(states, relevant)
    assert torch.equal(unembedding.ranks(states * 1e15, relevant).vocabulary, ranks.vocabulary)
    zero = unembedding.ranks(torch.zeros(6, 16), relevant)
    assert zero.vocabulary.tolist() == [PIECES + 1] * 6


def test_the_norm_of_what_overflows_is_no_number():
    states = torch.ones(2, 16)
    states[1] = 1e25
    normed = rms_norm(states, torch.ones(16), 1e-6)
    assert torch.allclose(normed[0], torch.ones(16))
    assert normed[1].isnan().all()


ANALYSES = {
    "ranks": rank_queries,
    "documents": lambda subject: top_documents(subject, 3),
    "lens": rank_development,
    "contributions": contributions,
    "direct": direct_contribution,
    "signed": signed_contributions,
    "communication": communication,
    "heads": head_lens,
    "late": lambda subject: late_cosines(subject, range(0, 1)),
    "top heads": lambda subject: top_heads(subject, range(1, 3)),
    "patches": lambda subject: patched_ranks(
        subject, None, None, stage_patches({"I": (0, 0)}, ["zero"])
    ),
    "padded": lambda subject: padded_ranks(subject, 9),
    "other encoder": lambda subject: rank_queries(subject, partial_encoder(
        subject.model, subject.model, "embedding")),
}  # fmt: skip
PLACES = [
    "decoder.block.2.layer.2.DenseReluDense.wo.weight",
    "decoder.block.0.layer.1.EncDecAttention.v.weight",
    "encoder.block.1.layer.1.DenseReluDense.wo.weight",
    "encoder.final_layer_norm.weight",
]


@pytest.mark.parametrize("analysis", ANALYSES)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_every_analysis_stops(analysis, place, value):
    subject = small_subject()
    weights = {name: weight.detach().clone() for name, weight in subject.model.weights.items()}
    weights[place].view(-1)[:16] = value
    wrong = replace(subject, model=T5(subject.model.architecture, weights))
    with pytest.raises(AnalysisError, match=r"no numbers|no finite number"):
        ANALYSES[analysis](wrong)


def test_a_layer_that_adds_nothing_has_no_ratio():
    subject = small_subject()
    weights = {name: weight.detach().clone() for name, weight in subject.model.weights.items()}
    for name, weight in weights.items():
        if name.startswith("decoder.block.1.") and name.endswith((".o.weight", ".wo.weight")):
            weight.zero_()
    nothing = replace(subject, model=T5(subject.model.architecture, weights))
    with pytest.raises(AnalysisError, match=r"decoder layer 1 is no finite number for 11 queries"):
        contributions(nothing)


# --- trainings


def _diverging(model, at, value, gradient_only=False):
    losses_of = losses_of_part(model)

    def losses(step, part):
        found = losses_of(step, part)
        if step == at and gradient_only:
            found["loss"].register_hook(lambda gradient: gradient * value)
        elif step == at:
            found["loss"] = found["loss"] * value
        return found

    return losses


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("at", [0, 7, 11])
def test_a_loss_that_is_no_number_stops_at_its_step(tmp_path, value, at):
    model, checkpoint = small_network(), Checkpoint(tmp_path / "kept")
    with pytest.raises(TrainingError, match=rf"test stopped at step {at + 1} of 12: loss is") as e:
        train(model, _diverging(model, at, value), Settings(), checkpoint, "test")
    assert "smaller learning_rate" in str(e.value)
    kept = checkpoint.load()
    assert (kept and kept["step"]) == {0: None, 7: 5, 11: 10}[at]
    assert (str(tmp_path / "kept") in str(e.value)) == (kept is not None)


@pytest.mark.parametrize("at", [9, 11])
def test_weights_that_are_no_numbers_are_neither_kept_nor_returned(tmp_path, at):
    """A gradient that is no number shows in the loss one step later: step 10 is a checkpoint."""
    model, checkpoint = small_network(), Checkpoint(tmp_path / "kept")
    losses = _diverging(model, at, float("nan"), gradient_only=True)
    with pytest.raises(TrainingError, match=rf"stopped at step {at + 1} of 12: \S+ is not finite"):
        train(model, losses, Settings(), checkpoint, "test")
    state = checkpoint.load()
    assert state["step"] == {9: 5, 11: 10}[at]
    assert all(weight.isfinite().all() for weight in state["model"].values())


def test_a_training_goes_on_from_what_was_kept(tmp_path):
    whole, again = small_network(), small_network()
    curve = train(whole, losses_of_part(whole), Settings(), Checkpoint(tmp_path / "a"), "test")
    kept = Checkpoint(tmp_path / "b")
    wrong = small_network()
    with pytest.raises(TrainingError):
        train(wrong, _diverging(wrong, 8, float("nan")), Settings(), kept, "test")
    assert train(again, losses_of_part(again), Settings(), kept, "test") == curve


def test_a_finetuning_that_diverges_writes_nothing(tmp_path):
    write_checkpoint(tmp_path / "start", "t5")
    weights = load_file(tmp_path / "start/model.safetensors")
    weights["shared.weight"] *= 1e25
    save_file(weights, tmp_path / "start/model.safetensors", metadata={"format": "pt"})
    training, _ = write_dataset(tmp_path / "data")
    names = ("model", "curve.csv", "run.json", "checkpoints")
    outputs = FinetuningOutputs(*(tmp_path / name for name in names))
    with pytest.raises(TrainingError, match=r"fine-tuning stopped at step 1 of 12: loss"):
        make_finetuned_model(training, Start("folder", str(tmp_path / "start")), SETTINGS, outputs)
    assert not any(p.exists() for p in (outputs.model, outputs.curve, outputs.run))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_model_is_saved_with_weights_that_are_no_numbers(tmp_path, value):
    model = small_model()
    model.decoder.block[0].layer[2].DenseReluDense.wo.weight.data[0, 0] = value
    with pytest.raises(ModelError, match=r"to be saved: tensor decoder.*: 1 of 384 values"):
        save_plain_model(tmp_path, model, tiny_tokenizer())
    assert not list(tmp_path.iterdir())


def test_half_precision_that_overflows_is_not_saved(tmp_path):
    model = small_model()
    model.shared.weight.data[0, 0] = 1e6
    with pytest.raises(ModelError, match=r"shared.weight: 1 of 1600 values are not finite"):
        save_plain_model(tmp_path, model.half(), tiny_tokenizer())
