"""The classifier in whose features samples are compared with data."""

from __future__ import annotations

from typing import Any

import numpy as np

WIDTH, EPOCHS, BATCH, SEED = 64, 3, 128, 0


class SampleClassifier:
    """A small convolutional network, and the features before its last layer.

    Args:
        network: From images to features `(batch, 64)` and logits.
        description: What it is and what it was trained on, for the record.
    """

    def __init__(self, network: Any, classes: np.ndarray, description: str) -> None:
        self.network = network
        self.classes = classes
        self.description = description

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the features of images in [0, 1]."""
        return self._run(images)["features"]

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the classes of images in [0, 1]."""
        guesses: np.ndarray = self.classes[self._run(images)["logits"].argmax(axis=1)]
        return guesses

    def _run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        from kssl.data.array_batches import in_order

        return self.network.predict(in_order(np.asarray(images, np.float32), 256), verbose=0)


def train_classifier(images: np.ndarray, labels: np.ndarray) -> SampleClassifier:
    """Train the classifier: always the same network, start and order.

    Two convolutions of 3 x 3 with stride 2 (32 and 64 filters), a dense layer of 64 (the
    features), one to the classes; ReLU; Adam, 3 epochs of batches of 128, the learning rate from
    2e-3 to 0.

    Args:
        images: (examples, height, width, channels) in [0, 1].
        labels: (examples,) whole numbers.

    Example:
        >>> images = np.random.default_rng(0).random((64, 8, 8, 1), np.float32)
        >>> classifier = train_classifier(images, np.arange(64) % 2)
        >>> classifier.features(images).shape
        (64, 64)
    """
    import keras

    from kssl.data.array_batches import in_order

    classes, labels = np.unique(labels, return_inverse=True)
    network = _network(images.shape[1:], len(classes))
    order = np.concatenate(
        [np.random.default_rng(SEED + epoch).permutation(len(images)) for epoch in range(EPOCHS)]
    )
    steps = max(1, len(order) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    trained = keras.Model(network.input, network.output["logits"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # As in training: XLA takes longer to compile this on a processor than it saves.
    jit = "auto" if keras.backend.backend() == "jax" else False
    trained.compile(keras.optimizers.Adam(rate), loss, jit_compile=jit)
    trained.optimizer.build(trained.trainable_variables)  # else the step is traced twice
    trained.fit(in_order((images[order], labels[order]), BATCH), shuffle=False, verbose=0)
    network.compile(jit_compile=jit)
    parameters = f"{network.count_params():,} parameters"
    description = (
        f"conv 32, conv 64 (3 x 3, stride 2), dense {WIDTH}, {parameters}; Adam, {EPOCHS} epochs "
        f"of {len(images):,} training images; features: the dense layer after ReLU"
    )
    return SampleClassifier(network, classes, description)


def _network(shape: tuple[int, ...], classes: int) -> Any:
    import keras

    def start(place: int) -> Any:
        return keras.initializers.GlorotUniform(seed=SEED + place)

    inputs = keras.Input(shape, dtype="float32")
    hidden = inputs
    for place, filters in enumerate((32, 64)):
        layer = keras.layers.Conv2D(
            filters,
            3,
            strides=2,
            padding="same",
            activation="relu",
            kernel_initializer=start(place),
            dtype="float32",
        )
        hidden = layer(hidden)
    hidden = keras.layers.Flatten(dtype="float32")(hidden)
    dense = keras.layers.Dense(
        WIDTH, activation="relu", kernel_initializer=start(2), dtype="float32"
    )
    features = dense(hidden)
    last = keras.layers.Dense(classes, kernel_initializer=start(3), dtype="float32")
    return keras.Model(inputs, {"features": features, "logits": last(features)})
