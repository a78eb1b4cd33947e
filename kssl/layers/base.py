"""What the layers share: their configuration comes from the signature of their constructor."""

from __future__ import annotations

from typing import Any, Self

import keras

from kssl import signature


def built(layer: keras.layers.Layer, input_shape: Any) -> tuple[int | None, ...]:
    """Build a layer or model where it is not, and return the shape of its output.

    A layer of somebody's own need have neither `build` nor `compute_output_shape`.

    Raises:
        ValueError: It returns several tensors, or something else.
    """
    if not (layer.built or getattr(layer.build, "_is_default", False)):
        layer.build(input_shape)
    output = layer(keras.KerasTensor(tuple(input_shape)))  # makes what `build` has not made
    if not isinstance(output, keras.KerasTensor):
        kind = type(output).__name__
        raise ValueError(
            f"an encoder, decoder or projector returns one tensor; {layer.name} returns a {kind} "
            f"of {len(output)}: wrap it in a layer that returns the one that is wanted"
        )
    return tuple(output.shape)


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
