"""The mathematics: pure functions, each forward beside its backward.

``y, cache = op_forward(x, …)`` and ``dx, … = op_backward(dy, cache)``: no argument is changed,
no state kept, and backward may be called twice.

One alphabet of shapes: N images, H × W pixels, C channels in, F channels out, KH × KW kernel,
S stride, P padding, OH × OW output. Images are ``(N, H, W, C)``.

The examples in the docstrings know ``np`` and ``ops`` (``from minunet import ops``).
"""

from minunet.ops.activation import add, log_softmax, relu_backward, relu_forward, sigmoid
from minunet.ops.concat import concat_backward, concat_forward
from minunet.ops.conv import conv_backward, conv_forward, conv_relu_inference
from minunet.ops.conv_transpose import conv_transpose_backward, conv_transpose_forward
from minunet.ops.cross_entropy import sigmoid_cross_entropy, softmax_cross_entropy
from minunet.ops.dice import dice_loss, softmax_dice_loss
from minunet.ops.dropout import dropout_backward, dropout_forward
from minunet.ops.fast.norm_relu import batch_norm_relu_backward, batch_norm_relu_forward
from minunet.ops.norm import (
    batch_norm_backward,
    batch_norm_forward,
    batch_norm_inference,
    fold_batch_norm,
)
from minunet.ops.pool import max_pool_backward, max_pool_forward, max_pool_inference

__all__ = [
    "add", "batch_norm_backward", "batch_norm_forward", "batch_norm_inference",
    "batch_norm_relu_backward", "batch_norm_relu_forward", "concat_backward", "concat_forward",
    "conv_backward", "conv_forward", "conv_relu_inference",
    "conv_transpose_backward", "conv_transpose_forward",
    "dice_loss", "dropout_backward", "dropout_forward", "fold_batch_norm", "log_softmax",
    "max_pool_backward", "max_pool_forward", "max_pool_inference", "relu_backward", "relu_forward",
    "sigmoid", "sigmoid_cross_entropy", "softmax_cross_entropy", "softmax_dice_loss",
]
