"""Ctrl-C, SIGTERM and SIGHUP during training: the state is saved first, and then it stops."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Ctrl-C; what schedulers send; a terminal that is closed


class Stopped(KeyboardInterrupt):
    """Training was stopped by a signal.

    Args:
        number: Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


class Stopping:
    """Whether the process was asked to stop.

    Attributes:
        training: The callback that can stop at the next step; None: stop at once.
        asked: The number of the signal, 0 for none.
    """

    def __init__(self) -> None:
        self.training: Any = None
        self.asked = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Stop after the next step, or at once where no training is going on or at a second try."""
        if self.training is None or self.asked:
            raise Stopped(number)
        self.asked = number
        self.training.stop = lambda: self.stop()
        again = "; once more stops at once" if number == signal.SIGINT else ""
        # Not by `print`, which may be what was interrupted.
        with suppress(OSError):
            os.write(2, f"\n{Stopped(number)}: saving after this step{again}\n".encode())

    def stop(self) -> None:
        """End the training, whose state has just been written."""
        self.training = None
        raise Stopped(self.asked)


@contextmanager
def stopping() -> Iterator[Stopping]:
    """Answer signals inside the `with` block; a signal that the process ignores stays ignored."""
    answer = Stopping()
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in numbers:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, answer)
    try:
        yield answer
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
