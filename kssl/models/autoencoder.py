"""Autoencoder, plain and denoising: reconstruct an example from a low-dimensional code.

Hinton and Salakhutdinov, Reducing the Dimensionality of Data with Neural Networks, Science 313
(2006). With linear layers and squared error its codes span the space of principal components.
Vincent et al., Extracting and Composing Robust Features with Denoising Autoencoders, ICML 2008;
Stacked Denoising Autoencoders, JMLR 11 (2010): to undo noise the code must hold what is likely.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kssl.layers import Corruption, ImageDecoder, LatentEncoder, LatentGaussian
from kssl.losses import Reconstruction
from kssl.modalities import Image, Modality, get
from kssl.modalities.given import given_loss, in_unit_interval
from kssl.models.base import Model, default, to_data
from kssl.models.capabilities import Corrupts


@keras.saving.register_keras_serializable(package="kssl")
class AutoEncoder(Model):
    """Encoder to a code of `latent_dim` numbers, decoder back to the example.

    Args:
        latent_dim: Width of the code.
        encoder: Any layer or model from examples to features; None is a dense layer of 400.
        decoder: Any layer or model from codes to features or examples; None is a dense layer of
            400. A dense layer to the values of an example is added where it does not end in the
            example's shape.
        loss: Any Keras loss of (example, prediction); None is the squared error summed over the
            example. `Reconstruction("bernoulli")` reads the prediction as logits.
        corruption: A layer that corrupts what the encoder is given in training and validation,
            such as `kssl.layers.Corruption`: a denoising autoencoder. The loss compares with the
            example as it was.
        modality: What is read, of one tensor an example: images, recordings, clips, or rows of
            numbers. None is images; a recipe gives that of its data.

    Call arguments:
        inputs: Examples `(batch, …)`, or a dict with the modality's key and, if what is to be
            rebuilt is something else, `target`.

    Returns:
        Dict of `embedding` `(batch, latent_dim)` and `prediction`, shaped like the examples; with
        a corruption also of `corrupted`.

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
        corruption: keras.layers.Layer | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.latent_dim = latent_dim
        self.encoder = default(encoder, (400,))
        self.decoder = default(decoder, (400,))
        self.loss = Reconstruction("squared") if loss is None else given_loss(loss)
        self.corruption = corruption
        self.modality = Image() if modality is None else get(modality)
        self.to_latent = LatentEncoder(self.encoder, latent_dim)
        self.codes = LatentGaussian()

    def build(self, input_shape: Any) -> None:
        self.example_shape = self.modality.example_shape(input_shape)
        shape = self.tensor_of(self.example_shape)
        self.to_image = ImageDecoder(self.decoder, shape)
        self.to_latent.build((None, *shape))
        self.codes.build((None, self.latent_dim))
        self.to_image.build((None, self.latent_dim))
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        seen, outputs = self.tensor_of(inputs), {}
        if self.corruption is not None:
            seen = self.corruption(seen)  # in validation too: it is the task
            outputs = {"corrupted": seen}
        (code,) = self.to_latent(seen, training=training)  # (batch, latent_dim)
        code = self.codes(code, training=training)
        prediction = self.to_image(code, training=training)
        return {**outputs, "embedding": code, "prediction": prediction}

    def check_batch(self, batch: Mapping[str, np.ndarray]) -> None:
        """Raise a ValueError if the model cannot be trained on such values."""
        super().check_batch(batch)
        target = self.target_of(batch)
        if getattr(self.loss, "kind", "") == "bernoulli":
            in_unit_interval(target, "a Bernoulli loss", 'use Reconstruction("squared")')
        if target is not self.tensor_of(batch):
            self.check_values(self.modality.pick(self.as_batch(target)))

    def check_built(self) -> None:
        """Raise a ValueError if the decoder cannot give what the loss reads."""
        if getattr(self.loss, "kind", "") == "bernoulli":
            self.to_image.check_logits()

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the loss between the target and the prediction, averaged over the batch."""
        return self.loss(self.target_of(batch), outputs["prediction"], sample_weight=sample_weight)

    def supports(self, capability: type) -> bool:
        """Return whether this instance has a capability: only a denoising one corrupts."""
        return capability is not Corrupts or self.corruption is not None

    def corrupt(self, x: Any) -> Any:
        """Return the examples with the corruption that the model is trained on."""
        return self.tensor_of(x) if self.corruption is None else self.corruption(self.tensor_of(x))

    def embed(self, x: Any) -> Any:
        """Return the codes `(batch, latent_dim)` of examples as they are."""
        return self.to_latent(self.tensor_of(x))[0]

    def decode(self, code: Any) -> Any:
        """Return the examples `(batch, …)` of codes `(batch, latent_dim)`."""
        return to_data(self.loss, self.to_image(code))

    def reconstruct(self, x: Any) -> Any:
        """Return the examples rebuilt from their codes, in the units of the data."""
        return self.decode(self.embed(x))

    def generate(self, count: int, seed: int | None = None) -> Any:
        """Return `count` examples of codes drawn from a Gaussian fitted to those of training."""
        return self.decode(self.codes.draw(count, seed))


@keras.saving.register_keras_serializable(package="kssl")
class DenoisingAutoEncoder(AutoEncoder):
    """Autoencoder that sees a freshly corrupted image and must return the clean one.

    `AutoEncoder` with `corruption=Corruption(noise, amount)`, under the name of the method.

    Args:
        latent_dim: See `AutoEncoder`.
        encoder: See `AutoEncoder`.
        decoder: See `AutoEncoder`.
        loss: See `AutoEncoder`.
        noise: `"gaussian"`, `"masking"` or `"salt_and_pepper"`; see `kssl.layers.Corruption`.
        amount: Standard deviation of Gaussian noise, or the fraction of the pixels that is hit.
        modality: See `AutoEncoder`.

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
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        corruption = Corruption(noise, amount)
        super().__init__(latent_dim, encoder, decoder, loss, corruption, modality, **kwargs)
        self.noise = noise
        self.amount = amount
