"""How training goes, on the screen: a line for each epoch, no wider than the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import keras

from kssl.system.terminal import width, wrapped

_BAR = 20
_STICKS = "\N{NO-BREAK SPACE}"  # where a name and its number are not broken apart
_PAUSE = 0.1  # seconds between two looks at a moving line


class EpochLines(keras.callbacks.Callback):
    """Prints a line after each epoch, and in a terminal one that moves while it lasts.

    Keras' own progress bar writes all metrics behind one another, and where these are wider than
    the terminal, it fills the screen.

    Example:
        >>> import kssl
        >>> callbacks = [kssl.callbacks.epoch_lines.EpochLines()]
    """

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._name = f"epoch {epoch + 1}/{self.params['epochs']}"
        self._began = self._drawn = time.perf_counter()
        self._done = 0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._done = batch + 1
        now = time.perf_counter()
        if not sys.stdout.isatty() or now - self._drawn < _PAUSE:
            return
        self._drawn = now
        total = max(self.params.get("steps") or 1, self._done)
        filled = _BAR * self._done // total
        bar = "━" * filled + "─" * (_BAR - filled)
        left = (now - self._began) * (total - self._done) / self._done
        told = f"{self._name}  {bar}  {self._done}/{total}  {left:.0f} s left  "
        told += "  ".join(_metrics(logs))
        self._move(told)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        seconds = time.perf_counter() - self._began
        self._move("")
        step = f"{1000 * seconds / max(self._done, 1):.0f} ms a step"
        parts = [self._name, f"{seconds:.0f} s", step, *_metrics(logs)]
        whole = "  ".join(part.replace(" ", _STICKS) for part in parts)
        print(wrapped(whole).replace(_STICKS, " "), flush=True)

    def _move(self, text: str) -> None:
        if sys.stdout.isatty():
            room = width() - 1
            shown = text if len(text) <= room else f"{text[: room - 1]}…"
            sys.stdout.write(f"\r\x1b[K{shown}")
            sys.stdout.flush()


def _metrics(logs: Mapping[str, Any] | None) -> list[str]:
    """The metrics, the loss in front."""
    named = {name: float(value) for name, value in (logs or {}).items()}
    order = sorted(named, key=lambda name: name not in ("loss", "val_loss"))
    return [f"{name} {named[name]:.4g}" for name in order]
