"""Forward hooks with the encoder run once per batch."""

from peers.hooks import Hooks
from peers.interface import Batch, Inputs


class HooksCached(Hooks):
    """One decoder pass per patch and batch; cross-attention keys and values are computed anew."""

    def inputs(self, batch: Batch) -> Inputs:
        encoded = self.model.encoder(input_ids=batch.ids, attention_mask=batch.mask)
        return {
            "encoder_outputs": encoded,
            "attention_mask": batch.mask,
            "decoder_input_ids": self.starts(batch),
            "use_cache": False,
        }
