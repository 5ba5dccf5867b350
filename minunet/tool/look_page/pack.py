"""Arrays for a page: raw bytes one after the other, made smaller by zlib, as base64 text."""

import base64
import zlib

import numpy as np

ALIGNED = 4  # bytes: JavaScript reads a number of n bytes only at a multiple of n


class Pack:
    """Collects arrays; what `add` returns tells `unpacked` of page.js where one lies."""

    def __init__(self):
        self._bytes = bytearray()

    def add(self, array):
        """Add an array of uint8, uint16 or float16.

        Returns
        -------
        dict
            Its entry: ``{"type", "at", "length"}``, for JSON.
        """
        array = np.ascontiguousarray(array)
        entry = {"type": array.dtype.name, "at": len(self._bytes), "length": array.size}
        self._bytes += array.astype(array.dtype.newbyteorder("<")).tobytes()
        self._bytes += bytes(-len(self._bytes) % ALIGNED)
        return entry

    def text(self):
        """Everything that was added, as base64 of zlib's format."""
        return base64.b64encode(zlib.compress(bytes(self._bytes), 9)).decode("ascii")
