"""The walls between the rooms, and the sizes of files, functions and classes, from the source."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from kssl import catalog

PACKAGE = Path(__file__).resolve().parent.parent / "kssl"

KERAS = {"keras", "keras_hub"}
BACKENDS = {"tensorflow", "tensorflow_datasets", "jax", "torch"}
PLOTTING = {"matplotlib", "sklearn", "PIL", "scipy", "pandas"}
HEAVY = KERAS | BACKENDS | PLOTTING | {"numpy"}

# The rooms that the command line needs before it knows what to do: nothing heavy at import.
LIGHT = {"__init__", "__main__", "catalog", "cli", "errors", "hookspecs", "imports", "moved"}
LIGHT |= {"plugins", "recipe", "runs", "system"}

# What any other room may import when it is imported itself.
AT_IMPORT = {
    **dict.fromkeys(LIGHT, set()),
    **dict.fromkeys(["data", "pretext"], {"tensorflow", "numpy"}),
    **dict.fromkeys(["testing", "tokenizers"], {"numpy"}),
    **dict.fromkeys(["diffusion", "layers", "losses", "models", "signature"], {"keras", "numpy"}),
    **dict.fromkeys(["callbacks", "evaluation", "modalities", "optimizers"], {"keras", "numpy"}),
    "report": {"numpy"} | PLOTTING,
}

# What a room must not import anywhere: not inside a function, not for the type checker.
NEVER = {
    **dict.fromkeys(["data", "pretext", "tokenizers"], KERAS | {"jax", "torch"}),
    **dict.fromkeys(["diffusion", "layers", "losses", "models"], BACKENDS),
    **dict.fromkeys(["modalities", "optimizers", "signature"], BACKENDS),
}
# Files that may, each for one thing and inside a function.
MAY_IMPORT = {
    "layers/activations.py": {"tensorflow"},  # XLA for a gradient alone
    "layers/convolution.py": {"jax"},  # the gradient of a kernel
    "layers/normalization.py": {"tensorflow"},  # its fused batch normalisation
    "optimizers/fused.py": {"tensorflow"},  # its operation for Adam
    "tokenizers/keras_hub.py": {"keras_hub"},  # its tokenizers
}

# For each room, the other rooms that it may import, wherever the import stands.
ROOMS = {
    "__init__": "moved",
    "__main__": "cli",
    "errors": "",
    "hookspecs": "",
    "moved": "",
    "signature": "",
    "imports": "errors",
    "catalog": "__init__ hookspecs",
    "plugins": "errors hookspecs catalog imports",
    "recipe": "errors imports plugins",
    "system": "errors plugins",
    "cli": "__init__ catalog errors imports plugins recipe runs system",
    "runs": "callbacks data errors evaluation modalities models plugins recipe report system "
    "tokenizers",
    "losses": "__init__ moved signature",
    "layers": "__init__ losses moved signature",
    "diffusion": "__init__ losses moved",
    "optimizers": "__init__ moved",
    "modalities": "__init__ errors plugins",
    "models": "__init__ diffusion layers losses modalities moved optimizers signature",
    "tokenizers": "errors moved system",
    "pretext": "errors moved system tokenizers",
    "data": "errors moved pretext system tokenizers",
    "evaluation": "data errors modalities models moved optimizers",
    "callbacks": "errors modalities models moved optimizers system tokenizers",
    "report": "errors evaluation modalities models system tokenizers",
    "testing": "data errors evaluation modalities models recipe tokenizers",
}
# Imports over a wall, each with its reason.
OVER_A_WALL = {
    ("cli/report.py", "report"),  # the verb draws the report of a run again
    ("cli/results.py", "report"),  # results have the same words in the terminal
    ("cli/vocabulary.py", "data"),  # the verb reads a corpus without a run
    ("cli/vocabulary.py", "tokenizers"),
    ("callbacks/health_guard.py", "evaluation"),  # measures of a collapse, which are NumPy
    ("data/splits.py", "recipe"),  # a type: the splits are those that a recipe names
}

# Of models, those who use them know what every model has, and what it can do.
OF_MODELS = {"base", "capabilities", "inference"}
# What a model may import of its own room: the abstract classes, and what is no model.
SHARED = OF_MODELS | {"joint_embedding", "pretext_classifier", "pseudo_labels", "writing"}

LINES, FUNCTION_LINES, ARGUMENTS, DEPTH = 300, 40, 7, 3
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = {str(file.relative_to(PACKAGE)): file for file in FILES}


def module_of(file: Path) -> str:
    """Return the dotted name below `kssl`; `""` for the package itself."""
    return (
        ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
        .removesuffix("__init__")
        .strip(".")
    )


MODULES = {module_of(file): file for file in FILES}


def room_of(module: str) -> str:
    """Return the folder or module directly below `kssl` to which a module belongs."""
    return module.partition(".")[0] or "__init__"


@functools.cache
def imported(file: Path, everywhere: bool = True) -> list[tuple[str, int]]:
    """Return the dotted names that a file imports, with their lines."""
    return list(_imported(file, everywhere))


def _imported(file: Path, everywhere: bool) -> Iterator[tuple[str, int]]:
    for node in walk(ast.parse(file.read_text(encoding="utf-8")), everywhere):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            raise AssertionError(f"{file}:{node.lineno}: a relative import")


def walk(node: ast.AST, everywhere: bool) -> Iterator[ast.AST]:
    """Yield all nodes, or those that run at import time."""
    for child in ast.iter_child_nodes(node):
        if not everywhere and is_later(child):
            continue
        yield child
        yield from walk(child, everywhere)


def is_later(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def of_kssl(file: Path, everywhere: bool = True) -> Iterator[tuple[str, int]]:
    """Yield the modules of kssl that a file imports: `""` for a name of the package itself."""
    for name, line in imported(file, everywhere):
        first, _, module = name.partition(".")
        if first == "kssl":
            while module not in MODULES:  # the rest is a name within the module
                module = module.rpartition(".")[0]
            yield module, line


each_file = pytest.mark.parametrize("name", NAMES)


def test_there_is_a_rule_for_each_room() -> None:
    rooms = {room_of(module) for module in MODULES}
    assert len(FILES) > 200
    assert rooms == set(AT_IMPORT) == set(ROOMS)
    assert {word for rule in ROOMS.values() for word in rule.split()} <= rooms


@each_file
def test_nothing_heavy_is_imported_at_import_time(name: str) -> None:
    file = NAMES[name]
    forbidden = HEAVY - AT_IMPORT[room_of(module_of(file))]
    found = [
        f"{name}:{line}: {other}"
        for other, line in imported(file, everywhere=False)
        if other.partition(".")[0] in forbidden
    ]
    assert not found


@each_file
def test_no_backend_is_imported_by_what_it_imports(name: str) -> None:
    """A model is trained and evaluated on JAX where there is no TensorFlow."""
    first = module_of(NAMES[name])
    forbidden = (BACKENDS if AT_IMPORT[room_of(first)] else HEAVY) - AT_IMPORT[room_of(first)]
    seen, left = set(), [first]
    while left:
        seen.add(module := left.pop())
        for other, line in imported(MODULES[module], everywhere=False):
            package = other.partition(".")[0]
            assert package not in forbidden, f"{name} needs {package}: kssl.{module}, line {line}"
        found = {other for other, _ in of_kssl(MODULES[module], everywhere=False)}
        parents = {other.rpartition(".")[0] for other in found}  # rooms are two deep, at the most
        left += (found | parents) - seen


@each_file
def test_some_packages_are_never_imported(name: str) -> None:
    file = NAMES[name]
    forbidden = NEVER.get(room_of(module_of(file)), set()) - MAY_IMPORT.get(name, set())
    found = [
        f"{name}:{line}: {other}"
        for other, line in imported(file)
        if other.partition(".")[0] in forbidden
    ]
    assert not found


@each_file
def test_rooms_import_only_the_rooms_below_them(name: str) -> None:
    room = room_of(module_of(NAMES[name]))
    allowed = {room, *ROOMS[room].split()}
    allowed |= {other for where, other in OVER_A_WALL if where == name}
    found = [
        f"{name}:{line}: {other}"
        for other, line in of_kssl(NAMES[name])
        if room_of(other) not in allowed
    ]
    assert not found


@each_file
def test_a_model_is_known_by_what_it_can_do(name: str) -> None:
    room = room_of(module_of(NAMES[name]))
    if name == "models/__init__.py":
        return
    allowed = SHARED | {Path(name).stem} if room == "models" else OF_MODELS
    found = [
        f"{name}:{line}: {other}"
        for other, line in of_kssl(NAMES[name])
        if room_of(other) == "models" and other.partition(".")[2] not in allowed
    ]
    assert not found


@pytest.mark.parametrize("where", sorted({*OVER_A_WALL}))
def test_an_exception_is_needed(where: tuple[str, str]) -> None:
    name, room = where
    assert any(room_of(other) == room for other, _ in of_kssl(NAMES[name]))


def test_no_module_imports_itself_by_way_of_others() -> None:
    edges = {
        module: {other for other, _ in of_kssl(file)} - {module} for module, file in MODULES.items()
    }
    assert not list(circles(edges))


def circles(edges: dict[str, set[str]]) -> Iterator[set[str]]:
    """Yield the largest sets of modules in which each imports, at the end, each other."""
    reached: dict[str, set[str]] = {}
    for start in edges:
        found, waiting = set(), [start]
        while waiting:
            new = edges[waiting.pop()] - found
            found |= new
            waiting += new
        reached[start] = found
    done: set[str] = set()
    for module, found in reached.items():
        if module in found and module not in done:
            circle = {other for other in found if module in reached[other]}
            done |= circle
            yield circle


def test_circles_of_imports_are_found() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert list(circles(edges)) == [{"a", "b", "c"}, {"d", "e"}]


# A constructor has as many arguments as there are settings, and so has a part of a recipe.
PARTS = {
    path.removeprefix("kssl.")
    for kind, parts in vars(catalog).items()
    if kind.isupper()
    for path, *_ in parts.values()
}


@each_file
def test_files_and_functions_stay_small(name: str) -> None:
    text = NAMES[name].read_text(encoding="utf-8")
    assert text.count("\n") <= LINES
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            if lines > FUNCTION_LINES:
                found.append(f"{node.name} has {lines} lines")
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = len([each for each in given if each.arg not in ("self", "cls")])
            part = node.name == "__init__" or f"{module_of(NAMES[name])}:{node.name}" in PARTS
            if count > ARGUMENTS and not part:
                found.append(f"{node.name} has {count} arguments")
    assert not found


def test_classes_are_not_deep() -> None:
    bases: dict[str, list[str]] = {}
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):  # a dotted base is Keras' or Python's own
                bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]

    def depth(name: str) -> int:
        return 1 + max(map(depth, bases[name]), default=0) if name in bases else 0

    assert {name: depth(name) for name in bases if depth(name) > DEPTH} == {}
    assert depth("SimCLR") == 3  # Model, JointEmbedding, SimCLR
