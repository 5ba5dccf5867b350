"""The U-Net: down, across, up, and the same way back.

Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image
segmentation", 2015. The names are the paper's: a contracting path that trades position for
meaning, an expansive path that wins position back, and at every level a skip that carries the
position across. In words closer to today's: an encoder, a decoder, and skip connections::

    x (H, W, C)                                                  logits (H, W, classes)
      │                                                             ↑ head
    enc1 ─────────────── skip (H, W, F) ───────────────→ concat → dec1
      │ pool                                                ↑ up
    enc2 ──────────── skip (H/2, W/2, 2F) ─────────────→ concat → dec2
      │ pool                                                ↑ up
      └─────────────→ bottom (H/4, W/4, 4F) ────────────────┘

Here with `depth` 2 and padding; F is `base_channels`. Read `forward` and `backward` side by side:
one is the other turned round.
"""

from copy import copy

import numpy as np

from minunet import ops
from minunet.blocks import double_conv_backward, double_conv_forward
from minunet.engine.backend import Array, Arrays, Maybe, array_module, check_device
from minunet.engine.checks import check_float, check_shape
from minunet.engine.parameters import WithParameters
from minunet.engine.ranks import gradients
from minunet.engine.threads import using_threads
from minunet.inference import fold_norms, infer
from minunet.layers import array_shapes, check_config, initial_arrays, trace


class UNet(WithParameters):
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
    axes : {2, 3}
        Whether it sees images (N, H, W, C), or volumes (N, D, H, W, C): the 3-D U-Net of Çiçek
        et al. 2016, with the same lines of code. `layers.list_layers` has its channels.

    Attributes
    ----------
    params, buffers : dict of arrays
        What is learnt, and the running statistics, in the order in which data meets them.
    config : dict
        The arguments above but `device`.
    """

    array_shapes = staticmethod(array_shapes)

    def __init__(self, in_channels: int = 1, out_channels: int = 1, base_channels: int = 32,
                 depth: int = 4, padding: str = "same", norm: str | None = "batch",
                 dropout: float = 0.0, seed: int = 0, dtype: str = "float32", device: str = "cpu",
                 axes: int = 2):
        self.config = check_config(dict(
            in_channels=in_channels, out_channels=out_channels, base_channels=base_channels,
            depth=depth, padding=padding, norm=norm, dropout=dropout, seed=seed, dtype=dtype,
            axes=axes))
        check_device(device)
        self.depth, self.norm, self.device = self.config["depth"], norm, device
        self.dropout, self.pad = self.config["dropout"], 1 if padding == "same" else 0
        self.rng = np.random.default_rng(self.config["seed"])
        self._params, self.buffers = initial_arrays(self.config, self.rng)
        self.to(device)

    @classmethod
    def paper(cls, **changes) -> "UNet":
        """Build the network of 2015: 64 … 1024 channels, unpadded, 572×572 → 388×388 pixels.

        It has 31,030,658 parameters. `changes` override its arguments.
        """
        return cls(**{"out_channels": 2, "base_channels": 64, "padding": "valid", "norm": None,
                      "dropout": 0.5, **changes})

    @using_threads()
    def forward(self, x: Array, training: bool = False) -> tuple[Array, dict]:
        """Compute the logits.

        Parameters
        ----------
        x : array (N, H, W, in_channels), of the network's dtype and on its device
        training : bool
            Normalise with the batch's own statistics (and update the running ones in
            `buffers`), apply dropout, and keep what `backward` needs. Else nothing is kept.

        Returns
        -------
        logits : array (N, OH, OW, out_channels), OH × OW by `output_shape((H, W))`
        cache : dict
            For `backward`, which empties it. Without training it holds no arrays.
        """
        self._check_input(x)
        if not training:
            logits = infer(x, self.folded().params, depth=self.depth, padding=self.pad)
            return logits, {"training": False}
        params, skips = self.params, {}
        cache: dict = {"training": True}
        for level in range(1, self.depth + 1):  # H, W and F are those of the level
            x, cache[f"enc{level}"] = self._block(f"enc{level}", x)  # (N, H, W, F)
            skips[level] = x  # for the way up
            x, cache[f"enc{level}.pool"] = ops.max_pool_forward(x)  # (N, H/2, W/2, F)
        x, cache["bottom"] = self._block("bottom", x)  # (N, H/2, W/2, 2F)
        if self.dropout:
            x, cache["dropout"] = ops.dropout_forward(x, self.dropout, self.rng)
        for level in range(self.depth, 0, -1):
            w, b = params[f"dec{level}.up.w"], params[f"dec{level}.up.b"]
            up, cache[f"dec{level}.up"] = ops.conv_transpose_forward(x, w, b, stride=2)
            x, cache[f"dec{level}.concat"] = ops.concat_forward(skips.pop(level), up)  # 2F channels
            x, cache[f"dec{level}"] = self._block(f"dec{level}", x)  # (N, H, W, F)
        logits, cache["head"] = ops.conv_forward(x, params["head.w"], params["head.b"])
        cache["shape"] = logits.shape  # (N, H, W, classes); unpadded, all sizes are smaller
        return logits, cache

    def _block(self, name, x):
        return double_conv_forward(x, name, self.params, self.buffers, padding=self.pad)

    @using_threads()
    def backward(self, dlogits: Array, cache: dict, input_gradient: bool = True
                 ) -> tuple[Maybe, Arrays]:
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
        grads, dskips = gradients(), {}  # a dict; where a batch is shared, it sums over the ranks
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

    def predict(self, x: Array) -> Array:
        """Compute probabilities: sigmoid of one logit, softmax of several.

        `x` is as for `forward`; the result is an array (N, OH, OW, out_channels).
        """
        logits, _ = self.forward(x)
        if self.config["out_channels"] == 1:
            return ops.sigmoid(logits)
        return array_module(logits).exp(ops.log_softmax(logits))

    def folded(self) -> "UNet":
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

    def output_shape(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Give the (H, W) of the logits for an image of `size` = (H, W); of volumes, (D, H, W).

        `ValueError` if it does not go through; the text names the nearest sizes that do.
        """
        return trace(self.config, size)[-1]

    def _check_input(self, x):
        check_float("x", x, ndim=2 + self.config["axes"], like=self.params["head.w"])
        channels = self.config["in_channels"]
        if x.shape[-1] != channels:
            shape = ", ".join("NDHW" if x.ndim == 5 else "NHW")
            raise ValueError(f"x must be ({shape}, {channels}), channels last; got {x.shape}")
        self.output_shape(x.shape[1:-1])
