"""The U-Net: down, across, up, and the same way back.

Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image
segmentation", 2015. The names are the paper's: a contracting path that trades position for
meaning, an expansive path that wins position back, and at every level a skip that carries the
position across. Read `forward` and `backward` side by side: one is the other turned round.
"""

from copy import copy

import numpy as np

from minunet import checkpoint, ops
from minunet.backend import array_module, check_device, to_device, to_host
from minunet.blas import blas_on_one_thread
from minunet.blocks import NoCache, double_conv_backward, double_conv_forward, fold_norms
from minunet.layers import check_config, initial_arrays, trace
from minunet.memory import keep_freed_memory
from minunet.ops.checks import check_float, check_like, check_shape


class UNet:
    """A U-Net of `depth` levels below the first, with `base_channels` · 2^level channels.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the image; classes (1: one class against the rest, from one logit).
    base_channels : int
        Channels after the first convolution; each level down has twice as many.
    depth : int
        How often the image is halved, 1 to 5.
    padding : {"same", "valid"}
        Whether 3×3 convolutions keep the size, or drop the border as the paper's do.
    norm : {"batch", None}
        Batch normalisation after each 3×3 convolution, or (the paper) none.
    dropout : float
        Rate at the end of the contracting path, 0 ≤ rate < 1.
    seed : int
        Of the initial weights and of the dropout masks.
    dtype : {"float32", "float64"}
    device : {"cpu", "cuda"}

    Attributes
    ----------
    params, buffers : dict of arrays
        What is learnt, and the running statistics, in the order in which data meets them.
    config : dict
        The arguments above but `device`.

    Every argument is checked; `ValueError` names the one that is none of those above.
    """

    def __init__(self, in_channels=1, out_channels=1, base_channels=32, depth=4, padding="same",
                 norm="batch", dropout=0.0, seed=0, dtype="float32", device="cpu"):
        self.config = check_config(
            {"in_channels": in_channels, "out_channels": out_channels,
             "base_channels": base_channels, "depth": depth, "padding": padding,
             "norm": norm, "dropout": dropout, "seed": seed, "dtype": dtype})
        check_device(device)
        self.depth, self.norm, self.device = self.config["depth"], norm, device
        self.dropout, self.pad = self.config["dropout"], 1 if padding == "same" else 0
        self.rng = np.random.default_rng(self.config["seed"])
        self._params, self.buffers = initial_arrays(self.config, self.rng)
        self.to(device)

    @classmethod
    def paper(cls, **changes):
        """Build the network of 2015: 64 … 1024 channels, unpadded, 572×572 → 388×388 pixels.

        It has 31,030,658 parameters. `changes` override its arguments.
        """
        return cls(**{"out_channels": 2, "base_channels": 64, "padding": "valid", "norm": None,
                      "dropout": 0.5} | changes)

    @property
    def params(self):
        """What is learnt, by name. Other arrays of the same shapes may be given instead."""
        return self._params

    @params.setter
    def params(self, arrays):
        check_like("params", arrays, self._params, "the network's")
        # The same dict: an optimiser holds it, and notices that its arrays are not there any more.
        self._params.update(arrays)

    def __copy__(self):
        net = object.__new__(type(self))  # the same arrays, in dicts of its own
        net.__dict__ |= self.__dict__ | {"_params": {**self._params}, "buffers": {**self.buffers}}
        return net

    def forward(self, x, training=False):
        """Compute the logits.

        Parameters
        ----------
        x : array (N, H, W, in_channels), of the network's dtype and on its device
        training : bool
            Normalise with the batch's own statistics (and update the running ones in
            `buffers`), and apply dropout.

        Returns
        -------
        logits : array (N, OH, OW, out_channels)
            OH × OW is `output_shape((H, W))`.
        cache : dict
            For `backward`, which empties it. Without training it holds no arrays.
        """
        cache = {"training": training}
        logits = self._run(x, True, cache) if training else self._infer(x)
        cache["shape"] = logits.shape
        return logits, cache

    def _infer(self, x):
        return self.folded()._run(x, False, NoCache())

    @blas_on_one_thread()
    def _run(self, x, training, cache):
        self._check_input(x)
        skips = []
        for level in range(1, self.depth + 1):  # the contracting path
            x, cache[f"enc{level}"] = self._block(f"enc{level}", x, training)
            skips.append(x)
            x, cache[f"enc{level}.pool"] = (ops.max_pool_forward(x) if training
                                            else (ops.max_pool_inference(x), None))
        x, cache["bottom"] = self._block("bottom", x, training)
        if self.dropout and training:
            x, cache["dropout"] = ops.dropout_forward(x, self.dropout, self.rng)
        for level in range(self.depth, 0, -1):  # the expansive path
            w, b = self.params[f"dec{level}.up.w"], self.params[f"dec{level}.up.b"]
            x, cache[f"dec{level}.up"] = ops.conv_transpose_forward(x, w, b, stride=2)
            x, cache[f"dec{level}.concat"] = ops.concat_forward(skips.pop(), x)  # may crop
            x, cache[f"dec{level}"] = self._block(f"dec{level}", x, training)
        logits, cache["head"] = ops.conv_forward(x, self.params["head.w"], self.params["head.b"])
        return logits

    def _block(self, name, x, training):
        return double_conv_forward(x, name, self.params, self.buffers, padding=self.pad,
                                   training=training)

    @blas_on_one_thread()
    def backward(self, dlogits, cache, input_gradient=True):
        """Compute the gradients, back along the way that the data came.

        Parameters
        ----------
        dlogits : array like the logits
        cache : dict
            From `forward(x, training=True)`. It is emptied on the way, to free memory early: a
            second call needs a second forward.
        input_gradient : bool
            Whether dx is wanted. Training has no use for it, and its convolution is a large one.

        Returns
        -------
        dx : array (N, H, W, in_channels), or None
        grads : dict of arrays, with the keys, shapes and order of `params`

        Raises
        ------
        ValueError
            If the cache has been used already, is not from training, or `dlogits` does not fit.
        """
        if not cache["training"]:
            raise ValueError("cache is from forward(x, training=False); use training=True")
        if "head" not in cache:
            raise ValueError("cache is empty: backward has used it already; call forward again")
        check_float("dlogits", dlogits, like=self.params["head.w"])
        check_shape("dlogits", dlogits, cache["shape"])
        keep_freed_memory()  # of a training process, from its first step on
        grads, dskips = {}, {}
        dx, grads["head.w"], grads["head.b"] = ops.conv_backward(dlogits, cache.pop("head"))
        for level in range(1, self.depth + 1):
            dx, block_grads = double_conv_backward(dx, cache.pop(f"dec{level}"))
            grads |= block_grads
            dskips[level], dx = ops.concat_backward(dx, cache.pop(f"dec{level}.concat"))
            dx, dw, db = ops.conv_transpose_backward(dx, cache.pop(f"dec{level}.up"))
            grads[f"dec{level}.up.w"], grads[f"dec{level}.up.b"] = dw, db
        if "dropout" in cache:
            dx = ops.dropout_backward(dx, cache.pop("dropout"))
        dx, block_grads = double_conv_backward(dx, cache.pop("bottom"))
        grads |= block_grads
        for level in range(self.depth, 0, -1):
            dx = ops.max_pool_backward(dx, cache.pop(f"enc{level}.pool"))
            # One value went two ways, down and across: the gradients of both ways add.
            dx = ops.add(dx, dskips.pop(level))
            dx, block_grads = double_conv_backward(
                dx, cache.pop(f"enc{level}"), input_gradient=level > 1 or input_gradient)
            grads |= block_grads
        return dx, {name: grads[name] for name in self.params}

    def predict(self, x):
        """Compute probabilities: sigmoid of one logit, softmax of several. No caches are kept.

        `x` is as for `forward`; the result is an array (N, OH, OW, out_channels).
        """
        logits = self._infer(x)
        if self.config["out_channels"] == 1:
            return ops.sigmoid(logits)
        return array_module(logits).exp(ops.log_softmax(logits))

    def folded(self):
        """Give the network for inference: normalisation folded into the convolutions before it.

        It has ``norm=None``; see `ops.fold_batch_norm`. `predict` folds each time: to predict
        again and again, fold once.
        """
        if not self.norm:
            return self
        net = copy(self)
        net.config, net.norm = self.config | {"norm": None}, None
        net._params, net.buffers = fold_norms(self.params, self.buffers), {}
        return net

    def output_shape(self, size):
        """Give the (H, W) of the logits for an image of `size` = (H, W).

        `ValueError` if it does not go through; the text names the nearest sizes that do.
        """
        return trace(self.config, size)[-1]

    def to(self, device):
        """Move parameters and buffers to ``"cpu"`` or ``"cuda"``; give the network back."""
        for arrays in (self.params, self.buffers):
            arrays.update({name: to_device(a, device) for name, a in arrays.items()})
        self.device = device
        return self

    def save(self, path, **extra):
        """Write the configuration, parameters and buffers to an ``.npz`` file, whole or not at all.

        `extra` must be what JSON can hold: what travels with the weights, as ``preprocessing``.
        """
        arrays = {f"params/{k}": to_host(v) for k, v in self.params.items()}
        arrays |= {f"buffers/{k}": to_host(v) for k, v in self.buffers.items()}
        checkpoint.save(path, arrays, {"config": self.config, **extra})

    @classmethod
    def load(cls, path, device="cpu"):
        """Read a network that `save` wrote; `InputError` if the file is missing or damaged."""
        return checkpoint.load_model(path, cls, device)[0]

    def _check_input(self, x):
        check_float("x", x, ndim=4, like=self.params["head.w"])
        channels = self.config["in_channels"]
        if x.shape[-1] != channels:
            raise ValueError(f"x must be (N, H, W, {channels}), channels last; got {x.shape}")
        self.output_shape(x.shape[1:-1])
