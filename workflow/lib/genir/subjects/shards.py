"""Long loops of an analysis: what they have finished is kept, so that a job goes on where another
attempt at it was stopped.

A loop has pieces (blocks of queries, or patches of a block) whose results are tensors. About once a
minute what is finished since is written to a shard, a file that is there whole or not at all. A
loop lies in a folder named by a hash of all that its results depend on: code and versions, the
job's arguments, weights, queries, and how the work is cut. A shard can so be of no other work, and
results are the same to the bit, kept or computed.
"""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.weak import WeakIdKeyDictionary

from genir.base.progress import LOGGER, Progress
from genir.files import provenance
from genir.files.checkpoint import Checkpoint

SECONDS = 60.0
"""How much work may be lost."""

Tensors = dict[str, torch.Tensor]


class Shards:
    """What one job keeps in `folder`, at most every `seconds` seconds; nothing without a folder.

    How work is cut follows from the memory of the job, and a later attempt may have more of it.
    `memory_mb` becomes that of the attempt that began, if there is as much now.
    """

    def __init__(
        self, folder: Path | None = None, seconds: float = SECONDS, memory_mb: int = 0
    ) -> None:
        names = [path.name for path in folder.glob("*")] if folder else []
        before = [int(name) for name in names if name.isdecimal()]
        self.memory_mb = max((mb for mb in before if mb <= memory_mb), default=memory_mb)
        self.folder = folder and folder / str(self.memory_mb)
        self.seconds = seconds
        self._unsaved: list[tuple[Loop, int, Tensors]] = []
        self._saved = time.monotonic()

    @property
    def begun(self) -> bool:
        """Whether anything is kept."""
        return self.folder is not None and self.folder.exists()

    def keep(self, loop: "Loop", number: int, result: Tensors) -> None:
        """Take the result of one piece, and write all that is not written if it is time."""
        if self.folder is None:
            return
        self._unsaved.append((loop, number, result))
        if time.monotonic() - self._saved >= self.seconds:
            self._save()

    def forget(self, loop: "Loop") -> None:
        """Drop what is kept of a loop, for all that was made of it is there."""
        self._unsaved = [entry for entry in self._unsaved if entry[0] is not loop]
        if self.begun and loop.folder.exists():
            self._save()
            shutil.rmtree(loop.folder)

    def remove(self) -> None:
        """Drop everything, for it is of no use to another attempt."""
        if self.begun:
            shutil.rmtree(self.folder)

    def _save(self) -> None:
        results: dict[Loop, dict[int, Tensors]] = {}
        for loop, number, result in self._unsaved:
            results.setdefault(loop, {})[number] = {k: v.cpu() for k, v in result.items()}
        for loop, finished in results.items():
            Checkpoint(loop.folder / str(min(finished))).save({"results": finished})
        self._unsaved, self._saved = [], time.monotonic()


class Loop:
    """One loop of a job, whose results depend on `inputs` and on the `pieces` it is cut into. Lines
    on its progress call it `task` and count what is in the pieces; there are none in a short one.
    """

    def __init__(self, shards: Shards, task: str, inputs: Any, pieces: Sequence[Sized]) -> None:
        self.shards, self.task, self.inputs, self.pieces = shards, task, inputs, pieces

    @cached_property
    def folder(self) -> Path:
        made_by = provenance.metadata()
        return self.shards.folder / content_of((made_by, self.task, self.inputs, self.pieces))

    def results(self, compute: Callable[[Any], Tensors]) -> Iterator[Tensors]:
        """What `compute` gives for every piece in turn, called for those that are not kept."""
        kept = dict(self._read()) if self.shards.begun else {}
        done, total = sum(len(self.pieces[number]) for number in kept), sum(map(len, self.pieces))
        if kept:
            LOGGER.info("%s: %d of %d are there from an earlier attempt", self.task, done, total)
        progress = Progress(self.task, total, start=done)
        for number, piece in enumerate(self.pieces):
            if number in kept:
                yield kept.pop(number)
                continue
            result = compute(piece)
            self.shards.keep(self, number, result)
            done += len(piece)
            if done < total or progress.last > progress.began:
                progress.update(done)
            yield result

    def _read(self) -> Iterator[tuple[int, Tensors]]:
        """Number and result of every piece that is kept."""
        for folder in sorted(self.folder.glob("*")):
            yield from (Checkpoint(folder).load() or {"results": {}})["results"].items()


_digests: WeakIdKeyDictionary = WeakIdKeyDictionary()
"""Of tensors that are still there: a model's serve many loops."""


def content_of(value: Any) -> str:
    """A hash of a value by what is in it: tensors, arrays, and anything made of them."""
    digest = hashlib.sha256()
    for part in _parts(value):
        digest.update(part)
    return digest.hexdigest()[:16]


def _parts(value: Any) -> Iterator[bytes]:
    yield type(value).__name__.encode()
    if isinstance(value, torch.Tensor):
        if value not in _digests:
            array = value.detach().cpu().contiguous().flatten().numpy()
            _digests[value] = hashlib.sha256(array.view(np.uint8)).digest()
        yield f"{value.device.type} {value.dtype} {tuple(value.shape)}".encode()
        yield _digests[value]
    elif isinstance(value, np.ndarray) and value.dtype != object:
        yield f"{value.dtype} {value.shape}".encode()
        yield value.tobytes()
    elif isinstance(value, np.ndarray):
        yield from _parts(value.tolist())
    elif isinstance(value, Mapping):
        yield from _parts(list(value.items()))
    elif isinstance(value, list | tuple):
        yield str(len(value)).encode()
        for item in value:
            yield from _parts(item)
    elif hasattr(value, "__dict__"):
        yield from _parts(vars(value))
    else:
        yield repr(value).encode()
