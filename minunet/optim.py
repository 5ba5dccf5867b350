"""Optimisers, and what goes with them: the learning rate of a step, the mean of the weights."""

import math

from minunet.engine.backend import Arrays, array_module
from minunet.engine.blockwise import for_each
from minunet.engine.checks import check_float, check_like
from minunet.engine.memory import keep_freed_memory
from minunet.engine.values import real


class SGD:
    """Stochastic gradient descent with momentum, as the paper's (section 3: momentum 0.99).

    ::

        m ← momentum · m + g
        p ← p − lr · m

    Parameters
    ----------
    params : dict of arrays
        Changed in place by `step`. They must stay the same arrays: a network that moves to
        another device gets others, so move it first.
    lr : float
    momentum : float
        Share of the past that is kept, below 1; 0.99 looks back over some hundred steps.
    """

    def __init__(self, params: Arrays, lr: float = 1e-2, momentum: float = 0.99):
        self.lr, self.momentum = real("lr", lr), real("momentum", momentum, below=1)
        self.params, self.made_for = params, _take(params)
        self.state = {f"m/{k}": array_module(p).zeros_like(p) for k, p in params.items()}

    def step(self, grads: Arrays) -> None:
        """Make one step; `grads` has the keys and shapes of `params`."""
        _check_step(self, grads)
        lr = float(self.lr)  # a NumPy float64 would make every product float64
        for name, p in self.params.items():
            m = self.state[f"m/{name}"]
            m *= self.momentum
            m += grads[name]
            p -= lr * m


class Adam:
    """Adam with decoupled weight decay: steps of about lr, whatever the gradient's scale.

    ::

        m ← β₁ m + (1 − β₁) g                 mean of the gradient
        v ← β₂ v + (1 − β₂) g²                mean of its square
        p ← p − lr · ( m̂ / (√v̂ + ε) + weight_decay · p )

    with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ), which undo the start from zero. The decay
    applies to weights (`w`) only: pulling biases, γ and β to zero serves nothing.

    Parameters
    ----------
    params : dict of arrays, as for `SGD`
    lr, beta1, beta2, eps : float
    weight_decay : float
        Per step, as a share of lr.

    References
    ----------
    D. Kingma and J. Ba, "Adam", 2015, algorithm 1; I. Loshchilov and F. Hutter, "Decoupled
    weight decay regularization", 2019, algorithm 2.
    """

    def __init__(self, params: Arrays, lr: float = 1e-3, weight_decay: float = 0.0,
                 beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8):
        self.lr, self.weight_decay = real("lr", lr), real("weight_decay", weight_decay)
        self.beta1, self.beta2 = real("beta1", beta1, below=1), real("beta2", beta2, below=1)
        self.eps, self.steps = real("eps", eps), 0
        self.params, self.made_for = params, _take(params)
        self.state = {f"{kind}/{k}": array_module(p).zeros_like(p)
                      for kind in "mv" for k, p in params.items()}

    def step(self, grads: Arrays) -> None:
        """Make one step; `grads` has the keys and shapes of `params`."""
        _check_step(self, grads)
        self.steps += 1
        lr = float(self.lr)  # a NumPy float64 would make every product float64
        correction1 = 1 - self.beta1**self.steps  # c₁
        root_c2 = math.sqrt(1 - self.beta2**self.steps)

        def update(name):
            p, g, xp = self.params[name], grads[name], array_module(grads[name])
            m, v = self.state[f"m/{name}"], self.state[f"v/{name}"]
            m *= self.beta1
            scratch = g * (1 - self.beta1)  # the only array besides: small ones stay in cache
            m += scratch
            v *= self.beta2
            xp.multiply(g, g, out=scratch)
            scratch *= 1 - self.beta2
            v += scratch
            # m̂ / (√v̂ + ε), with √c₂ taken out, is √c₂ / c₁ · m / (√v + ε √c₂): a walk less
            xp.sqrt(v, out=scratch)
            scratch += self.eps * root_c2
            xp.divide(m, scratch, out=scratch)
            scratch *= lr * root_c2 / correction1
            if self.weight_decay and name.endswith(".w"):
                p *= 1 - lr * self.weight_decay
            p -= scratch

        for_each(update, grads, like=self.params[min(grads)])


def follow(mean: Arrays, arrays: Arrays, step: int) -> None:
    """Let a running mean of arrays take one step towards them, in place.

    ::

        mean ← d · mean + (1 − d) · array           d = min(0.998, (1 + step) / (10 + step))

    From batch to batch the weights jump about the place that they settle towards; their mean over
    the last steps lies nearer to it, and scores steadily where theirs go up and down. The mean
    looks back over 1 / (1 − d) steps: a ninth of those made, and 500 at most, so the
    beginning is forgotten soon.

    Parameters
    ----------
    mean, arrays : dict of arrays
        With the same keys, shapes and devices; `mean` is changed.
    step : int
        How many steps were made before this one.

    References
    ----------
    B. Polyak and A. Juditsky, "Acceleration of stochastic approximation by averaging", 1992; the
    rule for d is TensorFlow's ``ExponentialMovingAverage``.
    """
    d = min(0.998, (1 + step) / (10 + step))
    for name, m in mean.items():
        m += (1 - d) * (arrays[name] - m)


def warmup_cosine(step: int, total: int, peak: float, warmup: float = 0.1, floor: float = 0.01
                  ) -> float:
    """Give the learning rate of a step: up a straight line, then down half a cosine.

    ::

        lr = peak · (step + 1) / w                                       while step < w
        lr = peak · (floor + (1 − floor) · (1 + cos πu) / 2)             u = (step−w)/(total−w)

    with w = warmup · total. The first steps are small because Adam's means know little yet; the
    last are small so that the weights settle.

    Parameters
    ----------
    step : int
        0 … total − 1.
    total : int
        Steps of the whole training.
    peak : float
        The largest learning rate.
    warmup : float
        Share of the steps on the way up.
    floor : float
        What the learning rate falls towards, as a share of the peak.

    Returns
    -------
    float

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR", 2017, eq. 5.
    """
    if not 0 <= step < total:
        raise ValueError(f"step must be from 0 to total − 1 = {total - 1}, got {step}")
    up = int(warmup * total)
    if step < up:
        return float(peak * (step + 1) / up)
    u = (step - up) / max(total - up, 1)
    return float(peak * (floor + (1 - floor) * (1 + math.cos(math.pi * u)) / 2))


def _take(params):
    """Check the parameters; give another dict of the same arrays.

    Who makes an optimiser is about to train, so freed memory is kept from here on.
    """
    if not isinstance(params, dict):
        raise TypeError("params must be a dict of arrays, such as net.params; "
                        f"got {type(params).__name__}")
    if not params:
        raise ValueError("params must not be empty")
    for name, p in params.items():
        check_float(f"params[{name!r}]", p)
    keep_freed_memory()
    return dict(params)


def _check_step(optimiser, grads):
    """Raise unless `params` are the arrays that the state belongs to, and `grads` fit them."""
    params, made_for = optimiser.params, optimiser.made_for
    for name in sorted(params.keys() | made_for.keys()):
        if params.get(name) is not made_for.get(name):
            raise ValueError(f"params[{name!r}] is not the array that this optimiser was made for: "
                             "the network was moved to another device, or was given other arrays; "
                             "make the optimiser after that")
    check_like("grads", grads, params, "params")
