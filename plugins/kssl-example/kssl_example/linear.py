"""A loss and a model: Keras, and neither TensorFlow nor JAX nor torch."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from kssl.models import Model


def log_cosh(target: Any, prediction: Any, scale: float = 1.0) -> Any:
    """Sum over each example of `scale² · log cosh((target - prediction) / scale)`.

    Half the squared error where the difference is small against `scale`, and the absolute error
    where it is large, without a corner between the two.

    Args:
        target: Tensor `(batch, …)`.
        prediction: Tensor of the same shape.
        scale: The difference at which the one turns into the other.

    Returns:
        Tensor `(batch,)` in float32.

    Example:
        >>> float(log_cosh(ops.zeros((1, 3)), ops.zeros((1, 3)))[0])
        0.0
    """
    difference = (ops.cast(target, "float32") - ops.cast(prediction, "float32")) / scale
    size = ops.abs(difference)
    each = size + ops.softplus(-2.0 * size) - math.log(2.0)  # log cosh, without overflow
    return scale**2 * ops.sum(ops.reshape(each, (ops.shape(each)[0], -1)), axis=1)  # (batch,)


@keras.saving.register_keras_serializable(package="kssl_example")
class LogCosh(keras.losses.Loss):
    """The loss `log_cosh` of `(target, prediction)`, averaged over the batch.

    Args:
        scale: The difference at which squared turns into absolute error.
        reduction: As in every Keras loss.
        name: Name in the logs.

    Example:
        >>> float(LogCosh()(ops.zeros((1, 3)), ops.zeros((1, 3))))
        0.0
    """

    def __init__(
        self,
        scale: float = 1.0,
        reduction: str = "sum_over_batch_size",
        name: str = "log_cosh",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)
        if scale <= 0:
            raise ValueError(f"scale must be above 0; got {scale}")
        self.scale = scale

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return log_cosh(y_true, y_pred, self.scale)  # (batch,)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable(package="kssl_example")
class LinearAutoEncoder(Model):
    """An autoencoder of one matrix: encode with it, decode with its transpose.

    With the squared error it finds the space of the first principal components.
    Baldi and Hornik 1989, Neural Networks 2:53.

    Args:
        latent_dim: Width of the code.
        loss: Takes `(target, prediction)`; `LogCosh()` by default.

    Example:
        >>> import numpy as np
        >>> model = LinearAutoEncoder(latent_dim=2)
        >>> model.compile("adam")
        >>> history = model.fit(np.zeros((4, 8, 8, 1), "float32"), verbose=0)
        >>> model.embed(np.zeros((4, 8, 8, 1), "float32")).shape
        TensorShape([4, 2])
    """

    def __init__(
        self, latent_dim: int = 8, loss: keras.losses.Loss | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if latent_dim < 1:
            raise ValueError(f"latent_dim must be at least 1; got {latent_dim}")
        self.latent_dim = latent_dim
        self.loss = LogCosh() if loss is None else loss

    def build(self, input_shape: Any) -> None:
        self.example_shape = self.modality.example_shape(input_shape)
        pixels = math.prod(self.example_shape)
        self.matrix = self.add_weight(shape=(pixels, self.latent_dim), name="matrix")
        self.offset = self.add_weight(shape=(pixels,), initializer="zeros", name="offset")
        self.built = True

    def embed(self, x: Any) -> Any:
        """Return the codes `(batch, latent_dim)`."""
        image = ops.convert_to_tensor(self.tensor_of(x))
        pixels = ops.reshape(image, (ops.shape(image)[0], -1))  # (batch, pixels)
        return ops.matmul(pixels - self.offset, self.matrix)  # (batch, latent_dim)

    def decode(self, code: Any) -> Any:
        """Return the images `(batch, height, width, channels)` of codes."""
        pixels = ops.matmul(code, ops.transpose(self.matrix)) + self.offset  # (batch, pixels)
        return ops.reshape(pixels, (-1, *self.example_shape))

    def reconstruct(self, x: Any) -> Any:
        """Return the images rebuilt from their codes, in [0, 1]."""
        return ops.clip(self.decode(self.embed(x)), 0.0, 1.0)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.decode(self.embed(inputs))

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the loss of the reconstruction of "target", where there is one, or the image."""
        return self.loss(self.target_of(batch), outputs, sample_weight=sample_weight)
