"""Small NIfTI files for the tests of volumes: odd orientations, odd voxels, one marked place."""

import gzip
import json

import nibabel as nib
import numpy as np
import pytest

from minunet.data.formats.nifti import read_volume
from minunet.engine.files import InputError

FIELDS = {"dim": 40, "datatype": 70, "pixdim": 76, "scl": 112, "units": 123, "qform_code": 252,
          "sform_code": 254, "quatern": 256, "magic": 344}  # where they are in a header, in bytes


def affine(codes="LPS", spacing=(1.0, 1.0, 1.0), tilt=0.0, origin=(12.5, -30.25, 7.125)):
    """An affine whose axes, as stored, run towards `codes`, turned by `tilt` radians about x and z.

    `spacing` is in the order of the stored axes.
    """
    matrix = np.zeros((3, 3))
    for axis, (row, sign) in enumerate(nib.orientations.axcodes2ornt(codes)):
        matrix[int(row), axis] = sign * spacing[axis]
    c, s = np.cos(tilt), np.sin(tilt)
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.array([[c, -s, 0], [s, c, 0],
                                                                    [0, 0, 1]])
    return nib.affines.from_matvec(turn @ matrix, origin)


def write_nifti(path, array, matrix=None, code=1):
    """Save an array as it is stored, with the same sform and qform."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(array, affine() if matrix is None else matrix)
    image.set_sform(image.affine, code)
    image.set_qform(image.affine, code)
    image.header.set_xyzt_units("mm")
    image.to_filename(path)
    return path


def noise(shape=(9, 8, 7), seed=0, dtype=np.int16):
    return np.random.default_rng(seed).integers(1, 900, shape).astype(dtype)


def heads(shape=(32, 36, 6), seed=0, values=(1, 2, 4)):
    """Four modalities (X, Y, Z, 4) and labels (X, Y, Z) as stored: each tissue has its grey."""
    x, y, z = np.indices(shape)
    labels = np.zeros(shape, np.uint8)
    core = (x - 12) ** 2 + (y - 14) ** 2
    for value, radius in zip((values[1], values[0], values[2]), (64, 36, 12), strict=True):
        labels[(core < radius) & (z > 0)] = value
    noisy = np.random.default_rng(seed).normal(200, 15, (*shape, 4))
    noisy[(x < 2) | (y < 2)] = 0  # air
    for value, greys in zip(values, ((50, 0, -80, 200), (200, 0, 0, 150), (100, 50, 300, 90)),
                            strict=True):
        noisy[labels == value] += greys
    return np.rint(noisy).astype(np.int16), labels


NAMES = ("_flair", "_t1", "_t1ce", "_t2", "_seg")


def write_brats(folder, name="BraTS_1", endings=NAMES, seed=0, values=(1, 2, 4), matrix=None,
                suffix=".nii.gz", **kinds):
    """Write a patient's folder as BraTS's archives have it; give the folder."""
    images, labels = heads(seed=seed, values=values)
    for ending, stored in zip(endings, (*np.moveaxis(images, -1, 0), labels), strict=True):
        write_nifti(folder / name / f"{name}{ending}{suffix}", stored, matrix)
    return folder / name


def write_decathlon(folder, n=2, labels=None):
    """Write the Decathlon's first task in small: 4-D images, and labels in its own order."""
    named = {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"}
    pairs = []
    for k in range(1, n + 1):
        images, stored = heads(seed=k, values=(2, 1, 3))
        write_nifti(folder / "imagesTr" / f"BRATS_{k}.nii.gz", images)
        write_nifti(folder / "labelsTr" / f"BRATS_{k}.nii.gz", stored)
        pairs.append({"image": f"./imagesTr/BRATS_{k}.nii.gz",
                      "label": f"./labelsTr/BRATS_{k}.nii.gz"})
    content = {"modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
               "labels": labels or named, "training": pairs}
    (folder / "dataset.json").write_text(json.dumps(content))
    return folder


def patched(path, array=None, matrix=None, **fields):
    """Write a file, and over its header's fields what is given: numbers, or (kind, numbers)."""
    image = nib.Nifti1Image(noise() if array is None else array,
                            affine() if matrix is None else matrix)
    image.set_sform(image.affine, 1)
    image.set_qform(image.affine, 1)
    content = bytearray(image.to_bytes())
    for name, (kind, *values) in fields.items():
        put = values[0] if kind == "bytes" else np.array(values, kind).tobytes()
        content[FIELDS[name]: FIELDS[name] + len(put)] = put
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def reason(path, read=read_volume):
    """The one line by which a file is refused; nothing else is printed."""
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)
