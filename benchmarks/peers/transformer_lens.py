"""TransformerLens 3.9, the last release whose own T5 can be hooked, batched and query by query."""

from collections.abc import Sequence
from tempfile import TemporaryDirectory

import torch
from transformer_lens import HookedEncoderDecoder
from transformer_lens.loading_from_pretrained import (
    get_pretrained_model_config,
    get_pretrained_state_dict,
)
from transformers import T5Config, T5ForConditionalGeneration

from peers.interface import Batch, Inputs, Peer, Place

LONGEST_QUERY = 512
HOOKS = {"self_attention": "attn", "cross_attention": "cross_attn", "mlp": "mlp"}


class TransformerLens(Peer):
    """One pass per patch and batch. Only for tied ReLU models with as many encoder as decoder
    layers."""

    def __init__(self, model: T5ForConditionalGeneration) -> None:
        super().__init__(model)
        self.model = hooked_model(model)

    def inputs(self, batch: Batch) -> Inputs:
        return {
            "input": batch.ids,
            "decoder_input": self.starts(batch),
            "one_zero_attention_mask": batch.mask,
        }

    def outputs(self, inputs: Inputs, places: Sequence[Place]) -> dict[Place, torch.Tensor]:
        names = {place: hook_name(place) for place in places}
        _, cache = self.model.run_with_cache(**inputs, names_filter=list(names.values()))
        return {place: cache[name][:, 0] for place, name in names.items()}

    def patched_logits(self, inputs: Inputs, place: Place, value: torch.Tensor) -> torch.Tensor:
        def replace(output: torch.Tensor, hook: object) -> torch.Tensor:
            return value.expand_as(output)

        hooks = [(hook_name(place), replace)]
        return self.model.run_with_hooks(**inputs, fwd_hooks=hooks)[:, 0]


class TransformerLensSingle(TransformerLens):
    """One pass per patch and query, as the study did."""

    def batches(self, batches: Sequence[Batch]) -> Sequence[Batch]:
        return [single for batch in batches for single in batch.singles()]


def hook_name(place: Place) -> str:
    return f"decoder.{place[0]}.hook_{HOOKS[place[1]]}_out"


def hooked_model(model: T5ForConditionalGeneration) -> HookedEncoderDecoder:
    """The model in TransformerLens's own form, as its `from_pretrained` makes it from a folder,
    but without a tokenizer. It reads two settings that a T5 made in memory lacks."""
    needed = {"architectures": [type(model).__name__], "n_positions": LONGEST_QUERY}
    with TemporaryDirectory() as folder:
        T5Config.from_dict(model.config.to_dict() | needed).save_pretrained(folder)
        config = get_pretrained_model_config(folder, device=model.device.type)
        config.tokenizer_name = None
        state = get_pretrained_state_dict(folder, config, hf_model=model)
    hooked = HookedEncoderDecoder(config)
    hooked.load_state_dict(state, strict=False)
    return hooked.eval()
