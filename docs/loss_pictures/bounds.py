"""Pictures of reconstruction errors, divergences and the bounds made of them."""

from __future__ import annotations

import numpy as np
from style import Panel, numbers

from kssl import losses


def reconstruction() -> list[Panel]:
    error = np.linspace(-3, 3, 121)[:, None]
    kinds = {
        kind: (error[:, 0], numbers(losses.reconstruction(np.zeros_like(error), error, kind)))
        for kind in ("squared", "absolute", "huber", "gaussian")
    }
    logit = np.linspace(-6, 6, 121)[:, None]
    targets = {
        f"{target:g}": (
            logit[:, 0],
            numbers(losses.reconstruction(np.full_like(logit, target), logit, "bernoulli")),
        )
        for target in (0.0, 0.3, 1.0)
    }
    limits = {"ymin": 0, "ymax": 6.2}
    return [
        Panel("error", "loss (gaussian: nats)", kinds, options=limits),
        Panel("logit", "loss (nats)", targets, "target", limits | {"title": "bernoulli"}),
    ]


def gaussian_kl() -> list[Panel]:
    mean = np.linspace(-3, 3, 121)[:, None]
    spread = np.linspace(-5, 3, 121)[:, None]
    left = {
        f"{value:g}": (mean[:, 0], numbers(losses.gaussian_kl(mean, np.full_like(mean, value))))
        for value in (0.0, -2.0, -4.0)
    }
    # Free bits hold for the mean over the batch: each value is a batch of its own.
    right = {
        f"{free:g}": (
            spread[:, 0],
            [float(losses.gaussian_kl([[0.0]], [row], free)[0]) for row in spread],
        )
        for free in (0.0, 0.5)
    }
    return [
        Panel("mean", "loss (nats)", left, "log-variance", {"ymin": 0}),
        Panel("log-variance, at mean 0", "loss (nats)", right, "free bits (nats)", {"ymin": 0}),
    ]


def elbo() -> list[Panel]:
    """An x of 1, `p(x|z)` normal around z with standard deviation 0.5, `q(z|x)` around 0.8."""
    deviation = np.linspace(0.05, 1.2, 93)
    grid = np.linspace(-4, 4, 401)
    weights = np.exp(-0.5 * grid**2) / np.exp(-0.5 * grid**2).sum()
    errors, divergences = [], []
    for each in deviation:
        latent = (0.8 + each * grid)[:, None]
        log_variance = 2 * np.log(0.5)
        likelihood = losses.reconstruction(np.ones_like(latent), latent, "gaussian", log_variance)
        errors.append(np.sum(weights * numbers(likelihood)))
        divergences.append(float(losses.gaussian_kl([[0.8]], [[2 * np.log(each)]])[0]))
    parts = {"reconstruction": (deviation, errors), "divergence": (deviation, divergences)}
    sums = {
        f"{beta:g}": (
            deviation,
            numbers(losses.elbo(np.array(errors), np.array(divergences), beta)),
        )
        for beta in (0.5, 1.0, 4.0)
    }
    x = "standard deviation of q(z|x)"
    return [
        Panel(x, "part (nats)", parts, options={"ymin": 0}),
        Panel(x, "loss (nats)", sums, "beta", {"ymin": 0}),
    ]


def importance_weighted_bound() -> list[Panel]:
    """An x of 1, z standard normal, `p(x|z)` normal around z: the posterior is N(1/2, 1/2)."""
    counts = np.unique(np.logspace(0, 3, 16).astype(int))
    settings = {
        "the prior, N(0, 1)": (0.0, 1.0),
        "too narrow, N(0.5, 0.1)": (0.5, np.sqrt(0.1)),
        "the posterior, N(0.5, 0.5)": (0.5, np.sqrt(0.5)),
    }
    curves = {}
    for name, (mean, deviation) in settings.items():
        drawn = np.random.default_rng(0).normal(size=(4000, int(counts.max())))
        latent = mean + deviation * drawn
        joint = -0.5 * latent**2 - 0.5 * (1 - latent) ** 2 - np.log(2 * np.pi)
        weights = joint + 0.5 * drawn**2 + np.log(deviation) + 0.5 * np.log(2 * np.pi)
        means = [
            numbers(losses.importance_weighted_bound(weights[:, :count])).mean() for count in counts
        ]
        curves[name] = counts, means
    exact = 0.25 + 0.5 * np.log(4 * np.pi)
    options = {"xlog": True, "level": (exact, "-log p(x)")}
    return [Panel("samples of q(z|x)", "mean loss (nats)", curves, "q(z|x)", options)]


def gaussian_kl_between() -> list[Panel]:
    gap = np.linspace(-3, 3, 121)[:, None]
    zeros = np.zeros_like(gap)
    left = {}
    for deviation in (0.5, 1.0, 2.0):
        other = np.full_like(gap, 2 * np.log(deviation))
        left[f"{deviation:g}"] = (
            gap[:, 0],
            numbers(losses.gaussian_kl_between(gap, zeros, zeros, other)),
        )
    ratio = np.linspace(0.2, 3, 141)[:, None]
    wide = 2 * np.log(ratio)
    right = {
        "KL(q || p), this loss": (
            ratio[:, 0],
            numbers(losses.gaussian_kl_between(zeros[:1], wide, zeros[:1], zeros[:1])),
        ),
        "KL(p || q), the reverse": (
            ratio[:, 0],
            numbers(losses.gaussian_kl_between(zeros[:1], zeros[:1], zeros[:1], wide)),
        ),
    }
    return [
        Panel(
            "mean of q - mean of p",
            "loss (nats)",
            left,
            "standard deviation of p",
            {"ymax": 6, "ymin": 0},
        ),
        Panel("standard deviation of q / that of p", "nats", right, options={"ymax": 4, "ymin": 0}),
    ]


def categorical_kl() -> list[Panel]:
    chance = np.linspace(1e-6, 1 - 1e-6, 201)
    logits = np.log(np.stack([chance, 1 - chance], axis=1))
    curves = {}
    for first in (0.5, 0.8, 0.99):
        values = losses.categorical_kl(logits, np.log([[first, 1 - first]]))
        curves["uniform" if first == 0.5 else f"{first:g}"] = chance, numbers(values)
    x = "q's probability of the first category"
    return [Panel(x, "loss (nats)", curves, "p's probability of it", {"ymin": 0})]


PICTURES = {
    make.__name__: make
    for make in (
        reconstruction,
        gaussian_kl,
        elbo,
        importance_weighted_bound,
        gaussian_kl_between,
        categorical_kl,
    )
}
