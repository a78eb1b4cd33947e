"""Autoencoder: squeeze an image through a narrow code and rebuild it.

Hinton and Salakhutdinov, Reducing the Dimensionality of Data with Neural Networks, Science 313
(2006). With linear layers and squared error its codes span the space of principal components.
"""

from __future__ import annotations

from typing import Any

import keras

from kssl.layers import ImageDecoder, LatentEncoder, LatentGaussian
from kssl.losses import Reconstruction
from kssl.models.base import Model, default, example_shape, pick, to_data


@keras.saving.register_keras_serializable(package="kssl")
class AutoEncoder(Model):
    """Encoder to a code of `latent_dim` numbers, decoder back to the image.

    Args:
        latent_dim: Width of the code.
        encoder: Any layer or model from images to features; None is a dense layer of 400.
        decoder: Any layer or model from codes to features or images; None is a dense layer of
            400. A dense layer to the pixels is added where it does not end in the image's shape.
        loss: Any Keras loss of (image, prediction); None is the squared error summed over the
            image. `Reconstruction("bernoulli")` reads the prediction as logits.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`, or a dict with `image` and, if what is
            to be rebuilt is something else, `target`.

    Returns:
        Dict of `embedding` `(batch, latent_dim)` and `prediction`, shaped like the images.

    Raises:
        ValueError: If `latent_dim` is not positive.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.AutoEncoder(latent_dim=8)
        >>> model.compile("adam")
        >>> history = model.fit(numpy.zeros((64, 28, 28, 1), "float32"), verbose=0)
        >>> model.embed(numpy.zeros((2, 28, 28, 1), "float32")).shape
        (2, 8)
    """

    def __init__(
        self,
        latent_dim: int = 32,
        encoder: keras.layers.Layer | None = None,
        decoder: keras.layers.Layer | None = None,
        loss: keras.losses.Loss | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.latent_dim = latent_dim
        self.encoder = default(encoder, (400,))
        self.decoder = default(decoder, (400,))
        self.loss = Reconstruction("squared") if loss is None else loss
        self.to_latent = LatentEncoder(self.encoder, latent_dim)
        self.codes = LatentGaussian()

    def build(self, input_shape: Any) -> None:
        self.example_shape = example_shape(input_shape)
        self.to_image = ImageDecoder(self.decoder, self.example_shape)
        self.to_latent.build((None, *self.example_shape))
        self.codes.build((None, self.latent_dim))
        self.to_image.build((None, self.latent_dim))
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        (code,) = self.to_latent(pick(inputs), training=training)  # (batch, latent_dim)
        code = self.codes(code, training=training)
        return {"embedding": code, "prediction": self.to_image(code, training=training)}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the loss between the target and the prediction, averaged over the batch."""
        target = pick(x, "target" if isinstance(x, dict) and "target" in x else "image")
        target = target if y is None else y
        return self.loss(target, y_pred["prediction"], sample_weight=sample_weight)

    def embed(self, x: Any) -> Any:
        """Return the codes `(batch, latent_dim)`."""
        return self.to_latent(pick(x))[0]

    def decode(self, code: Any) -> Any:
        """Return the images `(batch, height, width, channels)` of codes `(batch, latent_dim)`."""
        return to_data(self.loss, self.to_image(code))

    def reconstruct(self, x: Any) -> Any:
        """Return the images rebuilt from their codes, in the units of the data."""
        return self.decode(self.embed(x))

    def generate(self, count: int, seed: int | None = None) -> Any:
        """Return `count` images of codes drawn from a Gaussian fitted to those seen in training."""
        return self.decode(self.codes.draw(count, seed))
