"""What the channels and the labels of a dataset mean; a model remembers it."""

from dataclasses import asdict, dataclass

import numpy as np

from minunet.engine.files import InputError


@dataclass(frozen=True)
class Scheme:
    """The modalities that a dataset's images have, and the classes that its masks mark.

    Attributes
    ----------
    modalities : tuple of str
        One name for each channel; empty if the data does not say.
    classes : tuple of str
        Their names; class 0 is the background.
    values : tuple of int
        The label that marks each class in the dataset's files, which need not be its number:
        BraTS marks its third class by 4.
    """

    modalities: tuple[str, ...] = ()
    classes: tuple[str, ...] = ("background", "tumour")
    values: tuple[int, ...] = (0, 1)

    @property
    def outputs(self):
        """The network's output channels: one logit decides between two classes."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    def to_dict(self):
        """The scheme as a dict that JSON can hold."""
        return {name: list(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, stored):
        """The inverse of `to_dict`; an empty dict is the default scheme."""
        return cls(**{name: tuple(value) for name, value in stored.items()})

    def encode(self, labels, path):
        """Give the class of each voxel, uint8, from the labels that the file `path` has.

        Raises
        ------
        InputError
            If a label is none of ``values``.
        """
        check_labels(labels, self.values, path)
        order = np.argsort(self.values)
        return order[np.searchsorted(np.array(self.values)[order], labels)].astype(np.uint8)

    def decode(self, classes):
        """The inverse of `encode`, uint8."""
        return np.array(self.values, np.uint8)[classes]

    def check_modalities(self, other, name):
        """Raise `InputError` if what is called `name` has other modalities than the model (self).

        Where either does not say what its channels are, only their number can be compared, and
        `minunet.predict.segment` does.
        """
        if self.modalities and other.modalities and self.modalities != other.modalities:
            raise InputError(f"{name} has the modalities {', '.join(other.modalities)}, the model "
                             f"takes {', '.join(self.modalities)}; give it what it was trained on")

    def check_classes(self, other, name):
        """Raise `InputError` if `name` is labelled with other classes than the model's (self)."""
        if self.classes != other.classes:
            raise InputError(f"{name} is labelled with {', '.join(other.classes)}, the model knows "
                             f"{', '.join(self.classes)}; give it data like that of its training")


BINARY = Scheme()


def check_labels(labels, known, path):
    """Raise `InputError` if the labels of the file `path` hold one that is not `known`."""
    found = np.unique(labels)
    if (strange := found[~np.isin(found, known)]).size:
        raise InputError(f"{path} holds the label {strange[0]}; known are "
                         f"{', '.join(map(str, sorted(known)))}; mend or remove it")
