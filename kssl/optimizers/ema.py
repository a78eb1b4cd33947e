"""A moving average of the weights, kept beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kssl")
class EMA(keras.optimizers.Optimizer):
    """Any optimizer, with an exponential moving average of the weights that it trains.

    Polyak averaging. The averages are variables of the optimizer, so that they are saved and
    loaded with the model and are right after a resume. Keras' own `use_ema=True` averages once for
    every batch under gradient accumulation and, at the end of `fit`, replaces the weights by their
    averages, which stops a second `fit` on JAX; here the average moves once for every update, and
    the weights are never replaced unless `averaged` or `SwapEMA` says so. The first update copies
    the weights. Batch statistics are no trainable weights: they stay the model's own.

    Averages of several TensorFlow replicas are not supported.

    Args:
        optimizer: Any Keras optimizer, without `use_ema`.
        momentum: Fraction of the old average that an update keeps.
        warmup: Whether early updates keep less, `updates / (updates + 10)` at most, so that the
            average soon forgets the random start.

    Raises:
        ValueError: If `momentum` is not in 0 to 1, or the optimizer averages already.

    Example:
        >>> import keras, kssl
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        >>> model.compile(kssl.optimizers.EMA(keras.optimizers.Adam(1e-3)), "mse")
        >>> history = model.fit(keras.ops.ones((8, 3)), keras.ops.ones((8, 1)), verbose=0)
        >>> with kssl.optimizers.averaged(model):
        ...     score = model.evaluate(keras.ops.ones((8, 3)), keras.ops.ones((8, 1)), verbose=0)
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        momentum: float = 0.999,
        warmup: bool = True,
        name: str = "ema",
    ) -> None:
        super().__init__(learning_rate=0.0, name=name)
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be in [0, 1); got {momentum}")
        if optimizer.use_ema:
            raise ValueError("the optimizer averages already: leave its use_ema out")
        self.optimizer = optimizer
        self.momentum = momentum
        self.warmup = warmup
        self.swapped = False

    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        self.optimizer.build(variables)
        super().build(variables)
        self.averages = self.add_optimizer_variables(variables, "average")

    @property
    def variables(self) -> list[Any]:
        return self._variables + self.optimizer.variables

    @property
    def iterations(self) -> Any:
        return self.optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.optimizer.learning_rate = value

    def apply(self, grads: list[Any], trainable_variables: list[Any] | None = None) -> None:
        if not self.built:
            self.build(list(trainable_variables or ()))
        # A copy: on TensorFlow and torch the count itself would change with the next line.
        before = ops.copy(ops.convert_to_tensor(self.iterations))
        self.optimizer.apply(grads, trainable_variables)
        # Under gradient accumulation most batches do not update the weights.
        updated = ops.cast(ops.convert_to_tensor(self.iterations) > before, "float32")
        kept = 1.0 - updated * (1.0 - self._fraction(before))
        for average, weight in zip(self.averages, self._trainable_variables, strict=True):
            fraction = ops.cast(kept, average.dtype)
            average.assign(fraction * average + (1.0 - fraction) * ops.convert_to_tensor(weight))
        self._iterations.assign_add(1)

    def swap(self) -> None:
        """Exchange the weights and their averages; `swapped` says which is where."""
        if not self.built:
            raise ValueError("there are no averages before the first training step")
        for average, weight in zip(self.averages, self._trainable_variables, strict=True):
            # Copies: on JAX, two variables that share one buffer cannot be trained.
            old, mean = (ops.copy(ops.convert_to_tensor(each)) for each in (weight, average))
            average.assign(old)
            weight.assign(mean)
        self.swapped = not self.swapped

    def scale_loss(self, loss: Any) -> Any:
        return self.optimizer.scale_loss(loss)

    def finalize_variable_values(self, var_list: list[Any]) -> None:
        self.optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "optimizer": keras.saving.serialize_keras_object(self.optimizer),
            "momentum": self.momentum,
            "warmup": self.warmup,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> EMA:
        optimizer = keras.saving.deserialize_keras_object(config["optimizer"], custom_objects)
        return cls(**{**config, "optimizer": optimizer})

    def _fraction(self, updates: Any) -> Any:
        """Return the fraction of the old average that is kept; nothing at the first update."""
        updates = ops.cast(updates, "float32")
        most = updates / (updates + 10.0) if self.warmup else ops.cast(updates > 0, "float32")
        return ops.minimum(most, self.momentum)


@contextmanager
def averaged(model: keras.Model) -> Iterator[keras.Model]:
    """Give a model its averaged weights for the length of a `with` block.

    Args:
        model: Compiled with an `EMA` optimizer and trained.

    Raises:
        ValueError: If its optimizer keeps no averages.

    Example:
        >>> with kssl.optimizers.averaged(model):       # doctest: +SKIP
        ...     model.save("averaged.keras")
    """
    optimizer = find_ema(model)
    optimizer.swap()
    try:
        yield model
    finally:
        optimizer.swap()


def find_ema(model: keras.Model) -> EMA:
    """Return the `EMA` optimizer of a model, also inside loss scaling.

    Raises:
        ValueError: If there is none.

    Example:
        >>> import keras, kssl
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        >>> model.compile(kssl.optimizers.EMA(keras.optimizers.SGD()), "mse")
        >>> kssl.optimizers.find_ema(model).momentum
        0.999
    """
    optimizer = getattr(model, "optimizer", None)
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if not isinstance(optimizer, EMA):
        raise ValueError(
            f"the model keeps no averages: compile it with kssl.optimizers.EMA(optimizer); it has "
            f"{type(optimizer).__name__}"
        )
    return optimizer
