"""Read about a part from its source text, without importing it.

Importing a model would import Keras, which takes seconds; its signature and docstring are in
the file. A name that a module only passes on (`from .vae import VAE`) is followed to its home.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

_MOST_HOPS = 8


@dataclass(frozen=True)
class Argument:
    """One argument of a signature, as it is written: no default is an empty string."""

    name: str
    type: str
    default: str


@dataclass(frozen=True)
class Definition:
    """What the source says about a class or a function."""

    name: str
    module: str
    file: Path
    line: int
    arguments: list[Argument]
    docstring: str


def read(path: str) -> Definition | None:
    """Read the definition at `"package.module:attribute"`; None if no source is found.

    Example:
        >>> read("kssl.errors:nearest").arguments[0].name
        'name'
    """
    module, _, attribute = path.partition(":")
    if not attribute:
        module, _, attribute = path.rpartition(".")
    try:
        found = _find(module, attribute.split(".")[0], _MOST_HOPS)
    except (OSError, SyntaxError, ValueError, ImportError):
        return None
    if found is None:
        return None
    home, file, node = found
    return Definition(node.name, home, file, node.lineno, _signature(home, node), _docstring(node))


def exported(module: str) -> list[str]:
    """Return the public names at the top of a module, whether made there or passed on."""
    tree = _parse(module)
    if tree is None:
        return []
    names: list[str] = []
    for node in ast.walk(tree[1]):
        if isinstance(node, ast.ImportFrom):
            names += [alias.asname or alias.name for alias in node.names]
        elif isinstance(node, _Definition):
            names.append(node.name)
    return [name for name in names if not name.startswith("_")]


def _find(module: str, name: str, hops: int) -> tuple[str, Path, _Definition] | None:
    parsed = _parse(module)
    if parsed is None or not hops:
        return None
    file, tree = parsed
    for node in tree.body:
        if isinstance(node, _Definition) and node.name == name:
            return module, file, node
    for imported in ast.walk(tree):
        if not isinstance(imported, ast.ImportFrom):
            continue
        for alias in imported.names:
            if (alias.asname or alias.name) == name:
                source = _absolute(imported, module, file)
                return _find(source, alias.name, hops - 1)
    return None


def _absolute(node: ast.ImportFrom, module: str, file: Path) -> str:
    if not node.level:
        return node.module or ""
    package = module.split(".")
    drop = node.level - (1 if file.name == "__init__.py" else 0)
    base = package[: len(package) - drop]
    return ".".join([*base, *([node.module] if node.module else [])])


def _parse(module: str) -> tuple[Path, ast.Module] | None:
    spec = _spec(module)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    file = Path(spec.origin)
    return file, ast.parse(file.read_text(encoding="utf-8"))


def _spec(module: str) -> ModuleSpec | None:
    # importlib.util.find_spec("a.b") would import a; so only the first name goes through it.
    first, *rest = module.split(".")
    imported = sys.modules.get(first)
    spec = imported.__spec__ if imported is not None else importlib.util.find_spec(first)
    name = first
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = f"{name}.{part}"
        spec = PathFinder.find_spec(name, list(spec.submodule_search_locations))
    return spec


def _docstring(node: _Definition) -> str:
    text = ast.get_docstring(node)
    if not text and isinstance(node, ast.ClassDef):
        init = _method(node, "__init__")
        text = ast.get_docstring(init) if init else None
    return inspect.cleandoc(text or "")


def _signature(module: str, node: _Definition) -> list[Argument]:
    if not isinstance(node, ast.ClassDef):
        return _arguments(node.args, skip=0)
    for each in _lineage(module, node):
        init = _method(each, "__init__")
        if init is not None:
            return _arguments(init.args, skip=1)
        if any("dataclass" in ast.unparse(decorator) for decorator in each.decorator_list):
            return _fields(each)
    return []


def _lineage(module: str, node: ast.ClassDef) -> list[ast.ClassDef]:
    """Return the class and its first bases, as far as their sources are found."""
    line = [node]
    while len(line) < _MOST_HOPS and line[-1].bases:
        base = line[-1].bases[0]
        found = _find(module, base.id, _MOST_HOPS) if isinstance(base, ast.Name) else None
        if found is None or not isinstance(found[2], ast.ClassDef):
            break
        module = found[0]
        line.append(found[2])
    return line


def _method(node: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    for child in node.body:
        if isinstance(child, ast.FunctionDef) and child.name == name:
            return child
    return None


def _fields(node: ast.ClassDef) -> list[Argument]:
    return [
        Argument(
            child.target.id, ast.unparse(child.annotation), ast.unparse(child.value or _NOTHING)
        )
        for child in node.body
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name)
    ]


_NOTHING = ast.Name("")


def _arguments(given: ast.arguments, skip: int) -> list[Argument]:
    positional = [*given.posonlyargs, *given.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults))
    defaults = [*missing, *given.defaults]
    pairs = [*zip(positional, defaults, strict=True)][skip:]
    pairs += zip(given.kwonlyargs, given.kw_defaults, strict=True)
    made = [_argument(name, default) for name, default in pairs]
    if given.kwarg:
        made.append(_argument(given.kwarg, None, "**"))
    return made


def _argument(given: ast.arg, default: ast.expr | None, stars: str = "") -> Argument:
    return Argument(
        stars + given.arg,
        ast.unparse(given.annotation) if given.annotation else "",
        ast.unparse(default) if default is not None else "",
    )
