"""A patient that training watches: kept on disk, segmented and scored after every epoch."""

from typing import NamedTuple

import numpy as np

from minunet import ops
from minunet.data.preprocess import prepare, prepare_masks
from minunet.metrics import dice
from minunet.predict import at_stored_size, classify, predict_prepared, tumour
from minunet.train.step import segmentation_loss


class Score(NamedTuple):
    """How well a network did on a patient.

    Of several classes, each Dice is a mean over some of them: over those that truth or prediction
    hold; over those that the truth holds, which are the same whatever is predicted. Both are
    nan without any. They are None if the probabilities are not all numbers.
    """

    dice: float | None
    compared: float | None  # what epochs are compared by
    # (H, W), of the slice to show: of any class but the background. None if another rank has it.
    probability: np.ndarray | None
    loss: float  # over all slices at once, as the network sees them


class Watched:
    """A patient, mostly a held-out one: prepared once, laid on shelves, scored after every epoch.

    Parameters
    ----------
    patient : Patient
    preprocessing : Preprocessing
    images_shelf, masks_shelf, targets_shelf : Shelf
        Shared by several patients; nothing but one slice to show stays in memory.
    """

    def __init__(self, patient, preprocessing, images_shelf, masks_shelf, targets_shelf):
        images, masks = patient.load()  # (D, H, W, C), (D, H, W)
        self.name, self.preprocessing, self.shape = patient.name, preprocessing, masks.shape
        self.spacing = patient.spacing and patient.spacing[1:]  # of a slice's rows and columns
        self.classes = range(1, len(patient.scheme.classes))
        self.shelves = images_shelf, masks_shelf, targets_shelf
        self.places = (images_shelf.append(prepare(images, preprocessing, patient.name)),
                       masks_shelf.append(masks.ravel()),  # as bytes: sizes differ
                       targets_shelf.append(prepare_masks(masks, preprocessing,
                                                          len(patient.scheme.classes))))
        # The slice with the most tumour is the one to show.
        self.shown = int((masks > 0).sum(axis=(1, 2)).argmax())
        self.truth = masks[self.shown] > 0
        self.image = _plainest(images[self.shown], self.truth)

    def kept(self):
        """Take from the shelves: prepared (D, S, S, C), masks (D, H, W), target (D, S, S)."""
        prepared, masks, target = (shelf[place] for shelf, place
                                   in zip(self.shelves, self.places, strict=True))
        return prepared, masks.reshape(self.shape), target

    def score(self, net):
        """Give the `Score` of the whole volume: Dice at its stored resolution."""
        prepared, masks, target = self.kept()
        logits = predict_prepared(_Logits(net), prepared)  # (D, S, S, K)
        loss, _ = segmentation_loss(logits, target[..., np.newaxis].astype(logits.dtype))
        found = ops.sigmoid(logits) if logits.shape[-1] == 1 else np.exp(ops.log_softmax(logits))
        probabilities = at_stored_size(found, self.shape[1:], self.preprocessing)  # (D, H, W, K)
        finite = np.isfinite(probabilities).all()
        overlap = self._dice(probabilities, masks) if finite else (None, None)
        return Score(*overlap, tumour(probabilities[self.shown]), float(loss))

    def _dice(self, probabilities, masks):
        found = classify(probabilities)
        scores = {k: dice(found == k, masks == k) for k in self.classes}
        return (mean_defined(scores.values()),
                mean_defined(scores[k] for k in self.classes if (masks == k).any()))


class _Logits:
    """A network whose predictions are logits: the loss needs them, and rounding ends them at 1."""

    def __init__(self, net):
        self.net, self.config, self.device = net, net.config, net.device

    def folded(self):
        return _Logits(self.net.folded())

    def predict(self, x):
        return self.net.forward(x)[0]


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
