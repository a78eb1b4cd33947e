"""Which kind of part an argument takes: from its annotation, else from its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args, get_origin

from kssl.recipe.schema import alternatives, is_list, is_mapping, is_tuple

# Class -> the kind of the parts that are of it: (the package that has it, its name).
KINDS_BY_CLASS = {
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
        kind = KINDS_BY_CLASS.get((base.__module__.partition(".")[0], base.__name__))
        if kind is not None:
            return kind
    return None
