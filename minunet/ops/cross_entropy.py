"""Cross-entropy, from logits: what the probability of the truth leaves to be wished for.

Starting from logits and not from probabilities keeps the loss finite: the logarithm and the
exponential cancel on paper instead of overflowing in the computer.
"""

from minunet.engine.backend import Array, Loss, array_module
from minunet.engine.blockwise import blocksum, blockwise
from minunet.engine.checks import check_float, check_labels, check_shape, check_target
from minunet.engine.ranks import over_ranks
from minunet.ops.activation import log_softmax, sigmoid


def sigmoid_cross_entropy(logits: Array, target: Array, weight: Array | None = None) -> Loss:
    """Cross-entropy of one class against the rest, averaged over the pixels.

    ::

        ℓ(z, t) = −t log σ(z) − (1 − t) log(1 − σ(z)) = max(z, 0) − z t + log(1 + e^−|z|)
        loss = (1/M) Σ weight · ℓ        dz = weight · (σ(z) − t) / M

    M counts all pixels (and channels): the weights are not normalised, as in the paper's eq. 1.

    Parameters
    ----------
    logits : array (N, H, W, 1), float
        z. More channels are as many independent yes-or-no questions.
    target : array like `logits`
        t, 0 or 1.
    weight : array that broadcasts to `logits`, optional
        One weight for each pixel, (N, H, W, 1).

    Returns
    -------
    loss : 0-d array
    dlogits : array like `logits`

    Raises
    ------
    TypeError, ValueError
        If shapes or dtypes do not fit, or a target is neither 0 nor 1.

    Examples
    --------
    A logit of 0 is a probability of ½ and costs log 2, whatever the truth; the gradient is ½ − t.

    >>> z, t = np.zeros((1, 1, 1, 1)), np.ones((1, 1, 1, 1))
    >>> loss, dz = ops.sigmoid_cross_entropy(z, t)
    >>> print(round(float(loss), 4), dz.ravel())
    0.6931 [-0.5]
    """
    xp = array_module(logits, "logits")
    check_target(logits, target)
    arrays = [logits, target]
    if weight is not None:
        check_float("weight", weight, ndim=logits.ndim, like=logits)
        check_shape("weight", weight, (*logits.shape[:-1], 1))
        arrays.append(xp.broadcast_to(weight, logits.shape))

    def losses(z, t, weight=1):
        return (weight * (xp.maximum(z, 0) - z * t + xp.log1p(xp.exp(-xp.abs(z)))),)

    loss, m = over_ranks(blocksum(losses, *arrays)[0].sum(), logits.size)  # of the whole batch

    def gradient(dz, z, t, weight=1):
        xp.multiply(sigmoid(z) - t, weight / m, out=dz)

    return loss / m, blockwise(gradient, *arrays)


def softmax_cross_entropy(logits: Array, labels: Array, weight: Array | None = None) -> Loss:
    """Cross-entropy of K classes that exclude each other, averaged over the pixels.

    ::

        log pₖ = zₖ − log Σⱼ e^zⱼ
        loss = −(1/M) Σ weight · log p_label        dzₖ = weight · (pₖ − [k = label]) / M

    Ronneberger et al. 2015, eq. 1 (there summed over the pixels, here averaged: M = N·H·W).

    Parameters
    ----------
    logits : array (N, H, W, K), float
    labels : array (N, H, W), integer
        The class of each pixel, 0 … K − 1.
    weight : array (N, H, W), the dtype of `logits`, optional
        One weight for each pixel.

    Returns
    -------
    loss : 0-d array
    dlogits : array like `logits`

    Raises
    ------
    TypeError, ValueError
        If shapes or dtypes do not fit, or a label is no class.

    Examples
    --------
    Probabilities of ¼, ¼ and ½, and the truth is the last: the loss is log 2.

    >>> z = np.log([1., 1, 2]).reshape(1, 1, 1, 3)
    >>> loss, dz = ops.softmax_cross_entropy(z, np.array([[[2]]]))
    >>> print(round(float(loss), 4), dz.ravel())
    0.6931 [ 0.25  0.25 -0.5 ]
    """
    xp = array_module(logits, "logits")
    check_labels(logits, labels)
    if weight is not None:
        check_float("weight", weight, like=logits)
        check_shape("weight", weight, labels.shape)
    log_p = log_softmax(logits)  # (N, H, W, K)
    hit = labels[..., None] == xp.arange(logits.shape[-1])  # (N, H, W, K), one-hot
    weights = 1 if weight is None else weight[..., None]
    loss, m = over_ranks(-(weights * log_p * hit).sum(), labels.size)  # of the whole batch
    return loss / m, (xp.exp(log_p) - hit) * (weights / m)
