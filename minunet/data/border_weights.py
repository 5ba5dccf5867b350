"""The paper's weight map: a pixel between two cells that nearly touch counts most.

Ronneberger et al. 2015, section 3, eq. 2. Without it a gap of one or two pixels is so small a part
of the loss that a network may as well close it, and two cells become one.
"""

import numpy as np
import scipy as sp

REACH = 6  # standard deviations: from there on the border term is below 1e-8 · w0


def border_weights(labels, class_weights=(1.0, 1.0), *, w0=10.0, sigma=5.0):
    """Weigh each pixel by its class, and background the more the nearer two objects are.

    ::

        w(x) = w_c(x) + w0 · exp( −(d₁(x) + d₂(x))² / (2 σ²) )

    with d₁ and d₂ the distances from x to the nearest and to the second nearest object: from
    pixel centre to pixel centre, so that in a gap of one pixel d₁ = d₂ = 1. The second term is
    the background's: inside an object there is no border to be learnt, and it is 0, as in the
    paper's figure 3d. It is 0 too where there is no second object (d₂ = ∞).

    Parameters
    ----------
    labels : ndarray (H, W), integer
        0 is background, and each object has a number of its own, as `skimage.measure.label`
        gives it from a mask. Where two objects touch no background is left between them that
        could weigh more: `separate` them first.
    class_weights : (float, float)
        w_c of background and of objects, see `balance`.
    w0 : float
        The weight's height where two objects touch; the paper has 10.
    sigma : float
        Its width in pixels; the paper has about 5.

    Returns
    -------
    ndarray (H, W), float32
        As it is, one image of `softmax_cross_entropy`'s `weight`; with an axis more at the end,
        of `sigmoid_cross_entropy`'s.

    Raises
    ------
    ValueError
        If `labels` are not (H, W) whole numbers from 0, or `sigma` is not positive.

    Notes
    -----
    Where d₁ + d₂ > 6 σ the second term is below 1e-8 · w0 and is left out. So an object is
    measured only from within its bounding box, widened by 6 σ, and two arrays keep the two
    smallest distances so far. Memory is a few images however many objects there are; time
    grows with the boxes' sizes: 0.2 s for 500 cells of 20 pixels in 512×512.
    """
    _check_labels(labels)
    if not sigma > 0:
        raise ValueError(f"sigma must be positive, got {sigma!r}")
    first, second = _two_smallest_distances(labels, int(np.ceil(REACH * sigma)))  # (H, W) each
    border = w0 * np.exp(-((first + second) ** 2) / (2 * sigma**2))  # e^−∞ = 0
    w_c = np.asarray(class_weights, np.float32)[(labels > 0).astype(int)]
    return w_c + np.where(labels == 0, border, 0).astype(np.float32)


def _two_smallest_distances(labels, reach):
    """d₁ and d₂ of each pixel, float32; ∞ where no such object is within `reach` pixels."""
    first, second = np.full((2, *labels.shape), np.inf, np.float32)
    for number, box in enumerate(sp.ndimage.find_objects(labels), start=1):
        if box is None:  # a number that no object has
            continue
        near = tuple(slice(max(side.start - reach, 0), side.stop + reach) for side in box)
        distance = sp.ndimage.distance_transform_edt(labels[near] != number).astype(np.float32)
        # Of three numbers the two smallest: the larger of (new, d₁) competes with d₂.
        second[near] = np.minimum(second[near], np.maximum(first[near], distance))
        first[near] = np.minimum(first[near], distance)
    return first, second


def balance(masks):
    """Give the w_c that balance the classes: each class then has the same part in the loss.

    ::

        w_c = M / (K · M_c)

    for M pixels, M_c of them of class c, and K the classes that occur. The mean weight is 1.

    Parameters
    ----------
    masks : ndarray, any shape
        Labels or 0 and 1, of all training images together: an image that happens to hold few
        objects must not count them for more.

    Returns
    -------
    (float, float)
        Of background and of objects; 0 for one that does not occur.
    """
    objects = int(np.count_nonzero(masks))
    counts = masks.size - objects, objects
    present = sum(count > 0 for count in counts)
    return tuple(masks.size / (present * count) if count else 0.0 for count in counts)


def separate(labels):
    """Turn to background what touches another object, so that a line runs between the two.

    Parameters
    ----------
    labels : ndarray (H, W), integer

    Returns
    -------
    ndarray like `labels`
        Each object has lost the pixels that have one of another object among their 8
        neighbours: the line is two pixels wide, one from each side.
    """
    _check_labels(labels)
    highest = sp.ndimage.maximum_filter(labels, 3)
    only_objects = np.where(labels == 0, highest, labels)
    lowest = sp.ndimage.minimum_filter(only_objects, 3)
    return np.where((lowest < labels) | (labels < highest), 0, labels)


def _check_labels(labels):
    if labels.ndim != 2 or labels.dtype.kind not in "iu" or labels.min(initial=0) < 0:
        raise ValueError("labels must be (H, W) whole numbers, 0 for background, "
                         f"got {labels.dtype} {labels.shape}")
