"""Layer-wise adaptive learning rates, for very large batches."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.moved import renamed


@keras.saving.register_keras_serializable(package="kssl")
class LARS(keras.optimizers.Optimizer):
    """LARS: momentum with layer-wise adaptive learning rates, as SimCLR and BYOL use it.

    You et al., Large Batch Training of Convolutional Networks, arXiv:1708.03888, algorithm 1. A
    weight `w` with the gradient `g` moves by

        v ← momentum · v + learning_rate · λ · (g + weight_decay · w);   w ← w - v
        λ = trust_coefficient · ‖w‖ / (‖g‖ + weight_decay · ‖w‖),   1 where a norm is zero

    Biases and the scales and shifts of normalisations (all weights with fewer than two
    dimensions) are left out of both λ and weight decay; so is what `exclude_from_weight_decay`
    names. SimCLR's code has `‖g + weight_decay · w‖` below the line instead, which differs little.

    Args:
        learning_rate: Number or schedule; customary is 0.3 · batch / 256 with warm-up.
        momentum: Fraction of the momentum buffer v that a step keeps.
        weight_decay: Weight of the weight itself in the gradient.
        trust_coefficient: Size of a step relative to the weight, before the learning rate.
        nesterov: Whether the step is Nesterov's, which looks ahead along v.
        **kwargs: As in every Keras optimizer.

    Raises:
        ValueError: If `momentum` is not in 0 to 1, `weight_decay` negative or `trust_coefficient`
            not above 0.

    Example:
        >>> import kssl
        >>> optimizer = kssl.optimizers.LARS(learning_rate=0.6, weight_decay=1e-6)
        >>> optimizer.trust_coefficient
        0.001
    """

    @renamed(trust="trust_coefficient")
    def __init__(
        self,
        learning_rate: Any = 0.3,
        momentum: float = 0.9,
        weight_decay: float = 1e-6,
        trust_coefficient: float = 1e-3,
        nesterov: bool = False,
        name: str = "lars",
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be in [0, 1); got {momentum}")
        if (weight_decay or 0) < 0 or trust_coefficient <= 0:
            raise ValueError(
                "weight_decay must be at least 0 and trust_coefficient above it; got "
                f"{weight_decay}, {trust_coefficient}"
            )
        self.momentum = momentum
        self.weight_decay = weight_decay or 0.0
        self.trust_coefficient = trust_coefficient
        self.nesterov = nesterov

    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self.momentum_buffers = self.add_optimizer_variables(variables, "momentum_buffer")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        buffer = self.momentum_buffers[self._get_variable_index(variable)]
        rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        if self._adapts(variable):
            weight = ops.convert_to_tensor(variable)
            rate = rate * self._ratio(weight, gradient)
            gradient = gradient + self.weight_decay * weight
        step = rate * gradient
        moved = self.momentum * ops.convert_to_tensor(buffer) + step
        self.assign(buffer, moved)
        self.assign_sub(variable, self.momentum * moved + step if self.nesterov else moved)

    def get_config(self) -> dict[str, Any]:
        own = {
            "momentum": self.momentum,
            "weight_decay": self.weight_decay,
            "trust_coefficient": self.trust_coefficient,
            "nesterov": self.nesterov,
        }
        return {**super().get_config(), **own}

    def _adapts(self, variable: Any) -> bool:
        return len(variable.shape) > 1 and self._use_weight_decay(variable)

    def _ratio(self, weight: Any, gradient: Any) -> Any:
        length, slope = (
            ops.sqrt(ops.sum(ops.square(ops.cast(each, "float32")))) for each in (weight, gradient)
        )
        both = ops.logical_and(length > 0, slope > 0)
        below = ops.where(both, slope + self.weight_decay * length, 1.0)
        return ops.cast(ops.where(both, self.trust_coefficient * length / below, 1.0), weight.dtype)

    def _apply_weight_decay(self, variables: list[Any]) -> None:
        """Do nothing: weight decay is part of the gradient here, where Keras decouples it."""
