"""What parts can be given, as their source declares it: no part, and no Keras, is imported.

To import Keras and its backend takes seconds, in which a recipe could long have been checked. What
is plainly right by the source is right; anything else is a `Doubt`, and the parts are imported
after all, which also makes the message.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from kssl import plugins
from kssl.imports import KERAS_MODULES
from kssl.recipe import trust
from kssl.recipe.bind import Binder
from kssl.recipe.call import Call
from kssl.recipe.reader import Node
from kssl.recipe.schema import MISSING, TENSORS, Parameter, Signature, type_from_default
from kssl.recipe.source_code import Doubt, names_of, package_path, resolved, type_of

# Those that leave the arguments as they are.
_DECORATORS = ("renamed", "register_keras_serializable", "keras_export")


@dataclass
class Declared:
    """A function or class that is not imported.

    Attributes:
        name: What its source calls it.
        signature: Its own arguments; not those of its base classes.
        doubtful: Arguments whose type only the imported part shows.
    """

    name: str
    signature: Signature
    doubtful: set[str] = field(default_factory=set)

    @property
    def __name__(self) -> str:
        return self.name


class DeclaredBinder(Binder):
    """Binds nodes to signatures that are read from the source; see `Doubt`."""

    def find(self, kind: str, name: str, wanted: Any) -> tuple[Any, Signature]:
        target = declared(kind, name)
        return target, target.signature

    def _argument(self, call: Call, key: str, node: Node, kind: str) -> None:
        target: Any = call.target
        if key not in call.signature.parameters or key in target.doubtful:
            raise Doubt(f"{call.use}.{key}")
        super()._argument(call, key, node, kind)


@functools.cache
def declared(kind: str, name: str) -> Declared:
    """Return what the source says of a part.

    Args:
        kind: Its kind.
        name: Its name in a recipe.

    Raises:
        Doubt: It is a dotted path, a plugin's, does not exist, or is not plain to read.

    Example:
        >>> declared("losses", "nt_xent").signature.parameters["temperature"].annotation
        <class 'float'>
    """
    if trust.is_path(name):
        raise Doubt(name)
    part = plugins.offered(kind).get(name) if kind in plugins.KINDS else None
    if part is None:
        return _of_keras(kind, name)
    if part.rivals or part.owner != "kssl":  # that a plugin can be imported is asked, too
        raise Doubt(name)
    module, _, attribute = part.path.partition(":")
    return _declared(module, attribute)


def _of_keras(kind: str, name: str) -> Declared:
    wanted = name.replace("_", "").lower()
    if kind not in KERAS_MODULES or not name.isidentifier():
        raise Doubt(name)
    for candidate in names_of(KERAS_MODULES[kind]):
        if candidate.lower() == wanted:
            found = _declared(KERAS_MODULES[kind], candidate)
            if found.name == candidate:
                return found
    raise Doubt(name)


def _declared(module: str, name: str) -> Declared:
    home, node = resolved(module, name)
    if isinstance(node, ast.FunctionDef):
        return Declared(node.name, *_arguments(home, node, node.args.args))
    if not isinstance(node, ast.ClassDef):
        raise Doubt(f"{module}.{name}")
    _check_decorators(node)
    constructors: list[tuple[str, ast.FunctionDef]] = []
    try:
        constructors.extend(_constructors(home, node))
    except Doubt:  # of a base class; what is above it adds arguments, at the most
        if not constructors:
            raise
    found = [_arguments(home, each, each.args.args[1:]) for home, each in constructors]
    parameters: dict[str, Parameter] = dict(found[0][0].parameters) if found else {}
    doubtful = set(found[0][1]) if found else set()
    for signature, unclear in found[1:] if constructors and constructors[0][1].args.kwarg else ():
        tensors = TENSORS if signature.parameters.keys() >= TENSORS else set()
        for name, parameter in signature.parameters.items():
            if name not in parameters and name not in tensors:
                parameters[name] = replace(parameter, inherited=True)
                doubtful |= {name} & unclear
    return Declared(node.name, Signature(parameters), doubtful)


def _constructors(module: str, node: ast.ClassDef) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield the constructors of a class and of its bases, until a base is not plain to find."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            yield module, each
    for base in node.bases:
        path = ast.unparse(base)  # `Layer` or `keras.layers.Layer`
        home, name = package_path(module, path) if "." in path else (module, path)
        home, found = resolved(home, name)
        if not isinstance(found, ast.ClassDef):
            raise Doubt(path)
        yield from _constructors(home, found)


def _arguments(
    module: str, node: ast.FunctionDef, places: list[ast.arg]
) -> tuple[Signature, set[str]]:
    """Return what a function declares that it takes, and those whose type is not clear."""
    _check_decorators(node)
    given = node.args
    if given.posonlyargs:
        raise Doubt(node.name)
    defaults = [None] * len(places) + list(given.defaults)
    pairs = [*zip(places, defaults[len(given.defaults) :], strict=True)]
    pairs += zip(given.kwonlyargs, given.kw_defaults, strict=True)
    parameters, doubtful = {}, set()
    for argument, default in pairs:
        value, known = (MISSING, True) if default is None else _default(default)
        try:
            if argument.annotation is not None:
                annotation = type_of(module, argument.annotation)
            elif known:
                annotation = type_from_default(value)
            else:
                raise Doubt(argument.arg)
        except (Doubt, TypeError, ValueError, SyntaxError):
            annotation = Any
            doubtful.add(argument.arg)
        parameters[argument.arg] = Parameter(argument.arg, annotation, value)
    return Signature(parameters), doubtful


def _default(node: ast.expr) -> tuple[Any, bool]:
    try:
        return ast.literal_eval(node), True
    except ValueError:
        return object(), False


def _check_decorators(node: ast.FunctionDef | ast.ClassDef) -> None:
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if ast.unparse(called).rpartition(".")[2] not in _DECORATORS:
            raise Doubt(node.name)
