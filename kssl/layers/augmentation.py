"""Random views of images inside the training step, on whatever device it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer
from kssl.moved import renamed


@keras.saving.register_keras_serializable(package="kssl")
class RandomView(Layer):
    """A random resized crop, flipped, in other colours: a view for SimCLR and its kind.

    Made of Keras' own random layers but for the crop: Keras has none that changes the aspect. It
    runs in the compiled step, on a GPU in a fraction of its time; on a processor
    `kssl.pretext.two_views`, which is exact and antialiased, is several times faster. Defaults are
    those for small images (arXiv:2002.05709, appendix B.9): half of the colour changes, no blur.

    Args:
        scale: Least and largest fraction of the area that is cut out.
        ratio: Least and largest width / height of it.
        strength: Factor of the colour changes; 1 is what SimCLR has for ImageNet.
        jitter: Probability that colours change at all.
        gray: Probability of becoming grey.
        seed: Of the draws; None draws one.

    Call arguments:
        inputs: Images `(batch, height, width, channels)` in [0, 1], 1 or 3 channels.
        training: Images are left alone unless it is True.

    Returns:
        Images of the same shape, in [0, 1].

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.RandomView()(keras.ops.ones((2, 32, 32, 3)), training=True).shape
        (2, 32, 32, 3)
    """

    @renamed(grey="gray")
    def __init__(
        self,
        scale: Sequence[float] = (0.2, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        strength: float = 0.5,
        jitter: float = 0.8,
        gray: float = 0.2,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not (0 < scale[0] <= scale[1] <= 1 and 0 < ratio[0] <= ratio[1]):
            raise ValueError(
                f"scale must be two fractions and ratio two positive numbers, least first; got "
                f"{tuple(scale)} and {tuple(ratio)}"
            )
        if strength < 0 or not (0 <= jitter <= 1 and 0 <= gray <= 1):
            raise ValueError(
                f"strength must be at least 0, jitter and gray in 0 to 1; got {strength}, "
                f"{jitter} and {gray}"
            )
        self.scale = tuple(scale)
        self.ratio = tuple(ratio)
        self.strength = strength
        self.jitter = jitter
        self.gray = gray
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        # TensorFlow has its affine transform for no XLA; Keras asks before it compiles.
        self.supports_jit = keras.backend.backend() != "tensorflow"

    def build(self, input_shape: Sequence[int | None]) -> None:
        change = min(1.0, 0.8 * self.strength)
        options = {"value_range": (0.0, 1.0), "seed": self.seed, "dtype": self.dtype_policy}
        # Saturation and hue mean something only where there are colours.
        chroma = input_shape[-1] == 3
        self.colors = keras.layers.RandomColorJitter(
            brightness_factor=change,
            contrast_factor=change,
            # (lowest, highest), of which Keras makes a factor around 1
            saturation_factor=(0.5 - change / 2, 0.5 + change / 2) if chroma else None,
            hue_factor=min(0.5, 0.2 * self.strength) if chroma else None,
            **options,
        )
        self.to_gray = None
        if chroma:
            self.to_gray = keras.layers.RandomGrayscale(
                self.gray, seed=self.seed, dtype=self.dtype_policy
            )
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        images = ops.cast(inputs, self.compute_dtype)
        if not training:
            return images
        images = self._cropped(images)
        # A copy: on torch Keras' layer (3.15) changes what it is given.
        changed = ops.clip(self.colors(ops.copy(images), training=True), 0.0, 1.0)
        drawn = self._uniform((ops.shape(images)[0], 1, 1, 1))
        images = ops.where(drawn < self.jitter, ops.cast(changed, images.dtype), images)
        if self.to_gray is not None:
            images = self.to_gray(images, training=True)
        return images

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def _uniform(self, shape: tuple[Any, ...], low: float = 0.0, high: float = 1.0) -> Any:
        return keras.random.uniform(shape, low, high, "float32", self.seed_generator)

    def _cropped(self, images: Any) -> Any:
        """Cut a box out of each image and enlarge it again; half of them are mirrored."""
        batch, height, width = ops.shape(images)[0], images.shape[1], images.shape[2]
        area = self._uniform((batch,), *self.scale)
        low, high = self.ratio
        ratio = ops.exp(self._uniform((batch,), math.log(low), math.log(high)))
        tall = ops.minimum(1.0, ops.sqrt(area / ratio))  # fractions of height and width
        wide = ops.minimum(1.0, ops.sqrt(area * ratio))
        top = self._uniform((batch,)) * (1.0 - tall) * (height - 1)
        left = self._uniform((batch,)) * (1.0 - wide) * (width - 1)
        mirrored = self._uniform((batch,)) < 0.5
        left = ops.where(mirrored, left + wide * (width - 1), left)
        across = ops.where(mirrored, -wide, wide)
        zero = ops.zeros_like(tall)
        # Where output (x, y) comes from: x' = a0 x + a1 y + a2, y' = b0 x + b1 y + b2.
        transform = ops.stack([across, zero, left, zero, tall, top, zero, zero], axis=1)
        cut = ops.image.affine_transform(images, transform, "bilinear", "nearest")
        return ops.cast(cut, images.dtype)  # (batch, height, width, channels)
