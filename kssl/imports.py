"""How the path of a part, or the name of a Keras class, becomes the object."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path
from typing import Any

from kssl.errors import UserError, nearest

# Kinds of which Keras has parts, and the module that holds them.
KERAS_MODULES = {
    "layers": "keras.layers",
    "losses": "keras.losses",
    "optimizers": "keras.optimizers",
    "schedules": "keras.optimizers.schedules",
    "callbacks": "keras.callbacks",
    "metrics": "keras.metrics",
    "initializers": "keras.initializers",
    "regularizers": "keras.regularizers",
    "constraints": "keras.constraints",
}

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)?")


def import_path(path: str, what: str) -> Any:
    """Return the object at `"package.module:attribute"` or `"package.module.attribute"`.

    Args:
        path: Where the object is.
        what: How an error message calls it.

    Raises:
        UserError: The path is no path, or the module or attribute cannot be found.
    """
    if not _DOTTED.fullmatch(path):
        raise UserError(f"{what} is not a path such as 'package.module:attribute'")
    module_name, _, attribute = path.partition(":")
    if not attribute:
        module_name, _, attribute = path.rpartition(".")
        if not module_name:
            raise UserError(f"{what} is not a path such as 'package.module:attribute'")
    found = _module(module_name, what)
    for step in attribute.split("."):
        if not hasattr(found, step):
            hint = nearest(step, [name for name in dir(found) if not name.startswith("_")])
            raise UserError(f"{what}: {module_name!r} has no {step!r}{_shorten(hint)}")
        found = getattr(found, step)
    return found


def import_keras_name(kind: str, name: str) -> Any | None:
    """Return the Keras class of that kind whose name it is, in either spelling, or None."""
    if kind not in KERAS_MODULES or not name.isidentifier():
        return None
    module = _module(KERAS_MODULES[kind], f"{name!r}")
    wanted = name.replace("_", "").lower()
    for candidate, value in vars(module).items():
        if isinstance(value, type) and candidate.lower() == wanted:
            return value
    return None


def keras_names(kind: str) -> list[str]:
    """Return the names, in snake_case, of Keras' own classes of a kind; none for other kinds."""
    if kind not in KERAS_MODULES:
        return []
    members = vars(_module(KERAS_MODULES[kind], kind)).items()
    names = (name for name, value in members if isinstance(value, type))
    return [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in names]


def package_file(path: str, what: str) -> Path:
    """Return the file that `"package:folder/file.yaml"` names; it lies inside the package.

    kssl's own recipes lie in `kssl/_recipes` once installed, and beside the package in a
    checkout.

    Raises:
        UserError: There is no such package or file, or the path leads out of the package.
    """
    package, _, relative = path.partition(":")
    folder = _package_folder(package, what)
    file = (folder / relative).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise UserError(f"{what}: {path!r} leads out of the package")
    if not file.is_file():
        raise UserError(f"{what}: the package {package!r} has no file {relative!r}")
    return file


def _package_folder(package: str, what: str) -> Path:
    if package == "kssl":
        installed = Path(__file__).parent / "_recipes"
        return installed if installed.is_dir() else Path(__file__).parent.parent / "recipes"
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError) as error:
        raise UserError(f"{what}: the package {package!r} cannot be imported: {error}") from error
    if spec is None or not (spec.submodule_search_locations or spec.origin):
        raise UserError(f"{what}: there is no package {package!r}")
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(str(spec.origin)).parent


def _module(name: str, what: str) -> Any:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # a part's module may fail in any way
        reason = str(error).strip().splitlines() or ["no message"]
        advice = (
            "; is its package installed? A module of your own is found in the folder of the "
            "recipe, in the current folder and in those of PYTHONPATH"
            if isinstance(error, ModuleNotFoundError)
            else ""
        )
        raise UserError(
            f"{what} cannot be imported from {name!r}: {type(error).__name__}: {reason[0]}{advice}"
        ) from error


def _shorten(hint: str, length: int = 200) -> str:
    return hint if len(hint) <= length else hint[:length] + " …"
