"""Names and types as source code has them: what a module binds, and what an annotation means."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import typing
from pathlib import Path
from typing import Any, Literal, Union

from kssl.recipe.kinds import KINDS_BY_CLASS

# Modules of Python that are imported in no time, whose types are what they are.
_PLAIN_MODULES = ("typing", "collections.abc", "pathlib", "os")
_BUILTINS = {
    each.__name__: each for each in (bool, int, float, str, list, dict, tuple, set, object)
}


class Doubt(Exception):
    """The source does not tell."""


def type_of(module: str, node: ast.expr) -> Any:
    """Return the type that an annotation means, in which classes are stand-ins of the same name."""
    if isinstance(node, ast.Constant) and (node.value is None or node.value is Ellipsis):
        return type(None) if node.value is None else Ellipsis
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return type_of(module, ast.parse(node.value, mode="eval").body)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return Union[type_of(module, node.left), type_of(module, node.right)]  # noqa: UP007
    if isinstance(node, ast.List):
        return [type_of(module, each) for each in node.elts]
    if isinstance(node, ast.Subscript):
        return _generic(module, node)
    if isinstance(node, ast.Attribute):
        return _class_of_package(module, node)
    if isinstance(node, ast.Name):
        return _named(module, node.id)
    raise Doubt(ast.unparse(node))


def _generic(module: str, node: ast.Subscript) -> Any:
    origin = type_of(module, node.value)
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if origin is Literal:
        return Literal[tuple(ast.literal_eval(each) for each in inner)]
    types = [type_of(module, each) for each in inner]
    if origin is typing.Annotated:
        return types[0]
    return origin[tuple(types)] if len(types) > 1 else origin[types[0]]


def _named(module: str, name: str) -> Any:
    binding = names_of(module).get(name)
    if binding is None:
        if name in _BUILTINS:
            return _BUILTINS[name]
        raise Doubt(name)
    if isinstance(binding, tuple) and binding[0] in _PLAIN_MODULES:
        return getattr(importlib.import_module(binding[0]), binding[1])
    if isinstance(binding, tuple) and binding[0].partition(".")[0] == "keras":
        return _stand_in("keras", binding[1])
    home, node = resolved(module, name)
    if isinstance(node, ast.ClassDef):
        return _class(home, node)
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        return type_of(home, node.value)
    raise Doubt(name)


def _class(module: str, node: ast.ClassDef) -> type:
    """Return a class of that name and of those bases, as far as these say which kind it is."""
    package = module.partition(".")[0]
    if (package, node.name) in KINDS_BY_CLASS or not node.bases:
        return _stand_in(module, node.name)
    bases = [type_of(module, base) for base in node.bases]
    if not all(isinstance(base, type) for base in bases):
        raise Doubt(node.name)
    return type(node.name, tuple(bases), {"__module__": module})


def _class_of_package(module: str, node: ast.Attribute) -> type:
    home, name = package_path(module, ast.unparse(node))
    if home in _PLAIN_MODULES:
        found: type = getattr(importlib.import_module(home), name)
        return found
    return _stand_in(home.partition(".")[0], name)


def package_path(module: str, path: str) -> tuple[str, str]:
    """Return the module and the name that `keras.layers.Layer` means where `keras` is imported."""
    first, _, rest = path.partition(".")
    binding = names_of(module).get(first)
    if not isinstance(binding, tuple):
        raise Doubt(path)
    home, _, name = ".".join(filter(None, (*binding, rest))).rpartition(".")
    return home, name


@functools.cache
def _stand_in(module: str, name: str) -> type:
    if module in ("keras", "tensorflow") and (module, name) not in KINDS_BY_CLASS:
        raise Doubt(f"{module}.{name}")
    return type(name, (), {"__module__": module})


def resolved(module: str, name: str, depth: int = 8) -> tuple[str, ast.stmt]:
    """Return where a name is made, and how."""
    binding = names_of(module).get(name)
    if binding is None or depth == 0:
        raise Doubt(f"{module}.{name}")
    if isinstance(binding, tuple):
        return resolved(*binding, depth=depth - 1)
    return module, binding


@functools.cache
def names_of(module: str) -> dict[str, ast.stmt | tuple[str, str]]:
    """Return what a module binds: a statement, or `(module, name)` of what it imports."""
    names: dict[str, ast.stmt | tuple[str, str]] = {}
    statements = list(ast.parse(_file(module).read_text(encoding="utf-8")).body)
    for node in statements:
        if isinstance(node, ast.If):  # `if TYPE_CHECKING:`
            statements += node.body
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {each.asname or each.name: (node.module, each.name) for each in node.names}
        elif isinstance(node, ast.Import):
            names |= {
                each.asname or each.name.partition(".")[0]: (each.name, "") for each in node.names
            }
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {each.id: node for each in targets if isinstance(each, ast.Name)}
    return names


def _file(module: str) -> Path:
    package, *rest = module.split(".")
    if package not in ("kssl", "keras"):
        raise Doubt(module)
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        place = Path(folder).joinpath(*rest)
        for file in (place / "__init__.py", place.with_suffix(".py")):
            if file.is_file():
                return file
    raise Doubt(module)
