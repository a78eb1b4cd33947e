"""Pictures of the losses of two views, of two kinds of data, and of noise against data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from style import Panel, numbers

from kssl import losses

COSINE = np.linspace(-0.25, 1, 76)
TEMPERATURES = (0.05, 0.1, 0.2, 0.5)


def nce() -> list[Panel]:
    gap = np.linspace(-6, 6, 121)
    zeros, none, all = np.zeros_like(gap), np.full((len(gap), 1), -60.0), np.full(len(gap), 60.0)
    terms = {
        "data": (gap, numbers(losses.nce(gap, none, zeros, zeros[:, None]))),
        "noise": (gap, numbers(losses.nce(all, gap[:, None], zeros, zeros[:, None]))),
    }
    constant = np.linspace(-6, 2.5, 69)
    curves = {f"{count}": (constant, _normalised(count, constant)) for count in (1, 4, 16)}
    mark = -0.5 * float(np.log(2 * np.pi))
    return [
        Panel("log p - log q of the sample (nats)", "term (nats)", terms, "a sample of"),
        Panel(
            "c, the model's constant (nats)",
            "loss above its least (nats)",
            curves,
            "noise samples",
            {"mark": mark, "ymax": 2, "ymin": 0, "legend": "lower left"},
        ),
    ]


def _normalised(count: int, constants: Sequence[float]) -> np.ndarray:
    """Return the mean loss for a standard normal and noise twice as wide, less its least value."""
    rng = np.random.default_rng(0)
    data, noise = rng.normal(size=20_000), 2 * rng.normal(size=(20_000, count))

    def model(x: np.ndarray) -> np.ndarray:
        return -0.5 * x**2

    def density(x: np.ndarray) -> np.ndarray:
        return -0.125 * x**2 - np.log(2) - 0.5 * np.log(2 * np.pi)

    values = [
        numbers(losses.nce(model(data) + c, model(noise) + c, density(data), density(noise))).mean()
        for c in constants
    ]
    return np.array(values) - min(values)


def info_nce() -> list[Panel]:
    keys = _at(COSINE)
    queries = np.tile([1.0, 0.0], (len(COSINE), 1))
    negatives = np.tile([0.0, 1.0], (255, 1))
    left, right = {}, {}
    for temperature in TEMPERATURES:
        values = losses.info_nce(queries, keys, negatives, temperature)
        left[f"{temperature:g}"] = COSINE, numbers(values)
        each = np.tile(negatives, (len(COSINE), 1, 1))
        each[:, 0] = keys  # the one whose cosine goes up
        values = losses.info_nce(queries, np.tile(_at(0.8), (len(COSINE), 1)), each, temperature)
        right[f"_{temperature:g}"] = COSINE, numbers(values)
    return [
        Panel("cosine of query and key", "loss (nats)", left, "temperature", {"ymax": 12}),
        Panel("cosine of query and one negative", "loss (nats)", right),
    ]


def _at(cosine: np.ndarray | float) -> np.ndarray:
    """Return unit vectors at cosines from the first axis."""
    return np.stack([cosine, np.sqrt(1 - np.square(cosine))], axis=-1)


def _pairs(cosine: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two views of `count` examples, pairs at a cosine and everything else at 0."""
    first = np.eye(count, 2 * count, dtype="float32")
    second = cosine * first + np.sqrt(1 - cosine**2) * np.eye(count, 2 * count, count)
    return first, second.astype("float32")


def nt_xent() -> list[Panel]:
    def values(temperature: float, count: int) -> tuple[np.ndarray, list[float]]:
        each = [losses.NTXent(temperature)(*_pairs(cosine, count)) for cosine in COSINE]
        return COSINE, [float(value) for value in each]

    left = {f"{temperature:g}": values(temperature, 64) for temperature in TEMPERATURES}
    right = {f"{count}": values(0.5, count) for count in (8, 64, 256)}
    x, y = "cosine of the two views", "loss (nats)"
    return [
        Panel(x, y, left, "temperature", {"ymax": 12}),
        Panel(x, y, right, "examples in the batch", {"ymin": 0, "ymax": 9}),
    ]


def clip() -> list[Panel]:
    def values(scale: float, count: int) -> tuple[np.ndarray, list[float]]:
        loss = losses.CLIP(float(np.log(scale)))
        return COSINE, [float(loss(*_pairs(cosine, count))) for cosine in COSINE]

    left = {f"{scale:.3g}": values(scale, 64) for scale in (5, 1 / 0.07, 100)}
    right = {f"{count}": values(1 / 0.07, count) for count in (8, 64, 256)}
    x, y = "cosine of image and text", "loss (nats)"
    return [
        Panel(x, y, left, "scale", {"ymax": 10}),
        Panel(x, y, right, "pairs in the batch", {"ymin": 0}),
    ]


def siglip() -> list[Panel]:
    settings = {
        "at the start: scale 10, bias -10": (10, -10.0),
        "scale 100, bias -12": (100, -12.0),
    }
    limits = {"ymax": 12, "ymin": -0.3}
    panels = []
    for title, (scale, bias) in settings.items():
        belongs, other = [], []
        for cosine in COSINE:
            text, images = np.array([[1.0, 0.0]]), np.stack([[1.0, 0.0], _at(cosine)])
            learnt = float(np.log(scale)), bias
            belongs.append(float(losses.siglip(images[1:], text, *learnt)[0]))
            texts = np.concatenate([text, -images[:1]])
            both = losses.siglip(images, texts, *learnt)[0]
            other.append(float(both - losses.siglip(text, text, *learnt)[0]))
        curves = {"belong together": (COSINE, belongs), "do not": (COSINE, other)}
        x, y = "cosine of image and text", "term (nats)"
        panels.append(Panel(x, y, curves, options=limits | {"title": title}))
    return panels


PICTURES = {make.__name__: make for make in (nce, info_nce, nt_xent, clip, siglip)}
