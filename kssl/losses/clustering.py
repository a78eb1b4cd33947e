"""Losses over prototypes: a student predicts the assignment that a teacher, or the view, gives."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss, require_positive


def sinkhorn(scores: Any, epsilon: float = 0.05, iterations: int = 3) -> Any:
    """Sinkhorn-Knopp: soft assignments of a batch that use every prototype equally.

    `Q = exp(scores / ε)`; each iteration divides every column by its sum over the batch, then every
    row by its sum over the prototypes, so that rows sum to 1. The factors 1/K and 1/B of the paper
    drop out. Done with logarithms in float32: no score is too large. No gradient is stopped here.

    Under data parallelism the balance is over the batch that is seen: the global one on JAX, that
    of each replica on TensorFlow and torch.

    Args:
        scores: `(batch, prototypes)`, usually cosine similarities.
        epsilon: Entropy of the assignment; 0.05 as in SwAV, larger is softer.
        iterations: Rounds; 3 as in SwAV.

    Returns:
        Tensor `(batch, prototypes)` in float32; rows sum to 1.

    Reference:
        Cuturi, Sinkhorn Distances, arXiv:1306.0895; Caron et al., SwAV, arXiv:2006.09882.

    Example:
        >>> import keras, kssl
        >>> float(kssl.losses.sinkhorn(keras.ops.ones((4, 2)))[0, 0])
        0.5
    """
    logs = ops.cast(scores, "float32") / epsilon
    for _ in range(iterations):
        logs = logs - ops.logsumexp(logs, axis=0, keepdims=True)
        logs = ops.log_softmax(logs, axis=1)
    return ops.exp(logs)


def swapped_prediction(
    high: Any,
    low: Any | None = None,
    temperature: float = 0.1,
    epsilon: float = 0.05,
    iterations: int = 3,
    older: Any | None = None,
) -> Any:
    """SwAV's swapped prediction: from each crop, the code of every other high-resolution crop.

    The code `q` of a high-resolution crop is `sinkhorn` of its scores, with its gradient stopped;
    the loss is `-Σ_k q_k log softmax(scores / τ)_k` of another crop, averaged over the other
    crops, then over the codes. Where a batch is smaller than the number of prototypes, the scores
    of older features balance the codes with it, see `older`.

    Under data parallelism codes are balanced over the batch that the loss sees: the global one on
    JAX, that of each replica on TensorFlow and torch.

    Args:
        high: `(batch, views, prototypes)` scores of the high-resolution crops, at least two unless
            there are low ones.
        low: `(batch, crops, prototypes)` scores of the low-resolution crops, which give no codes.
        temperature: τ; 0.1 as in the paper.
        epsilon: Of `sinkhorn`.
        iterations: Of `sinkhorn`.
        older: `(count, views, prototypes)` scores of features of earlier batches, by
            `kssl.layers.FeatureQueue`: they share the prototypes with the batch, and have no loss.

    Returns:
        Tensor `(batch,)` in float32.

    Reference:
        Caron et al., Unsupervised Learning of Visual Features by Contrasting Cluster Assignments,
        arXiv:2006.09882.

    Example:
        >>> import keras, kssl
        >>> round(float(kssl.losses.swapped_prediction(keras.ops.ones((4, 2, 3)))[0]), 4)  # log 3
        1.0986
    """
    high = ops.cast(high, "float32")
    views = high.shape[1]
    crops = high if low is None else ops.concatenate([high, ops.cast(low, "float32")], axis=1)
    logs = ops.log_softmax(crops / temperature, axis=-1)  # (batch, crops, prototypes)
    everywhere = ops.sum(logs, axis=1)  # (batch, prototypes)
    total = 0.0
    for view in range(views):
        shared = high[:, view]
        if older is not None:
            shared = ops.concatenate([shared, ops.cast(older[:, view], "float32")])
        code = sinkhorn(shared, epsilon, iterations)[: ops.shape(high)[0]]
        code = ops.stop_gradient(code)
        total = total - ops.sum(code * (everywhere - logs[:, view]), axis=-1)  # (batch,)
    return total / (views * (crops.shape[1] - 1))


def dino(
    teacher: Any,
    student: Any,
    center: Any = 0.0,
    teacher_temperature: float = 0.04,
    student_temperature: float = 0.1,
) -> Any:
    """DINO: the student's distribution over prototypes follows the centred, sharpened teacher's.

    `-Σ_k P_t(k) log P_s(k)` with `P_t = softmax((t - center) / τ_t)`, its gradient stopped, and
    `P_s = softmax(s / τ_s)`, averaged over the pairs of a teacher's view and another view of the
    student: the student's first views are the teacher's, more may follow. The centre is moved by
    `dino_center` after the loss; it is a weight of the model.

    Each example has its own value, so that data parallelism changes nothing here.

    Args:
        teacher: `(batch, views, prototypes)` logits; or `(batch, prototypes)` of one view.
        student: `(batch, views or more, prototypes)`; or `(batch, prototypes)` of another view.
        center: `(prototypes,)`, taken off the teacher's logits.
        teacher_temperature: τ_t; 0.04 as in the paper, which warms it up to 0.07.
        student_temperature: τ_s.

    Returns:
        Tensor `(batch,)` in float32.

    Reference:
        Caron et al., Emerging Properties in Self-Supervised Vision Transformers, arXiv:2104.14294.

    Example:
        >>> import keras, kssl
        >>> logits = keras.ops.zeros((2, 5))
        >>> round(float(kssl.losses.dino(logits, logits)[0]), 4)  # log 5
        1.6094
    """
    teacher = ops.stop_gradient(ops.cast(teacher, "float32") - ops.cast(center, "float32"))
    probability = ops.softmax(teacher / teacher_temperature, axis=-1)
    logs = ops.log_softmax(ops.cast(student, "float32") / student_temperature, axis=-1)
    if len(teacher.shape) == 2:
        return -ops.sum(probability * logs, axis=-1)  # (batch,)
    views, crops = probability.shape[1], logs.shape[1]
    every = ops.sum(ops.sum(probability, axis=1) * ops.sum(logs, axis=1), axis=-1)  # (batch,)
    same = ops.sum(probability * logs[:, :views], axis=(1, 2))
    return (same - every) / (views * (crops - 1))


def dino_center(center: Any, teacher: Any, momentum: float = 0.9) -> Any:
    """Return DINO's centre, moved towards the mean of the teacher's logits.

    `momentum · center + (1 - momentum) · mean`, over the batch and all views.

    Args:
        center: `(prototypes,)`.
        teacher: `(batch, prototypes)` or `(batch, views, prototypes)` logits.
        momentum: What is kept; 0.9 as in the paper.

    Returns:
        Tensor `(prototypes,)` in float32.

    Example:
        >>> import keras, kssl
        >>> float(kssl.losses.dino_center(keras.ops.zeros(3), keras.ops.ones((2, 3)), 0.75)[0])
        0.25
    """
    teacher = ops.cast(teacher, "float32")
    mean = ops.mean(teacher, axis=tuple(range(len(teacher.shape) - 1)))  # (prototypes,)
    return momentum * ops.cast(center, "float32") + (1.0 - momentum) * mean


@keras.saving.register_keras_serializable(package="kssl")
class SwappedPrediction(Loss):
    """SwAV's loss of two views, see `kssl.losses.swapped_prediction`; `(first, second)` scores.

    Args:
        temperature: τ of the paper.
        epsilon: Of `kssl.losses.sinkhorn`.
        iterations: Of `kssl.losses.sinkhorn`.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Raises:
        ValueError: If `temperature` or `epsilon` is not above 0.

    Example:
        >>> import keras, kssl
        >>> scores = keras.ops.ones((4, 3))
        >>> round(float(kssl.losses.SwappedPrediction()(scores, scores)), 4)
        1.0986
    """

    spans_batch = True

    def __init__(
        self,
        temperature: float = 0.1,
        epsilon: float = 0.05,
        iterations: int = 3,
        name: str = "swapped_prediction",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        require_positive("temperature", temperature)
        require_positive("epsilon", epsilon)
        self.temperature = temperature
        self.epsilon = epsilon
        self.iterations = iterations

    def call(self, y_true: Any, y_pred: Any) -> Any:
        high = ops.stack([y_true, y_pred], axis=1)  # (batch, 2, prototypes)
        settings = (self.temperature, self.epsilon, self.iterations)
        return swapped_prediction(high, None, *settings)


@keras.saving.register_keras_serializable(package="kssl")
class DINO(Loss):
    """DINO's loss, see `kssl.losses.dino`; takes `(teacher logits, student logits)`.

    The centre is state of the model: take it off the teacher's logits first.

    Args:
        teacher_temperature: τ_t of the paper.
        student_temperature: τ_s of the paper.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Raises:
        ValueError: If a temperature is not above 0.

    Example:
        >>> import keras, kssl
        >>> logits = keras.ops.zeros((2, 5))
        >>> round(float(kssl.losses.DINO()(logits, logits)), 4)
        1.6094
    """

    def __init__(
        self,
        teacher_temperature: float = 0.04,
        student_temperature: float = 0.1,
        name: str = "dino",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        require_positive("teacher_temperature", teacher_temperature)
        require_positive("student_temperature", student_temperature)
        self.teacher_temperature = teacher_temperature
        self.student_temperature = student_temperature

    def call(self, y_true: Any, y_pred: Any) -> Any:
        temperatures = (self.teacher_temperature, self.student_temperature)
        return dino(y_true, y_pred, 0.0, *temperatures)
