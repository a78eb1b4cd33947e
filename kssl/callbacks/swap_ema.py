"""The averaged weights in place of the trained ones, for validation and for what is saved."""

from __future__ import annotations

from typing import Any

import keras

from kssl.optimizers.ema import find_ema


class SwapEMA(keras.callbacks.Callback):
    """Validates and predicts with averaged weights; training continues with the trained ones.

    `keras.callbacks.SwapEMAWeights` for the `EMA` optimizer; that one also does not give the
    weights back after `predict`.

    Args:
        keep: Whether the model has the averaged weights when training ends, as a recipe wants it,
            which saves and evaluates the model then. A second `fit` trains on with the others.

    Example:
        >>> import keras, kssl
        >>> callback = kssl.callbacks.SwapEMA(keep=True)
        >>> callback.keep
        True
    """

    def __init__(self, keep: bool = False) -> None:
        super().__init__()
        self.keep = keep

    def check(self, model: keras.Model) -> None:
        """Raise a ValueError if a model that will be trained keeps no averages."""
        find_ema(model)

    def on_train_begin(self, logs: Any = None) -> None:
        self._use_averages(False)

    def on_train_end(self, logs: Any = None) -> None:
        self._use_averages(self.keep)

    def on_test_begin(self, logs: Any = None) -> None:
        self._use_averages(True)

    def on_test_end(self, logs: Any = None) -> None:
        self._use_averages(False)

    def on_predict_begin(self, logs: Any = None) -> None:
        self._use_averages(True)

    def on_predict_end(self, logs: Any = None) -> None:
        self._use_averages(False)

    def _use_averages(self, wanted: bool) -> None:
        optimizer = find_ema(self.model)
        if optimizer.swapped != wanted:
            optimizer.swap()
