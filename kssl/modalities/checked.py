"""Methods of Keras that a model checks the values of, before a step begins."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

from kssl.modalities.given import WEIGHT, packed

_NOT_READ = (list, tuple, types.GeneratorType)  # what Keras refuses by itself, or reads once


def checked(*names: str) -> Callable[[type], type]:
    """Return a decorator of a class, whose methods of these names check values first.

    On JAX a step that raises leaves the model without its variables: it must not begin.
    """

    def with_checks(cls: type) -> type:
        for name in names:
            setattr(cls, name, _checked_first(getattr(cls, name)))
        return cls

    return with_checks


def _checked_first(method: Callable[..., Any]) -> Callable[..., Any]:
    of_batch = "on_batch" in method.__name__  # the second argument of others is a number

    @functools.wraps(method)
    def call(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        given = dict(zip(("y", WEIGHT), args, strict=False), **kwargs) if of_batch else {}
        if not isinstance(x, _NOT_READ):
            examples = packed(self, x, given.get("y"), given.get(WEIGHT))[0]
            if method.__name__ == "train_on_batch":
                self.make_variables(examples)
        return method(self, x, *args, **kwargs)

    return call
