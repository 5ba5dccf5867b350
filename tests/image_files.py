"""Small image files for the tests of the loaders: noise, with a square tumour as mask."""

import numpy as np
from skimage.io import imsave


def write(path, pixels):
    """Save pixels in the format that the name says, with the folders it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    imsave(path, pixels, check_contrast=False)
    return path


def noise(shape=(20, 24), seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, 255, shape).astype(dtype)


def square(shape=(20, 24), value=255, dtype=np.uint8):
    """A mask with its tumour in rows 5 to 9 and columns 8 to 13."""
    mask = np.zeros(shape, dtype)
    mask[5:10, 8:14] = value
    return mask


def write_lgg(root, name="TCGA_AA_1", numbers=(1, 2, 10)):
    """A patient's folder in the LGG layout; slice K is filled with the value K."""
    for k in numbers:
        write(root / name / f"{name}_{k}.tif", np.full((20, 24, 3), k, np.uint8))
        write(root / name / f"{name}_{k}_mask.tif", square())
    return root


def write_pair(root, stem="1", image=None, mask=None, suffix=".png"):
    """One file each in `images` and `masks` below `root`."""
    write(root / "images" / f"{stem}{suffix}", noise() if image is None else image)
    write(root / "masks" / f"{stem}{suffix}", square() if mask is None else mask)
    return root
