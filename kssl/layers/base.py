"""What the layers share: their configuration comes from the signature of their constructor."""

from __future__ import annotations

from typing import Any, Self

import keras

from kssl import signature


class Layer(keras.layers.Layer):
    """A `keras.layers.Layer` that keeps each constructor argument as an attribute of its name.

    Its configuration is read from these attributes, so that a subclass writes neither
    `get_config` nor `from_config`: tuples become lists, and layers and other objects of Keras are
    serialised with it.

    Example:
        >>> import kssl
        >>> config = kssl.layers.MLP([64, 32]).get_config()
        >>> kssl.layers.MLP.from_config(config).units
        (64, 32)
    """

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **signature.config_of(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return super().from_config(signature.restored(cls, config))
