"""What is timed, done by minunet: a training step, inference, one convolution.

`torch_work` has the same three in PyTorch. A function here takes sizes and gives ``run``, which
does the work once, on data that is ready where the work is done.
"""

from typing import NamedTuple

import numpy as np

from minunet import UNet, ops, optim
from minunet.engine.backend import to_device
from minunet.train import train_step

IN_CHANNELS = 3
FAST = ("im2col", "winograd_rows", "winograd")  # methods of convolution
RATE, DECAY = 1e-3, 1e-2  # Adam's learning rate and weight decay


class Case(NamedTuple):
    """A U-Net 3 → 1 of depth 4 with batch normalisation, and the images that it gets."""

    base: int  # channels of the first level
    side: int  # of the images, in pixels
    batch: int

    def __str__(self):
        return f"base {self.base}, {self.side}×{self.side}, batch {self.batch}"


class Convolution(NamedTuple):
    """One 3×3 convolution with padding 1."""

    side: int
    c: int
    f: int
    batch: int
    methods: tuple = FAST

    def __str__(self):
        return f"{self.c} → {self.f}, {self.side}×{self.side}, batch {self.batch}"


def learner(case, device):
    """Give (net, optimiser, images, target): the arguments of `train_step`."""
    net = UNet(IN_CHANNELS, 1, case.base, device=device)
    images = _random((case.batch, case.side, case.side, IN_CHANNELS), device)
    target = (images[..., :1] > 1).astype(np.float32)
    return net, optim.Adam(net.params, lr=RATE, weight_decay=DECAY), images, target


def training_step(case, device):
    """Forward, loss, backward and Adam."""
    arguments = learner(case, device)
    return lambda: train_step(*arguments)


def inference(case, device):
    """Probabilities."""
    net, _, images, _ = learner(case, device)
    net = net.folded()  # once, as `predict_slices` does
    return lambda: net.predict(images)


def convolution(case, method, backward, device):
    """A convolution without bias by one method: y, or both of its gradients."""
    x = _random((case.batch, case.side, case.side, case.c), device)
    w = _random((3, 3, case.c, case.f), device)
    y, cache = ops.conv_forward(x, w, padding=1, method=method)
    if backward:
        return lambda: ops.conv_backward(y, cache)
    return lambda: ops.conv_forward(x, w, padding=1, method=method)


def _random(shape, device):
    values = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    return to_device(values, device)
