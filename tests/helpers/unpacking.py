"""Unpacks what a page carries, by code of its own."""

import base64
import gzip
import json

import numpy as np


def unpacked(text):
    """Facts and columns of a packed text."""
    content = gzip.decompress(base64.b64decode(text))
    length = int.from_bytes(content[:4], "little")
    header, offset, columns = json.loads(content[4 : 4 + length]), 4 + length, {}
    for name, told in header["columns"].items():
        count, width = int(np.prod(told["shape"])), told["width"]
        planes = np.frombuffer(content, np.uint8, count * width, offset).reshape(width, count)
        values = np.ascontiguousarray(planes.T).view(f"<i{width}").ravel()
        none = np.iinfo(values.dtype).min
        values = np.where(values == none, np.nan, values / told["scale"])
        columns[name] = values.reshape(told["shape"])
        offset += count * width
    assert offset == len(content)
    return header["facts"], columns
