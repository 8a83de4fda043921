"""What every peer is given and must return."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from transformers import T5ForConditionalGeneration

Component = Literal["self_attention", "cross_attention", "mlp"]
Method = Literal["zero", "mean"]
Place = tuple[int, Component]
Inputs = Mapping[str, object]

COMPONENTS: tuple[Component, ...] = ("self_attention", "cross_attention", "mlp")
MODULES = ("SelfAttention", "EncDecAttention", "DenseReluDense")


@dataclass(frozen=True)
class Batch:
    """Queries padded to the longest: token ids and mask `[query, token]` (1 = read), and the
    relevant docid token of each `[query]`."""

    ids: torch.Tensor
    mask: torch.Tensor
    relevant: torch.Tensor

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device) -> "Batch":
        return Batch(self.ids.to(device), self.mask.to(device), self.relevant.to(device))

    def singles(self) -> list["Batch"]:
        """Every query as an unpadded batch of its own."""
        lengths = self.mask.sum(1).tolist()
        return [
            Batch(self.ids[[i], :length], self.mask[[i], :length], self.relevant[[i]])
            for i, length in enumerate(lengths)
        ]


class Peer(ABC):
    """One way to patch; `Peer(model)` is the set-up, `sweep` is what is timed."""

    def __init__(self, model: T5ForConditionalGeneration) -> None:
        self.start = model.config.decoder_start_token_id
        self.nothing = torch.zeros(model.config.d_model, device=model.device)

    @torch.inference_mode()
    def sweep(
        self, batches: Sequence[Batch], places: Sequence[Place], methods: Sequence[Method]
    ) -> dict[str, torch.Tensor]:
        """Vocabulary rank `[query]` under every patch, queries in the order of `batches`."""
        batches = self.batches(batches)
        inputs = [self.inputs(batch) for batch in batches]
        values = {method: self.values(method, inputs, places) for method in methods}
        columns: dict[str, list[torch.Tensor]] = {
            patch_name(method, place): [] for method in methods for place in places
        }
        for batch, given in zip(batches, inputs, strict=True):
            for method in methods:
                for place in places:
                    logits = self.patched_logits(given, place, values[method][place])
                    columns[patch_name(method, place)].append(ranks(logits, batch.relevant))
        return {name: torch.cat(parts) for name, parts in columns.items()}

    def values(
        self, method: Method, inputs: Sequence[Inputs], places: Sequence[Place]
    ) -> dict[Place, torch.Tensor]:
        """What `method` puts at each place, `[d_model]`."""
        if method == "mean":
            return self.means(inputs, places)
        return dict.fromkeys(places, self.nothing)

    def means(self, inputs: Sequence[Inputs], places: Sequence[Place]) -> dict[Place, torch.Tensor]:
        """Mean output `[d_model]` of each place over all queries."""
        sums = dict.fromkeys(places, self.nothing)
        queries = 0
        for given in inputs:
            outputs = self.outputs(given, places)
            sums = {place: sums[place] + outputs[place].sum(0) for place in places}
            queries += len(outputs[places[0]])
        return {place: total / queries for place, total in sums.items()}

    def batches(self, batches: Sequence[Batch]) -> Sequence[Batch]:
        """The queries in the portions in which this peer runs them."""
        return batches

    def starts(self, batch: Batch) -> torch.Tensor:
        """The decoder's only token, `[query, 1]`."""
        return torch.full((len(batch), 1), self.start, device=batch.ids.device)

    @abstractmethod
    def inputs(self, batch: Batch) -> Inputs:
        """What the model is called with for a batch, under every patch."""

    @abstractmethod
    def outputs(self, inputs: Inputs, places: Sequence[Place]) -> dict[Place, torch.Tensor]:
        """Unmodified outputs `[query, d_model]` of the components at `places`."""

    @abstractmethod
    def patched_logits(self, inputs: Inputs, place: Place, value: torch.Tensor) -> torch.Tensor:
        """Logits `[query, vocabulary]` with `value` `[d_model]` as the output at `place`."""


def places(layers: int) -> list[Place]:
    """Every component of every decoder layer."""
    return [(layer, component) for layer in range(layers) for component in COMPONENTS]


def patch_name(method: Method, place: Place) -> str:
    return f"{method}/layer{place[0]}.{place[1]}"


def module_at(model: torch.nn.Module, place: Place) -> torch.nn.Module:
    """The module whose output enters the residual stream, of a T5 or of a wrapper around one."""
    part = COMPONENTS.index(place[1])
    return getattr(model.decoder.block[place[0]].layer[part], MODULES[part])


def ranks(logits: torch.Tensor, relevant: torch.Tensor) -> torch.Tensor:
    """Rank `[query]` of `relevant` `[query]` among `logits` `[query, vocabulary]`: 1 + tokens with
    a higher logit + tokens with an equal logit and a lower id."""
    gold = logits.gather(1, relevant[:, None])
    higher = torch.count_nonzero(logits > gold, dim=1)
    equal = logits == gold
    if torch.count_nonzero(equal) > len(equal):
        lower_id = torch.arange(logits.shape[1], device=logits.device) < relevant[:, None]
        higher += torch.count_nonzero(equal & lower_id, dim=1)
    return 1 + higher
