"""Adam in one operation for each weight, on TensorFlow."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import keras

_Adam = keras.optimizers.Adam


def fuse(optimizer: Any) -> None:
    """Let Adam update each weight by one operation of TensorFlow's, in place of Keras' thirty.

    The formula is Keras' own. To trace them takes half of the tracing of a step of a network of
    many weights, and each is a pass over the weights. Other optimizers, `amsgrad` and other
    backends, which join what they compile, are left as they are.

    Args:
        optimizer: A Keras optimizer, or one that has it inside, as `EMA` or loss scaling.

    Example:
        >>> import keras, kssl
        >>> optimizer = keras.optimizers.Adam(1e-3)
        >>> kssl.optimizers.fused.fuse(optimizer)
    """
    while (inner := _inside(optimizer)) is not None:
        optimizer = inner
    if keras.backend.backend() != "tensorflow" or not isinstance(optimizer, _Adam):
        return
    if type(optimizer).update_step is _Adam.update_step and not optimizer.amsgrad:
        optimizer._backend_update_step = partial(_update, optimizer)


def _inside(optimizer: Any) -> Any:
    """Return what an optimizer wraps, None if it does not."""
    found = getattr(optimizer, "inner_optimizer", None) or getattr(optimizer, "optimizer", None)
    return found if isinstance(found, keras.optimizers.Optimizer) else None


def _update(self: Any, gradients: list[Any], weights: list[Any], learning_rate: Any) -> None:
    import tensorflow as tf

    if tf.distribute.has_strategy():  # its copies of a weight are updated by Keras' own way alone
        type(self)._backend_update_step(self, gradients, weights, learning_rate)
        return

    @cache
    def shared(dtype: Any) -> dict[str, Any]:
        names = {"beta1": self.beta_1, "beta2": self.beta_2, "epsilon": self.epsilon}
        found = {name: tf.cast(value, dtype) for name, value in names.items()}
        count = tf.cast(self.iterations + 1, dtype)
        powers = {f"{name}_power": tf.pow(found[name], count) for name in ("beta1", "beta2")}
        return {"lr": tf.cast(learning_rate, dtype), **found, **powers}

    for gradient, weight in zip(gradients, weights, strict=True):
        variable = weight.value if isinstance(weight, keras.Variable) else weight
        if not isinstance(gradient, tf.Tensor):  # some rows of an embedding
            self.update_step(gradient, variable, learning_rate)
            continue
        place = self._get_variable_index(weight)
        moments = self._momentums[place].value, self._velocities[place].value
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=moments[0].handle,
            v=moments[1].handle,
            grad=tf.cast(gradient, variable.dtype),
            **shared(variable.dtype),
        )
