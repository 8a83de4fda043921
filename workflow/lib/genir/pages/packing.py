"""Numbers and text as a page carries them: columns, compressed, as letters that HTML leaves
alone. `workflow/report/pages/data.js` unpacks them."""

import base64
import gzip
import json
from typing import Any

import numpy as np

from genir.base.errors import AnalysisError

_KINDS = (np.int8, np.int16, np.int32)


class Pack:
    """Columns of whole numbers, and anything that JSON holds, which come as one text.

    A column is the smallest kind of whole number that holds it; its least value stands for "none".
    Bytes of one weight lie together, which compresses better.
    """

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        self._columns: dict[str, dict[str, Any]] = {}
        self._bytes: list[bytes] = []

    def add(self, name: str, values: np.ndarray, scale: int = 1) -> None:
        """A column of any shape; NaN is none. Fractions are kept to 1 / `scale`.

        Raises AnalysisError for a number above 2^31.
        """
        values = np.asarray(values, dtype=float) * scale
        known = np.isfinite(values)
        whole = np.rint(np.where(known, values, 0)).astype(np.int64)
        largest = int(np.abs(whole).max(initial=0))
        kind = next((kind for kind in _KINDS if largest <= np.iinfo(kind).max), None)
        if kind is None:
            raise AnalysisError(f"{name} holds {largest}, more than a page can; run it again")
        column = np.where(known, whole, np.iinfo(kind).min).astype(kind)
        little = column.astype(column.dtype.newbyteorder("<"))
        planes = np.frombuffer(little.tobytes(), np.uint8).reshape(-1, little.itemsize).T
        self._bytes.append(planes.tobytes())
        told = {"shape": list(values.shape), "width": little.itemsize, "scale": scale}
        self._columns[name] = told

    def text(self) -> str:
        """All of it: the length of a JSON header, the header, the columns; gzip, base64."""
        header = json.dumps(
            {"columns": self._columns, "facts": self.facts},
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
        ).encode()
        content = b"".join([len(header).to_bytes(4, "little"), header, *self._bytes])
        return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()
