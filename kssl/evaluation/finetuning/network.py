"""A network with a head, trained end to end, again and again.

`Networks` builds the Keras graph once, and trains it from one set of weights after the other: what
takes the time of many small trainings is compiling. The number of steps and the learning rate are
variables for the same reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kssl.evaluation.finetuning.protocol import Training

_CLIP = 1.0  # norm of all gradients together, as BERT is fine-tuned
_PARTS = 1000  # of a training, over which the learning rate rises and falls


class Networks:
    """Trains copies of a model with a head on them; the model itself is not touched.

    Args:
        model: A kssl model, built.
        head: What is put on it: `on` a model makes a network, which is trained by `loss`.

    Example:
        >>> from kssl.evaluation.finetuning import heads
        >>> networks = Networks(model, heads.Head(10, heads.of_embedding))
        >>> start = networks.start(seed=0, trained=True)
        >>> images, labels = np.zeros((20, 8, 8, 1), "float32"), np.arange(20) % 10
        >>> fitted = networks.fit(start, (images, labels), Training(2, 10, 1e-3), seed=0)
        >>> networks.predict(fitted, images).shape
        (20, 10)
    """

    at_once = 256  # examples that `predict` takes

    def __init__(self, model: Any, head: Any) -> None:
        self.model = model
        self.head = head
        self._compiled: dict[float, tuple[Any, Any, Any]] = {}

    def start(self, seed: int, trained: bool) -> list[np.ndarray]:
        """Return the weights that a training begins with: the trained model's, or fresh ones."""
        return self._build(seed, trained).get_weights()

    def fit(
        self, start: list[np.ndarray], examples: tuple[Any, ...], training: Training, seed: int
    ) -> Any:
        """Return a network that was trained from `start`; the next call may train it anew.

        Args:
            start: Weights, as `start` returns them.
            examples: Inputs, targets and, if not all of these count, how much each does.
            training: How long and how fast.
            seed: Of the order of the examples, and of dropout.
        """
        from kssl.data.array_batches import shuffled

        decay = training.weight_decay
        if decay not in self._compiled:
            self._compiled[decay] = self._compile(decay)
        network, peak, steps = self._compiled[decay]
        network.set_weights(start)
        for variable in network.optimizer.variables:  # moments, and the number of steps
            variable.assign(np.zeros(variable.shape, variable.dtype))
        peak.assign(training.learning_rate)
        steps.assign(training.steps)
        states = [each for each in network.variables if each.name == "seed_generator_state"]
        for place, state in enumerate(states):
            state.assign(np.array([seed, place], state.dtype))
        arrays = (_read(network, examples[0]), *examples[1:])
        batches = shuffled(arrays, training.batch_size, training.steps, seed)
        # Dropout of PyTorch has no state of its own; what Keras builds first draws numbers too.
        begin = keras.callbacks.LambdaCallback(
            on_train_begin=lambda logs: keras.utils.set_random_seed(seed)
        )
        network.fit(batches, shuffle=False, verbose=0, callbacks=[begin])
        return network

    def predict(self, network: Any, inputs: Any) -> np.ndarray:
        """Return the logits of examples."""
        from kssl.data.array_batches import in_order

        batches = in_order(_read(network, inputs), self.at_once)
        return np.asarray(network.predict(batches, verbose=0))

    def _build(self, seed: int, trained: bool) -> Any:
        return self.head.on(self._twin(seed, trained))

    def _twin(self, seed: int, trained: bool) -> Any:
        """A copy of the model, or the same with fresh weights."""
        keras.utils.set_random_seed(seed)
        twin = type(self.model).from_config(self.model.get_config())
        twin.build_from_config(self.model.get_build_config())
        if trained:
            twin.set_weights(self.model.get_weights())
        return twin

    def _compile(self, decay: float) -> tuple[Any, Any, Any]:
        from kssl.optimizers import MatrixAdamW, WarmupCosine
        from kssl.optimizers.fused import fuse

        network = self._build(0, trained=False)
        optimizer = MatrixAdamW(0.0, weight_decay=decay, global_clipnorm=_CLIP)
        peak, steps = (optimizer.add_variable((), name=name) for name in ("peak", "steps"))
        shape = WarmupCosine(1.0, total_steps=_PARTS, warmup_steps=_PARTS // 10)

        def learning_rate() -> Any:
            done = (keras.ops.cast(optimizer.iterations, "float32") + 0.5) / steps
            return peak * shape(_PARTS * done)

        optimizer.learning_rate = learning_rate
        fuse(optimizer)
        network.compile(optimizer, loss=self.head.loss, jit_compile=self._jit())
        # Made before the step is traced, which would be traced again otherwise.
        optimizer.build(network.trainable_variables)
        return network, peak, steps

    def _jit(self) -> bool:
        """As the model was compiled; on JAX there is nothing but XLA."""
        own = self.model.compiled and self.model.jit_compile
        return keras.backend.backend() == "jax" or own


def _read(network: Any, inputs: Any) -> Any:
    """Return those of several inputs that the network has."""
    if not isinstance(inputs, Mapping):
        return inputs
    return {name: inputs[name] for name in network.input}
