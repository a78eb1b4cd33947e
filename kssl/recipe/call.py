"""What a recipe's `{use: name, …}` means: a function or class, and what it is called with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kssl.recipe import schema


@dataclass
class Call:
    """One `{use: name, …}`, understood.

    Attributes:
        use: The name as the recipe gives it.
        kind: The kind of part.
        target: The function or class.
        arguments: What the recipe gives it: plain values, other calls, lists and dicts of these.
        signature: What it could be given.
        path: Its dotted path in the recipe.
        place: `"file:line"`.
    """

    use: str
    kind: str
    target: Callable[..., Any]
    signature: schema.Signature
    path: str
    place: str
    arguments: dict[str, Any] = field(default_factory=dict)
