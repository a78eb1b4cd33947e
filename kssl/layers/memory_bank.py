"""A row for each example of the training data: what it was embedded to when it was last seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer
from kssl.losses.batch import unit


@keras.saving.register_keras_serializable(package="kssl")
class MemoryBank(Layer):
    """A row for each training example, moved towards its new embedding when that is seen.

    Wu et al., Unsupervised Feature Learning via Non-Parametric Instance Discrimination,
    arXiv:1805.01978. Its rows are a part of the model's state: a run that resumes goes on with
    them. A row belongs to the number of an example in its split, so that data in another order
    needs a new bank.

    On several TensorFlow replicas each would move its own rows: use it on one, or on JAX.

    Args:
        examples: How many there are.
        dim: Features of a row.
        momentum: What a row keeps of itself; 0.5 in the paper.
        seed: Of the random rows at the start.

    Call arguments:
        inputs: Numbers of examples, of any shape.

    Returns:
        Their rows `(…, dim)` in float32, without a gradient.

    Raises:
        ValueError: If there is no example, or `momentum` is not in 0 to 1.

    Example:
        >>> import keras, kssl
        >>> bank = kssl.layers.MemoryBank(100, dim=8)
        >>> bank(keras.ops.array([3, 4])).shape
        (2, 8)
    """

    def __init__(
        self,
        examples: int,
        dim: int = 128,
        momentum: float = 0.5,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if min(examples, dim) < 1 or not 0 <= momentum <= 1:
            raise ValueError(
                "examples and dim must be at least 1 and momentum in 0 to 1; got "
                f"{examples}, {dim} and {momentum}"
            )
        self.examples = examples
        self.dim = dim
        self.momentum = momentum
        self.seed = seed

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.rows = self.add_weight(
            shape=(self.examples, self.dim),
            initializer=self._random_rows,
            trainable=False,
            autocast=False,
            dtype="float32",
            aggregation="only_first_replica",
            name="rows",
        )

    def call(self, inputs: Any) -> Any:
        return ops.take(self._stored(), inputs, axis=0)

    def similarities(self, embeddings: Any) -> Any:
        """Return the products `(batch, examples)` of embeddings `(batch, dim)` with all rows."""
        return ops.matmul(ops.cast(embeddings, "float32"), ops.transpose(self._stored()))

    def move(self, numbers: Any, embeddings: Any) -> None:
        """Move the rows of some examples towards their new embeddings `(batch, dim)`."""
        rows, new = self._stored(), ops.stop_gradient(unit(embeddings))
        moved = self.momentum * ops.take(rows, numbers, axis=0) + (1.0 - self.momentum) * new
        places = ops.expand_dims(ops.cast(numbers, "int32"), -1)  # (batch, 1)
        self.rows.assign(ops.scatter_update(rows, places, unit(moved)))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*input_shape, self.dim)

    def _stored(self) -> Any:
        # A copy: on torch, an assignment changes the tensor that was read before it.
        return ops.stop_gradient(ops.copy(ops.convert_to_tensor(self.rows)))

    def _random_rows(self, shape: Sequence[int], dtype: Any = None) -> Any:
        limit = 1.0 / math.sqrt(shape[-1] / 3.0)
        return keras.random.uniform(shape, minval=-limit, maxval=limit, dtype=dtype, seed=self.seed)
