"""Counting a block of logits against two bounds, on a CPU and on an accelerator."""

import warnings

import numpy as np
import torch


class CpuCounter:
    """Counts a block of logits against two bounds; numpy compares and adds up bytes several times
    faster than torch does. Buffers are kept from call to call."""

    def __init__(self) -> None:
        self._logits = self.logits = torch.empty(0)
        self._masks = np.empty((2, 0), dtype=bool)

    def __call__(
        self, state: torch.Tensor, part: torch.Tensor, high: torch.Tensor, low: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Tokens above `high` per row, then row and column of every token between the bounds; the
        logits are kept until the next call."""
        shape, size = (len(state), len(part)), len(state) * len(part)
        if size > len(self._logits):
            self._logits, self._masks = torch.empty(size), np.empty((2, size), dtype=bool)
        logits = self.logits = self._logits[:size].view(shape)
        if state.dtype == torch.float32:
            torch.mm(state, part.T, out=logits)
        else:
            logits.copy_(state @ part.T)
        above, near = (mask[:size].reshape(shape) for mask in self._masks)
        np.greater(logits.numpy(), high.numpy(), out=above)
        np.greater_equal(logits.numpy(), low.numpy(), out=near)
        certain, possible = _count(above), _count(near)
        unsure = np.flatnonzero(certain != possible)
        left_open = np.flatnonzero(near[unsure] ^ above[unsure])
        places, columns = np.divmod(left_open, len(part))
        return tuple(map(torch.from_numpy, (certain.astype(np.int64), unsure[places], columns)))


def at_least(logits: torch.Tensor, least: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Row and column of every logit `[row, token]` that is not below `least` `[row, 1]`."""
    if logits.device.type != "cpu":
        return (logits >= least).nonzero(as_tuple=True)
    places = np.flatnonzero(np.greater_equal(logits.numpy(), least.numpy()))
    return tuple(map(torch.from_numpy, np.divmod(places, logits.shape[1])))


def _count(mask: np.ndarray) -> np.ndarray:
    """True values per row of a mask with fewer than 65,536 columns."""
    return np.add.reduce(mask.view(np.uint8), axis=1, dtype=np.uint16)


class DeviceCounter:
    """What `CpuCounter` gives, on an accelerator."""

    def __call__(
        self, state: torch.Tensor, part: torch.Tensor, high: torch.Tensor, low: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        logits = self.logits = (state @ part.T).float()
        above = logits > high
        rows, columns = ((logits >= low) & ~above).nonzero(as_tuple=True)
        return above.sum(1), rows, columns


class Recheck:
    """Compares in float32 what a faster product leaves open, pair by pair and without copies of the
    pairs' rows: where the relevant document is in the middle, a hundredth of all pairs."""

    def __init__(self, state: torch.Tensor, logit: torch.Tensor, error: torch.Tensor) -> None:
        self._state, self._high, self._low = state, logit + error, logit - error

    def __call__(
        self, block: slice, part: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What `CpuCounter` gives, of pairs of a row of the block and one of `part`, in the order
        of rows."""
        state, high, low = self._state[block], self._high[block][rows], self._low[block][rows]
        ends = torch.bincount(rows, minlength=len(state)).cumsum(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that CSR tensors are in beta
            pairs = torch.sparse_csr_tensor(
                torch.cat([ends.new_zeros(1), ends]),
                columns,
                state.new_zeros(len(columns)),
                (len(state), len(part)),
                check_invariants=False,
            )
        logits = torch.sparse.sampled_addmm(pairs, state, part.T, beta=0.0).values()
        above = logits > high
        certain = torch.bincount(rows[above], minlength=len(state))
        unsure = (logits >= low) & ~above
        return certain, rows[unsure], columns[unsure]
