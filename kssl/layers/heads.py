"""Projection and prediction heads: what stands between an encoder and a loss on embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer
from kssl.layers.normalization import BatchNormalization

NORMALIZATIONS = ("batch", "layer", None)


@keras.saving.register_keras_serializable(package="kssl")
class ProjectionHead(Layer):
    """Dense layers between an encoder and the loss, thrown away after training.

    Chen et al., SimCLR, arXiv:2002.05709, section 4.2: the loss acts on a projection, so that the
    representation before it need not forget what the augmentations change. Each hidden layer is
    dense, normalised and activated; the last one is linear. SimCLR is `depth=2`; Barlow Twins and
    VICReg are `depth=3, output_dim=8192, hidden_dim=8192`; SimSiam is `depth=3,
    normalize_output=True`. The projection is not divided by its norm: the losses do that.

    Args:
        output_dim: Width of the projection; None keeps the width of the input.
        hidden_dim: Width of the hidden layers.
        depth: Dense layers, the last one included; 1 is a linear projection.
        normalization: `"batch"`, `"layer"` or None: what follows each hidden dense layer.
        normalize_output: Whether the projection is normalised too, without scale and shift.
        activation: Name of the activation of the hidden layers.

    Call arguments:
        inputs: Tensor `(batch, …, features)`, of any rank whatever the layer was built with.

    Returns:
        Tensor `(batch, …, output_dim)`.

    Raises:
        ValueError: If `normalization` is unknown, or a number is not positive.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.ProjectionHead(128, hidden_dim=512)(keras.ops.ones((4, 512))).shape
        (4, 128)
    """

    def __init__(
        self,
        output_dim: int | None = 128,
        hidden_dim: int = 2048,
        depth: int = 2,
        normalization: str | None = "batch",
        normalize_output: bool = False,
        activation: str = "relu",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _check(output_dim, hidden_dim, depth, normalization, normalize_output)
        self.output_dim = output_dim
        self.hidden_dim = hidden_dim
        self.depth = depth
        self.normalization = normalization
        self.normalize_output = normalize_output
        self.activation = activation
        self.steps: list[keras.layers.Layer] = []

    def build(self, input_shape: Sequence[int | None]) -> None:
        options = {"dtype": self.dtype_policy}
        for _ in range(self.depth - 1):
            # The shift of the normalisation does what a bias would do.
            use_bias = self.normalization is None
            self.steps.append(keras.layers.Dense(self.hidden_dim, use_bias=use_bias, **options))
            self.steps += self._normalization()
            self.steps.append(keras.layers.Activation(self.activation, **options))
        width = self.output_dim or input_shape[-1]
        use_bias = not self.normalize_output
        self.steps.append(keras.layers.Dense(width, use_bias=use_bias, **options))
        if self.normalize_output:
            self.steps += self._normalization(center=False, scale=False)
        shape = (None, input_shape[-1])
        for step in self.steps:
            step.build(shape)
            shape = step.compute_output_shape(shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        shape = ops.shape(inputs)
        # Rows: batch normalisation takes only as many axes as it was built with.
        features = inputs if len(shape) == 2 else ops.reshape(inputs, (-1, shape[-1]))
        for step in self.steps:
            if isinstance(step, BatchNormalization):
                features = step(features, training=training)
            else:
                features = step(features)  # (rows, hidden_dim), at last (rows, output_dim)
        if len(shape) == 2:
            return features
        return ops.reshape(features, (*shape[:-1], features.shape[-1]))  # (batch, …, output_dim)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.output_dim or input_shape[-1])

    def _normalization(self, **settings: bool) -> list[keras.layers.Layer]:
        if self.normalization is None:
            return []
        if self.normalization == "layer":
            return [keras.layers.LayerNormalization(**settings, dtype=self.dtype_policy)]
        # The constants of the papers' code: Keras' own forget too slowly and damp small features.
        options = {"momentum": 0.9, "epsilon": 1e-5, "dtype": self.dtype_policy}
        return [BatchNormalization(**settings, **options)]


@keras.saving.register_keras_serializable(package="kssl")
class PredictionHead(ProjectionHead):
    """Predicts the projection of one view from that of the other; the asymmetry of BYOL, SimSiam.

    Grill et al., BYOL, arXiv:2006.07733; Chen and He, SimSiam, arXiv:2011.10566. The same layers
    as a `ProjectionHead`, but as wide at the end as at the start. BYOL has `hidden_dim=4096`,
    SimSiam a bottleneck of a quarter of the width.

    Args:
        output_dim: Width of the prediction; None keeps the width of the input.
        hidden_dim: Width of the hidden layers.
        depth: Dense layers, the last one included.
        normalization: `"batch"`, `"layer"` or None: what follows each hidden dense layer.
        activation: Name of the activation of the hidden layers.

    Call arguments:
        inputs: Projections `(batch, …, features)`, of any rank.

    Returns:
        Tensor `(batch, …, output_dim)`.

    Raises:
        ValueError: If `normalization` is unknown, or a number is not positive.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.PredictionHead(hidden_dim=64)(keras.ops.ones((4, 256))).shape
        (4, 256)
    """

    def __init__(
        self,
        output_dim: int | None = None,
        hidden_dim: int = 512,
        depth: int = 2,
        normalization: str | None = "batch",
        activation: str = "relu",
        **kwargs: Any,
    ) -> None:
        kwargs.pop("normalize_output", None)  # a prediction is never normalised
        super().__init__(
            output_dim=output_dim,
            hidden_dim=hidden_dim,
            depth=depth,
            normalization=normalization,
            activation=activation,
            **kwargs,
        )


def _check(
    output_dim: int | None,
    hidden_dim: int,
    depth: int,
    normalization: str | None,
    normalize_output: bool,
) -> None:
    if normalization not in NORMALIZATIONS:
        raise ValueError(f"normalization must be 'batch', 'layer' or None; got {normalization!r}")
    if normalize_output and normalization is None:
        raise ValueError("normalize_output needs a normalization, 'batch' or 'layer'; got None")
    numbers = {"output_dim": output_dim or 1, "hidden_dim": hidden_dim, "depth": depth}
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name} must be at least 1; got {number}")
