"""Checks that what is about to be made fits in memory."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

from kssl.errors import UserError

# Weights, gradients and the two averages of Adam, in float32.
BYTES_PER_PARAMETER = 4 * 4


def require(needed: float, what: str) -> None:
    """Raise a UserError if `what` needs more bytes than are free.

    Without it a mistyped size is not an error but a machine that swaps until it is killed.
    """
    import psutil

    available = psutil.virtual_memory().available
    if needed > available:
        raise UserError(
            f"{what} needs {needed / 2**30:,.1f} GiB, and {available / 2**30:,.1f} GiB of memory "
            "are free; make it smaller"
        )


@contextlib.contextmanager
def guard() -> Iterator[None]:
    """Watch the weights that are made inside; raise when training them cannot fit in memory.

    Raises:
        UserError: More memory would be needed than the machine has; the message says how much.
    """
    import keras

    original = keras.layers.Layer.add_weight
    needed = 0

    def add_weight(self: Any, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        nonlocal needed
        shape = (shape,) if isinstance(shape, int) else tuple(shape or ())
        needed += math.prod(size or 1 for size in shape) * BYTES_PER_PARAMETER
        require(needed, f"a model with a weight of shape {shape} in {self.name}")
        return original(self, shape, *args, **kwargs)

    keras.layers.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = original
