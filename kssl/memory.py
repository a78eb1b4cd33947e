"""A model that is too large for the machine is refused before its weights are made."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

from kssl.errors import UserError

# Weights, gradients and the two averages of Adam, in float32.
BYTES_PER_PARAMETER = 4 * 4


@contextlib.contextmanager
def guard() -> Iterator[None]:
    """Watch the weights that are made inside; raise when training them cannot fit in memory.

    Without it a mistyped width is not an error but a machine that swaps until it is killed.

    Raises:
        UserError: More memory would be needed than the machine has; the message says how much.
    """
    import keras
    import psutil

    original = keras.layers.Layer.add_weight
    available = psutil.virtual_memory().available
    needed = 0

    def add_weight(self: Any, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        nonlocal needed
        shape = (shape,) if isinstance(shape, int) else tuple(shape or ())
        needed += math.prod(size or 1 for size in shape) * BYTES_PER_PARAMETER
        if needed > available:
            raise UserError(
                f"the model does not fit: with a weight of shape {shape} in {self.name} training "
                f"needs more than {needed / 2**30:,.1f} GiB, and {available / 2**30:,.1f} GiB of "
                "memory are free; make its layers or the images smaller"
            )
        return original(self, shape, *args, **kwargs)

    keras.layers.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = original
