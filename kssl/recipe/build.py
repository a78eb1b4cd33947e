"""Calls become objects: `{use: name, …}` is `find(kind, name)(**arguments)`, inside out."""

from __future__ import annotations

from typing import Any

from kssl.errors import UserError
from kssl.recipe.call import Call
from kssl.recipe.problems import Problem, RecipeError
from kssl.recipe.schema import expected
from kssl.recipe.supply import Supply, is_fact

# What a function or constructor raises when it does not like what it was given.
REFUSALS = (ValueError, TypeError, OSError, ImportError, ArithmeticError, MemoryError, SystemExit)


class NotSupplied(RecipeError):
    """A part needs what neither the recipe nor the run says."""


def build(
    value: Any, source: str, given: dict[str, Any] | None = None, supply: Supply | None = None
) -> Any:
    """Return the object that a bound value stands for.

    Args:
        value: A call, or plain data that may hold calls.
        source: The recipe's file, for the error message.
        given: Arguments for the outermost call alone, where its signature has them and the recipe
            does not set them.
        supply: What the run knows, for calls at any depth; see `kssl.recipe.supply`.

    Raises:
        RecipeError: A part refused its arguments; the message has the place in the recipe.
    """
    supply = Supply() if supply is None else supply
    if isinstance(value, list):
        return [build(each, source, None, supply) for each in value]
    if isinstance(value, tuple):
        return tuple(build(each, source, None, supply) for each in value)
    if isinstance(value, dict):
        return {key: build(each, source, None, supply) for key, each in value.items()}
    if not isinstance(value, Call):
        return value
    arguments = {key: build(each, source, None, supply) for key, each in value.arguments.items()}
    for key, each in (given or {}).items():
        # A resolved recipe writes defaults out, so None is "not set" as well.
        if key in value.signature.parameters and arguments.get(key) is None:
            arguments[key] = each
    arguments = supply(value, arguments)
    _check_complete(value, arguments, source)
    try:
        return value.target(**arguments)
    except (UserError, *REFUSALS) as error:
        if isinstance(error, UserError) and type(error) is not UserError:
            raise  # it says more by its type: data that is unavailable, a part further inside
        message = f"{value.use} refused its arguments: {_say(error)}"
        raise RecipeError(source, [Problem(value.place, value.path, message)]) from error


def _check_complete(call: Call, arguments: dict[str, Any], source: str) -> None:
    for name, parameter in call.signature.parameters.items():
        lacking = name not in arguments or (arguments[name] is None and is_fact(call, name))
        if parameter.required and not parameter.inherited and lacking:
            wanted = expected(parameter.annotation)
            message = (
                f"{call.use} needs the argument {name!r} ({wanted}), which the recipe "
                "leaves out and this run does not know"
            )
            raise NotSupplied(source, [Problem(call.place, call.path, message)])


def _say(error: BaseException) -> str:
    """Return the message of an error on one line; Keras' own are long."""
    if isinstance(error, SystemExit):
        return f"it ended the program (SystemExit: {error})"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 600 else text[:600] + " …"
