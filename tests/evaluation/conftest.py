"""Small data and models whose numbers are known."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from kssl.data.selection import representative
from kssl.evaluation import Task


class FakePipeline:
    """A split in memory with the methods that evaluations use."""

    vocabulary = None

    def __init__(self, image: np.ndarray, label: np.ndarray | None = None, stored: Any = None):
        self.image, self.label, self.stored = image, label, stored
        self.size = len(image)
        self.steps_per_epoch = max(1, len(image) // 32)

    def arrays(
        self,
        limit: int | None = None,
        transformed: bool = True,
        tasks: bool = True,
        first: bool = True,
    ) -> dict[str, np.ndarray]:
        image = self.image if transformed or self.stored is None else self.stored
        rows = np.arange(self.size)[:limit]
        if not first and limit and self.label is not None:
            rows = representative(self.label, limit)
        arrays = {"image": image[rows]}
        return arrays if self.label is None else {**arrays, "label": self.label[rows]}

    def train(self, start_step: int = 0, epochs: int = 1) -> Any:
        import tensorflow as tf

        dataset = tf.data.Dataset.from_tensor_slices({"image": self.image})
        return dataset.batch(32, drop_remainder=True).repeat(epochs)


class LinearCoder(keras.Model):
    """embed(x) = (x - mean) W, reconstruct(x) = embed(x) W^T + mean; the weights are given."""

    def __init__(self, mean: np.ndarray, matrix: np.ndarray) -> None:
        super().__init__()
        self.latent_dim = matrix.shape[1]
        self.mean = self.add_weight(shape=mean.shape, name="mean")
        self.matrix = self.add_weight(shape=matrix.shape, name="matrix")
        self.built = True
        self.set_weights([mean, matrix])

    def embed(self, x: Any) -> Any:
        rows = keras.ops.reshape(x, (-1, self.mean.shape[0]))  # (batch, pixels)
        return keras.ops.matmul(rows - self.mean, self.matrix)

    def reconstruct(self, x: Any) -> Any:
        rows = keras.ops.matmul(self.embed(x), keras.ops.transpose(self.matrix)) + self.mean
        return keras.ops.reshape(rows, (-1, *x.shape[1:]))


class Restless(LinearCoder):
    """Changes a weight whenever it is used."""

    def __init__(self, mean: np.ndarray, matrix: np.ndarray) -> None:
        super().__init__(mean, matrix)
        self.uses = self.add_weight(shape=(), name="uses", initializer="zeros", trainable=False)

    def embed(self, x: Any) -> Any:
        self.uses.assign_add(1.0)
        return super().embed(x)


def blobs(count: int, seed: int, classes: int = 3, side: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Images of `classes` kinds: a bright row each, and noise. First row: class 0, …"""
    random = np.random.RandomState(seed)
    labels = random.randint(0, classes, count)
    image = 0.2 * random.uniform(size=(count, side, side, 1))
    image[np.arange(count), labels] += 0.8
    return image.astype(np.float32), labels.astype(np.int64)


@pytest.fixture
def pipeline() -> type[FakePipeline]:
    return FakePipeline


@pytest.fixture
def make_blobs() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    return blobs


@pytest.fixture
def linear_coder() -> type[LinearCoder]:
    return LinearCoder


@pytest.fixture
def task() -> Task:
    """Blobs, and a model that is the identity; untrained: it keeps one random direction."""
    matrix = np.eye(16, dtype=np.float32)
    direction = np.random.RandomState(0).randn(16, 1).astype(np.float32)
    zero = np.zeros(16, np.float32)
    return Task(
        model=LinearCoder(zero, matrix),
        untrained=LinearCoder(zero, direction),
        train=FakePipeline(*blobs(300, 0)),
        test=FakePipeline(*blobs(100, 1)),
        seed=0,
        fit=types.SimpleNamespace(epochs=2, batch_size=32, steps_per_epoch=None),
        optimizer=lambda: keras.optimizers.Adam(1e-2),
    )


@pytest.fixture
def restless(task: Task) -> Task:
    task.model = Restless(np.zeros(16, np.float32), np.eye(16, dtype=np.float32))
    return task
