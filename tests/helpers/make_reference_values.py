"""Write `reference_values.json`: what PyTorch computes from the inputs of its test.

Run it where PyTorch is installed, after a change of those inputs::

    python tests/helpers/make_reference_values.py
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "ops"), str(TESTS / "network")]

from test_against_torch import (  # noqa: E402
    channels_first,
    channels_last,
    leaf,
    twin,
    weight,
)
from test_reference_values import FILE, NETWORKS, OPS, build, checksum, wave  # noqa: E402

FUNCTIONS = {"conv": F.conv2d, "conv_transpose": F.conv_transpose2d}


def run_op(name, arguments, settings):
    """Give y and the gradients of one op, by name."""
    leaves = {key: leaf(value) for key, value in arguments.items()}
    x, *others = leaves.values()
    x = channels_first(x)
    if name == "max_pool":
        y = F.max_pool2d(x, settings["size"], settings["stride"], settings["padding"])
    elif name == "batch_norm":
        y = F.batch_norm(x, None, None, *others, training=True)
    else:
        w, b = others
        y = FUNCTIONS[name](x, weight(w), b, settings["stride"], settings["padding"])
    y = channels_last(y)
    y.backward(torch.tensor(wave(y.shape)))
    return {"y": y.detach().numpy()} | {f"d{k}": v.grad.numpy() for k, v in leaves.items()}


def run_network(name):
    """Give the logits, the gradients' checksums and the running statistics, by name."""
    net, x = build(name)
    image, params = leaf(x), {k: leaf(v) for k, v in net.params.items()}
    buffers = {k: torch.tensor(v) for k, v in net.buffers.items()}
    logits = twin(net, params | buffers, image)
    logits.backward(torch.tensor(wave(logits.shape)))
    sums = np.array([checksum(a.grad.numpy()) for a in (image, *params.values())])
    return {"logits": logits.detach().numpy(), "gradients": sums} | {
        k: v.numpy() for k, v in buffers.items()}


def main():
    """Write the file, a line for each array."""
    results = {name: run_op(name, arguments, settings)
               for name, (_, _, arguments, settings) in OPS.items()}
    results |= {name: run_network(name) for name in NETWORKS}
    lines = [f'"{name}: {key}": [{", ".join(f"{v:.13g}" for v in array.ravel())}]'
             for name, arrays in results.items() for key, array in arrays.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
