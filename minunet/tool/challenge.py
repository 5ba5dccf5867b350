"""Scores by region: BraTS's three as the challenge counts them, other classes one by one.

The challenge scores regions that contain each other: what decides treatment is less which tissue
a voxel is than how far the tumour, its core and its active part reach.

================  ===========================================  ==============  ==============
region            classes                                      labels, –2022   labels, 2023
================  ===========================================  ==============  ==============
whole tumour      necrotic core, oedema, enhancing tumour      1, 2, 4         1, 2, 3
tumour core       necrotic core, enhancing tumour              1, 4            1, 3
enhancing tumour  enhancing tumour                             4               3
================  ===========================================  ==============  ==============

An empty region has a rule of its own there, and so it has here, for these three regions only:

==========================  ====  ====================================================
case                        Dice  HD95
==========================  ====  ====================================================
truth and prediction empty  1     0 mm
one of the two empty        0     373.13 mm: the diagonal of 240 × 240 × 155 mm
==========================  ====  ====================================================

`minunet.metrics`, and with it every score of other classes, has nan for the first and an infinite
HD95 for the second, and leaves nan out of means. Under the challenge's rule, a patient without
enhancing tumour counts as 1 or as 0, and a single stray voxel decides which.

Sources: S. Bakas et al., "Identifying the best machine learning algorithms for brain tumor
segmentation … in the BRATS challenge", arXiv:1811.02629 (2018), for regions and scores; F. Isensee
et al., "nnU-Net for brain tumor segmentation", arXiv:2011.00848 (2020), for empty regions. Since
2023 the challenge ranks by scores of each lesion, with 374 mm for a missed one; these are not
computed here.
"""

import math

import numpy as np

from minunet.data.formats.brats import CLASSES
from minunet.metrics import score_patient

REGIONS = {"whole tumour": (1, 2, 3), "tumour core": (1, 3), "enhancing tumour": (3,)}
WORST = math.hypot(240, 240, 155)  # mm


def score_regions(prediction, truth, classes, spacing):
    """Score each region of one patient.

    Parameters
    ----------
    prediction, truth : ndarray (D, H, W), uint8
        The class of each voxel.
    classes : tuple of str
        Their names. Those of BraTS are scored by its regions and rules, others one by one.
    spacing : sequence of float or None
        Millimetres along D, H, W.

    Returns
    -------
    dict of str to dict
        For each region, what `metrics.score_patient` gives.
    """
    if classes != CLASSES:
        return {name: score_patient(prediction == k, truth == k, spacing)
                for k, name in enumerate(classes) if k > 0}
    return {name: _by_the_rule(score_patient(np.isin(prediction, members),
                                             np.isin(truth, members), spacing))
            for name, members in REGIONS.items()}


def _by_the_rule(scores):
    """Replace what an empty region leaves undefined by what the challenge says."""
    if math.isnan(scores["dice"]):
        return scores | {"dice": 1.0, "hausdorff95": 0.0}
    return scores | {"hausdorff95": min(scores["hausdorff95"], WORST)}
