"""Split-brain autoencoder: one half predicts colour from brightness, the other the reverse.

Zhang et al., Split-Brain Autoencoders: Unsupervised Learning by Cross-Channel Prediction,
arXiv:1611.09842.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.layers import ConvNet, MapDecoder, brightness_and_color
from kssl.layers.base import built
from kssl.models.base import Model


@keras.saving.register_keras_serializable(package="kssl")
class SplitBrain(Model):
    """Two encoders, of brightness and of colour, each of which predicts what the other one sees.

    An autoencoder may copy; a cross-channel encoder must know what things look like. Each half sees
    one part of the channels alone, and together they see the whole: the embedding is that of both
    side by side.

    Colours are luma and two differences (YDbDr). What is predicted is the mean of the squares of
    pixels that one place of the encoder's map stands for, as one of so many classes. The paper has
    Lab, with 313 classes of colour and 100 of lightness, which it found better than squared error.

    Change of colours before would destroy the task. A grey image has the colour 0, and says little.

    Args:
        encoder: Any layer or model from luma `(batch, height, width, 1)` to a map of features;
            None is `ConvNet(pool=False)`. Half as wide as usual: there are two.
        color_encoder: Likewise, from `(batch, height, width, 2)`.
        bins: Steps of each of the three channels: `bins` classes of brightness, `bins²` of colour.
            None: squared error of the values.

    Call arguments:
        inputs: Images `(batch, height, width, 3)` in [0, 1], or a dict with `image`.

    Returns:
        Dict of `color`, predicted from brightness, `(batch, rows, columns, bins²)` logits (or 2
        values), and of `brightness`, predicted from colour, `(batch, rows, columns, bins)` (or 1).

    Raises:
        ValueError: If there are fewer than two bins, the images have no three channels, or an
            encoder gives no map.

    Example:
        >>> import numpy, kssl
        >>> halves = [kssl.layers.ConvNet([8], pool=False) for _ in range(2)]
        >>> model = kssl.models.SplitBrain(*halves)
        >>> model.compile("adam")
        >>> images = numpy.random.rand(32, 16, 16, 3).astype("float32")
        >>> history = model.fit(images, verbose=0)
        >>> model.embed(images[:2]).shape
        (2, 16)
    """

    target_key = ""

    def __init__(
        self,
        encoder: keras.layers.Layer | None = None,
        color_encoder: keras.layers.Layer | None = None,
        bins: int | None = 16,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if bins is not None and bins < 2:
            raise ValueError(f"bins must be at least 2, or None for squared error; got {bins}")
        self.encoder = ConvNet(pool=False) if encoder is None else encoder
        self.color_encoder = ConvNet(pool=False) if color_encoder is None else color_encoder
        self.bins = bins
        self.color_mean = keras.metrics.Mean(name="color_loss")
        self.brightness_mean = keras.metrics.Mean(name="brightness_loss")

    def build(self, input_shape: Any) -> None:
        self.example_shape = self.modality.example_shape(input_shape)
        *sides, channels = self.tensor_of(self.example_shape)
        if channels != 3:
            raise ValueError(
                "SplitBrain needs images of three channels, red, green and blue; these have "
                f"{channels}"
            )
        self.to_color = self._decoder(self.encoder, (None, *sides, 1), 2)
        self.to_brightness = self._decoder(self.color_encoder, (None, *sides, 2), 1)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        light, color = brightness_and_color(self.tensor_of(inputs))
        found = {
            "color": self.to_color(self.encoder(light, training=training)),
            "brightness": self.to_brightness(self.color_encoder(color, training=training)),
        }
        return {name: ops.cast(each, "float32") for name, each in found.items()}

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the mean of both halves' losses, each averaged over its places."""
        light, color = brightness_and_color(ops.cast(self.tensor_of(batch), "float32"))
        # Differences of colour reach from -1 to 1, luma from 0 to 1.
        losses = {
            "color": self._loss(color * 0.5 + 0.5, outputs["color"]),
            "brightness": self._loss(light, outputs["brightness"]),
        }
        found = {name: self.average(each, sample_weight) for name, each in losses.items()}
        self.color_mean.update_state(found["color"])
        self.brightness_mean.update_state(found["brightness"])
        return 0.5 * (found["color"] + found["brightness"])

    def embed(self, x: Any) -> Any:
        """Return the features of both halves, averaged over the image, side by side."""
        light, color = brightness_and_color(self.tensor_of(x))
        maps = [self.encoder(light, training=False), self.color_encoder(color, training=False)]
        return ops.concatenate([ops.mean(each, axis=(1, 2)) for each in maps], axis=-1)

    def _decoder(self, encoder: keras.layers.Layer, shape: Any, channels: int) -> MapDecoder:
        """Return, built, what predicts at each place of an encoder's map."""
        features = built(encoder, shape)
        if len(features) != 4:
            raise ValueError(
                "SplitBrain needs encoders that give a map (batch, rows, columns, features); "
                f"{encoder.name} gives {features}: take the layer before its pooling, such as "
                "ConvNet(pool=False)"
            )
        values = channels if self.bins is None else self.bins**channels
        decoder = MapDecoder((*features[1:3], values))
        decoder.build(features)
        return decoder

    def _loss(self, values: Any, prediction: Any) -> Any:
        """Return the loss of each example `(batch,)`; values are in [0, 1]."""
        *places, _ = prediction.shape[1:]
        values = _averaged(values, places)  # (batch, rows, columns, channels)
        if self.bins is None:
            errors = ops.mean(ops.square(values - prediction), axis=-1)
        else:
            steps = ops.clip(ops.floor(values * self.bins), 0, self.bins - 1)
            powers = [self.bins**power for power in range(values.shape[-1])]
            number = ops.sum(steps * ops.convert_to_tensor(powers, dtype="float32"), axis=-1)
            errors = ops.sparse_categorical_crossentropy(
                ops.cast(number, "int32"), prediction, from_logits=True
            )
        return ops.mean(errors, axis=(1, 2))


def _averaged(values: Any, places: list[int]) -> Any:
    """Return the mean of the pixels of each place, `(batch, rows, columns, channels)`."""
    height, width, channels = values.shape[1:]
    rows, columns = places
    if height % rows or width % columns:
        return ops.image.resize(values, (rows, columns), antialias=True)
    cut = ops.reshape(values, (-1, rows, height // rows, columns, width // columns, channels))
    return ops.mean(cut, axis=(2, 4))
