"""Arrays for a page: raw bytes one after the other, made smaller by zlib, as base64 text."""

import base64
import zlib

import numpy as np


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
        entry = {"type": array.dtype.name, "at": len(self._bytes), "length": array.size}
        rows = array.astype(array.dtype.newbyteorder("<")).reshape(-1, 1).view(np.uint8)
        # All low bytes, then all high ones: those of weights are much alike, and zlib makes use.
        self._bytes += rows.T.tobytes()
        return entry

    def text(self):
        """Everything that was added, as base64 of zlib's format."""
        return base64.b64encode(zlib.compress(bytes(self._bytes), 9)).decode("ascii")
