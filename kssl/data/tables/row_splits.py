"""Which split each row of a table is in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kssl.data.splitting import SPLITS, grouped
from kssl.data.tables.reader import Column, same_rows
from kssl.data.tables.split_column import said_by, split_column
from kssl.errors import UserError


def with_split_column(
    where: str, columns: dict[str, Column], label: str | None, types: Mapping[str, str]
) -> tuple[dict[str, Column], dict[str, Any], dict[str, str]]:
    """Find the column of splits, and take those that may be one, or say folds, from the others.

    Returns:
        The columns to use, the type of that of splits, and why the others are left out.
    """
    given = {
        name: [*each.values, *[""] * bool(each.missing.any())] for name, each in columns.items()
    }
    if "split" in types.values():  # any other is what the user makes of it
        return columns, {}, {}
    given = {
        name: [*each.values, *[""] * bool(each.missing.any())] for name, each in columns.items()
    }
    cure = "To use it, give it a type: types: {NAME: split}, or numeric, or categorical"
    said = split_column(where, given, [label, *types], cure)
    kept = {name: column for name, column in columns.items() if name not in said.unclear}
    own = {said.name: "split"} if said.name else {}
    return kept, own, dict.fromkeys(said.unclear, "it may say the split")


def split_rows(
    where: str,
    columns: Mapping[str, Column],
    types: Mapping[str, str],
    fractions: tuple[float, float],
    label: str | None,
) -> dict[str, np.ndarray]:
    """The rows of each split: as a column says, else by groups; rows without a label in train."""
    told = {use: name for name, use in types.items() if use in ("group", "split")}
    group = columns[told["group"]].codes if "group" in told else same_rows(list(columns.values()))
    if "split" not in told:
        missing = columns[label].missing if label is not None else np.zeros(len(group), bool)
        known, unknown = np.flatnonzero(~missing), np.flatnonzero(missing)
        rows = {split: known[part] for split, part in grouped(group[known], fractions).items()}
        return {**rows, "train": np.sort(np.concatenate([rows["train"], unknown]))}
    column = columns[told["split"]]
    split_of = [said_by(column.name, [value]).get(value, "") for value in column.values]
    found = np.array([*split_of, ""])[column.codes]
    if (found == "").any():
        code = column.codes[np.argmax(found == "")]
        raise UserError(
            f"{where}: the column '{column.name}' has "
            f"{repr(column.values[code]) if code >= 0 else 'a missing value'}, which is no split; "
            f"it must say train, validation or test, or the like, in every row"
        )
    return _completed(where, {split: np.flatnonzero(found == split) for split in SPLITS}, group)


def _completed(where: str, rows: dict[str, np.ndarray], group: np.ndarray) -> dict[str, np.ndarray]:
    """Cut splits that the file does not have off its train split."""
    lacking = [split for split in ("validation", "test") if not len(rows[split])]
    if not len(rows["train"]):
        raise UserError(f"{where}: no row is in the split 'train'")
    if not lacking:
        return rows
    parts = grouped(group[rows["train"]], (0.1, 0.1))
    spare = {split: rows["train"][parts[split]] for split in SPLITS}
    for split in ("validation", "test"):
        if split not in lacking:
            spare["train"] = np.sort(np.concatenate([spare["train"], spare.pop(split)]))
    return {**rows, **spare}
