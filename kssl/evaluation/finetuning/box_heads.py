"""Heads on the feature map of an encoder: boxes of several objects, or of one for each image."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.evaluation.finetuning.box_targets import MARKS, SIDES
from kssl.evaluation.finetuning.feature_map import feature_map_of
from kssl.evaluation.finetuning.network import Networks
from kssl.evaluation.finetuning.protocol import Training

_FALL, _NEAR = 2, 4  # α and β of arXiv:1904.07850
_SIZE = 0.1  # weight of the error of sizes there
_PRIOR = 0.1  # heat that a head begins with, everywhere
_MOST_CELLS = 8  # rows and columns of the map that one box is read from


@dataclasses.dataclass(frozen=True)
class MapHead(abc.ABC):
    """Layers on the feature map of a model.

    Args:
        size: Height and width of the images, or None for the model's.
        width: Features of the hidden layers.
    """

    size: tuple[int, int] | None
    width: int = 64

    def on(self, model: Any) -> keras.Model:
        """Return a network from images to boxes; it shares the model's weights."""
        read = feature_map_of(model, self.size)
        return keras.Model(read.input, self.layers(read.output, read.input.shape[1:3]))

    @abc.abstractmethod
    def layers(self, features: Any, image: Sequence[int]) -> Any:
        """Return what the layers make of a map, of images of that height and width."""

    @property
    @abc.abstractmethod
    def loss(self) -> Any:
        """The loss of targets and outputs, one for each image."""

    def _hidden(self, features: Any) -> Any:
        options = {"padding": "same", "activation": "relu", "kernel_initializer": "he_normal"}
        return keras.layers.Conv2D(self.width, 3, **options, dtype="float32")(features)


@dataclasses.dataclass(frozen=True)
class CentreHead(MapHead):
    """Heat of each class, offset and size at each cell, see `box_targets`.

    A map that is coarser than `stride` is doubled until it is not: interpolated, with a convolution
    behind it. Then a hidden convolution of 3 x 3, and one of 1 x 1 that begins with zeros.

    Args:
        classes: How many there are.
        stride: Most pixels from one cell to the next.
    """

    classes: int = 1
    stride: int = 8

    def layers(self, features: Any, image: Sequence[int]) -> Any:
        while features.shape[1] * self.stride < image[0]:
            double = keras.layers.UpSampling2D(2, interpolation="bilinear", dtype="float32")
            features = self._hidden(double(features))  # (batch, 2 rows, 2 columns, width)
        features = self._hidden(features)
        prior = keras.initializers.Constant(float(np.log(_PRIOR / (1 - _PRIOR))))
        options = {"kernel_initializer": "zeros", "dtype": "float32"}
        parts = [
            keras.layers.Conv2D(count, 1, bias_initializer=bias, **options)
            for count, bias in ((self.classes, prior), (SIDES, keras.initializers.Constant(0.5)))
        ]
        # (batch, rows, columns, classes + 4)
        return keras.layers.Concatenate(dtype="float32")([part(features) for part in parts])

    @property
    def loss(self) -> Any:
        return centre_loss


@dataclasses.dataclass(frozen=True)
class BoxHead(MapHead):
    """One box of each image: centre, width and height in fractions of the image.

    A map of more than 8 cells across is averaged to about 8. Then a hidden convolution of 3 x 3,
    and a dense layer on all cells that begins with zeros.
    """

    def layers(self, features: Any, image: Sequence[int]) -> Any:
        pool = max(1, min(features.shape[1:3]) // _MOST_CELLS)
        if pool > 1:
            features = keras.layers.AveragePooling2D(pool, dtype="float32")(features)
        flatten = keras.layers.Flatten(dtype="float32")
        flat = flatten(self._hidden(features))  # (batch, cells · width)
        half = keras.initializers.Constant(0.5)
        dense = keras.layers.Dense(
            SIDES, kernel_initializer="zeros", bias_initializer=half, dtype="float32"
        )
        return dense(flat)  # (batch, 4)

    @property
    def loss(self) -> Any:
        return box_loss


def centre_loss(target: Any, outputs: Any) -> Any:
    """Return the penalty-reduced focal loss of heat, and L1 of offset and size, of each image.

    Args:
        target: `(batch, rows, columns, classes + 4 + 2)`, see `box_targets.to_target`.
        outputs: `(batch, rows, columns, classes + 4)`.

    Returns:
        `(batch,)`: all divided by the number of objects of the image, sizes weighted by 0.1.
    """
    target, outputs = ops.cast(target, "float32"), ops.cast(outputs, "float32")
    classes = outputs.shape[-1] - SIDES
    heat, sides, marks = (
        target[..., :classes],
        target[..., classes : classes + SIDES],
        target[..., -MARKS:],
    )
    logits, guess = outputs[..., :classes], outputs[..., classes:]
    found = ops.sigmoid(logits)
    right = ops.cast(heat == 1, "float32")
    of_right = right * (1 - found) ** _FALL * ops.softplus(-logits)
    weight = (1 - right) * marks[..., 1:] * (1 - heat) ** _NEAR
    of_wrong = weight * found**_FALL * ops.softplus(logits)
    objects = ops.maximum(ops.sum(right, axis=(1, 2, 3)), 1.0)  # (batch,)
    apart = marks[..., :1] * ops.abs(guess - sides)  # (batch, rows, columns, 4)
    errors = ops.sum(apart[..., :2], axis=(1, 2, 3))
    errors = errors + _SIZE * ops.sum(apart[..., 2:], axis=(1, 2, 3))
    return (ops.sum(of_right + of_wrong, axis=(1, 2, 3)) + errors) / objects


def box_loss(target: Any, outputs: Any) -> Any:
    """Return the mean absolute error of centre and size of each image, `(batch,)`."""
    return ops.mean(ops.abs(ops.cast(outputs, "float32") - target), axis=-1)


class MapNetworks(Networks):
    """Trains copies of an encoder with a head on its feature map; images are larger than usual."""

    at_once = 32


class FrozenNetworks(MapNetworks):
    """Trains the head alone, on the maps of an encoder that stays as it is.

    The maps are computed once for each training, without dropout and with the statistics of batch
    normalisation that the encoder has, and held in memory. Each feature is standardised by the
    labelled images, so that the scale of an encoder, of random weights above all, is no matter.
    """

    head: Any

    def __init__(self, model: Any, head: MapHead) -> None:
        super().__init__(model, head)
        self._reader: Any = None  # made by `start`
        self._places: list[int] = []  # of its weights among those of a twin
        self._scale: tuple[Any, Any] = (0.0, 1.0)

    def start(self, seed: int, trained: bool) -> list[np.ndarray]:
        """Return the weights of an encoder, the trained one or a fresh one, and of a new head."""
        twin = self._twin(seed, trained)
        if self._reader is None:
            self._reader = feature_map_of(twin, self.head.size)
            number = {id(weight): place for place, weight in enumerate(twin.weights)}
            self._places = [number[id(weight)] for weight in self._reader.weights]
        values = twin.get_weights()
        encoder = [values[place] for place in self._places]
        return [*encoder, *self._build(seed, trained).get_weights()]

    def fit(
        self, start: list[np.ndarray], examples: tuple[Any, ...], training: Training, seed: int
    ) -> Any:
        """As of `Networks`: return a head that was trained on the maps of the examples."""
        count = len(self._places)
        self._reader.set_weights(start[:count])
        self._scale = 0.0, 1.0
        maps = self._maps(examples[0])  # (images, rows, columns, features)
        mean, deviation = maps.mean(axis=(0, 1, 2)), maps.std(axis=(0, 1, 2))
        self._scale = mean, np.where(deviation > 0, deviation, 1)
        maps -= mean
        maps /= self._scale[1]
        return super().fit(start[count:], (maps, *examples[1:]), training, seed)

    def predict(self, network: Any, inputs: Any) -> np.ndarray:
        """Return what the head makes of the maps of examples."""
        return super().predict(network, self._maps(inputs))

    def _maps(self, inputs: Any) -> np.ndarray:
        from kssl.data.array_batches import in_order

        batches = in_order(inputs, self.at_once)
        maps = np.asarray(self._reader.predict(batches, verbose=0), np.float32)
        mean, deviation = self._scale
        return (maps - mean) / deviation

    def _build(self, seed: int, trained: bool) -> Any:
        keras.utils.set_random_seed(seed)
        features = keras.Input(self._reader.output_shape[1:])
        return keras.Model(features, self.head.layers(features, self._reader.input_shape[1:3]))
