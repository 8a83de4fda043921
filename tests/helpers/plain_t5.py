"""Plain Hugging Face computation of what the lean decoder computes, and small random models."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import (
    T5Config,
    T5ForConditionalGeneration,
    UMT5Config,
    UMT5ForConditionalGeneration,
)

from genir.base.names import COMPONENTS, Component
from genir.engine.decoder import LeanDecoder
from genir.engine.t5 import t5_of

PIECES, DOCUMENTS = 60, 40
UNTIED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
FAMILIES = {
    "relu-tied": {"feed_forward_proj": "relu", "tie_word_embeddings": True},
    "gated-untied": UNTIED,
}
"""Whose decoders differ."""
ALL_FAMILIES = FAMILIES | {"umt5": UNTIED}


def small_model(
    family: str = "relu-tied", layers: int = 3, seed: int = 0
) -> T5ForConditionalGeneration:
    """A random T5 whose last DOCUMENTS rows are docid tokens."""
    torch.manual_seed(seed)
    return random_of(
        family,
        vocab_size=PIECES + DOCUMENTS,
        d_model=16,
        d_ff=24,
        d_kv=4,
        num_heads=3,
        num_layers=2,
        num_decoder_layers=layers,
        decoder_start_token_id=0,
        pad_token_id=0,
    )


def random_of(family: str, **sizes: int) -> T5ForConditionalGeneration:
    """A random model of a family, from torch's random state."""
    umt5 = family == "umt5"
    config = (UMT5Config if umt5 else T5Config)(**sizes, **ALL_FAMILIES[family])
    model = (UMT5ForConditionalGeneration if umt5 else T5ForConditionalGeneration)(config).eval()
    if family != "relu-tied":
        model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight))
    for parameter in model.parameters():
        if parameter.dim() == 1:
            parameter.data.uniform_(0.5, 1.5)
    return as_trained(model) if umt5 else model


def as_trained(model: UMT5ForConditionalGeneration) -> UMT5ForConditionalGeneration:
    """A umT5 as it was trained: logits of an output projection of its own are not scaled.
    transformers 5 takes it for tied whatever its configuration says."""
    model.config.tie_word_embeddings = False
    return model


def docid_tokens() -> torch.Tensor:
    return torch.arange(PIECES, PIECES + DOCUMENTS)


def lean(model: T5ForConditionalGeneration, precision: torch.dtype = torch.float32) -> LeanDecoder:
    return LeanDecoder(t5_of(model), docid_tokens(), precision)


def random_inputs(
    queries: int = 5, tokens: int = 7, seed: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and mask `[query, token]`, padded on the right by different amounts."""
    random = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, PIECES, (queries, tokens), generator=random)
    lengths = torch.randint(1, tokens + 1, (queries, 1), generator=random)
    mask = (torch.arange(tokens) < lengths).long()
    return ids * mask, mask


@torch.no_grad()
def plain_logits(
    model: T5ForConditionalGeneration, ids: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Logits `[query, vocabulary]` of the one decoder step."""
    start = torch.full((len(ids), 1), model.config.decoder_start_token_id)
    output = model(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False)
    return output.logits[:, 0]


def plain_lens(model: T5ForConditionalGeneration, residual: torch.Tensor) -> torch.Tensor:
    """Logits `[..., vocabulary]` of a state read as if it were the last."""
    state = model.decoder.final_layer_norm(residual)
    scaled = getattr(model.config, "scale_decoder_outputs", False)
    scale = model.config.d_model**-0.5 if scaled else 1.0
    return model.lm_head(state * scale)


def component_module(
    model: T5ForConditionalGeneration, layer: int, component: Component
) -> torch.nn.Module:
    """The module whose output enters the residual stream."""
    part = model.decoder.block[layer].layer[COMPONENTS.index(component)]
    name = {"self_attention": "SelfAttention", "cross_attention": "EncDecAttention"}
    return getattr(part, name.get(component, "DenseReluDense"))


@contextmanager
def replaced(
    model: T5ForConditionalGeneration, patch: dict[tuple[int, Component], torch.Tensor]
) -> Iterator[None]:
    """Forward hooks that put `[query, d_model]` or `[d_model]` values in place of outputs."""

    def hook_for(value: torch.Tensor):
        def hook(module, inputs, output):
            states = output[0] if isinstance(output, tuple) else output
            new = value.expand(states.shape[0], -1)[:, None]
            return (new, *output[1:]) if isinstance(output, tuple) else new

        return hook

    handles = [
        component_module(model, *place).register_forward_hook(hook_for(value))
        for place, value in patch.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def plain_margin(
    logits: torch.Tensor, relevant: list[list[int]], among: torch.Tensor
) -> tuple[list[float], list[float]]:
    """Logits of the best relevant token and of the best other one of `among`, for each row."""
    others = [[token for token in among.tolist() if token not in own] for own in relevant]
    best, other = (
        [float(row[tokens].max()) for row, tokens in zip(logits, chosen, strict=True)]
        for chosen in (relevant, others)
    )
    return best, other


def plain_ranks(logits: torch.Tensor, relevant: list[list[int]], among: torch.Tensor) -> list[int]:
    """Rank of the best relevant token among `among`, by sorting (-logit, id)."""
    ranks = []
    for row, tokens in zip(logits.tolist(), relevant, strict=True):
        order = sorted(among.tolist(), key=lambda token: (-row[token], token))
        ranks.append(1 + min(order.index(token) for token in tokens))
    return ranks
