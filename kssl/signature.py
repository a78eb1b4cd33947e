"""The configuration of an object, derived from the signature of its constructor."""

from __future__ import annotations

import inspect
from typing import Any

import keras


def arguments(cls: type) -> list[str]:
    """Return the names of what a constructor takes, without `self`, `*args` and `**kwargs`.

    Example:
        >>> import kssl
        >>> arguments(kssl.layers.MLP)
        ['units', 'activation', 'dropout']
    """
    parameters = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]
    open_ended = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [each.name for each in parameters if each.name != "self" and each.kind not in open_ended]


def config_of(part: Any) -> dict[str, Any]:
    """Return the arguments with which an equal object is made, as plain data.

    Args:
        part: Keeps each argument of its constructor as an attribute of the same name.

    Returns:
        Argument -> value; a tuple as a list, a layer or another object of Keras as Keras
        serialises it.
    """
    config = {}
    for name in arguments(type(part)):
        value = getattr(part, name)
        # A tuple would come back from JSON as an object of Keras, with a class name.
        value = list(value) if isinstance(value, list | tuple) else value
        config[name] = keras.saving.serialize_keras_object(value)
    return config


def restored(
    cls: type, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a configuration in which the constructor's own arguments are objects again.

    Args:
        cls: The class that is configured.
        config: What `config_of` returned, and anything else, which is left as it is.
        custom_objects: As in `keras.saving.deserialize_keras_object`.
    """
    own = set(arguments(cls))
    return {
        name: keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)
        if name in own and isinstance(value, dict | list)
        else value
        for name, value in config.items()
    }
