"""Momentum encoder: a teacher whose weights are a moving average of its student's."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer, built


def cosine_momentum(step: Any, total_steps: int, start: float = 0.996, end: float = 1.0) -> Any:
    """Return the momentum of a teacher at a step: a half cosine from `start` to `end`.

    `end - (end - start) · (cos(π step / total_steps) + 1) / 2` (Grill et al., BYOL,
    arXiv:2006.07733); `end` from `total_steps` on.

    Args:
        step: Steps done, a number or a tensor of any shape.
        total_steps: Steps at which `end` is reached.
        start: Momentum at step 0.
        end: Momentum at the end; at 1 the teacher stands still.

    Returns:
        Tensor of the shape of `step`, in float32.

    Example:
        >>> import kssl
        >>> round(float(kssl.layers.cosine_momentum(50, total_steps=100)), 4)
        0.998
    """
    fraction = ops.clip(ops.cast(step, "float32") / total_steps, 0.0, 1.0)
    return end - (end - start) * (ops.cos(math.pi * fraction) + 1.0) / 2.0


@keras.saving.register_keras_serializable(package="kssl")
class MomentumEncoder(Layer):
    """A copy of an encoder whose weights are a moving average of the original's: the teacher.

    Tarvainen and Valpola, Mean Teachers, arXiv:1703.01780; He et al., MoCo, arXiv:1911.05722;
    Grill et al., BYOL, arXiv:2006.07733. Its outputs have no gradient and no weight of it is
    trainable. A model calls `follow(student)` at the start of each training step; the first call
    copies everything, each later one moves the trainable weights. Batch statistics are not
    averaged but the teacher's own, gathered whenever it runs with `training=True`, as in the
    papers' code.

    Args:
        encoder: The student, a layer or model; its configuration is copied, not its weights.
        momentum: Fraction of its own weights that the teacher keeps in a step.
        final_momentum: Fraction in the last of `total_steps`, along a half cosine.
        total_steps: Steps of the whole training; None keeps `momentum` throughout.

    Call arguments:
        inputs: What the encoder takes.

    Returns:
        What the encoder returns, without a gradient.

    Raises:
        ValueError: If a momentum is not in 0 to 1.

    Example:
        >>> import keras, kssl
        >>> student = kssl.layers.MLP([32])
        >>> teacher = kssl.layers.MomentumEncoder(student, momentum=0.99)
        >>> images = keras.ops.ones((2, 8, 8, 1))
        >>> shapes = student(images).shape, teacher(images).shape
        >>> teacher.follow(student)
        >>> shapes
        ((2, 32), (2, 32))
    """

    def __init__(
        self,
        encoder: keras.layers.Layer,
        momentum: float = 0.996,
        final_momentum: float = 1.0,
        total_steps: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("momentum", momentum), ("final_momentum", final_momentum)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must be in 0 to 1; got {value}")
        if total_steps is not None and total_steps < 1:
            raise ValueError(f"total_steps must be at least 1, or None; got {total_steps}")
        self.encoder = _copy(encoder)
        self.momentum = momentum
        self.final_momentum = final_momentum
        self.total_steps = total_steps

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        keras.layers.Layer.trainable.fset(self, value)
        self._freeze()

    def build(self, input_shape: Any) -> None:
        built(self.encoder, input_shape)
        self.step = self.add_weight(
            shape=(),
            dtype="int32",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
            name="step",
        )
        self.moving = [bool(weight.trainable) for weight in self.encoder.weights]
        self._freeze()

    def call(self, inputs: Any, training: bool = False) -> Any:
        options = {"training": training} if self.encoder._call_has_training_arg else {}
        outputs = self.encoder(inputs, **options)
        self.encoder._clear_losses()  # what its layers add is a part of the student's loss alone
        return keras.tree.map_structure(ops.stop_gradient, outputs)

    def follow(self, student: keras.layers.Layer) -> None:
        """Move the weights towards those of the student; the first call copies them.

        Args:
            student: The built encoder that is trained.

        Raises:
            ValueError: If one of the two is not built, or the weights do not correspond.
        """
        self._check(student)
        step = ops.convert_to_tensor(self.step)
        started = ops.cast(step > 0, "float32")
        momentum = started * self._momentum(step)
        for own, other, moving in zip(
            self.encoder.weights, student.weights, self.moving, strict=True
        ):
            fraction = ops.cast(momentum if moving else started, own.dtype)
            value = ops.stop_gradient(ops.convert_to_tensor(other))
            own.assign(fraction * own + (1 - fraction) * ops.cast(value, own.dtype))
        self.step.assign(step + 1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.encoder.compute_output_shape(input_shape)

    def _momentum(self, step: Any) -> Any:
        if self.total_steps is None:
            return self.momentum
        return cosine_momentum(step, self.total_steps, self.momentum, self.final_momentum)

    def _freeze(self) -> None:
        # Variable by variable: a layer that is not trainable would also stop its batch statistics.
        encoder = getattr(self, "encoder", None)  # None while the layer is being made
        for weight in encoder.weights if encoder is not None else ():
            weight.trainable = False

    def _check(self, student: keras.layers.Layer) -> None:
        if not (self.built and student.built):
            raise ValueError("build the student and its MomentumEncoder before the first follow()")
        shapes = [
            [tuple(weight.shape) for weight in layer.weights] for layer in (self.encoder, student)
        ]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"the student must be built like the encoder that the teacher copied; the teacher "
                f"has weights {shapes[0]}, the student {shapes[1]}"
            )


def _copy(encoder: keras.layers.Layer) -> keras.layers.Layer:
    """Return a layer of the same configuration, of classes that nobody has registered too."""
    classes = {type(each).__name__: type(each) for each in encoder._flatten_layers()}
    config = keras.saving.serialize_keras_object(encoder)
    copy = keras.saving.deserialize_keras_object(config, custom_objects=classes)
    for layer in copy._flatten_layers():
        layer.activity_regularizer = None  # the student's alone is a part of the loss
    return copy
