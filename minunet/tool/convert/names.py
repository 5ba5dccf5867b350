"""What a U-Net's arrays are called elsewhere, and how their axes lie: one `Naming` for each place.

Here a weight is (KH, KW, C, F), of an up-convolution (KH, KW, F, C); PyTorch has it the other way
round, (F, C, KH, KW) and (C, F, KH, KW), and Keras as here; of a network for volumes, each has one
axis more. All of them name the same numbers, so a network is moved by names and axes alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

PARTS = {"w": "weight", "b": "bias", "gamma": "weight", "beta": "bias", "mean": "running_mean",
         "var": "running_var"}  # PyTorch's words for ours
KERAS_PARTS = {"w": "kernel", "b": "bias", "gamma": "gamma", "beta": "beta",
               "mean": "moving_mean", "var": "moving_variance"}


@dataclass(frozen=True)
class Naming:
    """How one place calls the arrays.

    Attributes
    ----------
    mark : str
        An array that every network of this naming has, and no other.
    name : callable
        ``name("enc1.conv1.w", depth)`` gives its name there.
    as_pytorch : bool
        Whether weights have PyTorch's order of axes.
    up_first : bool
        Whether the decoder joins (up, skip) where minunet joins (skip, up).
    """

    mark: str
    name: Callable[[str, int], str]
    as_pytorch: bool = False
    up_first: bool = False

    def give(self, name, array):
        """Give `array`, which is called `name` here, with the axes that it has there."""
        if self.as_pytorch and array.ndim > 1:
            array = array.transpose(-1, -2, *range(array.ndim - 2))
        return array

    def take(self, name, array):
        """The inverse of `give`; the channels of a join are put in minunet's order, too."""
        if self.as_pytorch and array.ndim > 1:
            array = array.transpose(*range(2, array.ndim), 1, 0)
        if self.up_first and name.startswith("dec") and name.endswith("conv1.w"):
            array = np.roll(array, array.shape[-2] // 2, axis=-2)
        return array


def _pytorch(name, depth):
    layer, _, part = name.rpartition(".")
    return f"{layer}.{PARTS[part]}"


def _keras(name, depth):
    layer, _, part = name.rpartition(".")
    return f"{layer.replace('.', '_')}/{KERAS_PARTS[part]}"


def _brain(name, depth):
    """As github.com/mateuszbuda/brain-segmentation-pytorch has them."""
    layer, _, part = name.rpartition(".")
    block, _, what = layer.partition(".")
    level = block[3:]
    there = {"enc": f"encoder{level}.enc{level}{what}", "dec": f"decoder{level}.dec{level}{what}",
             "bot": f"bottleneck.bottleneck{what}", "hea": "conv"}[block[:3]]
    return f"{f'upconv{level}' if what == 'up' else there}.{PARTS[part]}"


def _milesial(name, depth):
    """As github.com/milesial/Pytorch-UNet has them; its levels up are counted from the bottom."""
    layer, _, part = name.rpartition(".")
    block, _, what = layer.partition(".")
    kind, level = block[:3], int(block[3:]) if block[3:].isdigit() else depth + 1
    down = "inc" if level == 1 else f"down{level - 1}.maxpool_conv.1"
    there = {"enc": down, "bot": down, "dec": f"up{depth - level + 1}", "hea": "outc"}[kind]
    if kind == "hea":
        return f"outc.conv.{PARTS[part]}"
    if what == "up":
        return f"{there}.up.{PARTS[part]}"
    number = {"conv1": 0, "norm1": 1, "conv2": 3, "norm2": 4}[what]
    conv = f"{there}.conv" if kind == "dec" else there
    return f"{conv}.double_conv.{number}.{PARTS[part]}"


NAMINGS = {
    "minunet": Naming("enc1.conv1.w", lambda name, depth: name),
    "pytorch": Naming("enc1.conv1.weight", _pytorch, as_pytorch=True),
    "keras": Naming("enc1_conv1/kernel", _keras),
    "brain-segmentation": Naming("encoder1.enc1conv1.weight", _brain, as_pytorch=True,
                                 up_first=True),
    "milesial": Naming("inc.double_conv.0.weight", _milesial, as_pytorch=True),
}
