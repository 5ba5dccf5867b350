"""Losses, from logits: one number to make small, and its gradient.

Starting from logits and not from probabilities keeps every loss finite: the logarithm and the
exponential cancel on paper instead of overflowing in the computer.
"""

from minunet.backend import array_module
from minunet.cores import parallel, parts
from minunet.ops.activation import log_softmax, sigmoid
from minunet.ops.checks import check_float, check_image, check_shape, check_values
from minunet.values import real
from minunet.walks import blocksum, blockwise


def sigmoid_cross_entropy(logits, target, weight=None):
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
        One weight a pixel, (N, H, W, 1).

    Returns
    -------
    loss : 0-d array
    dlogits : array like `logits`

    Raises
    ------
    TypeError, ValueError
        If shapes or dtypes do not fit, or a target is neither 0 nor 1.
    """
    xp = array_module(logits, "logits")
    _check_target(logits, target)
    arrays = [logits, target]
    if weight is not None:
        check_float("weight", weight, ndim=logits.ndim, like=logits)
        check_shape("weight", weight, (*logits.shape[:-1], 1))
        arrays.append(xp.broadcast_to(weight, logits.shape))

    def losses(z, t, weight=1):
        return (weight * (xp.maximum(z, 0) - z * t + xp.log1p(xp.exp(-xp.abs(z)))),)

    def gradient(dz, z, t, weight=1):
        xp.multiply(sigmoid(z) - t, weight / logits.size, out=dz)

    return blocksum(losses, *arrays)[0].sum() / logits.size, blockwise(gradient, *arrays)


def softmax_cross_entropy(logits, labels, weight=None):
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
        One weight a pixel.

    Returns
    -------
    loss : 0-d array
    dlogits : array like `logits`

    Raises
    ------
    TypeError, ValueError
        If shapes or dtypes do not fit, or a label is no class.
    """
    xp = array_module(logits, "logits")
    _check_labels(logits, labels)
    if weight is not None:
        check_float("weight", weight, like=logits)
        check_shape("weight", weight, labels.shape)
    classes, dlogits = xp.arange(logits.shape[-1]), xp.empty(logits.shape, dtype=logits.dtype)

    def some(images):
        log_p = log_softmax(logits[images])  # (n, H, W, K)
        hit = labels[images][..., None] == classes  # (n, H, W, K), one-hot
        weights = 1 if weight is None else weight[images][..., None]
        dlogits[images] = (xp.exp(log_p) - hit) * (weights / labels.size)
        return -(weights * log_p * hit).sum()

    losses = parallel(xp, some, parts(xp, len(logits), 4 * logits[:1].nbytes))
    return sum(losses) / labels.size, dlogits


def dice_loss(logits, target, *, smooth=1.0):
    """One minus the soft Dice overlap of prediction and target, over the whole batch.

    ::

        p = σ(z),   I = Σ p t,   U = Σ p + Σ t
        loss = 1 − (2 I + s) / (U + s)
        dp = ((2 I + s) / (U + s) − 2 t) / (U + s)        dz = dp · p (1 − p)

    The sums run over all images of the batch, so that a slice without tumour does not count as
    an overlap of its own; s keeps a batch without any tumour from dividing by zero. Several
    channels are as many losses, averaged.

    Parameters
    ----------
    logits : array (N, H, W, 1), float
    target : array like `logits`
        0 or 1.
    smooth : float
        s ≥ 0, in pixels.

    Returns
    -------
    loss : 0-d array
    dlogits : array like `logits`

    Raises
    ------
    TypeError, ValueError
        If shapes or dtypes do not fit, or a target is neither 0 nor 1.

    References
    ----------
    F. Milletari et al., "V-Net", 2016, section 3 (there with squares in the denominator).
    """
    _check_target(logits, target)
    smooth = real("smooth", smooth)
    xp = array_module(logits)
    p = blockwise(lambda p, z: xp.copyto(p, sigmoid(z)), logits)
    overlap, predicted, true = blocksum(lambda p, t: (p * t, p, t), p, target)  # (C,) each
    total = predicted + true + smooth
    dice = (2 * overlap + smooth) / total

    def gradient(dz, p, t, dice, scale):
        xp.multiply((dice - 2 * t) * scale, p * (1 - p), out=dz)

    dlogits = blockwise(gradient, p, target, channels=(dice, 1 / (total * len(dice))))
    return 1 - dice.mean(), dlogits


def softmax_dice_loss(logits, labels, *, smooth=1.0):
    """One minus the soft Dice overlap, averaged over the classes but the background, class 0.

    ::

        p = softmax(z),   t one-hot,   Iₖ = Σ pₖ tₖ,   Uₖ = Σ pₖ + Σ tₖ
        loss = 1 − (1/(K−1)) Σₖ₌₁ (2 Iₖ + s) / (Uₖ + s)
        dpₖ = ((2 Iₖ + s) / (Uₖ + s) − 2 tₖ) / (Uₖ + s) / (K − 1),   dp₀ = 0
        dzₖ = pₖ (dpₖ − Σⱼ dpⱼ pⱼ)

    The sums run over all images of the batch, as in `dice_loss`, and s has the same task: a class
    that is not in the batch costs what is predicted of it.

    Parameters
    ----------
    logits : array (N, H, W, K), float
        K ≥ 2.
    labels : array (N, H, W), integer
        The class of each pixel, 0 … K − 1.
    smooth : float
        s ≥ 0, in pixels.

    Returns
    -------
    loss : 0-d array
    dlogits : array like `logits`

    Raises
    ------
    TypeError, ValueError
        If shapes or dtypes do not fit, or a label is no class.
    """
    xp = array_module(logits, "logits")
    _check_labels(logits, labels)
    if logits.shape[-1] < 2:
        raise ValueError("logits must have at least 2 channels, got 1; dice_loss takes one class")
    smooth = real("smooth", smooth)
    p = xp.exp(log_softmax(logits))  # (N, H, W, K)
    target = (labels[..., None] == xp.arange(p.shape[-1])).astype(p.dtype)  # one-hot
    pixels = tuple(range(p.ndim - 1))
    overlap = 2 * (p * target).sum(axis=pixels) + smooth  # (K,)
    total = p.sum(axis=pixels) + target.sum(axis=pixels) + smooth  # (K,)
    dice = overlap / total
    dp = (dice - 2 * target) / (total * (len(dice) - 1))
    dp[..., 0] = 0
    return 1 - dice[1:].mean(), p * (dp - (dp * p).sum(axis=-1, keepdims=True))


def _check_labels(logits, labels):
    check_image("logits", logits)
    if array_module(labels, "labels") is not array_module(logits, "logits"):
        raise TypeError("labels lies on another device than the other arguments; move one")
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, got {labels.dtype}")
    check_shape("labels", labels, logits.shape[:-1])
    check_values("labels", labels, range(logits.shape[-1]))


def _check_target(logits, target):
    check_image("logits", logits)
    check_float("target", target, like=logits)
    check_shape("target", target, logits.shape)
    check_values("target", target, range(2))
