"""From a patient as stored to the network's input, and from its output back."""

from dataclasses import asdict, dataclass

import numpy as np

from minunet.engine.backend import check_unmasked
from minunet.engine.blas import blas_on_one_thread
from minunet.engine.files import InputError
from minunet.engine.values import put, real, truth, whole

# Air in an MRI is not one value but noise above the minimum. Counting it as tissue would let
# the share of air in the picture decide the mean; a tenth of the range holds nearly all of it.
BACKGROUND = 0.1


@dataclass(frozen=True)
class Preprocessing:
    """Settings of `prepare`, and of the way back; they travel with the model.

    Attributes
    ----------
    size : int or None
        Side in pixels of the square that a slice is brought to; None keeps its size.
    low, high : float
        Percentiles at which intensities are clipped, 0 ≤ low < high ≤ 100.
    one_tumour : bool
        Whether each patient has one tumour: see `minunet.predict.keep_surest`.
    """

    size: int | None = 128
    low: float = 1.0
    high: float = 99.0
    one_tumour: bool = False

    def __post_init__(self):
        if self.size is not None:
            put(self, size=whole("size", self.size, 1, error=InputError))
        put(self, low=real("low", self.low, error=InputError),
            high=real("high", self.high, error=InputError),
            one_tumour=truth("one_tumour", self.one_tumour, error=InputError))
        if not self.low < self.high <= 100:
            raise InputError(f"percentiles are {self.low:g} and {self.high:g}; "
                             "give 0 ≤ low < high ≤ 100")

    def to_dict(self):
        """The settings as a dict of numbers that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings):
        """The inverse of `to_dict`; `TypeError` for names that are no settings."""
        return cls(**settings)


def prepare(images, settings, name="images"):
    """Standardise a patient's images and bring them to the network's size.

    Each channel is treated alone and over the whole patient, since MRI has no unit: the
    same tissue is bright in one scan and dark in the next, yet alike in all slices of one.
    With Pₚ the p-th percentile, the channel's tissue T is what is clearly above its minimum,

        T = {x : x > min + 0.1 · (P_high(all) − min)}

    and with l = P_low(T), h = P_high(T) and c(x) = min(max(x, l), h),

        z = (c(x) − mean of c over T) / (standard deviation of c over T).

    The slices are then resized (see `_resampling`) so that the longer side is `size`, and
    padded to a square, equally on both sides, with the values at the edge.

    Parameters
    ----------
    images : ndarray (D, H, W, C), uint8, uint16 or float32
        All slices of one patient.
    settings : Preprocessing
    name : str
        What to call the patient in an error.

    Returns
    -------
    ndarray (D, size, size, C), float32
        (D, H, W, C) if ``settings.size`` is None.

    Raises
    ------
    InputError
        If a channel holds NaN, infinity or only one value.
    """
    images = _checked("images", images, 4)
    count = images.shape[-1]
    channels = [_standardise(images[..., c], settings, f"{name}, channel {c + 1} of {count}")
                for c in range(count)]
    return np.stack([_fit(channel, settings.size) for channel in channels], axis=-1)


def prepare_masks(masks, settings, classes=2):
    """Bring a patient's masks to the network's size, geometrically as `prepare` does images.

    Parameters
    ----------
    masks : ndarray (D, H, W), uint8 or bool
        The class of each pixel, 0 … classes − 1.
    settings : Preprocessing
    classes : int
        With more than two, a pixel gets the class that has the largest share of it.

    Returns
    -------
    ndarray (D, size, size), uint8
        (D, H, W) if ``settings.size`` is None.
    """
    masks = _checked("masks", masks, 3)
    if masks.max() > classes - 1 or masks.min() < 0:
        raise ValueError(f"masks: expected {'0 and 1' if classes == 2 else f'0 … {classes - 1}'}, "
                         f"got {masks.min()} to {masks.max()}")
    # The resized mask is the share of tumour in a pixel's surroundings. Half leaves a straight
    # edge where it was (a tie is tumour); taking the nearest pixel would give a ragged one, and
    # any other threshold would make every tumour grow or shrink.
    if classes == 2:
        return (_fit(masks.astype(np.float32), settings.size) >= 0.5).astype(np.uint8)
    largest = _fit((masks == 0).astype(np.float32), settings.size)
    result = np.zeros(largest.shape, np.uint8)
    for k in range(1, classes):
        share = _fit((masks == k).astype(np.float32), settings.size)
        result[share >= largest] = k  # a tie goes to the higher class, as above to tumour
        np.maximum(largest, share, out=largest)
    return result


def restore(probabilities, shape, settings):
    """Bring the network's output back to the size of the stored slices.

    The inverse of the geometry of `prepare`: the padding is cut off and the rest resized,
    bilinearly where it grows.

    Parameters
    ----------
    probabilities : ndarray (D, size, size, K), float32
    shape : (int, int)
        (H, W) of the stored slices.
    settings : Preprocessing
        Those with which the input was prepared.

    Returns
    -------
    ndarray (D, H, W, K), float32
    """
    probabilities = _checked("probabilities", probabilities, 4)
    rows, columns, (above, left) = _geometry(shape, settings.size)
    expected = (sum(above) + rows, sum(left) + columns)
    if probabilities.shape[1:3] != expected:
        raise ValueError(f"probabilities: expected {expected[0]} × {expected[1]} pixels for slices "
                         f"of {shape[0]} × {shape[1]}, got {probabilities.shape}")
    cut = probabilities[:, above[0]:above[0] + rows, left[0]:left[0] + columns]
    cut = np.moveaxis(cut, -1, 0).astype(np.float32)  # (K, D, rows, columns)
    return np.ascontiguousarray(np.moveaxis(_resize(cut, *shape), 0, -1))  # (D, H, W, K)


def _checked(name, array, ndim):
    """`array` as an ndarray, if it has `ndim` axes and is not empty."""
    check_unmasked(name, array)
    array = np.asarray(array)
    if array.ndim != ndim or array.size == 0:
        axes = "(D, H, W, C)" if ndim == 4 else "(D, H, W)"
        raise ValueError(f"{name}: expected a non-empty array {axes}, got shape {array.shape}")
    return array


def _standardise(channel, settings, where):
    """One channel, (D, H, W), clipped and standardised as float32."""
    channel = channel.astype(np.float32)
    lowest, highest = channel.min(), channel.max()
    if not np.isfinite([lowest, highest]).all():
        raise InputError(f"{where} holds NaN or infinity; mend or remove it")
    low = high = highest
    if lowest < highest:
        bright = np.percentile(channel, settings.high)
        tissue = channel[channel > lowest + BACKGROUND * (bright - lowest)]
        low, high = np.percentile(tissue, [settings.low, settings.high]).astype(np.float32)
    if low == high:
        raise InputError(f"{where} has only the value {high:g} (background aside): "
                         "nothing to standardise; check or remove it")
    tissue = np.clip(tissue, low, high)
    # Sums of millions of values: in float64.
    mean, deviation = tissue.mean(dtype=np.float64), tissue.std(dtype=np.float64)
    return (np.clip(channel, low, high) - np.float32(mean)) / np.float32(deviation)


def _geometry(shape, size):
    """The rows and columns that a slice is resized to, and ((above, below), (left, right))."""
    if size is None:
        return *shape, ((0, 0), (0, 0))
    longest = max(shape)
    sides = [max(round(side * size / longest), 1) for side in shape]
    missing = [size - side for side in sides]
    return *sides, tuple((pad // 2, pad - pad // 2) for pad in missing)


def _fit(volume, size):
    """Resize (D, H, W) by its longer side and pad it to (D, size, size)."""
    rows, columns, padding = _geometry(volume.shape[1:], size)
    return np.pad(_resize(volume, rows, columns), ((0, 0), *padding), mode="edge")


@blas_on_one_thread()
def _resize(volume, rows, columns):
    """Resample the last two axes of a float32 array to rows × columns."""
    height, width = volume.shape[-2:]
    if (height, width) == (rows, columns):
        return volume
    # Resizing is linear and separable: one small matrix for each axis.
    return _resampling(height, rows) @ volume @ _resampling(width, columns).T


def _resampling(n, m):
    """The matrix that resamples n points to m: linear interpolation that does not alias.

    Output pixel i has its centre at u = (i + ½) · n/m − ½ on the input's axis, and takes
    input pixel j with a weight ∝ max(0, 1 − |j − u| / s), s = max(n/m, 1). Enlarging, that
    is linear interpolation; shrinking, the triangle widens with the step, so that every
    input pixel counts, as ``BILINEAR`` does in Pillow. Rows sum to 1.
    """
    centre = (np.arange(m) + 0.5) * n / m - 0.5
    distance = np.abs(np.arange(n) - centre[:, np.newaxis])  # (m, n)
    weight = np.maximum(0.0, 1.0 - distance / max(n / m, 1.0))
    return (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)
