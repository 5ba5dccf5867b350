"""Tumours where there were none: the tumour of one slice, grown into another.

Few patients have few tumours, and a network soon knows where each of them sits. Grafted, a tumour
turns up in other heads (nearly always: both slices are drawn at random) and against other brain,
and a faint one is made of a bright one.
"""

import numpy as np
import scipy as sp

OPACITY = (0.3, 1.0)  # of the graft: tumours of low grade may be hardly brighter than brain
RIM = (0.5, 1.5)      # σ of the Gaussian that blurs its border, in hundredths of the longer side
INSIDE = 0.8          # share of the tumour that must lie on tissue


def graft(image, mask, donor, donor_mask, rng):
    """Blend a donor's tumour into a slice, at the place where the donor has it.

    With m the donor's mask, blurred at its border by a Gaussian of a random width and 0 where
    the slice shows air, and α a random opacity,

        image + α · m · (donor − image)

    and the mask takes the donor's classes. This is CarveMix (Zhang et al., MICCAI 2021) with an
    opacity. Both slices are standardised, so a grey of one means roughly the same in the other.
    If too much of the tumour would hang in the air, nothing is changed.

    Parameters
    ----------
    image : ndarray (H, W, C), float32
        A prepared slice.
    mask : ndarray (H, W), uint8
    donor : ndarray (H, W, C), float32
    donor_mask : ndarray (H, W), uint8
        Another slice and its mask.
    rng : numpy.random.Generator
        Advanced by 2 draws.

    Returns
    -------
    image : ndarray (H, W, C), float32
    mask : ndarray (H, W), uint8
    """
    opacity, rim = rng.uniform(*OPACITY), rng.uniform(*RIM) / 100 * max(mask.shape)
    # Air is clipped to the lowest value of each channel (`prepare`); tissue is above that by a
    # tenth of a standard deviation at least.
    tissue = (image > image.min(axis=(0, 1)) + 0.1).any(axis=-1)  # (H, W)
    tumour = donor_mask > 0
    grafted = tumour & tissue
    if not tumour.any() or grafted.sum() < INSIDE * tumour.sum():
        return image, mask
    blend = opacity * tissue * sp.ndimage.gaussian_filter(tumour.astype(np.float32), rim)  # (H, W)
    image = image + blend[..., np.newaxis].astype(np.float32) * (donor - image)
    return image, np.where(grafted, donor_mask, mask)
