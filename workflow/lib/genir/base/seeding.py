"""Random streams that depend on named seeds only, never on what ran before."""

import hashlib

import numpy as np


def seed_from(*parts: int | str) -> int:
    """A 63-bit seed from a list of parts, the same in every process."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*parts: int | str) -> np.random.Generator:
    return np.random.default_rng(seed_from(*parts))


class EpochSampler:
    """Batches of row numbers; every epoch is a fresh permutation, and batch `step` never depends
    on the batches before it, so training resumes anywhere.

    Raises ValueError if there is nothing to sample.
    """

    def __init__(self, rows: int, batch: int, *seed: int | str) -> None:
        if rows < 1 or batch < 1:
            raise ValueError(f"cannot sample batches of {batch} from {rows} rows")
        self.rows, self.batch, self.seed = rows, batch, seed
        self._epoch, self._order = -1, np.empty(0, dtype=np.int64)

    def __call__(self, step: int) -> np.ndarray:
        """Row numbers `[batch]` of batch `step`, counted from 0."""
        positions = np.arange(step * self.batch, (step + 1) * self.batch)
        epochs, offsets = np.divmod(positions, self.rows)
        return np.array([self._row(int(e), int(o)) for e, o in zip(epochs, offsets, strict=True)])

    def _row(self, epoch: int, offset: int) -> int:
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = generator(*self.seed, epoch).permutation(self.rows)
        return int(self._order[offset])
