"""What every model of kssl is: the only abstract class."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops


class _BatchMean(keras.losses.Loss):
    """The mean of values that are losses already; Keras scales it on several devices."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return y_pred


class Model(keras.Model):
    """A `keras.Model` that knows its own loss and its representation.

    A subclass keeps each constructor argument as an attribute of the same name (its
    configuration is read from there), builds its layers in `build`, and implements `embed`,
    `call` and `compute_loss`. It is final: no model inherits from another.

    Attributes:
        needs_labels: Whether it is trained on labels. Only then does kssl leave `label` in the
            batches of training, refuse data without it, and say so in the record of the run.
        reads: The key of a batch that it embeds: `image`, or `tokens` for text. A bare tensor
            stands for it.
        example_shape: Shape of one example under that key, once the model is built.
    """

    needs_labels: bool = False
    reads: str = "image"
    example_shape: tuple[int, ...]

    @abstractmethod
    def embed(self, x: Any) -> Any:
        """Return the representation `(batch, features)` that is used after training."""

    def compile(self, optimizer: Any = "adam", loss: Any = None, **kwargs: Any) -> None:
        """Configure training, as in Keras; the loss is the model's own.

        Raises:
            ValueError: If a loss is given here instead of to the constructor.
        """
        if loss is not None:
            raise ValueError(
                f"{type(self).__name__} brings its own loss: pass loss= to the constructor"
            )
        own = getattr(self, "loss", None)
        super().compile(optimizer=optimizer, loss=None, **kwargs)
        self.loss = own  # Keras' compile has overwritten the constructor argument

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Train, as in Keras; arrays are checked for the range of values first."""
        given = {key: x[key] for key in x if key != "label"} if isinstance(x, dict) else x
        for array in keras.tree.flatten(given) if isinstance(given, dict | np.ndarray) else ():
            if isinstance(array, np.ndarray):
                self.check_values(array)
        self._make_variables(x)
        return super().fit(x, *args, **kwargs)

    def _make_variables(self, x: Any) -> None:
        """Make the variables before the step is traced: TensorFlow would trace it a second time."""
        if getattr(self, "_distribute_strategy", None) is not None:
            return  # Keras does it itself, where the strategy wants them
        shapes = None if self.built else _batch_shapes(getattr(x, "element_spec", x))
        if shapes is not None:
            self.build(shapes)
        if self.built and self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def check_values(self, examples: np.ndarray) -> None:
        """Raise a ValueError if the model cannot be trained on such values of what it reads."""
        if self.reads == "tokens":
            return
        if not np.issubdtype(examples.dtype, np.floating):
            raise ValueError(
                f"{type(self).__name__} needs floating-point inputs; got {examples.dtype}: "
                "divide bytes by 255, or use the transform to_float"
            )

    def average(self, values: Any, sample_weight: Any = None) -> Any:
        """Return the mean of per-example losses `(batch,)`, right on several devices too."""
        return _BatchMean(name="batch_mean")(ops.zeros_like(values), values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        config = {"name": self.name, "dtype": self.dtype_policy.name}
        for name in _arguments(type(self)):
            value = getattr(self, name)
            value = list(value) if isinstance(value, list | tuple) else value
            config[name] = keras.saving.serialize_keras_object(value)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Model:
        return cls(
            **{
                name: keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)
                if isinstance(value, dict)
                else value
                for name, value in config.items()
            }
        )

    def get_build_config(self) -> dict[str, Any]:
        return {"example_shape": list(self.example_shape)} if self.built else {}

    def build_from_config(self, config: dict[str, Any]) -> None:
        if config:
            self.build((None, *config["example_shape"]))


def _arguments(cls: type) -> list[str]:
    parameters = inspect.signature(cls.__init__).parameters.values()
    skipped = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [p.name for p in parameters if p.name != "self" and p.kind not in skipped]


def pick(x: Any, key: str = "image") -> Any:
    """Return what a model reads from a batch: the tensor itself, or `x[key]` of a dict.

    Raises:
        KeyError: If the dict has no such key; the message names those that are there.
    """
    if not isinstance(x, dict):
        return x
    if key not in x:
        raise KeyError(f"the batch has no {key!r}; it has {', '.join(sorted(x))}")
    return x[key]


def example_shape(input_shape: Any, key: str = "image") -> tuple[int, ...]:
    """Return the shape of one example from the shape, or dict of shapes, given to `build`."""
    shape = tuple(pick(input_shape, key))[1:]
    if not shape or any(size is None for size in shape):
        raise ValueError(f"{key} must have one known shape; got {shape}")
    return shape


def to_data(loss: keras.losses.Loss, prediction: Any) -> Any:
    """Return a prediction in the units of the data, where the loss knows how."""
    return loss.to_data(prediction) if hasattr(loss, "to_data") else prediction


def _batch_shapes(examples: Any) -> Any:
    """Return the shapes that `build` takes, of a batch or its specs; None where one is unknown."""
    if isinstance(examples, dict):
        shapes = {key: _batch_shapes(array) for key, array in examples.items()}
        return None if None in shapes.values() else shapes
    shape = getattr(examples, "shape", None)
    known = shape is not None and getattr(shape, "rank", 0) is not None
    return (None, *shape[1:]) if known and None not in tuple(shape)[1:] else None


class MethodCall(keras.Model):
    """A method of a model as a model of its own, so that `predict` compiles and batches it."""

    def __init__(self, model: keras.Model, method: str, arguments: dict[str, Any]) -> None:
        super().__init__(autocast=False)  # the model casts what it is given, or must not
        self.model = model
        self.method = method
        self.arguments = arguments
        self.built = True

    def call(self, x: Any) -> Any:
        return getattr(self.model, self.method)(x, **self.arguments)


def compiled(model: keras.Model, method: str) -> Callable[[Any], Any]:
    """Return a method of a model as a compiled function of one batch, for loops over steps.

    As the training step, it is compiled with XLA only if the model was; on JAX, always.

    Args:
        model: Built.
        method: Name of a method that takes an array, or a dict of arrays.

    Returns:
        A function that takes NumPy arrays and returns them.

    Example:
        >>> import numpy, kssl
        >>> autoencoder = kssl.models.AutoEncoder(latent_dim=3)
        >>> autoencoder.build((None, 28, 28, 1))
        >>> embed = kssl.models.base.compiled(autoencoder, "embed")
        >>> embed(numpy.zeros((2, 28, 28, 1), "float32")).shape
        (2, 3)
    """
    call = MethodCall(model, method, {})
    # For a CPU, XLA compiles longer than a few batches take; on JAX there is nothing else.
    jit = keras.backend.backend() == "jax" or (model.compiled and model.jit_compile)
    call.compile(jit_compile=jit)
    return call.predict_on_batch


def encoder_of(model: Model) -> keras.Model:
    """Return `embed` as a functional model of its own, which `save` and `export` take.

    Example:
        >>> import kssl
        >>> autoencoder = kssl.models.AutoEncoder(latent_dim=3)
        >>> autoencoder.build((None, 28, 28, 1))
        >>> kssl.models.base.encoder_of(autoencoder).output_shape
        (None, 3)
    """
    dtype = "int32" if model.reads == "tokens" else "float32"
    examples = keras.Input(model.example_shape, dtype=dtype, name=model.reads)
    return keras.Model(examples, model.embed(examples), name="encoder")


def run(
    model: keras.Model, method: str, data: Any, batch_size: int = 256, **arguments: Any
) -> np.ndarray:
    """Run a method of a model over data, compiled and in batches.

    Args:
        model: Any model of kssl, built.
        method: Name of a method that takes a batch: `"embed"`, `"reconstruct"`, `"log_prob"`, …
        data: Array `(examples, …)`, a dict of arrays, or a `tf.data.Dataset` of batches.
        batch_size: Examples at a time, for an array.
        **arguments: Passed on to the method.

    Returns:
        NumPy array with one row for each example.

    Example:
        >>> import numpy, kssl
        >>> vae = kssl.models.VAE(latent_dim=2)
        >>> images = numpy.zeros((8, 28, 28, 1), "float32")
        >>> vae.build(images.shape)
        >>> kssl.models.run(vae, "embed", images).shape
        (8, 2)
    """
    wrapped = MethodCall(model, method, arguments)
    options = {"batch_size": batch_size} if isinstance(data, np.ndarray | dict) else {}
    return wrapped.predict(data, verbose=0, **options)


def default(layer: keras.layers.Layer | None, units: Sequence[int]) -> keras.layers.Layer:
    """Return the given encoder or decoder, else a small dense one."""
    from kssl.layers import MLP

    return MLP(units) if layer is None else layer
