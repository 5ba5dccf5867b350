"""What often goes wrong with batch normalisation, computed: see `mistakes`."""

import numpy as np

from minunet.tool.exercises.operations import OPERATIONS, expected

AXES = (0, 1, 2)


def _norm(case, axes=AXES, ddof=0, eps=None, inside=True, center=True, scale=True):
    x, gamma, beta = case.arguments.values()
    eps = case.options.get("eps", 1e-5) if eps is None else eps
    var = ((x - x.mean(axis=axes, keepdims=True)) ** 2).sum(axis=axes, keepdims=True)
    numbers = x.size / var.size
    var = var / max(numbers - ddof, 1)
    std = np.sqrt(var + eps) if inside else np.sqrt(var) + eps
    with np.errstate(all="ignore"):
        x_hat = (x - x.mean(axis=axes, keepdims=True) * center) / (std if scale else 1)
    return gamma * x_hat + beta


def _without_x_hat(case):
    x, gamma, _ = case.arguments.values()
    sigma = np.sqrt(x.var(axis=AXES) + case.options.get("eps", 1e-5))
    through_std = (case.dy * _x_hat(case)).mean(axis=AXES)
    return gamma / sigma * (case.dy - case.dy.mean(axis=AXES) - through_std)


def _norm_dx(case, mean=1.0, std=1.0, gamma=True, power=1):
    """dx with its two subtracted terms times `mean` and `std` (numbers, or functions of x)."""
    x, g, _ = case.arguments.values()
    sigma = np.sqrt(x.var(axis=AXES) + case.options.get("eps", 1e-5))
    x_hat = _x_hat(case)
    mean, std = (weight(x) if callable(weight) else weight for weight in (mean, std))
    through_std = x_hat * (case.dy * x_hat).mean(axis=AXES)
    dx = case.dy - mean * case.dy.mean(axis=AXES) - std * through_std
    return (g if gamma else 1) * dx / sigma**power


def _x_hat(case):
    x = case.arguments["x"]
    return (x - x.mean(axis=AXES)) / np.sqrt(x.var(axis=AXES) + case.options.get("eps", 1e-5))


def _pixels(x):
    return x.size // x.shape[-1]


BATCH_NORM = {
    "y": [("ε is missing, or not the one that was given: divide by √(σ² + ε)",
           lambda c: _norm(c, eps=0.0)),
          ("ε is not the one that was given: eps is an argument", lambda c: _norm(c, eps=1e-5)),
          ("ε belongs under the root: √(σ² + ε), not √σ² + ε", lambda c: _norm(c, inside=False)),
          ("σ² is divided by M − 1: normalise with the mean of (x − μ)², divided by M",
           lambda c: _norm(c, ddof=1)),
          ("μ and σ² are those of each image: take them over all images of the batch, axes 0, 1, 2",
           lambda c: _norm(c, axes=(1, 2))),
          ("μ and σ² are taken over the channels, too: each channel has its own, axes 0, 1, 2",
           lambda c: _norm(c, axes=(0, 1, 2, 3))),
          ("μ and σ² are taken over the channels of a pixel: take them over axes 0, 1, 2",
           lambda c: _norm(c, axes=3)),
          ("μ is not subtracted: x̂ = (x − μ) / √(σ² + ε)", lambda c: _norm(c, center=False)),
          ("x − μ is not divided by √(σ² + ε)", lambda c: _norm(c, scale=False)),
          ("β is multiplied with γ: y = γ x̂ + β",
           lambda c: c.arguments["gamma"] * (_x_hat(c) + c.arguments["beta"])),
          ("β is not added", lambda c: _norm(c) - c.arguments["beta"]),
          ("x̂ is not multiplied with γ",
           lambda c: _x_hat(c) + c.arguments["beta"])],
    "dx": [("two of three terms are missing: μ and σ² depend on x, too, and are no constants",
            lambda c: _norm_dx(c, mean=0, std=0)),
           ("the term through μ is missing: dx has mean 0, because shifting x changes nothing",
            lambda c: _norm_dx(c, mean=0)),
           ("the term through σ² is missing: stretching x changes nothing, so dx has no part "
            "along x̂", lambda c: _norm_dx(c, std=0)),
           ("1/M is missing in both terms: a mean was taken as a sum (M = N·H·W)",
            lambda c: _norm_dx(c, mean=_pixels, std=_pixels)),
           ("1/M is missing in the term through μ: dβ / M (M = N·H·W)",
            lambda c: _norm_dx(c, mean=_pixels)),
           ("1/M is missing in the term through σ²: x̂ dγ / M (M = N·H·W)",
            lambda c: _norm_dx(c, std=_pixels)),
           ("M is the number of images here: it is how many numbers the mean is over, N·H·W",
            lambda c: _norm_dx(c, *[lambda x: _pixels(x) / len(x)] * 2)),
           ("M is H·W here: it is how many numbers the mean is over, N·H·W",
            lambda c: _norm_dx(c, mean=len, std=len)),
           ("the terms are added: both are subtracted from dy",
            lambda c: _norm_dx(c, mean=-1, std=-1)),
           ("γ is missing", lambda c: _norm_dx(c, gamma=False)),
           ("the factor γ / √(σ² + ε) is missing",
            lambda c: _norm_dx(c, gamma=False, power=0)),
           ("x̂ is missing in the term through σ²: x̂ dγ / M", _without_x_hat),
           ("divided by σ² + ε: divide by √(σ² + ε)", lambda c: _norm_dx(c, power=2)),
           ("not divided by √(σ² + ε)", lambda c: _norm_dx(c, power=0)),
           ("multiplied with √(σ² + ε): divide by it", lambda c: _norm_dx(c, power=-1))],
    "dgamma": [("this is dβ: dγ = Σ dy · x̂, and they are returned as dx, dgamma, dbeta",
                lambda c: c.dy.sum(axis=AXES)),
               ("x stands in the place of x̂: dγ = Σ dy · x̂",
                lambda c: (c.dy * c.arguments["x"]).sum(axis=AXES)),
               ("y stands in the place of x̂: dγ = Σ dy · x̂",
                lambda c: (c.dy * _norm(c)).sum(axis=AXES)),
               ("dγ is not summed over the images: sum over axes 0, 1, 2",
                lambda c: (c.dy * _x_hat(c)).sum(axis=(1, 2)))],
    "dbeta": [("this is dγ: dβ = Σ dy, and they are returned as dx, dgamma, dbeta",
               lambda c: expected(OPERATIONS["batch_norm"], c)["dgamma"]),
              ("dβ is not summed over the images: sum over axes 0, 1, 2",
               lambda c: c.dy.sum(axis=(1, 2))),
              ("dβ is not multiplied with anything: Σ dy",
               lambda c: (c.dy * c.arguments["gamma"]).sum(axis=AXES))],
}
