"""Calls become objects: `{use: name, …}` is `find(kind, name)(**arguments)`, inside out."""

from __future__ import annotations

from typing import Any

from kssl.errors import UserError
from kssl.recipe.bind import Call
from kssl.recipe.problems import Problem, RecipeError

# What a function or constructor raises when it does not like what it was given.
REFUSALS = (ValueError, TypeError, OSError, ImportError, ArithmeticError, MemoryError)


def build(value: Any, source: str, given: dict[str, Any] | None = None) -> Any:
    """Return the object that a bound value stands for.

    Args:
        value: A call, or plain data that may hold calls.
        source: The recipe's file, for the error message.
        given: Arguments that kssl supplies: those that the outermost call knows and the recipe
            does not set are passed.

    Raises:
        RecipeError: A part refused its arguments; the message has the place in the recipe.
    """
    if isinstance(value, list):
        return [build(each, source) for each in value]
    if isinstance(value, tuple):
        return tuple(build(each, source) for each in value)
    if isinstance(value, dict):
        return {key: build(each, source) for key, each in value.items()}
    if not isinstance(value, Call):
        return value
    arguments = {key: build(each, source) for key, each in value.arguments.items()}
    for key, each in (given or {}).items():
        # A resolved recipe writes defaults out, so None is "not set" as well.
        if key in value.signature.parameters and arguments.get(key) is None:
            arguments[key] = each
    try:
        return value.target(**arguments)
    except (UserError, *REFUSALS) as error:
        if isinstance(error, UserError) and type(error) is not UserError:
            raise  # it says more by its type: data that cannot be had, a part further inside
        message = f"{value.use} refused its arguments: {_say(error)}"
        raise RecipeError(source, [Problem(value.place, value.path, message)]) from error


def _say(error: BaseException) -> str:
    """Return the message of an error on one line; Keras' own are long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 600 else text[:600] + " …"
