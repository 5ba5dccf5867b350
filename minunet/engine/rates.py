"""What is dear on this machine, to multiply or to move: asked of it once, in some milliseconds.

A method of convolution that multiplies less has to move more numbers about. Which one is faster
depends on the balance of two rates, both of one core and in its cache, and so on the machine.
"""

import os
import time
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import numpy as np

from minunet.engine.blas import blas_on_one_thread
from minunet.engine.files import InputError

# Few and far apart, so that one machine gives the same one each time, noise or not.
BALANCES = (2, 4, 8, 16)
ROUNDS = 12
_chosen = ContextVar("balance", default=None)  # by `using_balance`


def balance():
    """Count the multiplications that a matrix product does on a CPU while a number is moved.

    One of `BALANCES`, the nearest to what is measured when it is first asked for; from then on the
    process keeps it. ``MINUNET_BALANCE`` in the environment sets it: with the same balance,
    thread count, NumPy and kind of processor, results are the same to the last bit.

    Returns
    -------
    int

    Raises
    ------
    InputError
        If ``MINUNET_BALANCE`` is none of them.
    """
    if _chosen.get():
        return _chosen.get()
    setting = os.environ.get("MINUNET_BALANCE")
    if setting is None:
        return _measured()
    if setting not in map(str, BALANCES):
        raise InputError(f"MINUNET_BALANCE must be one of {', '.join(map(str, BALANCES))}, "
                         f"got {setting!r}")
    return int(setting)


@contextmanager
def using_balance(value):
    """Let `balance` be `value` inside of the block; as otherwise if it is none of `BALANCES`."""
    before = _chosen.set(value if value in BALANCES else _chosen.get())
    try:
        yield
    finally:
        _chosen.reset(before)


@cache
def _measured():
    """Time a product, and the moving of rows as Winograd's transforms do it; compare."""
    a, b = np.ones((512, 192), np.float32), np.ones((192, 64), np.float32)
    rows, transform = np.ones((6, 15000), np.float32), np.ones((6, 6), np.float32)
    with blas_on_one_thread():
        # Rows of 15000 numbers, not of a power of two: see `winograd_rows.apart`.
        multiplied = _best(a, b) / (a.size * b.shape[1])  # seconds per multiplication
        moved = _best(transform, rows) / rows.size  # seconds per number
    return min(BALANCES, key=lambda value: abs(np.log(moved / multiplied / value)))


def _best(a, b):
    """Seconds of a product, at best: what disturbs only ever makes it longer."""
    out, seconds = np.empty((len(a), b.shape[1]), a.dtype), []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        np.matmul(a, b, out=out)
        seconds.append(time.perf_counter() - began)
    return min(seconds)
