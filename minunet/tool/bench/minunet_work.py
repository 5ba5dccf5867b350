"""What is timed, done by minunet: a training step, inference, one convolution, a large image.

`torch_work` has the first three in PyTorch. A function here takes sizes and gives ``run``, which
does the work once, on data that is ready where the work is done. `worker` calls them.
"""

from typing import NamedTuple

import numpy as np

from minunet import UNet, ops, optim
from minunet.engine.backend import array_module, to_device
from minunet.engine.memory import keep_freed_memory
from minunet.predict import predict_slices
from minunet.tool.bench.clock import device_clock
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
    base, side, batch = case
    net = UNet(IN_CHANNELS, 1, base, device=device)
    images = to_device(_random((batch, side, side, IN_CHANNELS)), device)
    target = (images[..., :1] > 1).astype(np.float32)
    return net, optim.Adam(net.params, lr=RATE, weight_decay=DECAY), images, target


def training_step(case, device):
    """Forward, loss, backward and Adam."""
    arguments = learner(case, device)
    return lambda: train_step(*arguments)


def inference(case, device):
    """Probabilities."""
    keep_freed_memory()  # as the program does
    net, _, images, _ = learner(case, device)
    net = net.folded()  # once, as `predict_slices` does
    return lambda: net.predict(images)


def large_image(case, device):
    """Probabilities as ``minunet predict`` computes them, by tiles; images on the host."""
    keep_freed_memory()  # as the program does
    base, side, batch = case
    net = UNet(IN_CHANNELS, 1, base, device=device)
    images = _random((batch, side, side, IN_CHANNELS))
    return lambda: predict_slices(net, images)


def convolution(case, method, backward, device):
    """A convolution without bias by one method: y, or both of its gradients."""
    keep_freed_memory()  # as a training step does
    side, c, f, batch, *_ = case
    x = to_device(_random((batch, side, side, c)), device)
    w = to_device(_random((3, 3, c, f)), device)
    y, cache = ops.conv_forward(x, w, padding=1, method=method)
    if backward:
        return lambda: ops.conv_backward(y, cache)
    return lambda: ops.conv_forward(x, w, padding=1, method=method)


def clock(device):
    """Give the clock for work on the device."""
    return device_clock(module(device))


def reserved():
    """Give the bytes that CuPy's pool has taken from the GPU."""
    return module("cuda").get_default_memory_pool().total_bytes()


def module(device):
    """Give the array module for the device."""
    return array_module(to_device(np.zeros(1), device))


def _random(shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
