"""``python -m minunet.tool.bench.twin DATA --out RUN``: `minunet train`, with PyTorch's steps.

What a framework would have learnt in the same place. Patients, split, batches, initial weights,
loss, schedule, number of steps and scores are those of ``minunet train`` with the same options;
forward, backward and the optimiser's step are PyTorch's. RUN is a run as any other: its history
is there to compare, and its ``model.npz`` is read by minunet.
"""

import sys
from itertools import chain

from minunet.engine.files import InputError
from minunet.engine.threads import threads
from minunet.tool.bench import torch_work
from minunet.tool.cli import main
from minunet.tool.commands import train


class TwinStep:
    """A training step with the arguments of `minunet.train.train_step`, made by PyTorch.

    On the first call the twin of the network is built, on the network's own memory. The optimiser
    lends its learning rate and weight decay; PyTorch's keeps its own state, so a run that
    was killed cannot be resumed.
    """

    def __init__(self):
        if torch_work.version() is None:
            raise InputError("PyTorch is not installed; the twin needs it: pip install torch")
        self.twin = self.adam = None

    def __call__(self, net, optimiser, images, target):
        """Make a step; give the loss."""
        if self.twin is None:
            torch_work.use_threads(threads())
            self.twin = twin_of(net)
            self.adam = _adam(self.twin, optimiser)
        for group in self.adam.param_groups:
            group["lr"] = optimiser.lr
        self.adam.zero_grad()
        loss = torch_work.loss(self.twin(_channels_first(images)), _channels_first(target))
        loss.backward()
        self.adam.step()
        return loss.item()


def twin_of(net):
    """Build PyTorch's network on the memory of `net`: when the one learns, so does the other.

    Parameters
    ----------
    net : UNet
        With same padding and batch normalisation, on the CPU.

    Returns
    -------
    torch.nn.Module
    """
    from torch import from_numpy

    config = net.config
    twin = torch_work.twin(config["base_channels"], config["in_channels"], config["depth"])
    # Its layers in the order in which data meets them, which is that of our parameters.
    layers = [*twin.down, *chain.from_iterable(zip(twin.up, twin.dec, strict=True)), twin.head]
    parameters = chain.from_iterable(layer.parameters() for layer in layers)
    for tensor, array in zip(parameters, net.params.values(), strict=True):
        # Both kinds of convolution: (KH, KW, ·, ·) here, the last two first and swapped there.
        tensor.data = from_numpy(array.transpose(3, 2, 0, 1) if array.ndim == 4 else array)
    statistics = (buffer for layer in layers for buffer in layer.buffers() if buffer.ndim)
    for tensor, array in zip(statistics, net.buffers.values(), strict=True):
        tensor.data = from_numpy(array)
    return twin


def _adam(twin, optimiser):
    """PyTorch's Adam with decoupled decay, on the convolutions' weights alone as ours."""
    from torch.optim import AdamW

    weights = [p for p in twin.parameters() if p.ndim == 4]
    others = [p for p in twin.parameters() if p.ndim != 4]
    return AdamW([{"params": weights, "weight_decay": optimiser.weight_decay},
                  {"params": others, "weight_decay": 0.0}])


def _channels_first(array):
    """An array (N, H, W, C) as a tensor (N, C, H, W), its channels last in memory still."""
    from torch import from_numpy

    return from_numpy(array).permute(0, 3, 1, 2)


def run(arguments):
    """Do what ``minunet train`` does with these arguments, by PyTorch; give the exit code."""
    return main(["train", *arguments], {"train": lambda options: train.run(options, TwinStep())})


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
