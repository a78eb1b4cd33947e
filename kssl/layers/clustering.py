"""Prototypes, and the assignment of examples to them in equal parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer
from kssl.losses import sinkhorn
from kssl.losses.batch import unit


@keras.saving.register_keras_serializable(package="kssl")
class Prototypes(Layer):
    """Cosine similarity of each embedding with learned prototypes: the scores of SwAV and DINO.

    Caron et al., SwAV, arXiv:2006.09882; DINO, arXiv:2104.14294. Embeddings and prototypes are
    divided by their norms inside the layer, in float32, so that no step has to project the
    weights afterwards.

    Args:
        count: Number of prototypes.

    Call arguments:
        inputs: Embeddings `(batch, …, dim)`.
        frozen: Whether the prototypes get no gradient, a boolean or a tensor of one.

    Returns:
        Scores `(batch, …, count)`, in -1 to 1.

    Raises:
        ValueError: If `count` is less than 2.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.Prototypes(300)(keras.ops.ones((8, 128))).shape
        (8, 300)
    """

    def __init__(self, count: int = 3000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if count < 2:
            raise ValueError(f"count must be at least 2; got {count}")
        self.count = count

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.count),
            initializer="glorot_uniform",
            autocast=False,
            name="kernel",
        )

    def call(self, inputs: Any, frozen: Any = False) -> Any:
        embeddings = unit(inputs)
        kernel = ops.convert_to_tensor(self.kernel)
        if frozen is not False:
            kernel = ops.where(frozen, ops.stop_gradient(kernel), kernel)
        prototypes = unit(kernel, axis=0)
        return ops.cast(ops.matmul(embeddings, prototypes), self.compute_dtype)  # (…, count)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.count)


@keras.saving.register_keras_serializable(package="kssl")
class Sinkhorn(Layer):
    """Assigns a batch to prototypes so that all prototypes get equal parts of it.

    The layer around `kssl.losses.sinkhorn`; Cuturi, arXiv:1306.0895, and Caron et al., SwAV,
    arXiv:2006.09882. The assignments are targets: they have no gradient.

    Args:
        epsilon: Temperature of the scores; smaller is sharper.
        iterations: Rounds of dividing columns and rows.

    Call arguments:
        inputs: Scores `(batch, prototypes)`.

    Returns:
        Assignments `(batch, prototypes)` in float32; each row sums to 1.

    Raises:
        ValueError: If `epsilon` or `iterations` is not positive.

    Example:
        >>> import keras, kssl
        >>> assignment = kssl.layers.Sinkhorn()(keras.random.normal((8, 4)))
        >>> round(float(keras.ops.sum(assignment)), 4)
        8.0
    """

    def __init__(self, epsilon: float = 0.05, iterations: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if epsilon <= 0 or iterations < 1:
            raise ValueError(
                f"epsilon must be above 0 and iterations at least 1; got {epsilon}, {iterations}"
            )
        self.epsilon = epsilon
        self.iterations = iterations
        self.built = True

    def call(self, inputs: Any) -> Any:
        return ops.stop_gradient(sinkhorn(inputs, self.epsilon, self.iterations))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(input_shape)
