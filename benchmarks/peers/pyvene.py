"""pyvene: one intervenable model per place, called once per patch and batch."""

from collections.abc import Sequence

import pyvene
import torch
from transformers import T5ForConditionalGeneration

from peers.interface import COMPONENTS, MODULES, Batch, Inputs, Peer, Place, places


class Pyvene(Peer):
    """pyvene knows no T5, so components are given by module path."""

    def __init__(self, model: T5ForConditionalGeneration) -> None:
        super().__init__(model)
        every = places(model.config.num_decoder_layers)
        self.patches = {place: _patch(model, place, self.nothing) for place in every}
        self.collect = pyvene.IntervenableModel(
            [
                {"component": path(place), "intervention": pyvene.CollectIntervention()}
                for place in every
            ],
            model,
        )
        self.every = every

    def inputs(self, batch: Batch) -> Inputs:
        return {
            "input_ids": batch.ids,
            "attention_mask": batch.mask,
            "decoder_input_ids": self.starts(batch),
            "use_cache": False,
        }

    def outputs(self, inputs: Inputs, places: Sequence[Place]) -> dict[Place, torch.Tensor]:
        (_, collected), _ = self.collect(inputs)
        found = dict(zip(self.every, collected, strict=True))
        return {place: found[place][:, 0] for place in places}

    def patched_logits(self, inputs: Inputs, place: Place, value: torch.Tensor) -> torch.Tensor:
        model = self.patches[place]
        (intervention,) = model.interventions.values()
        intervention.set_source_representation(value)
        _, output = model(inputs)
        return output.logits[:, 0]


def path(place: Place) -> str:
    """pyvene's name of the output of a component."""
    part = COMPONENTS.index(place[1])
    return f"decoder.block[{place[0]}].layer[{part}].{MODULES[part]}.output"


def _patch(
    model: T5ForConditionalGeneration, place: Place, value: torch.Tensor
) -> pyvene.IntervenableModel:
    intervention = pyvene.VanillaIntervention(source_representation=value)
    return pyvene.IntervenableModel({"component": path(place), "intervention": intervention}, model)
