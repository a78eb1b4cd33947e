"""Where a source reads: a file or folder, or a data set of tensorflow-datasets."""

from __future__ import annotations

from collections.abc import Mapping
from glob import has_magic
from pathlib import Path
from typing import Any

from kssl.data.builders.built import Built
from kssl.data.locate import Unavailable, find_file
from kssl.data.sources.tfds_builder import builder_of, holds_prepared
from kssl.errors import UserError, nearest

Place = str | Mapping[str, Any]

_SETTINGS = ("tfds", "file", "data_dir", "splits", "keys", "missing")


def is_of_builder(path: Any) -> bool:
    """Whether a path may be a data set of tensorflow-datasets."""
    return isinstance(path, Mapping) and "tfds" in path


def opened(path: Place, what: str) -> Path | Built:
    """Find what a source's `path` names.

    Args:
        path: A file or folder, or `{tfds: …}` with the name of a data set of tensorflow-datasets,
            which is downloaded if no prepared copy is found. With `file` beside it that comes
            first, if it is there. `splits` and `keys` are those of `kssl.data.tfds`.
        what: The name of the source, for messages.

    Raises:
        Unavailable: It is not there, and cannot be downloaded.
        UserError: A setting is unknown.
    """
    if not isinstance(path, Mapping):
        return _existing(path)
    settings = checked(path, what)
    file = given_file(settings)
    if file is not None:
        return file
    try:
        builder = builder_of(settings["tfds"], settings.get("data_dir"))
    except Unavailable as error:
        lacking = f"there is no '{settings['file']}', and " if "file" in settings else ""
        raise Unavailable(f"{lacking}{error}") from error
    return Built(
        path=str(builder.data_path),
        keys=tuple((settings.get("keys") or {}).items()),
        splits=tuple((settings.get("splits") or {}).items()),
        missing=tuple(settings.get("missing") or ()),
        builder=builder,
    )


def checked(path: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    """The settings of a data set of tensorflow-datasets; a UserError where one is unknown."""
    for name in path:
        if name not in _SETTINGS:
            raise UserError(f"{what}: path has no setting '{name}'{nearest(str(name), _SETTINGS)}")
    if not isinstance(path.get("tfds"), str):
        raise UserError(
            f"{what}: path {dict(path)} names no data set of tensorflow-datasets: "
            "path: {tfds: glue/sst2}"
        )
    if has_magic(str(path.get("file", ""))):
        raise UserError(f"{what}: file '{path['file']}' is a pattern: name one file or folder")
    return path


def given_file(path: Place) -> Path | None:
    """The file or folder that a path names, if it is there; nothing is downloaded."""
    name = path.get("file") if isinstance(path, Mapping) else path
    if name is None:
        return None
    try:
        found = find_file(name)
    except UserError:
        return None
    # A folder of that name may be the data set's own, made by tensorflow-datasets.
    own = isinstance(path, Mapping) and holds_prepared(found.parent, path["tfds"])
    return None if own and found.is_dir() else found


def refuse_settings(what: str, built: Built, **settings: Any) -> None:
    """Raise a UserError where a setting was given that is for files alone."""
    for name, value in settings.items():
        if not (value is None or value == "auto" or isinstance(value, bool)):
            raise UserError(
                f"{what}: {name} is for files; {built.where} has features: leave {name} out, or "
                "choose with keys and splits"
            )


def called(path: Place) -> str:
    """What a path is called in messages."""
    if not isinstance(path, Mapping):
        return path
    if not is_of_builder(path):
        return ", ".join(map(str, path.values()))
    return " or ".join(str(path[key]) for key in ("file", "tfds") if key in path)


def _existing(path: str) -> Path:
    try:
        return find_file(path)
    except UserError as error:
        raise Unavailable(str(error)) from error
