"""Pictures of the losses of labelled embeddings: pairs, triplets, neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from style import Panel, numbers

from kssl import losses


def contrastive() -> list[Panel]:
    distance = np.linspace(0, 2.5, 101)
    pairs = np.stack([np.zeros_like(distance), distance], axis=1)[..., None]  # (pairs, 2, 1)
    same, other = np.ones(len(pairs)), np.zeros(len(pairs))
    curves = {"similar": (distance, numbers(losses.contrastive(same, pairs)))}
    for margin in (1.0, 2.0):
        values = numbers(losses.contrastive(other, pairs, margin=margin))
        curves[f"not similar, margin {margin:g}"] = distance, values
    return [Panel("distance of the pair", "loss", curves, options={"ymax": 4.5})]


def lifted_structured() -> list[Panel]:
    distance = np.linspace(0.75, 4, 66)
    curves = {}
    for apart in (0.0, 0.5, 1.0):
        values = [_lifted(apart, each) for each in distance]
        curves[f"{apart:g}"] = distance, values
    differ = "distance of the positive pair"
    return [Panel("distance of the negative from both", "loss", curves, differ)]


def _lifted(apart: float, distance: float) -> float:
    height = np.sqrt(distance**2 - apart**2 / 4)
    rows = np.array([[-apart / 2, 0.0], [apart / 2, 0.0], [0.0, height]], "float32")
    return float(losses.LiftedStructured()(np.array([0, 0, 1]), rows))


def n_pair() -> list[Panel]:
    product = np.linspace(-4, 10, 141)[:, None]  # a·p, with anchors of one value, 1
    curves = {}
    for count in (1, 15, 255):
        negatives = np.zeros((len(product), count, 1))
        values = numbers(losses.n_pair(np.ones_like(product), product, negatives))
        curves[f"{count}"] = product[:, 0], values
    return [Panel("dot product of anchor and positive", "loss (nats)", curves, "negatives")]


def triplet() -> list[Panel]:
    distance = np.linspace(0, 3.5, 141)
    places = [np.zeros_like(distance), np.ones_like(distance), distance]
    rows = np.stack(places, axis=1)[..., None]  # (triplets, 3, 1)
    settings = {
        "margin 1": {"margin": 1.0},
        "margin 0.2": {"margin": 0.2},
        "margin 1, soft": {"margin": 1.0, "soft_margin": True},
    }
    curves = {
        name: (distance, numbers(losses.triplet(None, rows, squared=False, **each)))
        for name, each in settings.items()
    }
    options = {"band": (1, 2, "semi-hard, margin 1")}
    return [Panel("distance of anchor and negative", "loss", curves, options=options)]


def soft_nearest_neighbor() -> list[Panel]:
    distance = np.linspace(0, 3, 91)
    curves = {
        f"{temperature:g}": (distance, [_neighbour(temperature, each) for each in distance])
        for temperature in (0.25, 1.0, 4.0)
    }
    x = "distance of the neighbour of another class"
    return [Panel(x, "loss of the anchor (nats)", curves, "temperature", {"mark": 1})]


def _neighbour(temperature: float, distance: float) -> float:
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, distance]], "float32")
    return float(losses.soft_nearest_neighbor(np.array([0, 0, 1]), rows, temperature)[0])


def supervised_contrastive() -> list[Panel]:
    cosine = np.linspace(-0.5, 1, 76)
    curves = {
        f"{count}": (cosine, _supervised(count, cosine, negatives=64)) for count in (1, 4, 16)
    }
    x = "cosine of the anchor and its positives"
    return [Panel(x, "loss of the anchor (nats)", curves, "positives")]


def _supervised(count: int, cosines: Sequence[float], negatives: int) -> list[float]:
    width = 1 + count + negatives
    labels = np.array([0] * (1 + count) + [1] * negatives)
    values = []
    for cosine in cosines:
        rows = np.eye(width, dtype="float32")
        rows[1 : 1 + count] *= np.sqrt(1 - cosine**2)
        rows[1 : 1 + count, 0] = cosine
        values.append(float(losses.supervised_contrastive(labels, rows)[0]))
    return values


PICTURES = {
    make.__name__: make
    for make in (
        contrastive,
        lifted_structured,
        n_pair,
        triplet,
        soft_nearest_neighbor,
        supervised_contrastive,
    )
}
