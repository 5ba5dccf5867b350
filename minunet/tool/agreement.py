"""How sure a mask is: whether it is found again in the mirrored image.

A head seen in a mirror is a head. A network that knows what it sees marks the same there; where it
only guesses, a small change of the image decides, and the two masks part.
"""

import math

from minunet.data.preprocess import prepare
from minunet.metrics import dice
from minunet.predict import check_channels, classify, segment_prepared

DOUBTFUL = 0.9  # below this agreement, somebody should look closely


class Mirrored:
    """A network that looks into a mirror: it sees images, and gives what it finds, turned back.

    Parameters
    ----------
    net : UNet
        Or what predicts like one.
    """

    def __init__(self, net):
        self.net, self.config, self.device = net, net.config, net.device

    def folded(self):
        """As `UNet.folded`."""
        return Mirrored(self.net.folded())

    def predict(self, x):
        """Give the probabilities of images or volumes (…, W, C), mirrored from left to right."""
        mirrored = x[..., ::-1, :].copy()  # the operations read rows from left to right
        return self.net.predict(mirrored)[..., ::-1, :]


def segment_twice(net, images, preprocessing, name="images", progress=None):
    """Segment a patient, and once more as the mirror shows it.

    It takes one more forward pass. The agreement is the Dice coefficient of the two masks, any
    class but the background being tumour. It follows the rule of `minunet.metrics`: if both masks
    are empty there is nothing to agree on, and it is nan; if one is, it is 0.

    Parameters
    ----------
    net, images, preprocessing, name, progress
        As for `minunet.predict.segment`.

    Returns
    -------
    probabilities : ndarray (D, H, W, K), float32
        Those of the images as they are.
    agreement : float
        From 0 to 1, or nan.

    Raises
    ------
    InputError
        As `minunet.predict.segment`.

    Examples
    --------
    A network that asks only how bright a pixel is finds the same in the mirror:

    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from minunet.data.preprocess import Preprocessing
    >>> net = SimpleNamespace(device="cpu", predict=lambda x: (x > 1).astype("float32"),
    ...     config={"in_channels": 1, "out_channels": 1, "base_channels": 1, "depth": 1,
    ...             "padding": "same", "norm": None, "dtype": "float32"})
    >>> net.folded = lambda: net
    >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
    >>> segment_twice(net, images, Preprocessing(size=None))[1]
    1.0
    """
    check_channels(net, images, name)
    prepared = prepare(images, preprocessing, name)  # (D, S, S, C)
    first, second = (progress and (lambda n: progress(n // 2)),  # a slice counts after both
                     progress and (lambda n: progress(n - n // 2)))
    probabilities = segment_prepared(net, prepared, images.shape[1:3], preprocessing, first)
    mirrored = segment_prepared(Mirrored(net), prepared, images.shape[1:3], preprocessing, second)
    return probabilities, dice(classify(probabilities) > 0, classify(mirrored) > 0)


def describe_agreement(agreement):
    """Say an agreement, and below `DOUBTFUL` what it means; "" for nan.

    >>> describe_agreement(0.97), describe_agreement(0.67)
    ('0.97', '0.67, look closely')
    """
    if math.isnan(agreement):
        return ""
    doubt = ", look closely" if agreement < DOUBTFUL else ""
    # Rounded down: what is shown must not reach a level that the number does not.
    return f"{math.floor(agreement * 100) / 100:.2f}{doubt}"
