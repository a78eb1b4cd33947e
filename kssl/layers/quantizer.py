"""Vector quantization with a learned codebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer


@keras.saving.register_keras_serializable(package="kssl")
class VectorQuantizer(Layer):
    """Replaces each vector by the nearest entry of a codebook; gradients pass straight through.

    Van den Oord et al., Neural Discrete Representation Learning, arXiv:1711.00937. The codebook
    is a moving average of the vectors that fall to each entry (appendix A.1), so that it needs
    no optimizer; with `decay=None` it is trained by the codebook term of the loss instead.
    An entry that hardly any vector uses is put on one of the batch when `restart_below` is set:
    otherwise most of a large codebook often stays unused.

    On several TensorFlow replicas the averages would differ: use it on one, or on JAX.

    Args:
        codes: Entries of the codebook.
        commitment: Weight of the term that draws the features to their entries.
        decay: Fraction of the old average that a step keeps; None trains the codebook by gradient.
        restart_below: Average number of vectors of a step below which an entry is restarted.
        seed: Seed of the restarts; None draws one.

    Call arguments:
        inputs: Tensor `(batch, …, dim)`.

    Returns:
        A dict: `"quantized"` of the shape of the inputs, `"codes"` `(batch, …)` in int32, and
        `"loss"` `(batch,)` in float32, a mean over the values of an example.

    Raises:
        ValueError: If there are fewer than 2 codes, or `decay` is not between 0 and 1.

    Example:
        >>> import keras, kssl
        >>> found = kssl.layers.VectorQuantizer(64)(keras.ops.ones((2, 8, 8, 16)))
        >>> found["quantized"].shape, found["codes"].shape
        ((2, 8, 8, 16), (2, 8, 8))
    """

    def __init__(
        self,
        codes: int = 512,
        commitment: float = 0.25,
        decay: float | None = 0.99,
        restart_below: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if codes < 2:
            raise ValueError(f"codes must be at least 2; got {codes}")
        if decay is not None and not 0 < decay < 1:
            raise ValueError(f"decay must be between 0 and 1, or None; got {decay}")
        if restart_below and decay is None:
            raise ValueError("restart_below needs the averages: give decay, such as 0.99")
        self.codes = codes
        self.commitment = commitment
        self.decay = decay
        self.restart_below = restart_below
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = (self.codes, input_shape[-1])
        options = {"dtype": "float32", "autocast": False}
        spread = keras.initializers.RandomUniform(-1.0 / self.codes, 1.0 / self.codes)
        learned = self.decay is None
        averaged = {"trainable": learned, "aggregation": "none" if learned else "mean"}
        self.codebook = self.add_weight(
            shape=shape, initializer=spread, name="codebook", **averaged, **options
        )
        if not learned:
            options |= {"initializer": "zeros", **averaged}
            self.counts = self.add_weight(shape=(self.codes,), name="counts", **options)
            self.sums = self.add_weight(shape=shape, name="sums", **options)
            self.weight_sum = self.add_weight(shape=(), name="weight_sum", **options)

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        features = ops.cast(inputs, "float32")
        vectors = ops.reshape(features, (-1, inputs.shape[-1]))  # (vectors, dim)
        codes = self._nearest(vectors)  # (vectors,)
        chosen = ops.reshape(self.look_up(codes), ops.shape(inputs))  # (batch, …, dim)
        loss = self.commitment * ops.square(features - ops.stop_gradient(chosen))
        if self.decay is None:
            loss = loss + ops.square(ops.stop_gradient(features) - chosen)
        elif training:
            self._move(ops.stop_gradient(vectors), codes)
        quantized = features + ops.stop_gradient(chosen - features)
        return {
            "quantized": ops.cast(quantized, self.compute_dtype),
            "codes": ops.reshape(codes, ops.shape(inputs)[:-1]),
            "loss": ops.mean(ops.reshape(loss, (ops.shape(inputs)[0], -1)), axis=-1),  # (batch,)
        }

    def look_up(self, codes: Any) -> Any:
        """Return the entries of the codebook `(…, dim)` with these numbers `(…)`, in float32."""
        return ops.take(ops.convert_to_tensor(self.codebook), codes, axis=0)

    def compute_output_shape(
        self, input_shape: Sequence[int | None]
    ) -> dict[str, tuple[int | None, ...]]:
        shape = tuple(input_shape)
        return {"quantized": shape, "codes": shape[:-1], "loss": shape[:1]}

    def compute_output_spec(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        dtypes = {"quantized": self.compute_dtype, "codes": "int32", "loss": "float32"}
        return {
            name: keras.KerasTensor(shape, dtype=dtypes[name])
            for name, shape in self.compute_output_shape(inputs.shape).items()
        }

    def _nearest(self, vectors: Any) -> Any:
        codebook = ops.convert_to_tensor(self.codebook)
        # The squared norm of the vector is left out: it is the same for every entry.
        products = ops.matmul(vectors, ops.transpose(codebook))  # (vectors, codes)
        distances = ops.sum(ops.square(codebook), axis=-1) - 2.0 * products
        return ops.cast(ops.argmin(distances, axis=-1), "int32")

    def _move(self, vectors: Any, codes: Any) -> None:
        chosen = ops.one_hot(codes, self.codes, dtype="float32")  # (vectors, codes)
        new = (
            (self.counts, ops.sum(chosen, axis=0)),
            (self.sums, ops.matmul(ops.transpose(chosen), vectors)),
            (self.weight_sum, ops.ones(())),
        )
        for average, value in new:
            average.assign(self.decay * average + (1.0 - self.decay) * value)
        counts = ops.convert_to_tensor(self.counts)
        old = ops.convert_to_tensor(self.codebook)
        # An entry that no vector has used yet stays where it is.
        means = self.sums / ops.expand_dims(ops.maximum(counts, 1e-12), 1)
        moved = ops.where(ops.expand_dims(counts > 1e-7, 1), means, old)
        self.codebook.assign(moved)
        if self.restart_below:
            self._restart(vectors, counts / ops.convert_to_tensor(self.weight_sum))

    def _restart(self, vectors: Any, use: Any) -> None:
        shape = (self.codes,)
        draw = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        last = ops.shape(vectors)[0] - 1
        places = ops.cast(draw * ops.cast(last + 1, "float32"), "int32")
        found = ops.take(vectors, ops.minimum(places, last), axis=0)  # (codes, dim)
        idle = use < self.restart_below
        start = self.restart_below * ops.convert_to_tensor(self.weight_sum)
        counts = ops.where(idle, start, ops.convert_to_tensor(self.counts))
        idle = ops.expand_dims(idle, 1)
        self.counts.assign(counts)
        self.codebook.assign(ops.where(idle, found, ops.convert_to_tensor(self.codebook)))
        self.sums.assign(ops.where(idle, found * start, ops.convert_to_tensor(self.sums)))
