"""The walls between the rooms: who may import whom, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "kssl"

HEAVY = {"keras", "keras_hub", "tensorflow", "tensorflow_datasets", "jax", "torch", "numpy"}
HEAVY |= {"matplotlib", "sklearn", "PIL", "scipy", "pandas"}
BACKENDS = {"tensorflow", "tensorflow_datasets", "jax", "torch"}
PLOTTING = {"matplotlib", "sklearn", "PIL", "scipy", "pandas"}

LATER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)

# What a room must not import when it is imported itself; every other room nothing heavy at all.
FORBIDDEN_AT_IMPORT = {
    "models": BACKENDS | PLOTTING,
    "optimizers": BACKENDS | PLOTTING,
    "layers": BACKENDS | PLOTTING,
    "losses": BACKENDS | PLOTTING,
    "pretext": {"keras", "keras_hub", "jax", "torch"} | PLOTTING,
    "data": {"keras", "keras_hub", "jax", "torch"} | PLOTTING,
    "callbacks": BACKENDS | PLOTTING,
    "evaluation": BACKENDS | PLOTTING,
    "report": BACKENDS | {"keras", "keras_hub"},
    "testing": BACKENDS | PLOTTING | {"keras", "keras_hub"},
}

# For each room: the other rooms of kssl that it must not import, wherever the import stands.
FORBIDDEN_ROOMS = {
    "errors": "*",
    "files": "* -errors",
    "imports": "* -errors",
    "hookspecs": "*",
    "catalog": "* -hookspecs",
    "plugins": "* -errors -hookspecs -catalog -imports",
    "recipe": "* -errors -plugins -imports",
    "processes": "*",
    "run": "* -errors -files -processes",
    "__main__": "* -cli",
    "losses": "* -errors",
    "layers": "* -errors -losses",
    "models": "* -errors -layers -losses",
    "optimizers": "* -errors",
    "pretext": "* -errors",
    "memory": "* -errors",
    "data": "* -errors -pretext -memory",
    "callbacks": "models layers losses report cli testing training recipe",
    "evaluation": "layers losses report cli testing training recipe",
}

FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(file: Path) -> str:
    """Return the folder or module directly below `kssl` to which a file belongs."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(file: Path, everywhere: bool) -> Iterator[tuple[str, int]]:
    """Yield the dotted names that a file imports, with their lines."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in walk(tree, everywhere):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno
        elif isinstance(node, ast.ImportFrom):
            raise AssertionError(f"{file}:{node.lineno}: a relative import")


def walk(node: ast.AST, everywhere: bool) -> Iterator[ast.AST]:
    """Yield the nodes that run at import time, or all; code for the type checker never counts."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if not everywhere and isinstance(
            child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        ):
            continue
        yield child
        yield from walk(child, everywhere)


def forbidden_rooms(room: str) -> set[str]:
    rooms = {room_of(file) for file in FILES} - {"__init__"}
    rule = FORBIDDEN_ROOMS.get(room, "").split()
    allowed = {word.removeprefix("-") for word in rule if word.startswith("-")} | {room}
    forbidden = rooms if "*" in rule else {word for word in rule if not word.startswith("-")}
    return (forbidden | {"cli", "testing"}) - allowed


def test_there_is_something_to_test() -> None:
    assert len(FILES) > 30
    assert set(FORBIDDEN_AT_IMPORT) | set(FORBIDDEN_ROOMS) <= {room_of(file) for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_nothing_heavy_is_imported_at_import_time(file: Path) -> None:
    forbidden = FORBIDDEN_AT_IMPORT.get(room_of(file), HEAVY)
    found = [
        f"{file.name}:{line}: {name}"
        for name, line in imported(file, everywhere=False)
        if name.partition(".")[0] in forbidden
    ]
    assert not found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_rooms_import_only_the_rooms_below_them(file: Path) -> None:
    forbidden = forbidden_rooms(room_of(file))
    found = [
        f"{file.name}:{line}: {name}"
        for name, line in imported(file, everywhere=True)
        if name.startswith("kssl.") and name.split(".")[1] in forbidden
    ]
    assert not found


# The one file that may use a backend, inside a function: TensorFlow's fused batch normalisation.
FUSED = PACKAGE / "layers" / "normalization.py"


@pytest.mark.parametrize("room", ["models", "layers", "losses", "optimizers"])
def test_what_runs_on_every_backend_touches_none(room: str) -> None:
    found = [
        f"{file.name}:{line}: {name}"
        for file in (PACKAGE / room).rglob("*.py")
        for name, line in imported(file, everywhere=file != FUSED)
        if name.partition(".")[0] in BACKENDS
    ]
    assert not found


# The one file of transforms that may use KerasHub, inside a function: for its tokenizers.
HUB = PACKAGE / "pretext" / "tokenize.py"


@pytest.mark.parametrize("room", ["pretext", "data"])
def test_transforms_and_data_never_touch_keras(room: str) -> None:
    found = [
        f"{file.name}:{line}: {name}"
        for file in (PACKAGE / room).rglob("*.py")
        for name, line in imported(file, everywhere=file != HUB)
        if name.partition(".")[0] in {"keras", "keras_hub"}
    ]
    assert not found


def test_no_model_imports_another() -> None:
    shared = {"base", "__init__"}
    models = {file.stem for file in (PACKAGE / "models").glob("*.py")} - shared
    for file in (PACKAGE / "models").glob("*.py"):
        if file.stem == "__init__":
            continue
        for name, line in imported(file, everywhere=True):
            parts = name.split(".")
            other = parts[:2] == ["kssl", "models"] and parts[2] in models - {file.stem}
            assert not other, f"{file.name}:{line}: {name}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= 320, "a file has at most about 300 lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert lines <= 45, f"{node.name} has {lines} lines"
