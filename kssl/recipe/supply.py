"""What only the run knows, and which parts of a recipe are given it.

A part at any depth, such as a schedule inside an optimizer inside another one, is given a fact if
its signature asks for it by name and the recipe leaves it out, or writes null.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kssl.recipe.call import Call

_TRAINED = ("models", "layers", "losses", "optimizers", "schedules", "callbacks")

# Fact -> the kinds of parts for which an argument of that name means it.
FACTS: dict[str, tuple[str, ...]] = {
    "total_steps": _TRAINED,
    "steps_per_epoch": _TRAINED,
    "decay_steps": ("schedules",),
    "examples": ("transforms", "models", "layers", "losses", "callbacks"),
    "classes": ("models",),
    "target_classes": ("models",),
    "inputs": ("models",),
    "parts": ("models",),
    "modality": ("models",),
    "vocabulary_size": ("models", "layers", "losses"),
    "vocabulary": ("transforms", "models", "callbacks", "evaluations"),
    "categories": ("transforms", "models", "layers"),
    "folder": ("callbacks",),
    "batch": ("callbacks",),
}

# `classes: None` of a generative model means that it is not conditional, so only an argument that
# must be given is meant.
_ONLY_REQUIRED = ("classes",)

# In these schedules of Keras `decay_steps` is where the decay ends; in others it is a period.
_DECAYS = ("CosineDecay", "PolynomialDecay")

# Facts that a recipe may set otherwise, but seldom means to.
_COMPARED = ("total_steps", "steps_per_epoch", "decay_steps", "examples")


def is_fact(call: Call, name: str) -> bool:
    """Return whether a run can supply this argument of a part."""
    parameter = call.signature.parameters.get(name)
    if parameter is None or call.kind not in FACTS.get(name, ()):
        return False
    if name == "decay_steps" and getattr(call.target, "__name__", "") not in _DECAYS:
        return False
    return parameter.required or (parameter.default is None and name not in _ONLY_REQUIRED)


class Supply:
    """The facts of a run, and a record of who was given which.

    Args:
        facts: Name -> value, or a function without arguments that returns it, for one that takes
            time to find out. None is not known.

    Attributes:
        given: Path in the recipe -> what was supplied there.
        contradicted: Path in the recipe -> what it says, and what the run has.
    """

    def __init__(self, facts: Mapping[str, Any] | None = None) -> None:
        self.facts = dict(facts or {})
        self.given: dict[str, Any] = {}
        self.contradicted: dict[str, tuple[Any, Any]] = {}

    def with_facts(self, facts: Mapping[str, Any]) -> Supply:
        """Return one that knows more and writes into the same record."""
        more = Supply({**self.facts, **facts})
        more.given, more.contradicted = self.given, self.contradicted
        return more

    def plain(self) -> dict[str, Any]:
        """Return what was supplied as plain data, for a record: path in the recipe -> value."""
        return {
            path: list(value) if isinstance(value, tuple) else value
            for path, value in self.given.items()
            if isinstance(value, (bool, int, float, str, list, tuple))
        }

    def __call__(self, call: Call, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call with what the run adds to them."""
        added = {}
        for name in self._asked(call):
            compared = name in _COMPARED
            if arguments.get(name) is not None and not compared:
                continue
            value = self._value(name, arguments)
            if value is None:
                continue
            path = f"{call.path}.{name}"
            if arguments.get(name) is None:
                added[name] = self.given[path] = value
            elif arguments[name] != value:
                self.contradicted[path] = (arguments[name], value)
        return {**arguments, **added}

    def _asked(self, call: Call) -> Iterator[str]:
        for name in call.signature.parameters:
            if is_fact(call, name):
                yield name

    def _value(self, name: str, arguments: Mapping[str, Any]) -> Any:
        if name == "decay_steps":
            total = self._value("total_steps", arguments)
            return None if total is None else max(1, total - (arguments.get("warmup_steps") or 0))
        value = self.facts.get(name)
        return value() if isinstance(value, types.FunctionType) else value
