"""How probable a model finds test images: the k-sample importance bound on log p(x)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kssl.evaluation.base import (
    Evaluation,
    Result,
    Task,
    apply,
    flat,
    frozen,
    named,
    positive,
)
from kssl.evaluation.generation.reconstruction import tensor_of
from kssl.evaluation.inputs import modality_of

_UNTRAINED = 1000  # test images for the untrained model: its hundreds of nats need no decimals


def log_likelihood(
    samples: int = 200,
    batch_size: int = 100,
    limit: int | None = None,
) -> Evaluation:
    """Negative log-likelihood of the test split in nats, by importance sampling.

    log p(x) >= E[log 1/k sum_k p(x|z_k) p(z_k) / q(z_k|x)], z_k drawn from q (Burda et al. 2015,
    arXiv:1509.00519), with log-sum-exp inside of the model's `log_prob`; the number reported is an
    upper bound of -log p(x) that falls as k grows. Beside it the same with one sample, the
    negative evidence lower bound. Numbers compare only with the same k and the same binarization,
    which is why both are part of the result.

    Args:
        samples: k; published numbers use 200 to 5,000.
        batch_size: Images at a time; memory grows with batch_size * samples * pixels.
        limit: At most so many test images: the first, evenly spaced where they are in the order of
            classes; None: all.

    Returns:
        A function of a `Task` that returns two `Result`s.

    Example:
        >>> bound, negative_elbo = log_likelihood(samples=50)(task)
        >>> bound.value <= negative_elbo.value
        True
    """
    for name, value in [("samples", samples), ("batch_size", batch_size), ("limit", limit)]:
        positive(name, value)

    def evaluate(task: Task) -> list[Result]:
        test = tensor_of(task.test, task.model, limit)
        family = likelihood_family(task.model)
        baseline = independent_pixels(tensor_of(task.train, task.model), test, family)
        few = tensor_of(task.test, task.model, min(len(test), _UNTRAINED))
        text = binarization(task.test, few, next(iter(modality_of(task.model).keys)))
        # The untrained model draws too, and from the same seed each time.
        with frozen(task.model, task.seed) as weights, frozen(task.untrained, task.seed):
            settings = {"likelihood": family, "binarization": text, "test": len(test)}
            settings = {**settings, "weights_sha256": weights}
            return [
                _result(task, (test, few), count, batch_size, baseline, settings)
                for count in dict.fromkeys([samples, 1])
            ]

    return named("log_likelihood", evaluate, needs=["HasDensity"])


def _result(
    task: Task,
    inputs: tuple[np.ndarray, np.ndarray],
    samples: int,
    batch_size: int,
    baseline: float,
    settings: dict[str, Any],
) -> Result:
    def nats(model: Any, images: np.ndarray) -> float:
        values = apply(model, "log_prob", images, batch_size=batch_size, samples=samples)
        return -float(np.mean(values, dtype=np.float64))

    test, few = inputs  # those of the model, and of the untrained one
    value = nats(task.model, test)
    baselines = {"untrained": nats(task.untrained, few), "independent pixels": baseline}
    settings = {"samples": samples, **settings, "test_of_untrained": len(few)}
    metric = "negative ELBO in nats"
    if samples > 1:
        metric = f"-log p(x) in nats, {samples}-sample bound"
    note = f"{bits_per_dim(value, flat(test).shape[1]):.4f} bits per pixel"
    if settings["likelihood"] == "bernoulli" and settings["binarization"].startswith("none"):
        note += "; a Bernoulli likelihood of grey values is no likelihood: do not compare it"
    return Result("log_likelihood", metric, value, "lower", baselines, settings, note)


def likelihood_family(model: Any) -> str:
    """`"bernoulli"` or `"gaussian"`, from the model's `likelihood`."""
    from kssl.models.capabilities import HasLikelihood, has

    likelihood = model.likelihood if has(model, HasLikelihood) else "bernoulli"
    name = likelihood if isinstance(likelihood, str) else type(likelihood).__name__
    return "gaussian" if "gauss" in name.lower() else "bernoulli"


def binarization(pipeline: Any, values: np.ndarray, key: str = "image") -> str:
    """How the pixels became 0 or 1, in words; every published likelihood depends on it.

    It is found out from the data, whichever transform was used: a threshold leaves every pixel
    that became 1 at least as bright as every pixel that became 0, a draw does not.

    Args:
        pipeline: The split that `values` came from.
        values: (examples, …) inputs that are scored, in the split's order.
        key: What they are called in the data.

    Returns:
        One line for the result's settings.
    """
    if not np.isin(values, (0.0, 1.0)).all():
        return "none: grey values"
    stored = np.asarray(pipeline.arrays(limit=len(values), transformed=False, first=False)[key])
    if len(np.unique(stored)) <= 2:
        return "as stored (0/1 values)"
    if stored.size == values.size:
        white = values.ravel() == 1.0
        gray = stored.ravel()
        if not white.any() or white.all() or gray[~white].max() <= gray[white].min():
            return "threshold"
    return "dynamic, one fixed draw per test image"


def independent_pixels(train: np.ndarray, test: np.ndarray, family: str = "bernoulli") -> float:
    """-log p(x) in nats of a model in which every pixel has its own, independent distribution.

    Args:
        train: Inputs that the distributions are estimated from.
        test: Inputs to score.
        family: `"bernoulli"` (with one success and one failure added) or `"gaussian"` (with the
            variance of a grey level, 1/12/255^2, added: pixels that never change would have none).

    Returns:
        Mean over `test`, summed over pixels.

    Example:
        >>> independent_pixels(np.array([[0.0], [1.0]]), np.array([[1.0]]))
        0.693...
    """
    rows, targets = flat(train), flat(test)
    mean = rows.mean(axis=0, dtype=np.float64)
    if family == "gaussian":
        variance = rows.var(axis=0, dtype=np.float64) + 1 / 12 / 255**2
        terms = 0.5 * ((targets - mean) ** 2 / variance + np.log(2 * math.pi * variance))
        return float(terms.sum(axis=1).mean())
    probability = (mean * len(rows) + 1) / (len(rows) + 2)
    # linear in the target: the mean target suffices, no (examples, pixels) array of float64
    target = targets.mean(axis=0, dtype=np.float64)
    return -float((target * np.log(probability) + (1 - target) * np.log1p(-probability)).sum())


def bits_per_dim(nats: float, dims: int, bins: int | None = None) -> float:
    """Negative log-likelihood per dimension in bits.

    Args:
        nats: -log p(x) of a whole example.
        dims: Number of values of an example.
        bins: For a density on integer levels that were scaled to [0, 1]: how many levels there
            were; log2(bins) is added. None for a likelihood of discrete values.

    Returns:
        nats / (dims ln 2), plus log2(bins).

    Example:
        >>> round(bits_per_dim(120.5, 784), 6)
        0.221741
    """
    return nats / (dims * math.log(2)) + (math.log2(bins) if bins else 0.0)
