"""What the numbers of a batch stand for: classes, columns, categories, samples per second."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kssl.report.sheets.batches import Batch


@dataclasses.dataclass(frozen=True)
class Facts:
    """What data and transforms say of themselves.

    Args:
        names: Key of labels -> what each number means.
        columns: Key of a table's columns -> their names.
        categories: For each column under `categorical`, what its numbers from 1 stand for.
        sample_rate: Samples per second of recordings.
    """

    names: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    columns: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    categories: Sequence[Sequence[str]] = ()
    sample_rate: int | None = None

    def named(self, batch: Batch) -> Batch:
        """Return a batch with words in the place of numbers that stand for something."""
        return {key: self._named(key, values) for key, values in batch.items()}

    def _named(self, key: str, values: np.ndarray) -> np.ndarray:
        if values.dtype.kind not in "iu":
            return values
        if key in self.names and values.ndim == 1 and len(self.names[key]):
            return np.array([word(int(each), self.names[key]) for each in values])
        fits = values.ndim == 2 and values.shape[1] == len(self.categories) > 0
        if fits and key.removeprefix("target_") == "categorical":
            known = [("(unknown)", *names) for names in self.categories]
            rows = [[word(int(n), known[i]) for i, n in enumerate(row)] for row in values]
            return np.array(rows)
        return values

    def of_columns(self, key: str, width: int) -> list[str]:
        """Return the names of the columns of a key; their numbers where nothing is known."""
        numeric, categorical = (list(self.columns.get(k, ())) for k in ("numeric", "categorical"))
        one_hot = [
            f"{column}: {value}"
            for column, names in zip(categorical, self.categories, strict=False)
            for value in ("(unknown)", *names)
        ]
        own = {"numeric": numeric, "categorical": categorical}.get(key.removeprefix("target_"), [])
        for names in (own, [*numeric, *categorical], [*numeric, *one_hot]):
            if len(names) == width:
                return names
        return [f"column {place + 1}" for place in range(width)]


def facts_of(pipeline: Any) -> Facts:
    """Return what a pipeline's data and transforms say of themselves."""
    tasks = [getattr(each, "task", None) for each in getattr(pipeline, "transforms", ())]
    names = {task.target: task.names for task in tasks if task is not None and task.names}
    if getattr(pipeline, "class_names", None):
        names["label"] = pipeline.class_names
    own = getattr(pipeline, "description", None)
    return Facts(
        names,
        getattr(own, "columns", None) or {},
        getattr(own, "category_names", None) or (),
        getattr(own, "sample_rate", None),
    )


def word(number: int, names: Sequence[str]) -> str:
    """Return what a number stands for; a permutation in as many rows as it has columns.

    Example:
        >>> word(1, ["cat", "dog"]), word(-1, ["cat", "dog"]), word(0, ["2 1 4 3"])
        ('dog', 'none', '2 1\\n4 3')
    """
    if not 0 <= number < len(names):
        return "none" if number < 0 else str(number)
    parts = names[number].split()
    side = math.isqrt(len(parts))
    if side < 2 or side**2 != len(parts) or not all(part.isdigit() for part in parts):
        return str(names[number])
    rows = [" ".join(parts[start : start + side]) for start in range(0, len(parts), side)]
    return "\n".join(rows)
