"""Denoising autoencoder: rebuild the clean image from a corrupted one.

Vincent et al., Extracting and Composing Robust Features with Denoising Autoencoders, ICML 2008;
Stacked Denoising Autoencoders, JMLR 11 (2010). To undo noise the code must hold what is likely.
"""

from __future__ import annotations

from typing import Any

import keras

from kssl.layers import Corruption, ImageDecoder, LatentEncoder, LatentGaussian
from kssl.losses import Reconstruction
from kssl.models.base import Model, default, example_shape, pick, to_data


@keras.saving.register_keras_serializable(package="kssl")
class DenoisingAutoEncoder(Model):
    """Autoencoder that sees a freshly corrupted image and must return the clean one.

    Args:
        latent_dim: Width of the code.
        encoder: Any layer or model from images to features; None is a dense layer of 400.
        decoder: Any layer or model from codes to features or images; None is a dense layer of 400.
        loss: Any Keras loss of (clean image, prediction); None is the squared error summed over
            the image. `Reconstruction("bernoulli")` reads the prediction as logits.
        noise: `"gaussian"`, `"masking"` or `"salt_and_pepper"`; see `kssl.layers.Corruption`.
        amount: Standard deviation of Gaussian noise, or the share of the pixels that is hit.

    Call arguments:
        inputs: Clean images `(batch, height, width, channels)`, or a dict with `image`.

    Returns:
        Dict of `corrupted`, `embedding` `(batch, latent_dim)` and `prediction`.

    Raises:
        ValueError: If `latent_dim` is not positive, `noise` unknown, or `amount` out of range.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.DenoisingAutoEncoder(latent_dim=8, noise="masking", amount=0.5)
        >>> model.compile("adam")
        >>> history = model.fit(numpy.zeros((64, 28, 28, 1), "float32"), verbose=0)
        >>> model.corrupt(numpy.ones((2, 28, 28, 1), "float32")).shape
        (2, 28, 28, 1)
    """

    def __init__(
        self,
        latent_dim: int = 32,
        encoder: keras.layers.Layer | None = None,
        decoder: keras.layers.Layer | None = None,
        loss: keras.losses.Loss | None = None,
        noise: str = "gaussian",
        amount: float = 0.3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.latent_dim = latent_dim
        self.encoder = default(encoder, (400,))
        self.decoder = default(decoder, (400,))
        self.loss = Reconstruction("squared") if loss is None else loss
        self.noise = noise
        self.amount = amount
        self.corruption = Corruption(noise, amount)
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
        corrupted = self.corruption(pick(inputs))  # in validation too: it is the task
        (code,) = self.to_latent(corrupted, training=training)  # (batch, latent_dim)
        code = self.codes(code, training=training)
        prediction = self.to_image(code, training=training)
        return {"corrupted": corrupted, "embedding": code, "prediction": prediction}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the loss between the clean image and the prediction, averaged over the batch."""
        clean = pick(x) if y is None else y
        return self.loss(clean, y_pred["prediction"], sample_weight=sample_weight)

    def corrupt(self, x: Any) -> Any:
        """Return the images with the noise that the model is trained on."""
        return self.corruption(pick(x))

    def embed(self, x: Any) -> Any:
        """Return the codes `(batch, latent_dim)` of images as they are."""
        return self.to_latent(pick(x))[0]

    def decode(self, code: Any) -> Any:
        """Return the images `(batch, height, width, channels)` of codes `(batch, latent_dim)`."""
        return to_data(self.loss, self.to_image(code))

    def reconstruct(self, x: Any) -> Any:
        """Return what the model takes the images, noisy ones for instance, to be without noise."""
        return self.decode(self.embed(x))

    def generate(self, count: int, seed: int | None = None) -> Any:
        """Return `count` images of codes drawn from a Gaussian fitted to those seen in training."""
        return self.decode(self.codes.draw(count, seed))
