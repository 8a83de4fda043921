"""The one decoder step of a T5 by TransformerLens 3.9, a second reference where it is installed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformer_lens import HookedEncoderDecoder
from transformer_lens.loading_from_pretrained import (
    get_pretrained_model_config,
    get_pretrained_state_dict,
)
from transformers import AutoConfig, T5Config, T5ForConditionalGeneration

from genir.verification.hugging_face import ATTENTIONS, Captured, Patch

HOOKS = {"self_attention": "attn", "cross_attention": "cross_attn", "mlp": "mlp"}
POSITIONS = 512


def readable(folder: Path | str) -> bool:
    """Whether TransformerLens computes such a model: a ReLU T5 with tied embeddings."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    relu = config.model_type == "t5" and config.feed_forward_proj == "relu"
    return relu and config.scale_decoder_outputs


class TransformerLensReference:
    """What `PlainReference` offers."""

    def __init__(
        self, folder: Path | str, inputs: Mapping[str, torch.Tensor], device: torch.device | str
    ) -> None:
        plain = T5ForConditionalGeneration.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True
        )
        self.model = _hooked_model(plain, torch.device(device).type)
        start = plain.config.decoder_start_token_id
        ids, mask = (inputs[name].to(device) for name in ("input_ids", "attention_mask"))
        self.inputs = {
            "input": ids,
            "decoder_input": torch.full((len(ids), 1), start, device=device),
            "one_zero_attention_mask": mask,
        }

    @torch.no_grad()
    def captured(self) -> Captured:
        encoder: list[torch.Tensor] = []
        handle = self.model.encoder_final_ln.register_forward_hook(
            lambda _, given, out: encoder.append(out)
        )
        try:
            _, cache = self.model.run_with_cache(**self.inputs)
        finally:
            handle.remove()
        layers = range(len(self.model.decoder))
        stream = [cache[f"decoder.{layer}.hook_resid_pre"][:, 0] for layer in layers]
        stream.append(cache[f"decoder.{layers[-1]}.hook_resid_post"][:, 0])
        outputs = {
            component: torch.stack([cache[_hook((layer, component))][:, 0] for layer in layers])
            for component in HOOKS
        }
        heads = {
            component: torch.stack(
                [cache[_hook((layer, component, 0))][:, 0].transpose(0, 1) for layer in layers]
            )
            for component in ATTENTIONS
        }
        neurons = [cache[f"decoder.{layer}.mlp.hook_pre"][:, 0] for layer in layers]
        return Captured(encoder[0], torch.stack(stream), outputs, heads, torch.stack(neurons))

    @torch.no_grad()
    def logits(self, patch: Patch) -> torch.Tensor:
        """Logits `[query, vocabulary]` under a patch."""
        hooks = [(_hook(place), _replacing(place, value)) for place, value in patch.items()]
        return self.model.run_with_hooks(**self.inputs, fwd_hooks=hooks)[:, 0]

    @torch.no_grad()
    def unembedded(self, states: torch.Tensor) -> torch.Tensor:
        """Logits `[query, vocabulary]` if `states` `[query, d_model]` were the residual stream
        after the last layer."""
        norm = self.model.decoder_final_ln
        handle = norm.register_forward_pre_hook(lambda _, given: (states[:, None],))
        try:
            return self.model(**self.inputs)[:, 0]
        finally:
            handle.remove()


def _hook(place: tuple) -> str:
    layer, component, *head = place
    name = HOOKS[component]
    return f"decoder.{layer}.{name}.hook_result" if head else f"decoder.{layer}.hook_{name}_out"


def _replacing(place: tuple, value: torch.Tensor) -> Callable[..., torch.Tensor]:
    def replace(output: torch.Tensor, hook: object) -> torch.Tensor:
        if len(place) == 3:
            output[:, 0, place[2]] = value
        else:
            output[:, 0] = value
        return output

    return replace


def _hooked_model(plain: T5ForConditionalGeneration, device: str) -> HookedEncoderDecoder:
    """The model in TransformerLens's own form. It takes encoder and decoder to be equally deep, so
    the shallower one gets layers that are taken away afterwards."""
    layers = len(plain.encoder.block), len(plain.decoder.block)
    depth = {"num_layers": max(layers), "num_decoder_layers": max(layers)}
    needed = {"architectures": [type(plain).__name__], "n_positions": POSITIONS}
    config = T5Config.from_dict(needed | plain.config.to_dict() | depth)
    even = T5ForConditionalGeneration(config)
    even.load_state_dict(plain.state_dict(), strict=False)
    with TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        settings = get_pretrained_model_config(folder, device=device)
        settings.tokenizer_name = None
        state = get_pretrained_state_dict(folder, settings, hf_model=even)
    hooked = HookedEncoderDecoder(settings)
    hooked.load_state_dict(state, strict=False)
    hooked.encoder, hooked.decoder = hooked.encoder[: layers[0]], hooked.decoder[: layers[1]]
    hooked.cfg.use_attn_result = True
    hooked.setup()
    return hooked.eval()
