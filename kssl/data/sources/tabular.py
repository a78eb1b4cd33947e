"""Tables as data sets: CSV, JSON and Parquet, with an encoding fitted on the training rows."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from kssl.data.builders.built import Built
from kssl.data.builders.place import Place, opened
from kssl.data.builders.table import SPLIT, read_place
from kssl.data.files.decode import check_broken_fraction
from kssl.data.from_arrays import Dataset
from kssl.data.splitting import check_split, check_two_fractions
from kssl.data.tables.column_types import (
    check_numbers,
    column_type,
    warn_of_label,
    warn_of_similar,
    without_index,
)
from kssl.data.tables.encode import (
    FittedTable,
    fit_categorical,
    fit_numeric,
    in_order,
    warn_of_identifiers,
)
from kssl.data.tables.reader import Column
from kssl.data.tables.row_splits import split_rows, with_split_column
from kssl.errors import UserError, nearest
from kssl.moved import renamed

Use = Literal["numeric", "categorical", "skip", "group", "split"]

_USES = ("numeric", "categorical", "skip", "group", "split")


@renamed(broken_share="broken_fraction", shares="fractions")
def tabular(
    split: str = "train",
    *,
    path: Place,
    label: str | None = None,
    types: Mapping[str, Use] | None = None,
    header: bool = True,
    broken_fraction: float = 0.05,
    fractions: Sequence[float] = (0.1, 0.1),
    encoding: Place | None = None,
) -> Dataset:
    """Rows of a CSV, JSON or Parquet file, with numbers standardized and categories as integers.

    A column whose values are numbers is numeric, any other is categorical; `types` says what is
    not to be guessed, such as whole numbers that are codes. How a column is scaled and which
    names it has is learned from the training rows alone: numbers become `(value - mean) / std`,
    with 0 (the mean) for a missing one; names become 1, 2, …, with 0 for one that no training
    row has. An empty field, `?`, `NA`, `NaN` and the like are missing; a missing name is a name
    of its own. Numbers may be written as `$1,200.50`, `1.200,50 €` or `45 %` where that can be
    read in one way alone. A column without a name, such as the index of a data frame, is left out.
    `fit_table` takes the same arguments and shows what was found.

    The table must fit in memory. The split is that which a column says: one called `split`, `set`,
    `partition`, `is_test` or the like, or whose values are all names of splits, unless `types` says
    what it is. Columns that may say it, or folds, and are unclear are left out, with a warning.
    Without such a column the split is random but always the same, and rows that are equal in
    every column, or in the column of the type `group`, are in one split: a model is not tested on
    what it has seen.

    Args:
        split: `train`, `validation` or `test`.
        path: `.csv`, `.tsv` or other text whose fields are set apart by comma, semicolon, tab,
            `|` or white space, `.json` or `.jsonl` (an array of objects, or one a line), each also
            with `.gz`, or `.parquet`; a relative path is tried in the current folder, then in
            `KSSL_DATA_DIR`. Or a data set of tensorflow-datasets, whose features are the columns:
            `{tfds: titanic, missing: [-1, Unknown]}`, where `missing` are the values that it writes
            for one that is not known, and `keys`, if given, the only columns.
        label: The column of classes. Rows without one are trained on, with the label -1.
        types: Column -> `numeric`, `categorical`, `skip` (not used), `group` (see above) or
            `split` (the column says which split a row is in: `train`, `valid`, `test`, …).
        header: Whether the first line has the names; if not they are `column_0`, `column_1`, ….
        broken_fraction: Lines with a wrong number of fields are counted in a warning and left out;
            so are values that are no numbers in a column of numbers, which count as missing. It is
            an error when more than this fraction is so.
        fractions: Fractions of the rows for validation and for test.
        encoding: Another table, whose training rows say how this one is encoded, as a model that
            was trained on it expects. The column of classes may then be lacking.

    Returns:
        A dataset of `{"numeric": float32 (n,), "categorical": int32 (m,)}` and, with a label,
        `"label": int64 ()`; `n` or `m` is 0 where there are no such columns.

    Raises:
        UserError: The file is missing, damaged or empty; a column is not there, or a setting or
            its values do not fit.

    Example:
        >>> with open("people.csv", "w") as file:
        ...     lines = [f"{20 + n},{'ab'[n % 2]},{n % 3}" for n in range(40)]
        ...     _ = file.write("\\n".join(["age,city,class", *lines]))
        >>> tabular("train", path="people.csv", label="class").element_spec["numeric"].shape
        TensorShape([1])
    """
    check_split(split)
    fitted = fit_table(
        path if encoding is None else encoding,
        label=label,
        types=types,
        header=header,
        broken_fraction=broken_fraction,
        fractions=fractions,
    )
    if encoding is not None:
        fitted = _encoded_alike(fitted, path, header, broken_fraction, fractions)
    return fitted.dataset(split)


def _encoded_alike(
    fitted: FittedTable,
    path: Place,
    header: bool,
    broken_fraction: float,
    fractions: Sequence[float],
) -> FittedTable:
    """The rows of another table, encoded as one that is fitted."""
    wanted = [each.name for each in (*fitted.numeric, *fitted.categorical)]
    file, read, _ = read_place(opened(path, "tabular"), header, broken_fraction)
    columns = {column.name: column for column in read}
    lacking = [name for name in wanted if name not in columns]
    if lacking:
        raise UserError(
            f"{file} has no column '{lacking[0]}', which the encoding reads"
            f"{nearest(lacking[0], columns)}; if it is the label, say label: {lacking[0]}"
        )
    label = fitted.label if fitted.label in columns else None
    two = check_two_fractions("tabular", fractions)
    own: dict[str, str] = {SPLIT: "split"} if SPLIT in columns else {}
    own = own or with_split_column(file, columns, fitted.label, {})[1]
    rows = split_rows(file, columns, own, two, label)
    classes = fitted.classes if label is not None else ()
    known = {"where": str(file), "rows": rows, "columns": columns, "split_by": "", "skipped": {}}
    return replace(fitted, label=label, classes=classes, **known)


@renamed(broken_share="broken_fraction", shares="fractions")
def fit_table(
    path: Place,
    *,
    label: str | None = None,
    types: Mapping[str, Use] | None = None,
    header: bool = True,
    broken_fraction: float = 0.05,
    fractions: Sequence[float] = (0.1, 0.1),
) -> FittedTable:
    """Find the types of a table's columns, and fit their encoding on the training rows.

    Args:
        path: The file; this and all other arguments as `tabular` takes them.
        label: The column of classes.
        types: What is not to be guessed.
        header: Whether the first line has the names.
        broken_fraction: Largest fraction of lines, or of values of a column, that may be broken.
        fractions: Fractions of the rows for validation and for test.

    Returns:
        What was found: `print` shows it, `vocabulary_sizes` are the sizes of embeddings.

    Example:
        >>> with open("pets.csv", "w") as file:
        ...     _ = file.write("kind,weight\\ncat,4\\ndog,9\\ncat,5\\nhen,2\\n")
        >>> fit_table("pets.csv", types={"kind": "categorical"}).categorical[0].name
        'kind'
    """
    check_broken_fraction("tabular", broken_fraction)
    two = check_two_fractions("tabular", fractions)
    file = opened(path, "tabular")
    settings = (label, tuple((types or {}).items()), header, broken_fraction, two)
    return _fit(file, None if isinstance(file, Built) else file.stat().st_mtime_ns, settings)


@functools.lru_cache(maxsize=1)  # the three splits of a recipe read and warn once
def _fit(file: Path | Built, _: int | None, settings: tuple[Any, ...]) -> FittedTable:
    label, pairs, header, broken_fraction, fractions = settings
    types = dict(pairs)
    skip = [name for name, use in types.items() if use == "skip"]
    where, read, left_out = read_place(file, header, broken_fraction, skip)
    types |= {SPLIT: "split"} if read[-1].name == SPLIT else {}
    columns = {column.name: column for column in read}
    _check_names(where, columns, label, types)
    columns, index = without_index(where, columns, [*types, label])
    if SPLIT not in columns:
        columns, own, unclear = with_split_column(where, columns, label, types)
        types, index = types | own, index | unclear
    if label is not None and columns[label].missing.all():
        raise UserError(f"{where}: no row has a value in '{label}', the column of classes")
    fitted = fit_columns(where, columns, label, types, broken_fraction, fractions)
    return replace(fitted, skipped={**left_out, **index, **fitted.skipped})


def fit_columns(
    where: str,
    columns: Mapping[str, Column],
    label: str | None,
    types: Mapping[str, str],
    broken_fraction: float,
    fractions: tuple[float, float],
) -> FittedTable:
    """Fit columns that have been read; as `fit_table`."""
    rows = split_rows(where, columns, types, fractions, label)
    uses = {
        name: types.get(name) or column_type(where, column, broken_fraction)
        for name, column in columns.items()
        if name != label
    }
    _check_values(where, columns, label, types)
    train = {name: column.take(rows["train"]) for name, column in columns.items()}
    skipped = {
        name: {"skip": "as given", "empty": "it has no values"}.get(use, f"it is the {use}")
        for name, use in uses.items()
        if use not in ("numeric", "categorical")
    }
    fitted = FittedTable(
        numeric=tuple(fit_numeric(train[name]) for name in uses if uses[name] == "numeric"),
        categorical=tuple(
            fit_categorical(train[name]) for name in uses if uses[name] == "categorical"
        ),
        label=label,
        classes=in_order(columns[label].values) if label is not None else (),
        skipped=skipped,
        rows=rows,
        columns=columns,
        where=where,
        split_by=next((name for name, use in types.items() if use == "split"), ""),
    )
    if not fitted.numeric and not fitted.categorical:
        raise UserError(f"{where}: no column is left to train on; there is:\n{fitted}")
    warn_of_identifiers(fitted)
    return fitted


def _check_values(
    where: str, columns: Mapping[str, Column], label: str | None, types: Mapping[str, str]
) -> None:
    """Check the columns that are said to be of numbers, and warn of labels that are odd."""
    for name, column in columns.items():
        if name != label and types.get(name) == "numeric":
            check_numbers(where, column)
    if label is not None:
        warn_of_similar(where, "labels", columns[label].values)
        warn_of_label(where, columns[label])


def _check_names(
    where: str, columns: Mapping[str, Column], label: str | None, types: Mapping[str, str]
) -> None:
    for name in (*([label] if label is not None else []), *types):
        if name not in columns:
            raise UserError(f"{where} has no column '{name}'{nearest(str(name), columns)}")
    for name, use in types.items():
        if use not in _USES:
            raise UserError(f"tabular: type '{use}' of column '{name}'{nearest(str(use), _USES)}")
    if label in types:
        raise UserError(f"tabular: the column '{label}' is the label; it has no other type")
    for use in ("group", "split"):
        if list(types.values()).count(use) > 1:
            raise UserError(f"tabular: only one column can have the type '{use}'")
