"""Plain forward hooks on the Hugging Face model: the reference of every ratio."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from transformers import T5ForConditionalGeneration

from peers.interface import Batch, Inputs, Peer, Place, module_at


class Hooks(Peer):
    """One full encoder-decoder pass per patch and batch."""

    def __init__(self, model: T5ForConditionalGeneration) -> None:
        super().__init__(model)
        self.model = model

    def inputs(self, batch: Batch) -> Inputs:
        return {
            "input_ids": batch.ids,
            "attention_mask": batch.mask,
            "decoder_input_ids": self.starts(batch),
            "use_cache": False,
        }

    def outputs(self, inputs: Inputs, places: Sequence[Place]) -> dict[Place, torch.Tensor]:
        found: dict[Place, torch.Tensor] = {}

        def keep_at(place: Place) -> Callable[..., None]:
            def hook(_module: torch.nn.Module, _inputs: tuple, output: object) -> None:
                found[place] = states_of(output)[:, 0]

            return hook

        with hooked(self.model, {place: keep_at(place) for place in places}):
            self.model(**inputs)
        return found

    def patched_logits(self, inputs: Inputs, place: Place, value: torch.Tensor) -> torch.Tensor:
        def hook(_module: torch.nn.Module, _inputs: tuple, output: object) -> object:
            new = value.expand_as(states_of(output))
            return (new, *output[1:]) if isinstance(output, tuple) else new

        with hooked(self.model, {place: hook}):
            return self.model(**inputs).logits[:, 0]


def states_of(output: torch.Tensor | tuple[torch.Tensor, ...]) -> torch.Tensor:
    """The hidden states `[query, 1, d_model]` among what a module returns."""
    return output[0] if isinstance(output, tuple) else output


@contextmanager
def hooked(
    model: T5ForConditionalGeneration, hooks: Mapping[Place, Callable[..., object]]
) -> Iterator[None]:
    """Forward hooks at some places, removed at the end."""
    handles = [module_at(model, place).register_forward_hook(hook) for place, hook in hooks.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
