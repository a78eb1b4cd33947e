"""Which columns of a table are numbers, and which are categories."""

from __future__ import annotations

import logging

import numpy as np

from kssl.data.tables.reader import Column


def column_type(where: str, column: Column, broken_fraction: float) -> str:
    """Return `numeric`, `categorical` or `empty`, with a warning where it is not clear.

    A column counts as numbers unless more than `broken_fraction` of its values are not numbers.
    """
    present = column.codes[~column.missing]
    if not len(present):
        logging.getLogger("kssl").warning(
            "%s: the column '%s' has no values; left out", where, column.name
        )
        return "empty"
    odd = np.isnan(column.numbers)[present]
    if odd.mean() > broken_fraction:
        return "categorical"
    if odd.any():
        example = column.values[present[np.argmax(odd)]]
        logging.getLogger("kssl").warning(
            "%s: %d of %d values of the column '%s' are no numbers, such as '%s'; they count as "
            "missing. If they are names: types: {%s: categorical}",
            where,
            odd.sum(),
            len(present),
            column.name,
            example,
            column.name,
        )
    return "numeric"
