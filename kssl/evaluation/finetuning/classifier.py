"""A classifier on top of a copy of a model's encoder, trained end to end, again and again.

`Classifiers` builds the Keras graph once for each learning rate and number of steps, and trains it
from one set of weights after the other: what takes the time of many small trainings is compiling.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Training:
    """How a classifier is trained: AdamW, a tenth of the steps to warm up, then a cosine to zero.

    Args:
        steps: Updates in all.
        batch_size: Examples of an update.
        learning_rate: Highest learning rate.
        weight_decay: Of AdamW.
    """

    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.05


class Classifiers:
    """Trains copies of a model with a linear layer on `embed`; the model itself is not touched.

    Args:
        model: A kssl model, built.
        classes: Number of classes, above every label.

    Example:
        >>> classifiers = Classifiers(model, classes=10)
        >>> start = classifiers.start(seed=0, trained=True)
        >>> images, labels = np.zeros((20, 8, 8, 1), "float32"), np.arange(20) % 10
        >>> fitted = classifiers.fit(start, images, labels, Training(2, 10, 1e-3), seed=0)
        >>> classifiers.predict(fitted, images).shape
        (20,)
    """

    def __init__(self, model: Any, classes: int) -> None:
        self.model = model
        self.classes = classes
        self._compiled: dict[Training, Any] = {}

    def start(self, seed: int, trained: bool) -> list[np.ndarray]:
        """Return the weights that a training begins with: the trained encoder's, or fresh ones."""
        return self._build(seed, trained).get_weights()

    def fit(
        self,
        start: list[np.ndarray],
        examples: Any,
        labels: np.ndarray,
        training: Training,
        seed: int,
    ) -> Any:
        """Return a classifier that was trained from `start`; the next call trains it anew."""
        from kssl.data.array_batches import shuffled

        if training not in self._compiled:
            self._compiled[training] = self._compile(training)
        network = self._compiled[training]
        network.set_weights(start)
        for variable in network.optimizer.variables:  # moments, and the number of steps
            variable.assign(np.zeros(variable.shape, variable.dtype))
        batches = shuffled((examples, labels), training.batch_size, training.steps, seed)
        network.fit(batches, shuffle=False, verbose=0)
        return network

    def predict(self, network: Any, examples: Any) -> np.ndarray:
        """Return the class `(examples,)` of each example."""
        from kssl.data.array_batches import in_order

        return network.predict(in_order(examples, 256), verbose=0).argmax(axis=1)

    def _build(self, seed: int, trained: bool) -> Any:
        import keras

        from kssl.models.inference import encoder_of

        keras.utils.set_random_seed(seed)
        twin = type(self.model).from_config(self.model.get_config())
        twin.build_from_config(self.model.get_build_config())
        if trained:
            twin.set_weights(self.model.get_weights())
        encoder = encoder_of(twin)
        features = keras.layers.Flatten(dtype="float32")(encoder.output)
        logits = keras.layers.Dense(self.classes, kernel_initializer="zeros", dtype="float32")
        return keras.Model(encoder.input, logits(features))

    def _compile(self, training: Training) -> Any:
        import keras

        from kssl.optimizers import WarmupCosine

        rate, steps = training.learning_rate, training.steps
        network = self._build(0, trained=False)
        schedule = WarmupCosine(rate, total_steps=steps, warmup_steps=steps // 10)
        network.compile(
            keras.optimizers.AdamW(schedule, weight_decay=training.weight_decay),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=self._jit(),
        )
        network.optimizer.build(network.trainable_variables)
        return network

    def _jit(self) -> bool:
        """As the model was compiled; on JAX there is nothing but XLA."""
        import keras

        own = self.model.compiled and self.model.jit_compile
        return keras.backend.backend() == "jax" or own
