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

# Class -> the kind of the parts that are of it: (the package that has it, its name).
_KINDS_BY_CLASS = {
    ("keras", "Model"): "models",
    ("keras", "Layer"): "layers",
    ("keras", "Loss"): "losses",
    ("keras", "LearningRateSchedule"): "schedules",
    ("keras", "Optimizer"): "optimizers",
    ("keras", "Callback"): "callbacks",
    ("keras", "Metric"): "metrics",
    ("keras", "Initializer"): "initializers",
    ("keras", "Regularizer"): "regularizers",
    ("keras", "Constraint"): "constraints",
    ("kssl", "Modality"): "modalities",
    ("kssl", "Evaluation"): "evaluations",
    ("tensorflow", "DatasetV2"): "datasets",
}

# For arguments without an annotation that tells, as all of Keras' own classes have them.
_KINDS_BY_ARGUMENT = {
    "loss": "losses",
    "losses": "losses",
    "learning_rate": "schedules",
    "schedule": "schedules",
    "optimizer": "optimizers",
    "data": "datasets",
    "dataset": "datasets",
    "stand_in": "datasets",
    "pretext": "transforms",
    "transforms": "transforms",
    "model": "models",
    "callbacks": "callbacks",
    "metrics": "metrics",
}
_KINDS_BY_ENDING = {
    "_loss": "losses",
    "_schedule": "schedules",
    "_initializer": "initializers",
    "_regularizer": "regularizers",
    "_constraint": "constraints",
}


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


def kind_of_argument(argument: str, parent: str, annotation: Any = Any) -> str:
    """Return the kind of part that an argument takes.

    Args:
        argument: Its name, which counts where the annotation does not tell.
        parent: The kind of the part that it is an argument of.
        annotation: Its type, as `Parameter.annotation`.

    Example:
        >>> kind_of_argument("learning_rate", "optimizers"), kind_of_argument("head", "models")
        ('schedules', 'layers')
    """
    kind = kind_of_annotation(annotation)
    if kind is not None:
        return kind
    if argument in _KINDS_BY_ARGUMENT:
        return _KINDS_BY_ARGUMENT[argument]
    for ending, kind in _KINDS_BY_ENDING.items():
        if argument.endswith(ending):
            return kind
    return parent if parent in ("transforms", "datasets", "schedules") else "layers"


def kind_of_annotation(annotation: Any) -> str | None:
    """Return the kind of the parts that are of a type, None if it does not tell.

    Classes are compared by name, along their bases, so that no package is imported for it.
    """
    for member in alternatives(annotation):
        if is_list(member) or is_tuple(member) or is_mapping(member):
            inner = [kind_of_annotation(each) for each in get_args(member) if each is not Ellipsis]
            found = next((each for each in inner if each), None)
        elif get_origin(member) is Callable:
            found = "transforms" if _returns_example(member) else None
        else:
            found = _kind_of_class(member)
        if found is not None:
            return found
    return None


def _returns_example(function: Any) -> bool:
    """Whether it is `Callable[..., dict]`, as `kssl.pretext.batching.MapFunction` is."""
    arguments = get_args(function)
    return bool(arguments) and arguments[0] is Ellipsis and is_mapping(arguments[-1])


def _kind_of_class(member: Any) -> str | None:
    for base in getattr(member, "__mro__", ()):
        kind = _KINDS_BY_CLASS.get((base.__module__.partition(".")[0], base.__name__))
        if kind is not None:
            return kind
    return None


def signature_of(target: Callable[..., Any]) -> Signature:
    """Return what a function or class can be given.

    A class whose constructor has `**kwargs` also takes the named arguments of its base classes,
    which is how Keras' layers take `name` and `dtype`.

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
        for name, parameter in _own_parameters(constructor, skip_first=True)[0].items():
            parameters.setdefault(
                name, Parameter(name, parameter.annotation, parameter.default, inherited=True)
            )
    return Signature(parameters, renamed=getattr(constructors[0], "renamed", {}))


def type_from_default(default: Any) -> Any:
    """Return the type that an argument without annotation seems to have (Keras' own classes)."""
    if isinstance(default, (bool, str)):
        return type(default) | object
    if isinstance(default, int):
        return int | float | list[int] | object
    if isinstance(default, float):
        return float | object
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
