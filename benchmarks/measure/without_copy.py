"""TransformerLens one query at a time, without the copy of the unembedding at each pass."""

import torch
from peers.transformer_lens import TransformerLensSingle
from torch.nn import functional
from transformers import T5ForConditionalGeneration


class WithoutCopy(TransformerLensSingle):
    """TransformerLens 3.9 transposes and copies its unembedding in every forward pass; here that
    is done once."""

    def __init__(self, model: T5ForConditionalGeneration) -> None:
        super().__init__(model)
        unembed = self.model.unembed
        weight = unembed.W_U.detach().T.contiguous()

        def forward(residual: torch.Tensor) -> torch.Tensor:
            logits = functional.linear(unembed.hook_in(residual), weight, unembed.b_U)
            return unembed.hook_out(logits)

        unembed.forward = forward
