"""Segmentation: from a patient's images as stored to probabilities at their own size.

Images of any size are cut into tiles. The network is the same everywhere (if moved by 2^depth
pixels, since pooling counts in twos), and a pixel depends on its receptive field only: a tile
that is seen with enough of its surroundings comes out as if the whole had been seen. That is
the overlap-tile strategy of Ronneberger et al. 2015, section 2 and figure 2.
"""

from collections.abc import Callable, Sequence

import numpy as np
import scipy as sp

from minunet.data.preprocess import Preprocessing, prepare, restore
from minunet.engine.backend import Array, to_device, to_host
from minunet.engine.files import InputError
from minunet.engine.values import whole
from minunet.engine.words import plural
from minunet.layers import receptive_fields, smallest_input
from minunet.predict.volume import predict_volume
from minunet.unet import UNet

THRESHOLD = 0.5  # of the probability: above it a pixel counts as tumour
AS_SURE = 0.5  # what a piece must have of the surest one's certainty: see `keep_surest`
Progress = Callable[[int], object] | None


def segment(net: UNet, images: Array, preprocessing: Preprocessing, name: str = "images",
            progress: Progress = None) -> Array:
    """Segment one patient: prepare the images, predict, and return to their own size.

    Parameters
    ----------
    net : UNet
    images : ndarray (D, H, W, C)
        All slices of one patient, as stored: intensities are standardised over all of them.
    preprocessing : Preprocessing
        The one that the network was trained with.
    name : str
        What to call the patient in an error.
    progress : callable, optional
        See `predict_slices`.

    Returns
    -------
    ndarray (D, H, W, K), float32
        Probabilities.

    Raises
    ------
    InputError
        If the patient has another number of channels than the network takes, or cannot be
        prepared.
    """
    check_channels(net, images, name)
    prepared = prepare(images, preprocessing, name)  # (D, S, S, C)
    return segment_prepared(net, prepared, images.shape[1:3], preprocessing, progress)


def segment_prepared(net: UNet, prepared: Array, shape: tuple[int, int],
                     preprocessing: Preprocessing, progress: Progress = None) -> Array:
    """Segment one patient whose slices (D, S, S, C) are prepared; see `segment`.

    Returns
    -------
    ndarray (D, H, W, K), float32
        Probabilities, H and W being `shape`.
    """
    found = predict_prepared(net, prepared, progress)
    return at_stored_size(found, shape, preprocessing)


def predict_prepared(net: UNet, prepared: Array, progress: Progress = None) -> Array:
    """Give the probabilities (D, S, S, K) of a patient: slice by slice, or as a volume.

    That depends on what the network sees: `predict_slices`, or `volume.predict_volume`.
    """
    predict = predict_volume if net.config.get("axes", 2) == 3 else predict_slices
    return predict(net, prepared, progress=progress)


def at_stored_size(found: Array, shape: tuple[int, ...], preprocessing: Preprocessing) -> Array:
    """Bring probabilities (D, S, S, K) of prepared slices to their stored size, `shape`.

    There, of a patient with one tumour, the surest pieces are kept.
    """
    probabilities = restore(found, shape, preprocessing)
    return keep_surest(probabilities) if preprocessing.one_tumour else probabilities


def keep_surest(probabilities: Array) -> Array:
    """Keep the surest pieces of tumour, for patients who have one tumour each.

    Voxels whose probability of tumour is over ½ and that touch, if only at a corner, are one
    piece. Were its voxels' probabilities p right and independent, a piece would be a false alarm
    throughout with the probability Π (1 − p). So a piece is as sure as −Σ ln (1 − p) is large:
    both size and certainty count. The surest piece stays, and those that are at least `AS_SURE`
    times as sure: to choose one of two that are nearly alike would lose a whole patient whenever
    the choice is wrong. The others are background.

    Parameters
    ----------
    probabilities : ndarray (D, H, W, K)
        Of the tumour for K = 1, else of all classes, the background first.

    Returns
    -------
    ndarray (D, H, W, K), of the dtype of `probabilities`
    """
    p, classes = tumour(probabilities), probabilities.shape[-1]  # (D, H, W)
    pieces, count = sp.ndimage.label(p > THRESHOLD, np.ones((3, 3, 3)))  # numbered from 1
    if count < 2:
        return probabilities
    # In float32 a sigmoid reaches 1 near a logit of 17: what is nearer to 1 than that is not known.
    certainty = -np.log(np.maximum(1 - p, np.finfo(np.float32).eps))
    certainty = np.bincount(pieces.ravel(), certainty.ravel())  # (1 + count,), of each piece
    certainty[0] = 0  # what is no piece
    others = (certainty < AS_SURE * certainty.max())[pieces] & (pieces > 0)
    nothing = 0.0 if classes == 1 else np.eye(classes)[0]  # the background for sure
    return np.where(others[..., np.newaxis], nothing, probabilities).astype(probabilities.dtype)


def classify(probabilities: Array) -> Array:
    """Give the class of each pixel, uint8: the likeliest, or 1 where one probability is over ½.

    Parameters
    ----------
    probabilities : ndarray (..., K)
        K is 1 for two classes.
    """
    if probabilities.shape[-1] == 1:
        return (probabilities[..., 0] > THRESHOLD).astype(np.uint8)
    return probabilities.argmax(axis=-1).astype(np.uint8)


def tumour(probabilities: Array) -> Array:
    """Give the probability (...) of any class but the background from those (..., K) of all."""
    return probabilities[..., 0] if probabilities.shape[-1] == 1 else 1 - probabilities[..., 0]


def check_channels(net: UNet, images: Array, name: str, modalities: Sequence[str] = ()) -> None:
    """Raise `InputError` unless `images` (D, H, W, C) have as many channels as `net` takes.

    `modalities` says which those are, if that is known.
    """
    channels, listed = net.config["in_channels"], f" ({', '.join(modalities)})" * bool(modalities)
    if (found := images.shape[-1]) != channels:
        raise InputError(f"{name} has {plural(found, 'channel')}, the model takes "
                         f"{channels}{listed}; give images like those that it was trained on")


def predict_slices(net: UNet, images: Array, tile: int = 512, batch_size: int = 8,
                   progress: Progress = None) -> Array:
    """Give the probabilities of images of any size.

    With same padding a tile is seen with a margin of half the receptive field, or up to the
    image's border, where the network pads with zeros as it does for a whole image. With valid
    padding the image is first continued beyond its borders by its mirror image, as the paper's
    "missing input data is extrapolated by mirroring", so that no pixel goes without result.

    Parameters
    ----------
    net : UNet
    images : ndarray (D, H, W, C)
        In the computer's own memory.
    tile : int
        Side of a tile in pixels, rounded up to a multiple of 2^depth. Memory grows with its
        square; results do not depend on it but for rounding.
    batch_size : int
        Images at a time.
    progress : callable, optional
        Called after every batch with the number of its images.

    Returns
    -------
    ndarray (D, H, W, K)
        Probabilities, of the network's dtype.
    """
    tile, batch_size = whole("tile", tile, 1), whole("batch_size", batch_size, 1)
    net, step = net.folded(), 2 ** net.config["depth"]
    size, outputs = images.shape[1:3], net.config["out_channels"]
    tile = -(-min(tile, max(size)) // step) * step
    padded, windows = (_same_windows if net.config["padding"] == "same" else _valid_windows)(
        net, images, tile, step)
    result = np.empty((len(images), *(-(-h // step) * step for h in size), outputs),
                      net.config["dtype"])
    for first in range(0, len(images), batch_size):
        part = slice(first, first + batch_size)
        for seen_rows, rows, inside_rows in windows[0]:
            for seen_columns, columns, inside_columns in windows[1]:
                x = np.ascontiguousarray(padded[part, seen_rows, seen_columns])
                y = to_host(net.predict(to_device(x, net.device)))
                result[part, rows, columns] = y[:, inside_rows, inside_columns]
        if progress:
            progress(len(images[part]))
    return result[:, : size[0], : size[1]]


def _same_windows(net, images, tile, step):
    """Pad to a multiple of `step`; along each axis, list what a tile sees, is, and is there."""
    margin = -(-max(receptive_fields(net.config)) // 2 // step) * step
    # Repeated edge pixels look like more of the same; zeros would draw an edge.
    missing = [(0, -h % step) for h in images.shape[1:3]]
    padded = _pad(net, images, missing, "edge")

    def along(length):
        for start in range(0, length, tile):
            stop = min(start + tile, length)
            first = max(start - margin, 0)
            yield (slice(first, min(stop + margin, length)), slice(start, stop),
                   slice(start - first, stop - first))

    return padded, [list(along(h)) for h in padded.shape[1:3]]


def _valid_windows(net, images, tile, step):
    """Mirror the borders; along each axis, list what a tile sees, is, and is there."""
    seen = smallest_input(net.config, tile)
    lost = seen - net.output_shape((seen, seen))[0]  # pixels, both sides together
    starts = [range(0, h, tile) for h in images.shape[1:3]]
    # The last tile must fit: whatever it reaches beyond the mirrored border is cut off again.
    padded = _pad(net, images, [(lost // 2, starts[axis][-1] + seen - lost // 2 - h)
                                for axis, h in enumerate(images.shape[1:3])], "reflect")

    def along(starts, length):
        for start in starts:
            stop = min(start + tile, -(-length // step) * step)
            yield slice(start, start + seen), slice(start, stop), slice(0, stop - start)

    return padded, [list(along(*axis)) for axis in zip(starts, images.shape[1:3], strict=True)]


def _pad(net, images, missing, mode):
    return np.pad(images, ((0, 0), *missing, (0, 0)), mode=mode).astype(net.config["dtype"])
