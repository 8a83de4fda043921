"""nnsight: one trace per patch and batch."""

from collections.abc import Sequence

import nnsight
import torch
from transformers import T5ForConditionalGeneration

from peers.interface import Batch, Inputs, Peer, Place, module_at


class Nnsight(Peer):
    """The model wrapped as it is; attention modules return tuples, MLPs a tensor."""

    def __init__(self, model: T5ForConditionalGeneration) -> None:
        super().__init__(model)
        self.model = nnsight.NNsight(model)

    def inputs(self, batch: Batch) -> Inputs:
        return {
            "input_ids": batch.ids,
            "attention_mask": batch.mask,
            "decoder_input_ids": self.starts(batch),
            "use_cache": False,
        }

    def outputs(self, inputs: Inputs, places: Sequence[Place]) -> dict[Place, torch.Tensor]:
        with self.model.trace(**inputs):
            found = nnsight.save([module_at(self.model, place).output for place in places])
        states = [output[0] if isinstance(output, tuple) else output for output in found]
        return {place: rows[:, 0] for place, rows in zip(places, states, strict=True)}

    def patched_logits(self, inputs: Inputs, place: Place, value: torch.Tensor) -> torch.Tensor:
        module = module_at(self.model, place)
        is_attention = place[1] != "mlp"
        with self.model.trace(**inputs):
            if is_attention:
                module.output[0][:] = value
            else:
                module.output[:] = value
            logits = self.model.output.logits.save()
        return logits[:, 0]
