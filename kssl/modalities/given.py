"""What `fit` and `evaluate` are given, in any of Keras' ways: checked, and packed for a step."""

from __future__ import annotations

import functools
import itertools
import types
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.modalities.fitting import check_shapes, check_weights

WEIGHT = "sample_weight"  # the key of a batch under which weights of examples are


def packed(model: Any, x: Any, y: Any = None, sample_weight: Any = None) -> tuple[Any, Any, Any]:
    """Return data, targets and weights as Keras takes them, after a check of the values.

    Arrays are checked as a whole, batches of a generator and of a `PyDataset` one by one, but for
    one that is read by several processes. Of that, of a `tf.data.Dataset` and the like the first
    batch is: what comes later is not seen before the step.

    Args:
        model: A `kssl.models.base.Model`.
        x: Arrays, a dict of them, or a dataset of any kind that Keras takes.
        y: Targets, or labels.
        sample_weight: `(examples,)`. Keras itself drops weights that come without targets.

    Raises:
        ValueError: The model cannot be trained on such values.
    """
    if isinstance(x, types.GeneratorType):
        first = next(x, None)
        return x if first is None else _each_checked(model, first, x), y, sample_weight
    if not is_arrays(x):
        first = first_batch(x)
        if first is not None:
            _check(model, *_parts(first))
        if isinstance(x, keras.utils.PyDataset) and not x.use_multiprocessing:
            x = _Checked(model, x)
        return x, y, sample_weight
    _check(model, x, y, sample_weight)
    if y is not None and model.needs_labels and model.target_key != "label":
        x, y = {**model.as_batch(x), "label": y}, None  # it reads them with the examples
    if y is None and sample_weight is not None:
        x, sample_weight = {**model.as_batch(x), WEIGHT: sample_weight}, None
    return x, y, sample_weight


def packed_validation(model: Any, given: Any) -> Any:
    """Return `validation_data` likewise: a tuple of arrays, or a dataset."""
    if given is None:
        return None
    x, y, sample_weight = packed(model, *_parts(given))
    return (x, y, sample_weight) if is_arrays(x) else x


def weighed(model: Any, x: Any, y: Any, weights: Mapping[int, float]) -> tuple[Any, Any]:
    """Return weights of classes and of examples: those that Keras is given for these.

    Of arrays it is given those of the examples. Of datasets it looks the classes up in a table that
    ends with the last class that is named, so that one beyond it would be an error.
    """
    if is_arrays(x):
        return None, class_weights(model, x, y, weights)
    every = dict.fromkeys(range(getattr(model, "classes", None) or 0), 1.0)
    return {**every, **weights}, None


def class_weights(model: Any, x: Any, y: Any, weights: Mapping[int, float]) -> np.ndarray:
    """Return the weight `(examples,)` that each example has by its class; 1 where none is given.

    Raises:
        ValueError: There are no labels.
    """
    key = "label" if model.needs_labels else model.target_key
    labels = x.get(key) if y is None and isinstance(x, Mapping) else y
    labels = None if labels is None else _numpy(labels)
    if labels is None or labels.size != len(labels):
        raise ValueError(
            f"class_weight weighs examples by their labels, and {type(model).__name__} is given "
            "none: use sample_weight"
        )
    return np.array([weights.get(int(each), 1.0) for each in labels.reshape(-1)], "float32")


def said_if_not_finite(model: Any, history: Any) -> Any:
    """Return what `fit` returned, after a warning where the loss is NaN or infinite at the end."""
    losses = getattr(history, "history", {}).get("loss", [])
    finite = [bool(np.isfinite(loss)) for loss in losses]
    if not all(finite[-1:]) and not model.stop_training:  # whoever has stopped it has said why
        warnings.warn(
            f"{type(model).__name__}: the loss is {losses[-1]} since epoch "
            f"{history.epoch[finite.index(False)] + 1}, and the weights are lost: a value of a "
            "later batch is NaN or infinite, or the learning rate is too high",
            stacklevel=3,
        )
    return history


def first_batch(data: Any) -> Any:
    """Return the first batch of a dataset that can be read again; None if it cannot."""
    if isinstance(data, keras.utils.PyDataset):
        return data[0]
    if hasattr(data, "take") and hasattr(data, "element_spec"):  # no more than one is made
        data = data.take(1)
    iterator = iter(data) if hasattr(data, "__iter__") else None
    return None if iterator is None or iterator is data else next(iterator, None)


def given_loss(loss: Any, labels: bool = False) -> Any:
    """Return a loss, or Keras' own of that name, such as `"mse"`.

    Args:
        loss: An object, or a name.
        labels: Whether it may be one that compares examples by their labels.

    Raises:
        ValueError: It is another name, a function or a class instead of an object, or needs labels
            where there are none.
    """
    if getattr(loss, "of_labels", False) and not labels:
        raise ValueError(
            f"{type(loss).__name__} compares embeddings by their labels, and here a loss of two "
            "tensors is needed, such as kssl.losses.NTXent(): train with labels by "
            f"kssl.models.Metric(loss=kssl.losses.{type(loss).__name__}())"
        )
    if not isinstance(loss, str):
        if isinstance(loss, type) or not isinstance(loss, keras.losses.Loss):
            kind = "the class" if isinstance(loss, type) else "the function"
            raise ValueError(
                f"loss is {kind} {getattr(loss, '__name__', loss)}, where an object of a class is "
                "needed, such as kssl.losses.NTXent()"
            )
        return loss
    try:
        function = keras.losses.get(loss).__name__  # mean_squared_error
    except ValueError:
        raise ValueError(
            f"loss={loss!r} is no loss of Keras by its name: give an object, such as "
            "kssl.losses.NTXent()"
        ) from None
    return getattr(keras.losses, "".join(word.capitalize() for word in function.split("_")))()


def floating(tensor: Any, keys: Mapping[str, str]) -> Any:
    """Return a tensor of the first of these keys; bytes are refused where floats are read."""
    (key, wanted), *_ = keys.items()
    dtype = getattr(tensor, "dtype", None)  # a shape has none
    if dtype is not None and wanted.startswith("float") and keras.backend.is_int_dtype(dtype):
        raise ValueError(
            f"{key!r} is read as floating-point numbers; got "
            f"{keras.backend.standardize_dtype(dtype)}: divide bytes by 255, or use the transform "
            "to_float"
        )
    return tensor


def in_unit_interval(values: Any, what: str, otherwise: str = "") -> None:
    """Raise a ValueError unless all values are in [0, 1].

    Args:
        values: Array.
        what: What needs them so, for the message.
        otherwise: What else may be done than to scale them.
    """
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):
        cure = "scale them" + (f", or {otherwise}" if otherwise else "")
        raise ValueError(f"{what} needs values in 0 to 1; got {low:.3g} to {high:.3g}: {cure}")


def check_labels(labels: Any, model: str, classes: int | None = None) -> None:
    """Raise a ValueError unless labels are whole numbers `(examples,)`, below `classes`."""
    labels = _numpy(labels)
    one = np.shape(labels)[1:] in ((), (1,))
    if not one:
        raise ValueError(
            f"{model} reads labels as whole numbers (examples,); got the shape {labels.shape}: "
            "of one-hot rows give labels.argmax(axis=1)"
        )
    whole = labels.dtype.kind in "biu" or (
        labels.dtype.kind == "f" and bool(np.all(labels == np.round(labels)))
    )
    if not whole:
        text = labels.dtype.kind in "OSUT"
        odd = labels[...] if text else labels[labels != np.round(labels)]  # NaN is not itself
        kind = "text" if text else f"values such as {odd.reshape(-1)[0]}"
        raise ValueError(
            f"{model} reads labels as whole numbers; got {kind}: "
            "numpy.unique(labels, return_inverse=True)[1] numbers them"
        )
    if labels.size and abs(int(labels.max())) >= 2**31:
        raise ValueError(
            f"{model} reads labels below 2**31; got {labels.max()}: "
            "numpy.unique(labels, return_inverse=True)[1] numbers them"
        )
    if classes is not None and labels.size and not (0 <= labels.min() and labels.max() < classes):
        raise ValueError(
            f"{model} has classes={classes}, so labels are 0 to {classes - 1}; "
            f"got {labels.min()} to {labels.max()}"
        )


def check_ids(ids: np.ndarray, vocabulary_size: int) -> None:
    """Raise a ValueError unless all ids are in a vocabulary of that size."""
    low, high = (int(ids.min()), int(ids.max())) if ids.size else (0, 0)
    if low < 0 or high >= vocabulary_size:
        raise ValueError(
            f"there is an id {low if low < 0 else high}, but the model has "
            f"vocabulary_size={vocabulary_size}: give it the size of the vocabulary"
        )


def batch_shapes(examples: Any) -> Any:
    """Return the shapes that `build` takes, of a batch or its specs; None where one is unknown."""
    examples = examples[0] if isinstance(examples, tuple) else examples  # before the targets
    if isinstance(examples, dict):
        shapes = {key: batch_shapes(array) for key, array in examples.items()}
        return None if None in shapes.values() else shapes
    shape: Any = getattr(examples, "shape", None)
    known = shape is not None and getattr(shape, "rank", 0) is not None
    return (None, *shape[1:]) if known and None not in tuple(shape)[1:] else None


def _each_checked(model: Any, first: Any, others: Iterator[Any]) -> Iterator[Any]:
    """Return a generator of checked batches; the first is checked at once, before training."""
    checked = functools.partial(_checked, model)
    batches = itertools.chain([checked(first)], map(checked, others))
    return (batch for batch in batches)  # Keras wants a generator


def _checked(model: Any, batch: Any) -> tuple[Any, ...]:
    """Return a batch as Keras takes it, after a check of its values."""
    x, y, sample_weight = _parts(batch)
    _check(model, x, y)
    if y is None and sample_weight is not None:
        x, sample_weight = {**model.as_batch(x), WEIGHT: sample_weight}, None
    given = (x, y) if sample_weight is None else (x, y, sample_weight)
    return (x,) if y is None else given  # Keras takes no bare arrays


class _Checked(keras.utils.PyDataset):  # type: ignore[misc]
    """A `PyDataset` of which each batch is checked when it is read."""

    def __init__(self, model: Any, data: keras.utils.PyDataset) -> None:
        super().__init__(workers=data.workers, max_queue_size=data.max_queue_size)
        self.model, self.data = model, data

    def __getitem__(self, place: int) -> tuple[Any, ...]:
        return _checked(self.model, self.data[place])

    @property
    def num_batches(self) -> int | None:
        count: int | None = self.data.num_batches
        return count

    def on_epoch_begin(self) -> None:
        self.data.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.data.on_epoch_end()


def _check(model: Any, x: Any, y: Any = None, sample_weight: Any = None) -> None:
    batch = dict(model.as_batch(x))
    check_shapes(model, batch)
    sample_weight = batch.get(WEIGHT) if sample_weight is None else sample_weight
    if sample_weight is not None:
        check_weights(_numpy(sample_weight), len(next(iter(batch.values()))))
    if y is not None and (key := "label" if model.needs_labels else model.target_key):
        batch[key] = y
    model.check_batch({key: _numpy(value) for key, value in batch.items() if value is not None})


def _parts(batch: Any) -> tuple[Any, Any, Any]:
    """Return data, targets and weights of a batch, each None where there is none."""
    given = tuple(batch) if type(batch) is list else batch
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(given)
    return x, y, sample_weight


def is_arrays(x: Any) -> bool:
    """Return whether data is an array, of any backend, or a dict of them; not a dataset."""
    values = x.values() if isinstance(x, Mapping) else [x]
    return all(hasattr(value, "shape") and hasattr(value, "dtype") for value in values)


def _numpy(values: Any) -> np.ndarray:
    return values if isinstance(values, np.ndarray) else np.asarray(ops.convert_to_numpy(values))
