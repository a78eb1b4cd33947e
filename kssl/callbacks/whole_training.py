"""One training that takes several calls of Keras' `fit`: it begins once and ends once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras


class WholeTraining(keras.callbacks.CallbackList):
    """The callbacks of a training, which do not see that an epoch is finished by its own `fit`.

    Keras ends a training with each `fit`: an `EarlyStopping` would restore its best weights, and
    an optimizer replace the weights by their averages, in the middle of the training.

    Args:
        callbacks: Of the training.
        model: That is trained.
        epochs: In all.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        model: keras.Model,
        epochs: int,
    ) -> None:
        super().__init__(list(callbacks), True, False, model)
        self._whole = {"epochs": epochs, "verbose": 0}
        self._begun = False

    def steps(self, count: int) -> WholeTraining:
        """Say how many steps the next epochs have; return itself, for `fit`."""
        self.set_params({**self._whole, "steps": count})
        return self

    def on_train_begin(self, logs: Any = None) -> None:
        if not self._begun:
            self._begun = True
            super().on_train_begin(logs)
        else:
            self._on_begin()

    def on_train_end(self, logs: Any = None) -> None:
        if self._async_train:
            self._flush_futures()
        self._on_end()

    def end(self) -> None:
        """End the training; one that had no step left begins first."""
        if not self._begun:
            self.on_train_begin()
        else:
            self._on_begin()
        super().on_train_end()


@contextmanager
def unfinished(model: keras.Model) -> Iterator[None]:
    """Keep the optimizer from replacing weights by averages until the training is over."""
    optimizer = model.optimizer
    vars(optimizer)["finalize_variable_values"] = lambda variables: None
    try:
        yield
    finally:
        del vars(optimizer)["finalize_variable_values"]
    optimizer.finalize_variable_values(model.trainable_weights)
