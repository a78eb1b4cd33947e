"""Prints, on TensorFlow, what losses on replicas are: the mean over parts, or of the whole batch.

For 1 and 4 replicas and each loss, how far loss and gradient are from the mean over the replicas'
parts, and from those of the whole batch. For a model, how far one step of `fit` is from the mean.
"""

from __future__ import annotations

import json

import keras
import numpy as np
import tensorflow as tf

from kssl import losses
from kssl.layers import MLP
from kssl.models import Metric

ROWS = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
OTHER = np.random.default_rng(1).normal(size=(32, 6)).astype("float32")
LABELS = (np.arange(32) * 7 % 5).astype("float32")

BY_LABEL = [losses.Contrastive(), losses.SupervisedContrastive(), losses.Triplet()]
BY_VIEW = [losses.NTXent(), losses.InfoNCE(), losses.BarlowTwins(), losses.VICReg()]
BY_VIEW += [losses.SwappedPrediction(), losses.NegativeCosine(), losses.Reconstruction("squared")]
PAIRS = [(loss, LABELS) for loss in BY_LABEL] + [(loss, OTHER) for loss in BY_VIEW]


def strategy_of(count: int) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(count)])


def measured(loss: keras.losses.Loss, first: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """Return value and gradient for one batch on one device."""
    point = tf.constant(rows)
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = loss(first, point)
    return [value.numpy(), tape.gradient(value, point).numpy()]


def on_replicas(loss: keras.losses.Loss, first: np.ndarray, count: int) -> list[np.ndarray]:
    """Return value and gradient as a training step on replicas has them."""
    strategy, size = strategy_of(count), len(ROWS) // count

    def spread(values: np.ndarray) -> tf.distribute.DistributedValues:
        def part(context: tf.distribute.InputReplicaContext) -> tf.Tensor:
            start = context.replica_id_in_sync_group * size
            return tf.constant(values[start : start + size])

        return strategy.experimental_distribute_values_from_function(part)

    @tf.function
    def step(first: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(rows)
            value = loss(first, rows)  # Keras divides by the number of replicas
        return value, tape.gradient(value, rows)

    values, gradients = strategy.run(step, (spread(first), spread(ROWS)))
    parts = [strategy.experimental_local_results(each) for each in (values, gradients)]
    return [np.sum(parts[0], axis=0), np.concatenate([part.numpy() for part in parts[1]])]


def mean_of_parts(loss: keras.losses.Loss, first: np.ndarray, count: int) -> list[np.ndarray]:
    parts = zip(np.split(first, count), np.split(ROWS, count), strict=True)
    values, gradients = zip(*(measured(loss, *part) for part in parts), strict=True)
    return [np.mean(values, axis=0), np.concatenate(gradients) / count]


def apart(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    """Return the largest difference, relative to the largest value."""
    return max(
        float(np.abs(a - b).max() / max(1e-6, np.abs(b).max()))
        for a, b in zip(one, other, strict=True)
    )


def model_step(count: int) -> dict[str, float]:
    """Return how far a step of a model on replicas is from the mean of the parts."""
    images, labels = ROWS.reshape(32, 2, 3, 1), LABELS.astype("int32")
    keras.utils.set_random_seed(0)
    with strategy_of(count).scope():
        model = Metric(MLP([8]), 4, loss=losses.SupervisedContrastive())
        model.build(images.shape)
        model.compile(keras.optimizers.SGD(0.5))
    weights = [weight.numpy() for weight in model.trainable_weights]
    keras.utils.set_random_seed(0)
    alone = Metric(MLP([8]), 4, loss=losses.SupervisedContrastive())
    alone.build(images.shape)
    alone.set_weights(weights)
    with tf.GradientTape() as tape:
        parts = zip(np.split(images, count), np.split(labels, count), strict=True)
        found = [alone.compute_loss(x, y, alone(x, training=True)) for x, y in parts]
        wanted = tf.add_n(found) / count
    slopes = tape.gradient(wanted, [weight.value for weight in alone.trainable_weights])
    batches = tf.data.Dataset.from_tensor_slices({"image": images, "label": labels}).batch(32)
    loss = model.fit(batches, verbose=0).history["loss"][0]
    moved = [weight.numpy() for weight in model.trainable_weights]
    steps = [(old - new) / 0.5 for old, new in zip(weights, moved, strict=True)]
    return {
        "loss": abs(loss - float(wanted)),
        "gradient": max(float(np.abs(a - b).max()) for a, b in zip(steps, slopes, strict=True)),
    }


def main() -> None:
    (cpu,) = tf.config.list_physical_devices("CPU")
    parts = [tf.config.LogicalDeviceConfiguration()] * 4
    tf.config.set_logical_device_configuration(cpu, parts)
    table = {}
    for loss, first in PAIRS:
        whole = measured(loss, first, ROWS)
        four = on_replicas(loss, first, 4)
        table[loss.name] = {
            "spans_batch": getattr(loss, "spans_batch", False),
            "one, whole": apart(on_replicas(loss, first, 1), whole),
            "four, mean of parts": apart(four, mean_of_parts(loss, first, 4)),
            "four, whole": apart(four, whole),
        }
    print(json.dumps({"losses": table, "model": {str(n): model_step(n) for n in (1, 4)}}))


if __name__ == "__main__":
    main()
