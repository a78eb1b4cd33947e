"""Pictures of the other losses: without negatives, of prototypes, words, players and noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from style import Panel, numbers

from kssl import losses


def independent(count: int, width: int) -> np.ndarray:
    """Return features of mean 0 and variance 1 with no correlation at all: columns of cosines."""
    rows = np.arange(count)[:, None] + 0.5
    return np.sqrt(2) * np.cos(np.pi * rows * np.arange(1, width + 1) / count)


def barlow_twins() -> list[Panel]:
    correlation = np.linspace(0, 1, 41)
    left, right = {}, {}
    for width in (64, 128, 256):
        rows = independent(1024, 2 * width + 1)
        first, noise, common = rows[:, :width], rows[:, width:-1], rows[:, -1:]
        alike = [
            float(losses.barlow_twins(first, each * first + np.sqrt(1 - each**2) * noise))
            for each in correlation
        ]
        left[f"{width}"] = correlation, alike
        mixed = [np.sqrt(each) * common + np.sqrt(1 - each) * first for each in correlation]
        right[f"{width}"] = correlation, [float(losses.barlow_twins(each, each)) for each in mixed]
    return [
        Panel("correlation of the two views", "loss", left, "features"),
        Panel("correlation between features", "loss", right, "features"),
    ]


def vicreg() -> list[Panel]:
    rows = independent(512, 33)
    first, other, common = rows[:, :16], rows[:, 16:32], rows[:, 32:]
    along = np.linspace(0, 1, 51)
    distance, spread = 2 * along, 2 * along

    def part(place: int, views: list[tuple[Any, Any]]) -> list[float]:
        return [float(losses.vicreg_parts(*each)[place]) for each in views]

    apart = [(first, first + each * other) for each in distance]
    scaled = [(each * first, each * first) for each in spread]
    mixed = [np.sqrt(each) * common + np.sqrt(1 - each) * first for each in along]
    redundant = part(2, [(each, each) for each in mixed])
    x = "difference of the views"
    return [
        Panel(x, "part", {"": (distance, part(0, apart))}, options={"title": "invariance"}),
        Panel(
            "standard deviation of each feature",
            "",
            {"": (spread, part(1, scaled))},
            options={"title": "variance"},
        ),
        Panel(
            "correlation of features", "", {"": (along, redundant)}, options={"title": "covariance"}
        ),
    ]


def negative_cosine() -> list[Panel]:
    angle = np.linspace(0, 180, 181)
    rows = np.stack([np.cos(np.radians(angle)), np.sin(np.radians(angle))], axis=1)
    loss = numbers(losses.negative_cosine(np.array([[1.0, 0.0]]), rows))
    curves = {
        "negative_cosine": (angle, loss),
        "BYOL: 2 + 2 · negative_cosine": (angle, 2 + 2 * loss),
    }
    return [Panel("angle of prediction and target (degrees)", "loss", curves)]


def dino() -> list[Panel]:
    lead = np.linspace(-0.2, 1.2, 141)
    student, teacher = np.zeros((len(lead), 16)), np.zeros((len(lead), 16))
    student[:, 0], teacher[:, 0] = lead, 0.2
    curves = {
        f"{temperature:g}": (
            lead,
            numbers(losses.dino(teacher, student, teacher_temperature=temperature)),
        )
        for temperature in (0.04, 0.07, 0.2)
    }
    x = "student's logit of that prototype above the others"
    return [Panel(x, "loss (nats)", curves, "teacher's temperature")]


def swapped_prediction() -> list[Panel]:
    score = np.linspace(-0.2, 1, 61)

    def values(**settings: float) -> tuple[np.ndarray, list[float]]:
        each = [_swapped(own, **settings) for own in score]
        return score, each

    left = {f"{each:g}": values(temperature=each) for each in (0.05, 0.1, 0.5)}
    right = {f"{each:g}": values(epsilon=each) for each in (0.05, 0.2, 0.5)}
    x, y = "score of the crop's prototype", "loss (nats)"
    return [Panel(x, y, left, "temperature"), Panel(x, y, right, "epsilon of the code")]


def _swapped(own: float, **settings: float) -> float:
    code, predicting = (value * np.eye(8)[:, None, :] for value in (0.5, own))  # (8, 1, 8)
    return float(losses.swapped_prediction(code, predicting, **settings)[0])


def negative_sampling() -> list[Panel]:
    score = np.linspace(-6, 6, 121)[:, None]
    ones, sure = np.ones_like(score), np.full_like(score, 60.0)
    observed = losses.negative_sampling(ones, score, -sure[:, None, :])
    noise = losses.negative_sampling(ones, sure, score[:, None, :])
    curves = {
        "observed word": (score[:, 0], numbers(observed)),
        "noise word": (score[:, 0], numbers(noise)),
    }
    return [Panel("score: dot product with the centre", "term (nats)", curves)]


def sampled_softmax() -> list[Panel]:
    score = np.linspace(-4, 12, 161)[:, None]
    curves = {
        f"{count}": (
            score[:, 0],
            numbers(losses.sampled_softmax(np.ones_like(score), score, np.zeros((count, 1)))),
        )
        for count in (10, 100, 1000)
    }
    return [Panel("score of the observed word", "loss (nats)", curves, "drawn words")]


def masked_cross_entropy() -> list[Panel]:
    chance = np.logspace(-2, 0, 200)
    logits = np.log(np.stack([chance, 1.0000001 - chance], axis=1))[:, None, :]
    ids = np.zeros((len(chance), 1))
    curves = {}
    for weight in (1.0, 0.5, 0.0):
        values = losses.masked_cross_entropy(ids, logits, np.full_like(ids, weight))
        curves[f"{weight:g}"] = chance, numbers(values)[:, 0]
    x = "probability of the true token"
    return [Panel(x, "term (nats)", curves, "weight", {"ymin": -0.05})]


def adversarial() -> list[Panel]:
    logit = np.linspace(-4, 4, 161)
    # A logit of the other kind of example that costs nothing, so that one term is left.
    free = {"non_saturating": 60.0, "hinge": 60.0, "least_squares": None}
    real, fake, generator = {}, {}, {}
    for kind, far in free.items():
        right = 1.0 if far is None else far
        wrong = 0.0 if far is None else -far
        of_real = losses.adversarial(logit, np.full_like(logit, wrong), kind)
        of_fake = losses.adversarial(np.full_like(logit, right), logit, kind)
        real[kind] = logit, numbers(of_real)
        fake[kind] = logit, numbers(of_fake)
        generator[kind] = logit, numbers(losses.adversarial(logit, logit, kind, "generator"))
    limits = {"ymax": 6, "ymin": -4.2, "legend": "lower left"}
    return [
        Panel(x, y, curves, options=limits | {"title": title})
        for x, y, curves, title in (
            ("logit of a real example", "term", real, "discriminator, real"),
            ("logit of a fake", "", _unnamed(fake), "discriminator, fake"),
            ("logit of a fake", "", _unnamed(generator), "generator"),
        )
    ]


def _unnamed(curves: dict[str, Any]) -> dict[str, Any]:
    """Return curves whose names matplotlib leaves out of the legend."""
    return {f"_{name}": curve for name, curve in curves.items()}


def contrastive_divergence() -> list[Panel]:
    bias = np.linspace(-3, 4, 71)
    data = (np.arange(10) < 7).astype("float32")[:, None]
    curves = {}
    for share in (3, 7, 9):
        sample = (np.arange(10) < share).astype("float32")[:, None]
        values = [_divergence(data, sample, each) for each in bias]
        curves[f"{10 * share} %"] = bias, values
    x = "visible bias of the machine"
    return [Panel(x, "mean loss (nats)", curves, "ones among the model's samples")]


def _divergence(data: np.ndarray, sample: np.ndarray, bias: float) -> float:
    def energy(visible: Any) -> Any:
        return losses.rbm_free_energy(visible, [[0.5]], [bias], [0.0])

    return float(numbers(losses.contrastive_divergence(data, sample, energy)).mean())


def denoising_score() -> list[Panel]:
    score = np.linspace(-4, 1, 101)[:, None]
    curves = {
        f"{sigma:g}": (
            score[:, 0],
            numbers(losses.denoising_score(np.ones_like(score), score, sigma)),
        )
        for sigma in (0.4, 1.0, 2.0)
    }
    return [Panel("predicted score", "loss", curves, "sigma", {"ymax": 4, "ymin": 0})]


def diffusion() -> list[Panel]:
    ratio = np.logspace(-3, 3, 121)
    ones, zeros = np.ones((len(ratio), 1)), np.zeros((len(ratio), 1))
    panels = []
    for prediction in losses.score.PREDICTIONS:
        curves = {}
        for weighting in losses.score.WEIGHTINGS:
            weight = losses.diffusion_weight(ratio, prediction, weighting)
            curves[weighting] = ratio, numbers(losses.diffusion(ones, zeros, weight))
        y = "" if panels else "loss"
        options = {"xlog": True, "ylog": True, "ymin": 1e-3, "ymax": 1e3, "legend": "lower right"}
        curves = curves if prediction == "x0" else _unnamed(curves)
        options["title"] = f"predicts {prediction}"
        panels.append(Panel("signal / noise", y, curves, "weighting", options))
    return panels


PICTURES = {
    make.__name__: make
    for make in (
        barlow_twins,
        vicreg,
        negative_cosine,
        dino,
        swapped_prediction,
        negative_sampling,
        sampled_softmax,
        masked_cross_entropy,
        adversarial,
        contrastive_divergence,
        denoising_score,
        diffusion,
    )
}
