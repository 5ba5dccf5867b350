"""Damaged files: whatever their bytes, a command ends with 0, or with 2 and one line."""

import numpy as np
import pytest
import tifffile
from conftest import save_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_files import noise, png16, square, write_lzw
from nifti_files import noise as voxels
from nifti_files import write_nifti
from PIL import Image

from minunet.data.scheme import Scheme
from minunet.tool.cli import main

GREY = noise((14, 15))
FILES = {  # how each kind of file is written, and the kinds that belong together
    "plain.tif": lambda path: tifffile.imwrite(path, GREY),
    "strips.tif": lambda path: tifffile.imwrite(path, GREY, rowsperstrip=5, compression="deflate"),
    "tiles.tif": lambda path: tifffile.imwrite(path, GREY, tile=(16, 16), bigtiff=True),
    "wide.tif": lambda path: write_lzw(path, GREY.astype(np.uint16)),
    "fax.tif": lambda path: Image.fromarray(square() > 0).save(path, compression="group4"),
    "jpeg.tif": lambda path: Image.fromarray(GREY).save(path, compression="jpeg"),
    "grey.png": lambda path: Image.fromarray(GREY).save(path),
    "wide.png": lambda path: path.write_bytes(png16(GREY[..., np.newaxis].astype(np.uint16))),
    "palette.png": lambda path: Image.fromarray(GREY).convert("P").save(path),
    "a.jpg": lambda path: Image.fromarray(GREY).save(path),
    "a.gif": lambda path: Image.fromarray(GREY).save(path),
    "a.bmp": lambda path: Image.fromarray(GREY).save(path),
    "a.webp": lambda path: Image.fromarray(GREY).save(path),
    "a.nii": lambda path: write_nifti(path, voxels((9, 8, 3))),
    "floats.nii": lambda path: write_nifti(path, voxels((9, 8, 3), dtype=np.float32)),
    "a.nii.gz": lambda path: write_nifti(path, voxels((9, 8, 3))),
    "a.npz": lambda path: save_model(path, 1, Scheme()),
}
KINDS = {"TIFF": ".tif", "PNG": ".png", "other pictures": (".jpg", ".gif", ".bmp", ".webp"),
         "NIfTI": (".nii", ".nii.gz"), "model": ".npz"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder that holds `FILES`, undamaged."""
    folder = tmp_path_factory.mktemp("whole")
    for name, save in FILES.items():
        save(folder / name)
    return folder


def damaged(content, other, rng):
    """The bytes `content`, cut, flipped and exchanged in one to four places."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        # Anywhere, or in the header, where most can go wrong.
        i, k = (int(rng.integers(rng.choice([len(content), min(len(content), 400)])))
                for _ in range(2))
        length, what = int(rng.integers(1, 256)), rng.choice(["cut", "flip", "swap", "exchange"],
                                                             p=[0.1, 0.6, 0.1, 0.2])
        if what == "cut":
            del content[max(i, k, 1):]
        elif what == "flip":
            content[i] ^= length
        elif what == "swap":
            content[i], content[k] = content[k], content[i]
        else:
            content[i:i + length] = other[k:k + length]
    return bytes(content)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=200, derandomize=True, deadline=2000,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_a_damaged_file_ends_a_command_with_0_or_with_2_and_one_line(
        kind, seed, whole, tmp_path_factory, capfd):
    rng = np.random.default_rng(seed)
    name = rng.choice([name for name in FILES if name.endswith(KINDS[kind])])
    content, other = ((whole / name).read_bytes() for name in (name, rng.choice(list(FILES))))
    folder = tmp_path_factory.mktemp("fuzz")
    path, out = folder / name, folder / "out"
    path.write_bytes(damaged(content, other, rng))
    code = main(["summary", str(path)] if kind == "model" else
                ["predict", str(whole / "a.npz"), str(path), "--out", str(out)])
    lines = [line for line in capfd.readouterr().err.splitlines()
             if not line.startswith("minunet: warning: ")]
    assert code in (0, 2) and len(lines) == code // 2
    assert all(line.startswith("minunet: error: ") for line in lines)
    written = sorted(file.name for file in out.rglob("*"))
    assert not written if code else kind == "model" or len(written) >= 2
