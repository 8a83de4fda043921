"""The matrix products of a sweep on their own: what the hardware would need at the least."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import torch
from peers.lean import Lean
from torch.utils._python_dispatch import TorchDispatchMode

PRODUCTS = ("mm", "addmm", "addmm_", "bmm", "baddbmm")
Operand = torch.Tensor | tuple[tuple[int, ...], tuple[int, ...]]
"""A weight itself, or shape and strides of anything else."""


class Recorder(TorchDispatchMode):
    """Notes both operands of every matrix product that is computed within."""

    def __init__(self, weights: set[int]) -> None:
        super().__init__()
        self.weights = weights
        self.products: list[tuple[Operand, Operand]] = []

    def __torch_dispatch__(
        self, function: Any, _types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function._overloadpacket.__name__ in PRODUCTS:
            left, right = [arg for arg in args if isinstance(arg, torch.Tensor)][-2:]
            self.products.append((self._operand(left), self._operand(right)))
            return function(*args, **kwargs)
        with self:
            result = function.decompose(*args, **kwargs)
        return function(*args, **kwargs) if result is NotImplemented else result

    def _operand(self, tensor: torch.Tensor) -> Operand:
        is_weight = tensor.untyped_storage().data_ptr() in self.weights
        return tensor if is_weight else (tuple(tensor.shape), tensor.stride())


class Replay:
    """The recorded products again: weights as they are, other operands and results in memory that
    is already there. Biases are not added."""

    def __init__(self, recorder: Recorder) -> None:
        left, right = zip(*recorder.products, strict=True)
        lefts, rights = _tensors(left), _tensors(right)
        shapes = [(*a.shape[:-1], b.shape[-1]) for a, b in zip(lefts, rights, strict=True)]
        outputs = _tensors([(shape, _contiguous(shape)) for shape in shapes])
        self.work = [
            (torch.bmm if a.dim() == 3 else torch.mm, a, b, out)
            for a, b, out in zip(lefts, rights, outputs, strict=True)
        ]
        self.operations = sum(2 * out.numel() * a.shape[-1] for _, a, _, out in self.work)

    @torch.inference_mode()
    def __call__(self) -> None:
        for product, left, right, out in self.work:
            product(left, right, out=out)


def replay_of(engine: Lean, sweep: Callable[[], object]) -> Replay:
    """Runs the sweep once to record its products."""
    with Recorder(_weights(engine)) as recorder:
        sweep()
    return Replay(recorder)


def _weights(engine: Lean) -> set[int]:
    """Where the engine's matrices lie in memory."""
    decoder = engine.decoder
    layers = [getattr(layer, f.name) for layer in decoder.layers for f in fields(layer)]
    tensors = [*engine.model.weights.values(), *layers, decoder.unembedding.head]
    return {tensor.untyped_storage().data_ptr() for tensor in tensors if tensor is not None}


def _tensors(operands: Any) -> list[torch.Tensor]:
    """The weights, and views of one block of random numbers for the rest."""
    sizes = [_size(*o) for o in operands if not isinstance(o, torch.Tensor)]
    block = torch.randn(max(sizes, default=0))
    return [o if isinstance(o, torch.Tensor) else block.as_strided(*o) for o in operands]


def _size(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    return 1 + sum((length - 1) * step for length, step in zip(shape, strides, strict=True))


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    return torch.empty(shape, device="meta").stride()
