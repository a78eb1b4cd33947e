"""What a run began with, and whether it is resumed with the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kssl.errors import RunError, UserError
from kssl.runs.directory import Run
from kssl.system import devices
from kssl.system.terminal import wrapped

if TYPE_CHECKING:
    from kssl.data.splits import Splits

DATA_RECORD = "data.json"
START_RECORD = "start.json"

# What does not change the weights: it may be edited before a run is resumed.
_FREE = ("evaluate", "fit.checkpoint_seconds")


def record_start(run: Run, data: Splits) -> None:
    """Write down what a new run, whose recipe.yaml is written, begins with."""
    run.write_json(DATA_RECORD, data.record())
    run.write_json(START_RECORD, {"recipe": _recipe(run), **_machine()})


def compare_start(run: Run) -> None:
    """Compare an interrupted run with what it began with, as far as that shows without its data.

    Raises:
        UserError: Its recipe.yaml was changed, or the backend or the number of devices is another.
    """
    if not run.file(START_RECORD).is_file():  # it began with kssl 0.1
        return
    began = run.read_json(START_RECORD)
    for key, now in _machine().items():
        if began.get(key, now) != now:
            raise UserError(
                f"{run.path} began with {key} {began[key]}, and this is {key} {now}: add "
                f"--{key} {began[key]}"
            )
    changed = _changed(began.get("recipe"), _recipe(run))
    free = {path: text for path, text in changed.items() if path.startswith(_FREE)}
    if len(changed) > len(free):
        told = "; ".join(text for path, text in changed.items() if path not in free)
        raise UserError(
            f"{run.file('recipe.yaml')} is not what the run began with: {told[:600]}. Put it back, "
            f"or begin a new run with it: kssl fit {run.path}"
        )
    for text in free.values():
        print(wrapped(f"note: recipe.yaml was edited since the run began: {text}"))


def read_data_record(run: Run) -> dict[str, Any]:
    """Return what data.json of a run holds.

    Raises:
        UserError: It is not there, or not what kssl wrote.
    """
    record = run.read_json(DATA_RECORD)
    wanted = {"used": str, "fingerprint": str, "examples": dict}
    given = record if isinstance(record, dict) else {}
    if wrong := [key for key, kind in wanted.items() if not isinstance(given.get(key), kind)]:
        raise UserError(
            f"{run.file(DATA_RECORD)} is damaged: it lacks {', '.join(wrong)}; without it nobody "
            f"knows which data the run has seen: kssl fit {run.path} makes a new run"
        )
    sources = given.get("sources") or {}
    named = isinstance(sources, dict) and all(isinstance(each, str) for each in sources.values())
    return given | {"sources": sources if named else {}}


def compare_data(run: Run, data: Splits) -> None:
    """Raise a RunError if the data of a resumed run is not what it began with."""
    if not data.is_as(read_data_record(run)["fingerprint"]):
        raise RunError(
            "the data is not what the run began with (other examples or another order), so "
            "it cannot be resumed; start a new run"
        )


def _machine() -> dict[str, Any]:
    import keras

    return {"backend": keras.backend.backend(), "devices": devices.count()}


def _recipe(run: Run) -> Any:
    from kssl.recipe.problems import Problems
    from kssl.recipe.reader import read_file

    path = run.file("recipe.yaml")
    root, _ = read_file(path, str(path), Problems(str(path)))
    return None if root is None else json.loads(json.dumps(root.plain()))


def _changed(before: Any, after: Any, path: str = "") -> dict[str, str]:
    """Return how two plain recipes differ: the dotted path, and a sentence about it."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [*before, *(key for key in after if key not in before)]
        pairs = [(f"{path}.{key}", before.get(key), after.get(key)) for key in keys]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = [(f"{path}[{i}]", *pair) for i, pair in enumerate(zip(before, after, strict=True))]
    elif before == after and type(before) is type(after):
        return {}
    else:
        name = path.lstrip(".")
        return {name: f"{name} is {_short(after)}, and was {_short(before)}"}
    return {key: text for name, *both in pairs for key, text in _changed(*both, name).items()}


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:80]} …"
