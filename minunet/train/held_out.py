"""A patient that training watches: kept on disk, segmented and scored after every epoch."""

from typing import NamedTuple

import numpy as np

from minunet.data.preprocess import prepare
from minunet.metrics import dice
from minunet.predict import classify, segment_prepared, tumour


class Score(NamedTuple):
    """How well a network did on a patient.

    Of several classes, each Dice is a mean over some of them: over those that truth or prediction
    hold; over those that the truth holds, which are the same whatever is predicted. Both are
    nan without any. They are None if the probabilities are not all numbers.
    """

    dice: float | None
    compared: float | None  # what epochs are compared by
    probability: np.ndarray  # (H, W), of the slice to show: of any class but the background


class HeldOut:
    """A held-out patient: prepared once, laid on shelves, and scored after every epoch.

    Parameters
    ----------
    patient : Patient
    preprocessing : Preprocessing
    images_shelf, masks_shelf : Shelf
        Shared by all held-out patients; nothing but one slice to show stays in memory.
    """

    def __init__(self, patient, preprocessing, images_shelf, masks_shelf):
        images, masks = patient.load()  # (D, H, W, C), (D, H, W)
        self.name, self.preprocessing, self.shape = patient.name, preprocessing, masks.shape
        self.spacing = patient.spacing and patient.spacing[1:]  # of a slice's rows and columns
        self.classes = range(1, len(patient.scheme.classes))
        self.shelves = images_shelf, masks_shelf
        self.places = (images_shelf.append(prepare(images, preprocessing, patient.name)),
                       masks_shelf.append(masks.ravel()))  # as bytes: sizes differ
        # The slice with the most tumour is the one to show.
        self.shown = int((masks > 0).sum(axis=(1, 2)).argmax())
        self.truth = masks[self.shown] > 0
        self.image = _plainest(images[self.shown], self.truth)

    def score(self, net):
        """Give the `Score` of the whole volume, at its stored resolution."""
        prepared, masks = (shelf[place] for shelf, place
                           in zip(self.shelves, self.places, strict=True))
        masks = masks.reshape(self.shape)
        probabilities = segment_prepared(net, prepared, self.shape[1:],
                                         self.preprocessing)  # (D, H, W, K)
        finite = np.isfinite(probabilities).all()
        overlap = self._dice(probabilities, masks) if finite else (None, None)
        return Score(*overlap, tumour(probabilities[self.shown]))

    def _dice(self, probabilities, masks):
        found = classify(probabilities)
        scores = {k: dice(found == k, masks == k) for k in self.classes}
        return (mean_defined(scores.values()),
                mean_defined(scores[k] for k in self.classes if (masks == k).any()))


def mean_defined(scores, mean=np.mean):
    """The mean (or another summary) of those that are not nan; nan if there are none."""
    defined = [score for score in scores if not np.isnan(score)]
    return float(mean(defined)) if defined else float("nan")


def _plainest(image, mask):
    """The channel (H, W) in which what the mask marks stands out most from the rest."""
    if not mask.any():
        return image[..., 0]
    inside, outside = image[mask], image[~mask]  # (pixels, C)
    contrast = np.abs(inside.mean(axis=0) - outside.mean(axis=0)) / (outside.std(axis=0) + 1e-9)
    return image[..., contrast.argmax()]
