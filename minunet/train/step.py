"""A step of training: forward, loss, backward, update; and the loss."""

from minunet import ops
from minunet.engine.backend import Array, Loss
from minunet.engine.blas import blas_on_one_thread
from minunet.optim import SGD, Adam
from minunet.unet import UNet


@blas_on_one_thread()
def train_step(net: UNet, optimiser: Adam | SGD, images: Array, target: Array) -> Array:
    """Make one step: forward, loss, backward, update. Nothing moves between host and device.

    Parameters
    ----------
    net : UNet
    optimiser : optim.Adam or optim.SGD
        Of ``net.params``.
    images : array (N, H, W, C)
    target : array (N, H, W, 1)
        The class of each pixel. Both on the network's device.

    Returns
    -------
    loss : 0-d array
        On the device still: ``float(loss)`` fetches it.
    """
    logits, cache = net.forward(images, training=True)
    loss, dlogits = segmentation_loss(logits, target)
    _, grads = net.backward(dlogits, cache, input_gradient=False)
    optimiser.step(grads)
    return loss


def segmentation_loss(logits: Array, target: Array) -> Loss:
    """Cross-entropy plus soft Dice: the one is right for every pixel, the other for the tumour.

    Cross-entropy alone is nearly content with an empty mask where the tumour is 1 % of the
    pixels; Dice alone has little slope where the network is far off. For one logit, both are the
    sigmoid's; for a logit for each class, both are the softmax's, and the Dice is the mean over the
    classes but the background.

    Parameters
    ----------
    logits : array (N, H, W, 1) or (N, H, W, K)
    target : array (N, H, W, 1)
        The class of each pixel, a whole number of any dtype: 0 or 1, or 0 … K − 1.

    Returns
    -------
    loss : 0-d array
    dlogits : array like `logits`
    """
    if logits.shape[-1] == 1:
        cross_entropy, dlogits1 = ops.sigmoid_cross_entropy(logits, target)
        overlap, dlogits2 = ops.dice_loss(logits, target)
    else:
        labels = target[..., 0].astype("int32")
        cross_entropy, dlogits1 = ops.softmax_cross_entropy(logits, labels)
        overlap, dlogits2 = ops.softmax_dice_loss(logits, labels)
    return cross_entropy + overlap, dlogits1 + dlogits2
