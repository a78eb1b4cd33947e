"""Data of the user's own in the place of a recipe's or a run's: `--data photos/`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssl.errors import UserError, nearest

if TYPE_CHECKING:
    from kssl.recipe import Recipe
    from kssl.runs.directory import Run

VOCABULARY = "vocabulary.json"  # of a run on text: its model knows these tokens alone

# What a recipe says of its data that holds for other data of that kind too.
_KEPT = {
    "images": ("size", "channels"),
    "captions": ("size", "every"),
    "audio": ("length", "sample_rate"),
    "video": ("shape", "stride"),
    "text": ("unit",),
}


def data_for_recipe(recipe: Recipe, given: str) -> str:
    """Return the override of a recipe that puts other data in the place of its own.

    Args:
        recipe: Whose data it replaces: of the same kind, its settings such as `size` are kept, and
            for models of text how it is cut and what vocabulary is made.
        given: The path of a file or folder, which is understood by what is in it, the name of a
            data set, or `{use: …}`.

    Returns:
        `data=…`, for `kssl.recipe.load`.

    Raises:
        UserError: It is none of these, or kssl reads nothing of what is there.
    """
    found = _found(given)
    if isinstance(found, str):
        return f"data={found}"
    return f"data={json.dumps(_in_place_of(recipe.data_settings(), found))}"


def data_for_run(run: Run, recipe: Recipe, example_shape: Any, given: str) -> str:
    """Return the override that lets a trained model read other data, as its own was read.

    Args:
        run: Its vocabulary, or its table, says how the data becomes numbers.
        recipe: Of the run.
        example_shape: Of the model; pictures are given its size, recordings its length.
        given: As `data_for_recipe` takes it.

    Raises:
        UserError: See `data_for_recipe`.
    """
    found = _found(given)
    if isinstance(found, str):
        return f"data={found}"
    old = recipe.data_settings()
    settings = _in_place_of(old, found) | _shaped(example_shape, found["use"])
    if settings["use"] == "tokens" and run.file(VOCABULARY).is_file():
        settings["vocabulary"] = os.path.abspath(run.file(VOCABULARY))
    if settings["use"] == old.get("use") == "tabular":
        kept = {key: old[key] for key in ("label", "types", "header") if old.get(key) is not None}
        settings = {**kept, "use": "tabular", "path": found["path"], "encoding": old["path"]}
    return f"data={json.dumps(settings)}"


def _found(given: str) -> str | dict[str, Any]:
    """The name of a data set or `{use: …}` as it is given, else what is at a path."""
    from kssl import plugins

    known = plugins.offered("datasets")
    if given.lstrip().startswith("{") or (given in known and not Path(given).is_dir()):
        return given
    from kssl.data.guess import guess
    from kssl.data.locate import NotFound

    try:
        return guess(given).settings
    except NotFound as error:
        raise UserError(f"data: {error}, nor is it a data set{nearest(given, known)}") from error


def _in_place_of(old: Mapping[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    if old.get("use") == "tokens" and new["use"] == "text":
        corpus = {key: value for key, value in new.items() if key != "use"}
        kept = {key: value for key, value in old.items() if key not in ("stand_in", "corpus")}
        return kept | {"corpus": corpus}
    if old.get("use") != new["use"]:
        return new
    return new | {key: old[key] for key in _KEPT.get(new["use"], ()) if old.get(key) is not None}


def _shaped(shape: Any, use: str) -> dict[str, Any]:
    """The settings of a source that make examples of a model's shape."""
    if isinstance(shape, Mapping):
        shape = shape.get({"images": "image", "captions": "image"}.get(use, use), ())
    if use == "images" and len(shape) == 3 and shape[0] == shape[1] and shape[2] in (1, 3):
        return {"size": shape[0], "channels": shape[2]}
    if use == "captions" and len(shape) == 3:
        return {"size": shape[0]}
    if use == "audio" and shape:
        return {"length": shape[0]}
    return {"shape": list(shape[:3])} if use == "video" and len(shape) == 4 else {}
