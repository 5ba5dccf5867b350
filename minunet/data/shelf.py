"""Arrays on disk while a program runs, so that memory does not grow with the number of patients."""

import os
import tempfile
import weakref

import numpy as np

from minunet.engine.files import InputError


class Shelf:
    """Items of one shape and dtype, put one after the other into a temporary file.

    Read like an array, ``shelf[3]`` or ``shelf[3:7]``; each reading makes a new array. The file
    has no name and is gone when the program ends, however it ends. It lies in the system's folder
    for temporary files: where that is in memory, have the environment variable TMPDIR name another.

    Not for two threads at a time.

    Raises
    ------
    InputError
        If there is no folder for temporary files.
    """

    def __init__(self):
        try:
            self._file = tempfile.TemporaryFile(prefix="minunet-")
        except OSError as error:
            raise InputError(f"no place for temporary files ({error}); let TMPDIR name a folder "
                             "that can be written") from error
        weakref.finalize(self, self._file.close)
        self._item, self.dtype, self._count = None, None, 0

    def append(self, items):
        """Add `items` (n, …) at the end; give the slice that they are.

        Raises
        ------
        ValueError
            If they are not like those before.
        InputError
            If the disk is full.
        """
        kind = items.shape[1:], items.dtype
        if self._item is None:
            self._item, self.dtype = kind
        if kind != (self._item, self.dtype):
            raise ValueError(f"items are {kind}; expected {(self._item, self.dtype)}")
        try:
            self._file.seek(0, os.SEEK_END)
            self._file.write(np.ascontiguousarray(items))
            self._file.flush()
        except OSError as error:
            raise InputError(f"cannot keep prepared slices in {tempfile.gettempdir()}: "
                             f"{error.strerror}; let TMPDIR name a folder with more space"
                             ) from error
        self._count += len(items)
        return slice(self._count - len(items), self._count)

    @property
    def shape(self):
        """As an array's."""
        return (self._count, *self._item)

    def __len__(self):
        return self._count

    def __getitem__(self, index):
        chosen = range(self._count)[index]  # a number, or a range with the step 1
        first, last = ((chosen.start, chosen.stop) if isinstance(index, slice) else
                       (chosen, chosen + 1))
        items = np.empty((last - first, *self._item), self.dtype)
        self._file.seek(first * self.dtype.itemsize * int(np.prod(self._item, dtype=np.int64)))
        self._file.readinto(items)
        return items if isinstance(index, slice) else items[0]
