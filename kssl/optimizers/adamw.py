"""AdamW as transformers are trained with it."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="kssl")
class MatrixAdamW(keras.optimizers.AdamW):
    """Keras' AdamW without weight decay on biases and normalisation gains.

    Loshchilov and Hutter, arXiv:1711.05101. Decay is for what multiplies: kernels and embeddings.
    BERT, GPT-2 and MAE all train so. Keras' own decays every weight unless each is named with
    `exclude_from_weight_decay`, which a recipe cannot do. Left out are vectors, and every `bias`:
    that of an attention layer is a matrix of heads and widths.

    Args:
        learning_rate: A number or a schedule.
        weight_decay: Fraction of a weight, times the learning rate, that is subtracted in a step.
        beta_1: Decay of the average of gradients.
        beta_2: Of squared gradients. Language models have 0.95 to 0.99, MAE 0.95: at 0.999 the
            average is too slow for the first thousand steps.
        epsilon: Added to the root of the squared gradients.
        **kwargs: As in every Keras optimizer: `clipnorm`, `global_clipnorm`, …

    Example:
        >>> import kssl
        >>> optimizer = kssl.optimizers.MatrixAdamW(1e-3, weight_decay=0.1, beta_2=0.99)
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        weight_decay: float = 0.01,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, beta_1, beta_2, epsilon, **kwargs)

    def _use_weight_decay(self, variable: Any) -> bool:
        # On TensorFlow this may be the backend's own variable: "encoder/bias:0".
        name = variable.name.split("/")[-1].split(":")[0]
        if len(variable.shape) < 2 or name == "bias":
            return False
        return bool(super()._use_weight_decay(variable))
