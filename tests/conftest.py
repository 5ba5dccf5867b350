"""Fixtures that several test files share."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import strict_backend
from phantom_tree import write_lgg_tree

from minunet import UNet
from minunet.data.formats.brats import CLASSES, MODALITIES
from minunet.data.phantom import phantom_patients
from minunet.data.scheme import Scheme
from minunet.engine.backend import cuda_problem
from minunet.engine.files import replacing
from minunet.tool import watch
from minunet.tool.cli import main
from minunet.train import Settings, train

# Tests compare bytes between processes, so all of them must convolve in the same way.
os.environ.setdefault("MINUNET_BALANCE", "8")

SMALL = ["--size", "32", "--base-channels", "4", "--depth", "2", "--epochs", "2",
         "--batch-size", "4"]
TINY = Settings(size=32, base_channels=4, depth=2, epochs=3, batch_size=4)


@pytest.fixture
def lgg_folder():
    """The LGG set, from the environment variable MINUNET_LGG; the test skips without it."""
    folder = os.environ.get("MINUNET_LGG")
    if not folder:
        pytest.skip("MINUNET_LGG is not set")
    return Path(folder)


@pytest.fixture
def brats_folder():
    """A BraTS patient, from the environment variable MINUNET_BRATS; skips without it."""
    folder = os.environ.get("MINUNET_BRATS")
    if not folder:
        pytest.skip("MINUNET_BRATS is not set")
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


@pytest.fixture
def rng():
    """Random numbers, the same in every test."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """Five phantom patients of six slices, 48 × 48 pixels, on disk as the LGG set is."""
    return write_lgg_tree(tmp_path_factory.mktemp("data") / "kaggle_3m")


@pytest.fixture(scope="session")
def trained(tree, tmp_path_factory):
    """The folder of a run of two epochs on `tree`."""
    out = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", str(tree), "--out", str(out), *SMALL]) == 0
    return out


@pytest.fixture(scope="session")
def phantoms():
    """Four phantom patients of five slices, 32 × 32 pixels."""
    return phantom_patients(4, size=32, slices=5, seed=0)


@pytest.fixture(scope="session")
def whole(phantoms, tmp_path_factory):
    """The folder of a run with the settings `TINY` that nothing has interrupted."""
    out = tmp_path_factory.mktemp("whole")
    train(phantoms[:3], phantoms[3:], TINY, out, watch=watch.WATCH)
    return out


@pytest.fixture(scope="module")
def undrawn():
    """Leave the figures of a run empty: drawing them would take most of the time."""
    def draw(_, path, *__):
        with replacing(path):
            pass

    with pytest.MonkeyPatch.context() as patch:
        for name in ("plot_history", "plot_predictions"):
            patch.setattr(watch, name, draw)
        yield


def save_model(path, channels, scheme):
    """Save a small model that nobody trained; give its path."""
    UNet(channels, scheme.outputs, base_channels=2, depth=2).save(
        path, preprocessing={"size": 16}, scheme=scheme.to_dict(), patients={})
    return path


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Models that nobody trained: of BraTS, and of one unnamed channel."""
    folder = tmp_path_factory.mktemp("models")
    return {"brats": save_model(folder / "brats.npz", 4, Scheme(MODALITIES, CLASSES, (0, 1, 2, 4))),
            "grey": save_model(folder / "grey.npz", 1, Scheme())}


@pytest.fixture
def refused(capfd, tmp_path):
    """Run a command that must end with 2 and one line; give the line."""
    def run(*arguments):
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        assert main([str(argument) for argument in arguments]) == 2
        out, error = capfd.readouterr()
        assert error.startswith("minunet: error: ")
        assert error.endswith("\n") and error.count("\n") == 1
        assert "masks are in" not in out
        assert "Dice" not in out or out.startswith("only ")  # patients before the unusable one
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
        return error

    return run
