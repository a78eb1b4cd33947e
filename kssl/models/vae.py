"""Variational autoencoder: a generative model with a Gaussian latent, trained on a bound.

Kingma and Welling, Auto-Encoding Variational Bayes, arXiv:1312.6114; Rezende et al.,
arXiv:1401.4082. With `ImportanceWeightedBound` as loss: Burda et al., arXiv:1509.00519.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers import GaussianSampling, ImageDecoder, LatentEncoder
from kssl.losses import (
    ELBO,
    ImportanceWeightedBound,
    gaussian_kl,
    importance_weighted_bound,
    reconstruction,
)
from kssl.modalities.given import in_unit_interval
from kssl.models.base import Model, default, example_shape, pick

LIKELIHOODS = ("bernoulli", "gaussian")


@keras.saving.register_keras_serializable(package="kssl")
class VAE(Model):
    """Encoder to a Gaussian over latents, decoder to the parameters of each pixel.

    Args:
        latent_dim: Number of latent variables.
        encoder: Any layer or model from images to features; None is a dense layer of 400.
        decoder: Any layer or model from latents to features or images; None is a dense layer of
            400. A dense layer to the pixels is added where it does not end in the image's shape.
        likelihood: `"bernoulli"` for pixels in 0 to 1, `"gaussian"` for real values, with one
            learned variance for all pixels.
        loss: `ELBO(beta, free_bits)`, the default with both neutral, or
            `ImportanceWeightedBound(samples)`.
        annealing_steps: Training steps over which the weight of the divergence rises from 0 to
            its full value; 0 for none.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`, or a dict with `image`.

    Returns:
        Dict of `mean` and `log_variance` `(batch, latent_dim)`, `latent`
        `(batch, samples, latent_dim)` and `prediction`, `batch · samples` images.

    Raises:
        ValueError: If `latent_dim` is not positive, `likelihood` or `loss` is not one of the
            above, or `annealing_steps` is used with another loss than `ELBO`.

    Example:
        >>> import numpy, kssl
        >>> vae = kssl.models.VAE(latent_dim=20)
        >>> vae.compile("adam")
        >>> history = vae.fit(numpy.zeros((64, 28, 28, 1), "float32"), verbose=0)
        >>> vae.generate(3).shape
        (3, 28, 28, 1)
    """

    def __init__(
        self,
        latent_dim: int = 20,
        encoder: keras.layers.Layer | None = None,
        decoder: keras.layers.Layer | None = None,
        likelihood: str = "bernoulli",
        loss: keras.losses.Loss | None = None,
        annealing_steps: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood must be bernoulli or gaussian; got {likelihood!r}")
        loss = ELBO() if loss is None else loss
        if not isinstance(loss, ELBO | ImportanceWeightedBound):
            raise ValueError(f"loss must be ELBO or ImportanceWeightedBound; got {loss!r}")
        if annealing_steps < 0 or (annealing_steps and not isinstance(loss, ELBO)):
            raise ValueError(f"annealing_steps needs ELBO and at least 0; got {annealing_steps}")
        self.latent_dim = latent_dim
        self.encoder = default(encoder, (400,))
        self.decoder = default(decoder, (400,))
        self.likelihood = likelihood
        self.loss = loss
        self.annealing_steps = annealing_steps
        self.to_latent = LatentEncoder(self.encoder, latent_dim, heads=2)
        self.sampling = GaussianSampling(samples=getattr(loss, "samples", 1))
        self.reconstruction_mean = keras.metrics.Mean(name="reconstruction")
        self.kl_mean = keras.metrics.Mean(name="kl")

    def build(self, input_shape: Any) -> None:
        self.example_shape = example_shape(input_shape)
        self.to_image = ImageDecoder(self.decoder, self.example_shape)
        self.to_latent.build((None, *self.example_shape))
        self.to_image.build((None, self.latent_dim))
        if self.likelihood == "gaussian":
            self.pixel_log_variance = self.add_weight(
                shape=(),
                initializer="zeros",
                name="pixel_log_variance",
                dtype="float32",
                autocast=False,
            )
        if self.annealing_steps:
            self.annealing_step = self.add_weight(
                shape=(),
                initializer="zeros",
                trainable=False,
                name="annealing_step",
                dtype="float32",
                autocast=False,
                aggregation="mean",
            )
        self.built = True

    def check_batch(self, batch: Mapping[str, np.ndarray]) -> None:
        """Raise a ValueError if the likelihood does not allow such values."""
        super().check_batch(batch)
        if self.likelihood == "bernoulli":
            in_unit_interval(
                self.target_of(batch), "a Bernoulli likelihood", 'use likelihood="gaussian"'
            )

    def check_built(self) -> None:
        """Raise a ValueError if the decoder cannot give what the likelihood reads."""
        if self.likelihood == "bernoulli":
            self.to_image.check_logits()

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        mean, log_variance = self.to_latent(pick(inputs), training=training)
        latent = self.sampling(mean, log_variance)  # (batch, samples, latent_dim)
        flat = ops.reshape(latent, (-1, self.latent_dim))  # (batch · samples, latent_dim)
        prediction = self.to_image(flat, training=training)
        return {
            "mean": mean,
            "log_variance": log_variance,
            "latent": latent,
            "prediction": prediction,
        }

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the bound, averaged over the batch; its parts are logged."""
        target = self.target_of(batch)
        errors = self._reconstruction(target, outputs["prediction"], self.sampling.samples)
        kl = gaussian_kl(
            outputs["mean"], outputs["log_variance"], getattr(self.loss, "free_bits", 0.0)
        )  # (batch,)
        self.reconstruction_mean.update_state(errors)
        self.kl_mean.update_state(kl)
        if isinstance(self.loss, ImportanceWeightedBound):
            posterior = _log_normal(outputs["latent"], outputs["mean"], outputs["log_variance"])
            joint = _log_normal(outputs["latent"]) - errors  # (batch, samples)
            return self.loss(joint, posterior, sample_weight=sample_weight)
        weight = self._annealing(training)
        return self.loss(errors[:, 0], weight * kl, sample_weight=sample_weight)

    def embed(self, x: Any) -> Any:
        """Return the means of the latents `(batch, latent_dim)`."""
        return self.to_latent(pick(x))[0]

    def decode(self, latent: Any) -> Any:
        """Return the mean image of latents `(batch, latent_dim)`: probabilities or values."""
        prediction = self.to_image(latent)
        return ops.sigmoid(prediction) if self.likelihood == "bernoulli" else prediction

    def reconstruct(self, x: Any) -> Any:
        """Return the mean image of the mean latent, in the units of the data."""
        return self.decode(self.embed(x))

    def generate(self, count: int, seed: int | None = None) -> Any:
        """Return `count` mean images of latents drawn from the prior."""
        source = self.sampling.seed_generator if seed is None else seed
        return self.decode(keras.random.normal((count, self.latent_dim), seed=source))

    def log_prob(self, x: Any, samples: int = 200) -> Any:
        """Return an estimate of `log p(x)` in nats, `(batch,)`, from below.

        The importance-weighted bound with `samples` draws of the posterior; with one it is the
        evidence lower bound. Needs memory for `batch · samples` images.
        """
        mean, log_variance = self.to_latent(pick(x))
        latent = self.sampling(mean, log_variance, samples=samples)
        prediction = self.to_image(ops.reshape(latent, (-1, self.latent_dim)))
        errors = self._reconstruction(pick(x), prediction, samples)  # (batch, samples)
        posterior = _log_normal(latent, mean, log_variance)
        return -importance_weighted_bound(_log_normal(latent) - errors - posterior)

    def _reconstruction(self, target: Any, prediction: Any, samples: int) -> Any:
        target = ops.repeat(target, samples, axis=0) if samples > 1 else target
        log_variance = getattr(self, "pixel_log_variance", 0.0)
        errors = reconstruction(target, prediction, self.likelihood, log_variance)
        return ops.reshape(errors, (-1, samples))  # (batch, samples)

    def _annealing(self, training: bool) -> Any:
        if not self.annealing_steps:
            return 1.0
        weight = ops.minimum(1.0, self.annealing_step / self.annealing_steps)
        if training:
            self.annealing_step.assign(self.annealing_step + 1.0)
        return weight


def _log_normal(latent: Any, mean: Any = None, log_variance: Any = None) -> Any:
    """Return the log-density of `latent` `(batch, samples, latent_dim)`, summed over the last."""
    if mean is None:
        squares = ops.square(latent)
    else:
        log_variance = ops.expand_dims(ops.cast(log_variance, "float32"), 1)
        difference = latent - ops.expand_dims(ops.cast(mean, "float32"), 1)
        squares = ops.square(difference) * ops.exp(-log_variance) + log_variance
    return -0.5 * ops.sum(squares + math.log(2 * math.pi), axis=-1)  # (batch, samples)
