"""What the page of a patient shows."""

from dataclasses import dataclass, field

import numpy as np

from minunet.engine.words import plural
from minunet.tool.agreement import describe_agreement


@dataclass(frozen=True)
class Words:
    """What a page calls its two masks, where they agree and differ, and the difference."""

    found: str = "found"
    truth: str = "truth"
    hit: str = "hit"
    missed: str = "missed"
    false_alarm: str = "false alarm"
    difference: str = "errors"


@dataclass(frozen=True, eq=False)
class Scene:
    """A patient's slices, and what is marked in them.

    Attributes
    ----------
    name : str
    found : ndarray (D, H, W), int
        The label of each voxel, 0 for background.
    images : ndarray (D, H, W, C) or None
        The scan as stored; None if there is none.
    truth : ndarray (D, H, W), int, optional
        Labels again, where the truth is known.
    labels : dict of int to str
        The name of each label that may occur.
    channels : sequence of str
        Names of the channels; empty if nobody knows them.
    spacing : (float, float, float), optional
        Millimetres between voxels along D, H, W. Without it pixels are taken to be square.
    sides : bool
        Whether the patient's right is known to be on the left of each slice.
    slices : sequence of str
        Names of the slices' files; empty if they have none.
    facts : dict of str to str
        What is known of the patient, to be read beside the slices: ``{"tumour": "1.2 ml"}``.
    words : Words
    """

    name: str
    found: np.ndarray
    images: np.ndarray | None = None
    truth: np.ndarray | None = None
    labels: dict[int, str] = field(default_factory=lambda: {1: "tumour"})
    channels: tuple[str, ...] = ()
    spacing: tuple[float, ...] | None = None
    sides: bool = False
    slices: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    words: Words = Words()

    @property
    def masks(self):
        """The masks (D, H, W) that there are, by their names here: "found", and "truth"."""
        masks = {"found": self.found, "truth": self.truth}
        return {name: mask for name, mask in masks.items() if mask is not None}


def describe_amount(voxels, spacing=None, flat=False):
    """Say how much that is: "1,234 voxels, 1.23 ml", "12 pixels" of one picture, or "nothing".

    Parameters
    ----------
    voxels : int
    spacing : (float, float, float), optional
    flat : bool
        Whether it is one picture, whose size is unknown.
    """
    if not voxels:
        return "nothing"
    words = plural(voxels, "pixel" if flat else "voxel")
    return words if spacing is None else f"{words}, {millilitres(voxels, spacing):.2f} ml"


def millilitres(voxels, spacing):
    """The volume of so many voxels; None where their size is unknown."""
    return None if spacing is None else voxels * float(np.prod(spacing)) / 1000


def describe_grid(shape, spacing=None):
    """Facts on the voxels of a volume of `shape` (D, H, W): how many, and how large."""
    depth, height, width = shape
    if spacing is None:
        size = "not in the files"
    else:
        size = " × ".join(f"{length:.3g}" for length in spacing) + " mm"
    return {"slices": f"{depth} of {height} × {width} pixels",
            "voxel" if spacing else "voxel size": size}


def agreement_fact(agreement):
    """The fact that says how well a mask agrees with that of the mirrored scan; none for nan."""
    words = describe_agreement(agreement)
    return {"agreement with the mirror image": words} if words else {}
