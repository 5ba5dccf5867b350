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
    """The bytes of each of `FILES`, and the path of a small model."""
    folder = tmp_path_factory.mktemp("whole")
    for name, save in FILES.items():
        save(folder / name)
    return {name: (folder / name).read_bytes() for name in FILES}, folder / "a.npz"


@st.composite
def damages(draw):
    """What happens to a file of n bytes, given one other: a list of (what, where, how much)."""
    place = st.one_of(st.floats(0, 1), st.integers(0, 400))  # anywhere, or in the header
    kind = st.sampled_from(["cut", "flip", "flip", "swap", "exchange"])
    return draw(st.lists(st.tuples(kind, place, place, st.integers(1, 255)),
                         min_size=1, max_size=4))


def damaged(content, other, steps):
    """The bytes `content` after some steps of `damages`."""
    content = bytearray(content)
    for what, first, second, value in steps:
        if not content:
            break
        i, k = (min(int(p * len(content)) if isinstance(p, float) else p, len(content) - 1)
                for p in (first, second))
        if what == "cut":
            del content[max(i, k):]
        elif what == "flip":
            content[i] ^= value
        elif what == "swap":
            content[i], content[k] = content[k], content[i]
        else:
            content[i:i + value] = other[k:k + value]
    return bytes(content)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=200, derandomize=True, deadline=2000,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_ends_a_command_with_0_or_with_2_and_one_line(
        kind, data, whole, tmp_path_factory, capfd):
    contents, model = whole
    names = [name for name in contents if name.endswith(KINDS[kind])]
    name, other = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(sorted(contents)))
    folder = tmp_path_factory.mktemp("fuzz")
    path, out = folder / name, folder / "out"
    path.write_bytes(damaged(contents[name], contents[other], data.draw(damages())))
    code = main(["summary", str(path)] if kind == "model" else
                ["predict", str(model), str(path), "--out", str(out)])
    lines = [line for line in capfd.readouterr().err.splitlines()
             if not line.startswith("minunet: warning: ")]
    assert code in (0, 2) and len(lines) == code // 2
    assert all(line.startswith("minunet: error: ") for line in lines)
    written = sorted(file.name for file in out.rglob("*"))
    assert not written if code else kind == "model" or len(written) >= 2
