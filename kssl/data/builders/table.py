"""A data set of tensorflow-datasets as the columns of a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from kssl.data.builders.built import Built
from kssl.data.builders.splits import own_splits
from kssl.data.splitting import SPLITS
from kssl.data.tables.reader import Column, column_of, read_columns
from kssl.errors import UserError

SPLIT = "(split)"  # the column that says which split of the data set a row is in
_KINDS = ("class", "integer", "number", "text")


def read_place(
    place: Path | Built, header: bool, broken_fraction: float, skip: Collection[str] = ()
) -> tuple[str, list[Column], dict[str, str]]:
    """Read a table from a file, as `read_columns` does, or from a data set.

    Returns:
        How it is spoken of, its columns, and why others are left out.
    """
    if isinstance(place, Built):
        return (place.where, *columns_of(place))
    return str(place), read_columns(place, header, broken_fraction, skip), {}


def columns_of(built: Built) -> tuple[list[Column], dict[str, str]]:
    """Read a data set as columns: numbers as they are, classes by their names.

    Args:
        built: Its `missing` are values that stand for one that is not known, beside those that do
            in a file, and numbers that are not finite.

    Returns:
        The columns, with one of splits if there are several, and why other features are left out.

    Raises:
        UserError: No feature is a column.
    """
    kinds = built.features()
    wanted = {key: _known(built, key, feature, kinds) for key, feature in built.keys}
    wanted = wanted or {name: name for name in kinds}
    left = {
        name: f"it is {built.spoken(feature)}, not one value"
        for name, feature in wanted.items()
        if kinds[feature] not in _KINDS
    }
    used = {key: name for key, name in wanted.items() if key not in left}
    if not used:
        raise UserError(f"{built.where}: none of its features is a column of a table")
    values: dict[str, list[Any]] = {key: [] for key in used}
    names = {key: built.class_names(name) for key, name in used.items()}
    rows: list[str] = []
    parts = _parts(built)
    for split, part in parts.items():
        for example in built.read(part, used):
            rows.append(split)
            for key, value in example.items():
                values[key].append(_plain(value, names[key], built.missing))
    columns = [column_of(key, column) for key, column in values.items()]
    own = [column_of(SPLIT, rows)] if len(parts) > 1 else []
    return [*columns, *own], left


def _known(built: Built, key: str, feature: str, kinds: Mapping[str, str]) -> str:
    """The name of a feature, if there is one."""
    return built.of_kind(key, tuple(kinds.values())) if feature not in kinds else feature


def _parts(built: Built) -> dict[str, str]:
    """What is read for each split that the data set has, or that was given."""
    given = dict(built.splits) or own_splits(built.builder)
    unknown = [name for name in given if name not in SPLITS]
    if unknown or "train" not in given:
        raise UserError(
            f"{built.where}: splits {', '.join(given)}; they are train, validation and test, "
            "train at least"
        )
    return given


def _plain(value: Any, names: list[str] | None, missing: Collection[Any]) -> Any:
    """A value as a file would have it; None for a missing one."""
    plain = value.decode("utf-8", "replace") if isinstance(value, bytes) else value.item()
    if names is not None:
        plain = names[plain] if plain >= 0 else None
    return None if plain in missing else plain
