"""Guidance towards a class: labels for training and for sampling, and how predictions are mixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.moved import renamed


@renamed(share="probability")
def drop_labels(labels: Any, classes: int, probability: float, seed: Any = None) -> Any:
    """Replace labels at random by the number `classes`, which stands for "no class".

    Ho and Salimans, Classifier-Free Diffusion Guidance, arXiv:2207.12598, algorithm 1.

    Args:
        labels: `(batch,)`, whole numbers below `classes`.
        classes: How many there are.
        probability: Probability of each label to be dropped.
        seed: A number or a `keras.random.SeedGenerator`.

    Returns:
        Tensor `(batch,)`, int32.

    Example:
        >>> import keras, kssl
        >>> kssl.diffusion.drop_labels(keras.ops.array([0, 1, 2]), 3, probability=0.0).shape
        (3,)
    """
    labels = ops.cast(labels, "int32")
    drawn = keras.random.uniform(ops.shape(labels), dtype="float32", seed=seed)
    return ops.where(drawn < probability, ops.cast(classes, "int32"), labels)


def training_labels(
    labels: Any, count: Any, classes: int | None, dropped: float | None, seed: Any = None
) -> Any:
    """Return the labels `(batch,)` of a batch, some of them dropped; None without classes.

    Args:
        labels: Whole numbers, `(batch,)` or `(batch, 1)`; None stands for "no class" throughout.
        count: Examples of the batch.
        classes: How many classes there are; None of a model without.
        dropped: Probability of each label to be dropped in training; None outside of it.
        seed: A number or a `keras.random.SeedGenerator`.

    Raises:
        ValueError: If there are no labels in training.
    """
    if classes is None:
        return None
    if labels is not None:
        return drop_labels(ops.reshape(labels, (-1,)), classes, dropped or 0.0, seed)
    if dropped is not None:
        raise ValueError(
            'Diffusion with classes is trained on labels: fit({"image": images, "label": labels})'
        )
    return ops.full((count,), classes, dtype="int32")


def chosen_labels(
    count: int, labels: int | Sequence[int] | None, classes: int | None, guidance: float = 1.0
) -> np.ndarray:
    """Return a label for each of `count` images that are to be drawn.

    Args:
        count: How many images.
        labels: One for all, or one for each; None takes the classes in turn. The number `classes`
            stands for "no class".
        classes: How many there are; None of a model without: then all labels are 0.
        guidance: What the model is asked for; without classes there is none.

    Raises:
        ValueError: If there are no such labels.

    Example:
        >>> import kssl
        >>> kssl.diffusion.chosen_labels(5, None, 3).tolist()
        [0, 1, 2, 0, 1]
    """
    if classes is None:
        if labels is not None or guidance != 1:
            raise ValueError("labels and guidance need a model with classes")
        return np.zeros(count, "int32")
    given = np.arange(count) % classes if labels is None else np.asarray(labels)
    if given.dtype.kind not in "iu":
        raise ValueError(f"labels are whole numbers, 0 to {classes}, which is none; got {labels}")
    if given.ndim and given.shape != (count,):
        raise ValueError(f"give one label, or {count}; got the shape {given.shape}")
    if given.min() < 0 or given.max() > classes:
        raise ValueError(f"labels must be 0 to {classes}, which is none; got {labels}")
    return np.broadcast_to(given, (count,)).astype("int32")


def batch_labels(
    labels: Any, count: Any, classes: int | None, probability: float, seed: Any, training: bool
) -> Any:
    """Return the labels `(batch,)` that a network is trained on; None where there are no classes.

    Args:
        labels: Those of the batch, or None.
        count: Examples of the batch.
        classes: Number of classes, which is also the label "none".
        probability: Of each label to become "none", see `drop_labels`.
        seed: A seed generator.
        training: Whether they must be there.

    Raises:
        ValueError: There are none in training.
    """
    if classes is None:
        return None
    if labels is None and training:
        raise ValueError(
            "Diffusion with classes is trained on labels, and there are none: "
            'fit({"image": images, "label": labels})'
        )
    if labels is None:
        return ops.full((count,), classes, dtype="int32")
    return drop_labels(ops.reshape(labels, (-1,)), classes, probability, seed)


def classifier_free_guidance(conditional: Any, unconditional: Any, guidance: float) -> Any:
    """Return `unconditional + guidance · (conditional - unconditional)`.

    1 is the conditional prediction as it is (no guidance), 0 the unconditional one. The paper's w
    is `guidance - 1`: its equation reads `(1 + w) · conditional - w · unconditional`.

    Args:
        conditional: The model's prediction for a class.
        unconditional: For no class.
        guidance: The scale in the convention above, a number.

    Reference:
        Ho and Salimans, Classifier-Free Diffusion Guidance, arXiv:2207.12598.

    Example:
        >>> import keras, kssl
        >>> ones = keras.ops.ones((2, 3))
        >>> float(kssl.diffusion.classifier_free_guidance(2.0 * ones, ones, 3.0)[0, 0])
        4.0
    """
    conditional = ops.cast(conditional, "float32")
    unconditional = ops.cast(unconditional, "float32")
    return unconditional + guidance * (conditional - unconditional)
