"""How well a predicted mask agrees with the truth: overlap, distance, volume.

With P the predicted and T the true voxels of one patient, every overlap score is a ratio of
three counts: hits |P ∩ T|, false alarms |P − T| and missed voxels |T − P|.

Empty masks follow one rule: a ratio 0/0 measures nothing, so it is nan, never 0 and never 1.
:func:`summarise` leaves nan out and says how many patients remain. (Scoring "nothing to find,
nothing found" as 1 makes a model that finds nothing look good on healthy slices.)

=====================  ==========  ============  ===========  ======
case                   Dice, IoU   sensitivity   precision    HD95
=====================  ==========  ============  ===========  ======
P and T empty          nan         nan           nan          nan
only P empty (missed)  0           0             nan          inf
only T empty           0           nan           0            inf
=====================  ==========  ============  ===========  ======

Masks are NumPy arrays, 2-D (H, W) or 3-D (D, H, W), bool or holding only 0 and 1.

Source: Taha and Hanbury, "Metrics for evaluating 3D medical image segmentation", BMC Medical
Imaging 15:29, 2015.
"""

from collections.abc import Sequence

import numpy as np
import scipy as sp

from minunet.engine.backend import Array
from minunet.engine.files import InputError

SCORES = ("dice", "iou", "sensitivity", "precision", "hausdorff95")


def dice(prediction: Array, truth: Array) -> float:
    """Dice coefficient, 2 |P ∩ T| / (|P| + |T|): 1 is the same mask, 0 is no overlap.

    It equals the F1 score, the harmonic mean of precision and sensitivity. One score for one
    class: a class that neither mask holds gives nan and is to be left out of a mean.

    Parameters
    ----------
    prediction, truth : ndarray (H, W) or (D, H, W), bool or 0 and 1

    Returns
    -------
    float
        nan if both masks are empty.

    Raises
    ------
    ValueError
        If the shapes differ or are not 2-D or 3-D, or a mask holds more than 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> dice(np.array([[1, 1, 0]]), np.array([[0, 1, 1]]))
    0.5
    """
    hits, false_alarms, missed = _counts(prediction, truth)
    return _ratio(2 * hits, 2 * hits + false_alarms + missed)


def iou(prediction: Array, truth: Array) -> float:
    """Intersection over union (Jaccard index), |P ∩ T| / |P ∪ T| = Dice / (2 − Dice).

    Parameters, errors and the empty case (nan) are those of :func:`dice`.
    """
    hits, false_alarms, missed = _counts(prediction, truth)
    return _ratio(hits, hits + false_alarms + missed)


def sensitivity(prediction: Array, truth: Array) -> float:
    """Sensitivity (recall), |P ∩ T| / |T|: the part of the truth that was found.

    nan if `truth` is empty. Parameters and errors are those of :func:`dice`.
    """
    hits, _, missed = _counts(prediction, truth)
    return _ratio(hits, hits + missed)


def precision(prediction: Array, truth: Array) -> float:
    """Precision, |P ∩ T| / |P|: the part of the prediction that is right.

    nan if `prediction` is empty. Parameters and errors are those of :func:`dice`.
    """
    hits, false_alarms, _ = _counts(prediction, truth)
    return _ratio(hits, hits + false_alarms)


def hausdorff95(prediction: Array, truth: Array, spacing: Sequence[float] | None = None) -> float:
    """95 % Hausdorff distance between the surfaces of two masks.

    A mask's surface, ∂P, is the mask minus its erosion by the 4 (in 3-D, 6) nearest neighbours;
    beyond the array lies background. With d(a, ∂T) the distance from a surface voxel's centre
    to the nearest one of the other surface,

        HD95 = max( P95 { d(p, ∂T) : p ∈ ∂P },  P95 { d(t, ∂P) : t ∈ ∂T } ),

    where P95 is the 95th percentile, with linear interpolation. The plain Hausdorff distance
    (the maximum) is decided by a single stray voxel; this one bears 5 % of them. Some programs
    take one percentile of both sets pooled, which gives other, mostly smaller values.

    Parameters
    ----------
    prediction, truth : ndarray (H, W) or (D, H, W), bool or 0 and 1
        A stack of one slice is measured as the 2-D slice it is.
    spacing : sequence of float, optional
        Millimetres a voxel along each axis. None counts in voxels and takes each for a cube:
        for a stack whose slice distance is unknown (LGG's TIFF files), the distance through
        the slices is then a guess, mostly too small.

    Returns
    -------
    float
        Millimetres with `spacing`, else voxels. nan if both masks are empty; inf if one is,
        since no finite distance reaches a surface that isn't there.

    Raises
    ------
    ValueError
        As :func:`dice`; or if `spacing` is not one positive number for each axis.
    """
    prediction, truth = _masks(prediction, truth)
    spacing = _spacing(spacing, truth.ndim)
    if not (prediction.any() and truth.any()):
        return float("inf") if prediction.any() or truth.any() else float("nan")
    if truth.ndim == 3 and len(truth) == 1:  # across a single slice, every voxel is surface
        prediction, truth, spacing = prediction[0], truth[0], spacing[1:]
    # No surface leaves the joint bounding box, so distances inside it are exact.
    box = sp.ndimage.find_objects((prediction | truth).astype(np.uint8))[0]
    prediction, truth = prediction[box], truth[box]
    surface_p = prediction & ~sp.ndimage.binary_erosion(prediction)
    surface_t = truth & ~sp.ndimage.binary_erosion(truth)
    to_t = sp.ndimage.distance_transform_edt(~surface_t, sampling=spacing)[surface_p]
    to_p = sp.ndimage.distance_transform_edt(~surface_p, sampling=spacing)[surface_t]
    return float(max(np.percentile(to_t, 95), np.percentile(to_p, 95)))


def score_patient(prediction: Array, truth: Array, spacing: Sequence[float] | None = None) -> dict:
    """Every score of one patient, over the whole volume at once.

    Parameters
    ----------
    prediction, truth, spacing
        As in :func:`hausdorff95`.

    Returns
    -------
    dict
        The five ``SCORES``, ``volume_truth`` and ``volume_prediction`` in cubes (in 2-D,
        squares) of the ``unit``, which is "mm", or "voxel" without `spacing`.

    Raises
    ------
    ValueError
        As :func:`hausdorff95`.
    """
    prediction, truth = _masks(prediction, truth)
    voxel = float(np.prod(_spacing(spacing, truth.ndim)))
    return {
        "dice": dice(prediction, truth),
        "iou": iou(prediction, truth),
        "sensitivity": sensitivity(prediction, truth),
        "precision": precision(prediction, truth),
        "hausdorff95": hausdorff95(prediction, truth, spacing),
        "volume_truth": float(np.count_nonzero(truth) * voxel),
        "volume_prediction": float(np.count_nonzero(prediction) * voxel),
        "unit": "voxel" if spacing is None else "mm",
    }


def summarise(rows: Sequence[dict], scores: Sequence[str] = SCORES) -> dict[str, dict]:
    """Mean and median of each score over patients, and over how many.

    A patient whose score is nan is left out of that score. An infinite distance (all missed, or
    a tumour found where none is) counts in the median as the largest of all, but not in the
    mean, which it would swallow: read the mean beside the number of infinite ones.

    Parameters
    ----------
    rows : list of dict
        From :func:`score_patient`; other keys are ignored.
    scores : sequence of str

    Returns
    -------
    dict of dict
        For each of `scores`: ``mean``, ``median`` (nan over no patient), ``defined``
        (patients with a score), ``infinite`` (those of them in the median only), ``total``.

    Raises
    ------
    InputError
        If some rows are in mm and some in voxels: their distances have no common mean.
    """
    if len({row["unit"] for row in rows}) > 1:
        raise InputError("some patients are measured in mm and some in voxels, which have no "
                         "common mean; evaluate them apart")
    return {score: _summary(np.array([row[score] for row in rows], float)) for score in scores}


def _summary(values):
    defined = values[~np.isnan(values)]
    finite = defined[np.isfinite(defined)]
    return {
        "mean": float(finite.mean()) if finite.size else float("nan"),
        "median": float(np.median(defined)) if defined.size else float("nan"),
        "defined": defined.size, "infinite": defined.size - finite.size, "total": values.size,
    }


def _counts(prediction, truth):
    prediction, truth = _masks(prediction, truth)
    hits = np.count_nonzero(prediction & truth)
    return hits, np.count_nonzero(prediction) - hits, np.count_nonzero(truth) - hits


def _ratio(part, whole):
    return float(part / whole) if whole else float("nan")


def _masks(prediction, truth):
    prediction, truth = _binary(prediction, "prediction"), _binary(truth, "truth")
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction has shape {prediction.shape}; expected truth's {truth.shape}")
    return prediction, truth


def _binary(mask, name):
    mask = np.asarray(mask)
    if mask.ndim not in (2, 3):
        raise ValueError(f"{name} has shape {mask.shape}; expected (H, W) or (D, H, W)")
    if mask.dtype == bool:
        return mask
    if (other := (mask != 0) & (mask != 1)).any():
        raise ValueError(f"{name} holds {mask[other][0]}; expected only 0 and 1: "
                         "compare it with a threshold first")
    return mask.astype(bool)


def _spacing(spacing, axes):
    if spacing is None:
        return (1.0,) * axes
    lengths = np.asarray(spacing, float)
    if lengths.shape != (axes,) or not (np.isfinite(lengths) & (lengths > 0)).all():
        raise ValueError(f"spacing is {spacing}; expected {axes} positive lengths in mm, "
                         "one for each axis")
    return tuple(lengths.tolist())
