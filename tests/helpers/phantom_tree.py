"""A folder as a user has it on disk, drawn from phantoms: for tests of what reads folders."""

import numpy as np
from image_files import write

from minunet.data.phantom import phantom_patients


def write_lgg_tree(folder, n=5, size=48, slices=6, seed=0):
    """Write `n` phantom patients as LGG's archive unpacks: RGB TIFFs, masks of 0 and 255."""
    for patient in phantom_patients(n, size=size, slices=slices, seed=seed):
        images, masks = patient.load()
        images = images[..., :3]
        images = np.rint(255 * images / images.max()).astype(np.uint8)
        for k, (image, mask) in enumerate(zip(images, masks, strict=True), start=1):
            write(folder / patient.name / f"{patient.name}_{k}.tif", image)
            write(folder / patient.name / f"{patient.name}_{k}_mask.tif", mask * np.uint8(255))
    return folder
