"""Networks as other projects build them in PyTorch: their names, shapes and order."""

import re
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn


def pair(c, f, names, bias=False):
    """Two times convolution, normalisation and ReLU, called by `names`."""
    layers = {}
    for i, channels in ((1, c), (2, f)):
        layers |= {names("conv", i): nn.Conv2d(channels, f, 3, padding=1, bias=bias),
                   names("norm", i): nn.BatchNorm2d(f), names("relu", i): nn.ReLU()}
    return nn.Sequential(OrderedDict(layers))


class Brain(nn.Module):
    """That of brain-segmentation-pytorch: the decoder joins what comes up, and then the skip."""

    def __init__(self, c, k, base):
        super().__init__()
        widths = [base, 2 * base, 4 * base, 8 * base, 16 * base]
        for level, (before, f) in enumerate(zip([c, *widths], widths, strict=False), start=1):
            name = f"enc{level}" if level < 5 else "bottleneck"
            block = pair(before, f, lambda kind, i, name=name: f"{name}{kind}{i}")
            setattr(self, f"encoder{level}" if level < 5 else name, block)
        for level in range(4, 0, -1):
            f = widths[level - 1]
            setattr(self, f"upconv{level}", nn.ConvTranspose2d(2 * f, f, 2, stride=2))
            setattr(self, f"decoder{level}", pair(
                2 * f, f, lambda kind, i, level=level: f"dec{level}{kind}{i}"))
        self.conv = nn.Conv2d(base, k, 1)

    def forward(self, x):
        """Compute the logits."""
        skips = []
        for level in range(1, 5):
            x = getattr(self, f"encoder{level}")(x)
            skips.append(x)
            x = nn.functional.max_pool2d(x, 2)
        x = self.bottleneck(x)
        for level in range(4, 0, -1):
            x = torch.cat([getattr(self, f"upconv{level}")(x), skips.pop()], dim=1)
            x = getattr(self, f"decoder{level}")(x)
        return self.conv(x)


class Double(nn.Module):
    """Milesial's DoubleConv."""

    def __init__(self, c, f, bias):
        super().__init__()
        numbers = {("conv", 1): 0, ("norm", 1): 1, ("relu", 1): 2, ("conv", 2): 3,
                   ("norm", 2): 4, ("relu", 2): 5}
        self.double_conv = pair(c, f, lambda kind, i: str(numbers[kind, i]), bias)


class Milesial(nn.Module):
    """That of Pytorch-UNet; convolutions had biases in its older versions."""

    def __init__(self, c, k, base, bias=False, bilinear=False):
        super().__init__()
        widths = [base * 2**level for level in range(5)]
        self.inc = Double(c, base, bias)
        for level in range(1, 5):
            down = nn.Module()
            down.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), Double(*widths[level - 1:level + 1],
                                                                      bias))
            setattr(self, f"down{level}", down)
        for step, f in enumerate(widths[-2::-1], start=1):
            up = nn.Module()
            if not bilinear:
                up.up = nn.ConvTranspose2d(2 * f, f, 2, stride=2)
            up.conv = Double(2 * f, f, bias)
            setattr(self, f"up{step}", up)
        self.outc = nn.Module()
        self.outc.conv = nn.Conv2d(base, k, 1)

    def forward(self, x):
        """Compute the logits."""
        x = self.inc.double_conv(x)
        skips = [x]
        for level in range(1, 5):
            pool, double = getattr(self, f"down{level}").maxpool_conv
            x = double.double_conv(pool(x))
            skips.append(x)
        x = skips.pop()
        for step in range(1, 5):
            up = getattr(self, f"up{step}")
            x = up.conv.double_conv(torch.cat([skips.pop(), up.up(x)], dim=1))
        return self.outc.conv(x)


def recipe(*arguments):
    """The network of the page on converting, as its first block of Python builds it."""
    page = (Path(__file__).parents[2] / "docs" / "convert.md").read_text(encoding="utf-8")
    names = {}
    exec(re.search("^```{code-block} python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[1], names)
    return names["UNet"](*arguments)


def randomised(net, seed=0):
    """Give `net` random numbers everywhere, statistics too, ready for inference."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, array in [*net.named_parameters(), *net.named_buffers()]:
            if array.ndim == 4:
                array.normal_(0, (2 / array[0].numel()) ** 0.5, generator=generator)
            elif name.endswith("running_var"):
                array.uniform_(0.5, 2, generator=generator)
            elif array.ndim:
                array.uniform_(-0.5, 0.5, generator=generator)
                if name.endswith("weight"):
                    array += 1
    return net.eval()
