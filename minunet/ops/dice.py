"""Dice losses, from logits: one minus the overlap of what is predicted and what is true.

Where 1 % of the pixels is tumour, an empty mask is nearly right for cross-entropy; not for overlap.
"""

from minunet.engine.backend import Array, Loss, array_module
from minunet.engine.blockwise import blocksum, blockwise
from minunet.engine.checks import check_labels, check_target
from minunet.engine.ranks import over_ranks
from minunet.engine.values import real
from minunet.ops.activation import log_softmax, sigmoid


def dice_loss(logits: Array, target: Array, *, smooth: float = 1.0) -> Loss:
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

    Examples
    --------
    Two pixels of probability ½, one of them tumour: I = ½, U = 1 + 1, and with s = 0 the loss is
    1 − 2·½ / 2.

    >>> z, t = np.zeros((1, 1, 2, 1)), np.array([1., 0]).reshape(1, 1, 2, 1)
    >>> loss, dz = ops.dice_loss(z, t, smooth=0.0)
    >>> print(loss, dz.ravel())
    0.5 [-0.1875  0.0625]
    """
    check_target(logits, target)
    smooth = real("smooth", smooth)
    xp = array_module(logits)
    p = blockwise(lambda p, z: xp.copyto(p, sigmoid(z)), logits)
    overlap, predicted, true = over_ranks(  # (C,) each
        *blocksum(lambda p, t: (p * t, p, t), p, target))
    total = predicted + true + smooth
    dice = (2 * overlap + smooth) / total

    def gradient(dz, p, t, dice, scale):
        xp.multiply((dice - 2 * t) * scale, p * (1 - p), out=dz)

    dlogits = blockwise(gradient, p, target, channels=(dice, 1 / (total * len(dice))))
    return 1 - dice.mean(), dlogits


def softmax_dice_loss(logits: Array, labels: Array, *, smooth: float = 1.0) -> Loss:
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

    Examples
    --------
    With two classes, it is `dice_loss` of the difference of the two logits.

    >>> z = np.zeros((1, 1, 2, 2))
    >>> loss, dz = ops.softmax_dice_loss(z, np.array([[[1, 0]]]), smooth=0.0)
    >>> print(loss)
    0.5
    >>> print(dz[0, 0])
    [[ 0.1875 -0.1875]
     [-0.0625  0.0625]]
    """
    xp = array_module(logits, "logits")
    check_labels(logits, labels)
    if logits.shape[-1] < 2:
        raise ValueError("logits must have at least 2 channels, got 1; dice_loss takes one class")
    smooth = real("smooth", smooth)
    p = xp.exp(log_softmax(logits))  # (N, H, W, K)
    target = (labels[..., None] == xp.arange(p.shape[-1])).astype(p.dtype)  # one-hot
    pixels = tuple(range(p.ndim - 1))
    overlap, predicted, true = over_ranks(  # (K,) each
        (p * target).sum(axis=pixels), p.sum(axis=pixels), target.sum(axis=pixels))
    total = predicted + true + smooth
    dice = (2 * overlap + smooth) / total
    dp = (dice - 2 * target) / (total * (len(dice) - 1))
    dp[..., 0] = 0
    return 1 - dice[1:].mean(), p * (dp - (dp * p).sum(axis=-1, keepdims=True))
