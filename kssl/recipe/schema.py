"""The signature is the schema: what a part can be given, read from its constructor or function."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

MISSING = inspect.Parameter.empty
PLAIN = (bool, int, float, str, Path, type(None))

# The arguments that kssl itself supplies, by the kind of part: a recipe may not set them.
SUPPLIED: dict[str, tuple[str, ...]] = {"datasets": ("split",)}
TENSORS = {"inputs", "outputs"}  # of a functional model of Keras


@dataclass(frozen=True)
class Parameter:
    """One argument of a part.

    Attributes:
        name: Its name.
        annotation: Its type; `Any` where none is known.
        default: Its default, or `MISSING`.
        inherited: It belongs to a base class and comes in through `**kwargs`, as `name` does.
    """

    name: str
    annotation: Any
    default: Any
    inherited: bool = False

    @property
    def required(self) -> bool:
        return self.default is MISSING


@dataclass(frozen=True)
class Signature:
    """The arguments of a part.

    Attributes:
        parameters: By name.
        open: It takes any others too.
        renamed: What arguments were called before -> what they are called now.
    """

    parameters: dict[str, Parameter]
    open: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)


def signature_of(target: Callable[..., Any]) -> Signature:
    """Return what a function or class can be given.

    A class whose constructor has `**kwargs` also takes the named arguments of its base classes,
    which is how Keras' layers take `name` and `dtype`; but not the tensors of a functional model.

    Raises:
        TypeError: `target` cannot be called.
    """
    if not callable(target):
        raise TypeError("it is neither a function nor a class")
    if not inspect.isclass(target):
        parameters, more = _own_parameters(target)
        return Signature(parameters, more, getattr(target, "renamed", {}))
    bases = target.__mro__[:-1]
    constructors = [vars(base)["__init__"] for base in bases if "__init__" in vars(base)]
    if not constructors:
        return Signature({})
    parameters, more = _own_parameters(constructors[0], skip_first=True)
    for constructor in constructors[1:] if more else ():
        inherited = _own_parameters(constructor, skip_first=True)[0]
        tensors = TENSORS if TENSORS <= inherited.keys() else ()
        for name, parameter in inherited.items():
            if name in tensors:  # a network that is a class of its own makes them itself
                continue
            parameters.setdefault(
                name, Parameter(name, parameter.annotation, parameter.default, inherited=True)
            )
    return Signature(parameters, renamed=getattr(constructors[0], "renamed", {}))


def type_from_default(default: Any) -> Any:
    """Return the type that an argument without annotation seems to have (Keras' own classes)."""
    if isinstance(default, (bool, str)):
        return type(default) | None | object  # weights="imagenet" takes None too
    if isinstance(default, int):
        return int | float | list[int] | None | object
    if isinstance(default, float):
        return float | None | object
    return Any


def alternatives(annotation: Any) -> list[Any]:
    """Return the members of a union, plain types first; of any other type, itself."""
    annotation = _unwrap(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        members = [each for member in get_args(annotation) for each in alternatives(member)]
        return sorted(members, key=takes_parts)
    return [annotation]


def takes_parts(annotation: Any) -> bool:
    """Return whether a value of this (non-union) type is an object rather than plain data."""
    return (
        annotation not in PLAIN
        and get_origin(annotation) is not Literal
        and not (is_list(annotation) or is_tuple(annotation) or is_mapping(annotation))
    )


def is_list(annotation: Any) -> bool:
    origin = get_origin(annotation) or annotation
    return origin in (list, set, frozenset, Sequence, Iterable, typing.Sequence, typing.Iterable)


def is_tuple(annotation: Any) -> bool:
    return (get_origin(annotation) or annotation) is tuple


def is_mapping(annotation: Any) -> bool:
    return (get_origin(annotation) or annotation) in (dict, Mapping)


def expected(annotation: Any) -> str:
    """Return a type in the user's words: `a whole number`, `one of 'a', 'b'`, …"""
    members = alternatives(annotation)
    if len(members) > 1:
        return " or ".join(dict.fromkeys(expected(member) for member in members))
    (only,) = members
    words = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        Path: "a path",
        type(None): "null",
        Any: "any value",
    }
    if only in words:
        return words[only]
    if get_origin(only) is Literal:
        return "one of " + ", ".join(repr(choice) for choice in get_args(only))
    if is_list(only):
        inner = get_args(only)
        return _expected_list(inner[0]) if inner else "a list"
    if is_tuple(only):
        return _expected_tuple(get_args(only))
    if is_mapping(only):
        return "a mapping"
    return "a part ({use: …})"


def _expected_list(inner: Any) -> str:
    many = {int: "whole numbers", float: "numbers", str: "texts", Path: "paths"}
    if inner is Any:
        return "a list"
    return f"a list of {many[inner]}" if inner in many else f"a list, each {expected(inner)}"


def _expected_tuple(inner: tuple[Any, ...]) -> str:
    if len(inner) == 2 and inner[1] is Ellipsis:
        return _expected_list(inner[0])
    if not inner:
        return "a list"
    return f"a list of {len(inner)}: {', '.join(expected(each) for each in inner)}"


def _unwrap(annotation: Any) -> Any:
    if annotation is None:
        return type(None)
    if get_origin(annotation) is typing.Annotated:
        return _unwrap(get_args(annotation)[0])
    if hasattr(annotation, "__value__"):  # type X = …
        return _unwrap(annotation.__value__)
    if isinstance(annotation, typing.TypeVar) or annotation is MISSING:
        return Any
    return annotation


def _own_parameters(
    function: Callable[..., Any], skip_first: bool = False
) -> tuple[dict[str, Parameter], bool]:
    try:
        declared = list(inspect.signature(function).parameters.values())[skip_first:]
    except ValueError:  # written in C: anything may be right
        return {}, True
    hints = _hints(function)
    named: dict[str, Parameter] = {}
    for each in declared:
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY):
            annotation = hints.get(each.name, MISSING)
            if annotation is MISSING:
                annotation = type_from_default(each.default)
            named[each.name] = Parameter(each.name, annotation, each.default)
    return named, any(each.kind is each.VAR_KEYWORD for each in declared)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    function = inspect.unwrap(function)
    try:
        return typing.get_type_hints(function)
    except Exception:  # a name imported for type checking only: the other hints still count
        return {
            name: _evaluate(hint, getattr(function, "__globals__", {}))
            for name, hint in getattr(function, "__annotations__", {}).items()
        }


def _evaluate(hint: Any, names: dict[str, Any]) -> Any:
    if not isinstance(hint, str):
        return hint
    try:
        return eval(hint, names)
    except Exception:
        return object
