"""Fixtures that several test files share."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import strict_backend

from minunet.backend import cuda_problem


@pytest.fixture
def lgg_folder():
    """The LGG set, from the environment variable MINUNET_LGG; the test skips without it."""
    folder = os.environ.get("MINUNET_LGG")
    if not folder:
        pytest.skip("MINUNET_LGG is not set")
    return Path(folder)


@pytest.fixture(scope="module", params=["numpy", "strict",
                                        pytest.param("cupy", marks=pytest.mark.gpu)])
def backend(request):
    """An array library: `name`, `xp` (its module), `asarray` (from NumPy) and `asnumpy` (back).

    A test that takes it runs on NumPy, on the stand-in of `strict_backend`, and on CuPy where a
    GPU answers. It lives as long as a module, since hypothesis refuses what lives shorter.
    """
    if request.param == "numpy":
        return SimpleNamespace(name="numpy", xp=np, asarray=np.asarray, asnumpy=np.asarray)
    if request.param == "cupy":
        if cuda_problem():
            pytest.skip(cuda_problem())
        import cupy as xp
    else:
        xp = strict_backend
    return SimpleNamespace(name=request.param, xp=xp, asarray=xp.asarray, asnumpy=xp.asnumpy)
