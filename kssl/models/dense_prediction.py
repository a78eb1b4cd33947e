"""Dense prediction: from what a transform left of an image, what it took away, place by place.

Colorization (Zhang et al., arXiv:1603.08511), context encoders (Pathak et al., arXiv:1604.07379)
and every other task whose target is a map.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers import ConvNet, GradientReversal, MapDecoder
from kssl.layers.base import built
from kssl.losses import Reconstruction, adversarial, reconstruction
from kssl.modalities.given import check_labels, in_unit_interval
from kssl.models.base import Model, to_data

KINDS = ("squared", "absolute", "huber", "bernoulli")


@keras.saving.register_keras_serializable(package="kssl")
class DensePrediction(Model):
    """An encoder, and a decoder from its features to a class or to values at each place.

    The transform decides what is learned: `kssl.pretext.colorize`, `inpaint`, `split` and others
    that write a map under `target`. Places count as a map under `weight` says, on average over all
    places; or, where there is a `mask`, those alone that it marks, as many as they are.

    With an `adversarial_weight` a discriminator learns to tell the true map from the predicted one,
    where the mask marks it, and the model learns to deceive it: sharper pictures, and a larger
    squared error. One optimizer serves both, by gradient reversal; the game is the minimax one.

    Args:
        target_classes: Number of classes at each place; targets are their numbers, or
            distributions over them. None: targets are values. A recipe gives that of its transform.
        encoder: Any layer or model from images to a map of features, or to a vector; None is
            `ConvNet(pool=False)`.
        decoder: Any layer from these to other features; what is lacking to the target's shape is
            added, see `kssl.layers.MapDecoder`. None: nothing else.
        loss: `Reconstruction` of values, of kind `"squared"` (the default), `"absolute"`,
            `"huber"` or `"bernoulli"`; averaged over the values. Of classes it is the
            cross-entropy.
        adversarial_weight: What the discriminator's part weighs, the rest `1 - weight`; 0.001 in
            the paper, 0 is without.
        discriminator: Any layer from maps to features; a dense layer to one number is added. None
            is `ConvNet([32, 64])`.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`, or a dict with `image`, and for training
            `target`: int `(batch, rows, columns)`, or float `(batch, rows, columns, channels)`; of
            images alone these are the target. May have `weight` or `mask`,
            `(batch, rows, columns)`.

    Returns:
        Dict of `prediction` `(batch, rows, columns, channels)`, logits where there are classes;
        with a discriminator and a target also of its logits `real` and `fake`, `(batch, 1)`.

    Raises:
        ValueError: If `loss` is not one of the above, `adversarial_weight` is not in 0 to 1, or
            the target is no map.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.DensePrediction(encoder=kssl.layers.ConvNet([8, 16], pool=False))
        >>> model.compile("adam")
        >>> images = numpy.random.rand(32, 16, 16, 3).astype("float32")
        >>> gray = images.mean(axis=-1, keepdims=True)
        >>> history = model.fit({"image": gray, "target": images}, verbose=0)
        >>> model.predict_map(gray[:2]).shape, model.embed(gray[:2]).shape
        ((2, 16, 16, 3), (2, 16))
    """

    def __init__(
        self,
        target_classes: int | None = None,
        encoder: keras.layers.Layer | None = None,
        decoder: keras.layers.Layer | None = None,
        loss: keras.losses.Loss | None = None,
        adversarial_weight: float = 0.0,
        discriminator: keras.layers.Layer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if loss is not None and (not isinstance(loss, Reconstruction) or loss.kind not in KINDS):
            raise ValueError(f"loss must be Reconstruction of {', '.join(KINDS)}; got {loss!r}")
        if not 0 <= adversarial_weight < 1:
            raise ValueError(f"adversarial_weight must be in 0 to 1; got {adversarial_weight}")
        self.target_classes = target_classes
        self.encoder = ConvNet(pool=False) if encoder is None else encoder
        self.decoder = decoder
        self.loss = Reconstruction("squared") if loss is None else loss
        self.adversarial_weight = adversarial_weight
        self.discriminator = discriminator
        if adversarial_weight:
            self.judge = ConvNet([32, 64]) if discriminator is None else discriminator
            self.flatten = keras.layers.Flatten()
            self.to_verdict = keras.layers.Dense(1, dtype="float32")
            self.reversal = GradientReversal(adversarial_weight)
            self.error_mean = keras.metrics.Mean(name="error")

    def build(self, input_shape: Any) -> None:
        self.example_shape = self.modality.example_shape(input_shape)
        shape = (None, *self.tensor_of(self.example_shape))
        several = isinstance(input_shape, Mapping) and self.target_key in input_shape
        self.target_shape = tuple(input_shape[self.target_key] if several else shape)[1:]
        self.to_map = MapDecoder(self._map_shape(), self.decoder)
        self.to_map.build(built(self.encoder, shape))
        if self.adversarial_weight:
            judged = built(self.judge, (None, *self._map_shape()))
            self.to_verdict.build(self.flatten.compute_output_shape(judged))
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        features = self.encoder(self.tensor_of(inputs), training=training)
        prediction = ops.cast(self.to_map(features, training=training), "float32")
        outputs = {"prediction": prediction}
        if self.adversarial_weight and isinstance(inputs, Mapping) and self.target_key in inputs:
            target = ops.cast(inputs[self.target_key], "float32")
            if self.target_classes is not None and len(self.target_shape) == 2:
                target = ops.one_hot(ops.cast(target, "int32"), self.target_classes)
            guess = self.reversal(self._in_units(prediction))
            outputs["real"] = self._verdict(inputs, target, training)
            outputs["fake"] = self._verdict(inputs, guess, training)
        return outputs

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the error of the places that count, and the discriminator's loss."""
        errors = self._errors(self.target_of(batch), outputs["prediction"])
        error = self.average(self._of_example(errors, batch), sample_weight)
        if "real" not in outputs:
            return error
        self.error_mean.update_state(error)
        game = self.average(adversarial(outputs["real"], outputs["fake"]), sample_weight)
        return (1 - self.adversarial_weight) * error + game

    def target_of(self, batch: Any) -> Any:
        """Return the map that is predicted: `target`, or the images themselves.

        Raises:
            ValueError: Its shape is not the one that the model was built for.
        """
        found = batch if isinstance(batch, Mapping) else {}
        target = found[self.target_key] if self.target_key in found else self.tensor_of(batch)
        if tuple(target.shape)[1:] != self.target_shape:
            raise ValueError(
                f"{type(self).__name__} was built for targets of shape {self.target_shape}; got "
                f"{tuple(target.shape)[1:]}: put the target into the examples, "
                '{"image": …, "target": …}, so that the model is built for both'
            )
        return target

    def check_batch(self, batch: Mapping[str, np.ndarray]) -> None:
        """Raise a ValueError if the model cannot be trained on such values."""
        super().check_batch(batch)
        target = np.asarray(batch.get(self.target_key, self.tensor_of(batch)))
        if self.target_classes is None:
            if np.issubdtype(target.dtype, np.integer):
                raise ValueError(
                    f"{type(self).__name__} predicts values, and the target is whole numbers "
                    f"({target.dtype}): of classes, give target_classes; of bytes, divide by 255"
                )
            self.check_values(target)
            if self.loss.kind == "bernoulli":
                in_unit_interval(target, "a Bernoulli loss", 'use Reconstruction("squared")')
        elif target.ndim == 3:
            check_labels(target.reshape(-1), type(self).__name__, self.target_classes)

    def embed(self, x: Any) -> Any:
        """Return the encoder's features, averaged over the image, `(batch, features)`."""
        features = self.encoder(self.tensor_of(x), training=False)
        places = tuple(range(1, len(features.shape) - 1))
        return ops.mean(features, axis=places) if places else features

    def predict_map(self, x: Any) -> Any:
        """Return `(batch, rows, columns, channels)`: probabilities of classes, or values."""
        return self._in_units(self(x)["prediction"])

    def figures(self) -> dict[str, tuple[str, str]]:
        """Return the figure that the report has of it."""
        return {"predicted": ("Predictions", "kssl.report.map_figures:predicted")}

    def get_build_config(self) -> dict[str, Any]:
        shape = {"target_shape": list(self.target_shape)} if self.built else {}
        return {**super().get_build_config(), **shape}

    def built_shapes(self, config: dict[str, Any]) -> Any:
        key = next(iter(self.modality.keys))
        return {key: config["example_shape"], self.target_key: config["target_shape"]}

    def _map_shape(self) -> tuple[int, ...]:
        """Return `(rows, columns, channels)` of the prediction."""
        shape, classes = self.target_shape, self.target_classes
        if classes is not None and len(shape) == 2:
            return (*shape, classes)
        if len(shape) == 3 and classes in (None, shape[-1]):
            return shape
        wanted = (
            "(rows, columns, channels)"
            if classes is None
            else (f"(rows, columns), or (rows, columns, {classes}), with {classes} classes")
        )
        raise ValueError(
            f"{type(self).__name__} predicts a target of shape {wanted}; got {shape}: "
            "set target_classes to the number of classes at each place, or None for values"
        )

    def _errors(self, target: Any, prediction: Any) -> Any:
        """Return the error of each place `(batch, rows, columns)`, in float32."""
        if self.target_classes is not None:
            if len(target.shape) == 3:
                target = ops.cast(target, "int32")
                return ops.sparse_categorical_crossentropy(target, prediction, from_logits=True)
            target = ops.cast(target, "float32")
            return ops.categorical_crossentropy(target, prediction, from_logits=True)
        *places, channels = self._map_shape()
        rows = [ops.reshape(each, (-1, channels)) for each in (target, prediction)]
        errors = reconstruction(*rows, self.loss.kind)  # (batch · rows · columns,)
        return ops.reshape(errors, (-1, *places)) / channels

    def _of_example(self, errors: Any, batch: Any) -> Any:
        """Return the mean over the places that count, `(batch,)`."""
        found = batch if isinstance(batch, Mapping) else {}
        if "mask" in found:
            mask = ops.cast(found["mask"], "float32")
            marked = ops.maximum(ops.sum(mask, axis=(1, 2)), 1.0)
            return ops.sum(mask * errors, axis=(1, 2)) / marked
        if "weight" in found:
            errors = ops.cast(found["weight"], "float32") * errors
        return ops.mean(errors, axis=(1, 2))

    def _in_units(self, prediction: Any) -> Any:
        """Return probabilities of classes, or values in the units of the target."""
        if self.target_classes is not None:
            return ops.softmax(prediction, axis=-1)
        return to_data(self.loss, prediction)

    def _verdict(self, inputs: Mapping[str, Any], values: Any, training: bool) -> Any:
        """Return the discriminator's logit `(batch, 1)` of a map, blank where no mask marks it."""
        if "mask" in inputs:
            values = values * ops.cast(inputs["mask"], "float32")[..., None]
        features = self.flatten(self.judge(values, training=training))
        return self.to_verdict(features)
