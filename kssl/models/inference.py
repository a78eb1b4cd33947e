"""Methods of a model over whole data: compiled, in batches, or as a model of their own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers.blocks import averaged, blocks_of, watched
from kssl.modalities.fitting import check_shapes
from kssl.modalities.given import is_arrays


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


class BlockFeatures(keras.Model):
    """What the blocks of a model's encoder put out while it embeds examples.

    Args:
        model: Any model with an `encoder`, built.
        features: Of each block, its map is averaged to at most so many.

    Call arguments:
        x: Examples, as `embed` takes them.

    Returns:
        A tensor `(batch, features)` for each block, first to last. Where an example is embedded
        in parts, such as frames, it is the mean of theirs.

    """

    def __init__(self, model: keras.Model, features: int) -> None:
        super().__init__(autocast=False)
        self.model = model
        self.features = features
        self.built = True

    def call(self, x: Any) -> list[Any]:
        count = ops.shape(keras.tree.flatten(x)[0])[0]
        layers = blocks_of(self.model.encoder)
        with watched(layers) as outputs:
            self.model.embed(x)
        rows = [averaged(called[0], self.features) for called in outputs]
        parts = [ops.reshape(each, (count, -1, each.shape[-1])) for each in rows]
        return [ops.mean(each, axis=1) for each in parts]  # (batch, features)


def block_names(model: keras.Model) -> list[str]:
    """Return the names of the layers that end the blocks of a model's encoder, first to last.

    Args:
        model: Any model with an `encoder`, built.

    Returns:
        Names, none where no blocks are told apart, see `kssl.layers.blocks.blocks_of`.

    Example:
        >>> import kssl
        >>> model = kssl.models.SimCLR(kssl.layers.ConvNet([8, 16]), augment="device")
        >>> model.build((None, 16, 16, 1))
        >>> len(kssl.models.inference.block_names(model))
        2
    """
    return [str(layer.name) for layer in blocks_of(model.encoder)]


def run_blocks(
    model: keras.Model, data: Any, features: int, batch_size: int = 256
) -> list[np.ndarray]:
    """Return what the blocks of a model's encoder put out while it embeds data.

    Args:
        model: Any model of kssl with an `encoder`, built.
        data: As in `run`.
        features: Of each block, its map is averaged to at most so many.
        batch_size: Examples at a time, for an array.

    Returns:
        An array `(examples, features)` for each block, first to last.

    Raises:
        ValueError: As `run`, or `embed` does not go through each block once.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.SimCLR(kssl.layers.ConvNet([8, 16]), augment="device")
        >>> images = numpy.zeros((4, 16, 16, 1), "float32")
        >>> model.build(images.shape)
        >>> [rows.shape for rows in kssl.models.inference.run_blocks(model, images, features=32)]
        [(4, 32), (4, 16)]
    """
    _check_examples(model, "embed", data)
    _check_calls(model)
    options = {"batch_size": batch_size} if isinstance(data, np.ndarray | dict) else {}
    return list(BlockFeatures(model, features).predict(data, verbose=0, **options))


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
        >>> embed = kssl.models.inference.compiled(autoencoder, "embed")
        >>> embed(numpy.zeros((2, 28, 28, 1), "float32")).shape
        (2, 3)
    """
    call = MethodCall(model, method, {})
    # For a CPU, XLA compiles longer than a few batches take; on JAX there is nothing else.
    jit = keras.backend.backend() == "jax" or (model.compiled and model.jit_compile)
    call.compile(jit_compile=jit)
    return call.predict_on_batch


def encoder_of(model: keras.Model) -> keras.Model:
    """Return `embed` as a functional model of its own, which `save` and `export` take.

    Example:
        >>> import kssl
        >>> autoencoder = kssl.models.AutoEncoder(latent_dim=3)
        >>> autoencoder.build((None, 28, 28, 1))
        >>> kssl.models.inference.encoder_of(autoencoder).output_shape
        (None, 3)
    """
    examples = model.modality.inputs(model.example_shape)
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
        NumPy array with one row for each example; half precision becomes float32.

    Raises:
        ValueError: The data are bytes, not finite, or on no scale that the model reads.

    Example:
        >>> import numpy, kssl
        >>> vae = kssl.models.VAE(latent_dim=2)
        >>> images = numpy.zeros((8, 28, 28, 1), "float32")
        >>> vae.build(images.shape)
        >>> kssl.models.run(vae, "embed", images).shape
        (8, 2)
    """
    _check_examples(model, method, data)
    wrapped = MethodCall(model, method, arguments)
    options = {"batch_size": batch_size} if isinstance(data, np.ndarray | dict) else {}
    return keras.tree.map_structure(full, wrapped.predict(data, verbose=0, **options))


def full(values: np.ndarray) -> np.ndarray:
    """Return half precision as float32, in which NumPy and scikit-learn compute; else as it is."""
    values = np.asarray(values)
    half = values.dtype.itemsize < 4 and keras.backend.is_float_dtype(values.dtype)
    return values.astype("float32") if half else values


def _check_examples(model: keras.Model, method: str, data: Any) -> None:
    """Check the values of arrays that a method takes for examples, which it calls `x`."""
    first = next(iter(inspect.signature(getattr(model, method)).parameters), "")
    if first != "x" or not hasattr(model, "check_values") or not is_arrays(data):
        return
    check_shapes(model, model.as_batch(data))
    try:
        picked = model.modality.pick(model.as_batch(data))
    except KeyError:  # views, or the parts of a pretext task
        return
    model.check_values(keras.tree.map_structure(keras.ops.convert_to_numpy, picked))


def _check_calls(model: keras.Model) -> None:
    """Raise a ValueError unless each block is called once, for which an example is embedded."""
    inputs = model.modality.inputs(model.example_shape)
    one = keras.tree.map_structure(lambda each: ops.zeros((1, *each.shape[1:]), each.dtype), inputs)
    layers = blocks_of(model.encoder)
    with watched(layers) as outputs:
        model.embed(one)
    for layer, called in zip(layers, outputs, strict=True):
        if len(called) != 1:
            raise ValueError(
                f"{type(model).__name__} goes through {layer.name} of its encoder {len(called)} "
                "times to embed an example, and once is expected: leave its blocks out"
            )
