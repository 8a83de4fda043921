"""The one decoder step of a T5 by Hugging Face alone: what the engine is verified against.

Padding and mask, one pass of the whole decoder for every patch, forward hooks, ranks by sorting.
Nothing here is the engine's, so that a mistake in one is not also in the other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

PARTS = {"self_attention": "SelfAttention", "cross_attention": "EncDecAttention",
         "mlp": "DenseReluDense"}  # fmt: skip
ATTENTIONS = ("self_attention", "cross_attention")

EMBEDDING, UNEMBEDDING = "embedding", "unembedding"

Patch = Mapping[tuple, torch.Tensor]
"""(layer, component) or (layer, component, head) -> what it adds to the residual stream instead,
`[d_model]` or `[query, d_model]`."""


@dataclass(frozen=True)
class Captured:
    """States of an unmodified run: encoder output `[query, token, d_model]`, residual stream before
    each decoder layer and after the last `[layer + 1, query, d_model]`, outputs of each component
    `[layer, query, d_model]` and of each head `[layer, head, query, d_model]`, and the
    pre-activations `[layer, query, neuron]` that go through the MLPs' activation function."""

    encoder: torch.Tensor
    residual: torch.Tensor
    outputs: dict[str, torch.Tensor]
    heads: dict[str, torch.Tensor]
    neurons: torch.Tensor

    @property
    def terms(self) -> torch.Tensor:
        """What the residual stream is the sum of, in the order of the run: the start token's
        embedding, then every component's output `[layer * 3 + 1, query, d_model]`."""
        outputs = torch.stack([self.outputs[name] for name in PARTS], 1).flatten(0, 1)
        return torch.cat([self.residual[:1], outputs])

    def output(self, place: tuple) -> torch.Tensor:
        """What a component or head adds to the residual stream, `[query, d_model]`."""
        layer, component, *head = place
        return self.heads[component][layer, head[0]] if head else self.outputs[component][layer]


def tokenized(folder: Path | str, texts: Sequence[str], longest: int) -> dict[str, torch.Tensor]:
    """input_ids and attention_mask `[query, token]` of texts cut to `longest` tokens."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    cut = {"truncation": True, "max_length": longest, "padding": True, "return_tensors": "pt"}
    encoded = tokenizer(list(texts), **cut)
    return {name: encoded[name] for name in ("input_ids", "attention_mask")}


class PlainReference:
    """A model folder, read by the class that its config.json names, before some queries."""

    def __init__(
        self, folder: Path | str, inputs: Mapping[str, torch.Tensor], device: torch.device | str
    ) -> None:
        settings = {"dtype": torch.float32, "attn_implementation": "eager"}
        model = AutoModelForSeq2SeqLM.from_pretrained(folder, local_files_only=True, **settings)
        if model.config.model_type == "umt5":
            # transformers 5 says that its output projection is tied, and scales its logits.
            model.config.tie_word_embeddings = False
        self.model = model.to(device).eval().requires_grad_(False)
        self.heads = model.config.num_heads
        ids, mask = (inputs[name].to(device) for name in ("input_ids", "attention_mask"))
        start = model.config.decoder_start_token_id
        with torch.no_grad():
            self.encoded = self.model.encoder(input_ids=ids, attention_mask=mask)
        self.inputs = {
            "encoder_outputs": self.encoded,
            "attention_mask": mask,
            "decoder_input_ids": torch.full((len(ids), 1), start, device=device),
            "use_cache": False,
        }

    @torch.no_grad()
    def captured(self) -> Captured:
        """The states of the unmodified model."""
        found: dict[object, list[torch.Tensor]] = {}
        with _hooked(self._keeping(found)):
            self.model(**self.inputs)
        return Captured(
            self.encoded[0],
            torch.stack(found["residual"]),
            {component: torch.stack(found[component]) for component in PARTS},
            {component: torch.stack(found[component, "heads"]) for component in ATTENTIONS},
            torch.stack(found["neurons"]),
        )

    def _keeping(self, found: dict[object, list[torch.Tensor]]) -> list[tuple]:
        """Hooks that append every state of the decoder to the list of its name."""
        norms = [block.layer[0].layer_norm for block in self.model.decoder.block]
        norms.append(self.model.decoder.final_layer_norm)
        places = [(layer, name) for layer in range(len(norms) - 1) for name in PARTS]

        def keep(name: object, state: Callable[..., torch.Tensor]) -> Callable[..., None]:
            def hook(module: torch.nn.Module, given: tuple, output: object) -> None:
                found.setdefault(name, []).append(state(module, given, output))

            return hook

        streams = [(norm, keep("residual", lambda _, given, __: given[0][:, 0])) for norm in norms]
        outputs = [
            (self._module(*place), keep(place[1], lambda _, __, output: _state(output)))
            for place in places
        ]
        heads = [
            (self._module(*place).o,
             keep((place[1], "heads"), lambda module, given, _: self._by_head(module, given[0])))
            for place in places
            if place[1] in ATTENTIONS
        ]  # fmt: skip
        mlps = [block.layer[2].DenseReluDense for block in self.model.decoder.block]
        neurons = [
            (mlp.wi_0 if hasattr(mlp, "wi_0") else mlp.wi,
             keep("neurons", lambda _, __, output: _state(output)))
            for mlp in mlps
        ]  # fmt: skip
        return streams + outputs + heads + neurons

    @torch.no_grad()
    def logits(self, patch: Patch) -> torch.Tensor:
        """Logits `[query, vocabulary]` under a patch."""
        with _hooked([self._replacing(place, value) for place, value in patch.items()]):
            return self.model(**self.inputs).logits[:, 0]

    @torch.no_grad()
    def unembedded(self, states: torch.Tensor) -> torch.Tensor:
        """Logits `[query, vocabulary]` if `states` `[query, d_model]` were the residual stream
        after the last layer."""
        norm = self.model.decoder.final_layer_norm
        handle = norm.register_forward_pre_hook(lambda _, given: (states[:, None],))
        try:
            return self.model(**self.inputs).logits[:, 0]
        finally:
            handle.remove()

    @torch.no_grad()
    def edge_logits(self, edges: Mapping[object, Mapping[object, torch.Tensor]]) -> torch.Tensor:
        """Logits `[query, vocabulary]` if each reader, (layer, component) or UNEMBEDDING, reads
        values `[query, d_model]` in place of what its sources, (layer, component) or EMBEDDING,
        say in this very run."""
        said: dict[object, torch.Tensor] = {}

        def keep(source: object) -> Callable[..., None]:
            return lambda _, __, output: said.__setitem__(source, _state(output))

        def shift(values: Mapping[object, torch.Tensor]) -> Callable[..., tuple]:
            def hook(_: torch.nn.Module, given: tuple) -> tuple:
                moved = sum(value - said[source] for source, value in values.items())
                return (given[0] + moved[:, None],)

            return hook

        used = dict.fromkeys(source for values in edges.values() for source in values)
        modules = {
            source: self.model.decoder.embed_tokens
            if source == EMBEDDING
            else self._module(*source)
            for source in used
        }
        kept = [(module, keep(source)) for source, module in modules.items()]
        moved = {self._norm(reader): shift(values) for reader, values in edges.items()}
        with _hooked(kept), _read_otherwise(moved):
            return self.model(**self.inputs).logits[:, 0]

    def gradients(
        self, states: torch.Tensor, difference: Callable[[torch.Tensor], torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Gradient of `difference`, from logits `[query, vocabulary]` to `[query]`, by what every
        component and, last, the unembedding reads, `[reader, query, d_model]`, where they read
        `states` of that shape; the logits; and of every query how near to 0 the closest
        pre-activation of a ReLU is, of the largest `[query]`, infinite without ReLUs."""
        added = torch.zeros_like(states).requires_grad_()
        readers = [(layer, name) for layer in range(len(states) // len(PARTS)) for name in PARTS]
        nearest = torch.full_like(states[0, :, 0], torch.inf)

        def placed(number: int) -> Callable[..., tuple]:
            def hook(_: torch.nn.Module, given: tuple) -> tuple:
                read = states[number] + given[0][:, 0] - given[0][:, 0].detach() + added[number]
                return (read[:, None],)

            return hook

        def near(_: torch.nn.Module, given: tuple, __: object) -> None:
            size = given[0][:, 0].detach().abs()
            torch.minimum(nearest, size.amin(1) / size.max(), out=nearest)

        relus = [(m, near) for m in self.model.decoder.modules() if isinstance(m, torch.nn.ReLU)]
        norms = {self._norm(r): placed(n) for n, r in enumerate([*readers, UNEMBEDDING])}
        with torch.enable_grad(), _hooked(relus), _read_otherwise(norms):
            logits = self.model(**self.inputs).logits[:, 0]
            (gradients,) = torch.autograd.grad(difference(logits).sum(), added)
        return gradients, logits.detach(), nearest

    def linear_read(self, difference: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """What is multiplied with any part of the last residual stream for its share of
        `difference`, if the final norm divides as in the unmodified run, `[query, d_model]`."""
        kept: list[torch.Tensor] = []

        def hook(norm: torch.nn.Module, given: tuple, output: torch.Tensor) -> torch.Tensor:
            scale = given[0].pow(2).mean(-1).add(norm.variance_epsilon).rsqrt()
            kept.extend((output.detach().requires_grad_(), scale))
            return kept[0]

        norm = self.model.decoder.final_layer_norm
        with torch.enable_grad(), _hooked([(norm, hook)]):
            logits = self.model(**self.inputs).logits[:, 0]
            (gradient,) = torch.autograd.grad(difference(logits).sum(), kept[0])
        return gradient[:, 0] * norm.weight * kept[1]

    @torch.no_grad()
    def without_tokens(self, unseen: torch.Tensor, layers: Sequence[int]) -> torch.Tensor:
        """Logits `[query, vocabulary]` if the cross-attention of some layers does not see the
        tokens marked in `unseen` `[query, token]`."""
        hidden = (self.inputs["attention_mask"] == 0)[:, None, None]
        lowest = torch.finfo(torch.float32).min
        seen = torch.zeros_like(hidden, dtype=torch.float32).masked_fill(hidden, lowest)
        blind = seen.masked_fill(unseen[:, None, None], lowest)

        def masked(layer: int) -> Callable[..., tuple]:
            def hook(_: torch.nn.Module, given: tuple, named: dict) -> tuple:
                # T5 says mask, and adds the first layer's to the position bias of all; umT5 not.
                name = "mask" if "mask" in named else "attention_mask"
                told = {name: blind if layer in layers else seen}
                return given, named | told | {k: None for k in named if k == "position_bias"}

            return hook

        handles = [
            block.layer[1].EncDecAttention.register_forward_pre_hook(masked(n), with_kwargs=True)
            for n, block in enumerate(self.model.decoder.block)
        ]
        try:
            return self.model(**self.inputs).logits[:, 0]
        finally:
            for handle in handles:
                handle.remove()

    @torch.no_grad()
    def with_encoded(self, states: torch.Tensor) -> torch.Tensor:
        """Logits `[query, vocabulary]` if `states` `[query, token, d_model]` were the encoder's
        output."""
        encoded = type(self.encoded)(last_hidden_state=states)
        return self.model(**self.inputs | {"encoder_outputs": encoded}).logits[:, 0]

    def _norm(self, reader: object) -> torch.nn.Module:
        """With which a component, or the unembedding, begins."""
        if reader == UNEMBEDDING:
            return self.model.decoder.final_layer_norm
        layer, component = reader
        return self.model.decoder.block[layer].layer[list(PARTS).index(component)].layer_norm

    def _module(self, layer: int, component: str) -> torch.nn.Module:
        part = list(PARTS).index(component)
        return getattr(self.model.decoder.block[layer].layer[part], PARTS[component])

    def _by_head(self, projection: torch.nn.Linear, mixed: torch.Tensor) -> torch.Tensor:
        """What each head adds to the residual stream, `[head, query, d_model]`; `mixed` is what the
        output projection reads."""
        values = mixed[:, 0].chunk(self.heads, dim=-1)
        weights = projection.weight.chunk(self.heads, dim=1)
        return torch.stack([v @ w.T for v, w in zip(values, weights, strict=True)])

    def _replacing(self, place: tuple, value: torch.Tensor) -> tuple[torch.nn.Module, Callable]:
        layer, component, *head = place
        module = self._module(layer, component)
        if head:

            def replace_head(module: torch.nn.Linear, given: tuple, out: torch.Tensor) -> object:
                return out + (value - self._by_head(module, given[0])[head[0]])[:, None]

            return module.o, replace_head

        def replace(_: torch.nn.Module, given: tuple, out: object) -> object:
            new = value.expand_as(_state(out))[:, None]
            return (new, *out[1:]) if isinstance(out, tuple) else new

        return module, replace


def _state(output: object) -> torch.Tensor:
    """The states `[query, d_model]` among what a module returns for one decoder position."""
    return (output[0] if isinstance(output, tuple) else output)[:, 0]


@contextmanager
def _hooked(hooks: Sequence[tuple[torch.nn.Module, Callable]]) -> Iterator[None]:
    handles = [module.register_forward_hook(hook) for module, hook in hooks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _read_otherwise(hooks: Mapping[torch.nn.Module, Callable]) -> Iterator[None]:
    handles = [module.register_forward_pre_hook(hook) for module, hook in hooks.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def sorted_ranks(logits: torch.Tensor) -> torch.Tensor:
    """The rank of every token `[query, token]`, 1 for the highest logit, by a stable sort: equal
    logits keep the order of their ids."""
    order = logits.sort(dim=1, descending=True, stable=True).indices
    places = torch.arange(1, logits.shape[1] + 1, device=logits.device)
    return torch.empty_like(order).scatter_(1, order, places.expand_as(order))
