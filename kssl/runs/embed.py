"""The embeddings of a data set as a file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssl.errors import UserError
from kssl.runs.directory import Run
from kssl.runs.load import SPLITS, Loaded, load
from kssl.system.files import replacing

if TYPE_CHECKING:
    import numpy as np

ALL = "all"


@dataclasses.dataclass
class Embedded:
    """Embeddings, and what each is of; one row for each file, or each example of other data.

    Attributes:
        embeddings: `(rows, …)`.
        names: The file, or the number of the row in its table or split, `(rows,)` texts.
        splits: The split that each is in, `(rows,)` texts.
        labels: Numbers of classes, -1 for none; None if the data has no labels.
        class_names: Which class each number is, if they have names.
        places: Where in its split the first, or only, example of each row is, `(rows,)`.
    """

    embeddings: np.ndarray
    names: np.ndarray
    splits: np.ndarray
    labels: np.ndarray | None
    class_names: list[str]
    places: np.ndarray

    def class_of(self, row: int) -> str:
        """The class of a row as text, "" for none."""
        if self.labels is None:
            return ""
        label = self.labels[row].item()
        if not self.class_names:
            return str(label)
        return self.class_names[label] if 0 <= label < len(self.class_names) else ""


def embed(run: Run, output: Path, data: str | None = None, split: str | None = None) -> Path:
    """Write embeddings, with what each is of.

    Args:
        run: A trained run.
        output: The file to write: `.npz` with `embeddings`, `names` (the file, or the number of the
            row), `splits` and, of data with labels, `labels` and `class_names`; `.parquet` with
            the columns `embedding`, a list of floats in each row, `label`, `class`, `name` and
            `split`; or `.csv` with `name`, `split`, `label`, `class` and a column for each feature,
            `e0`, `e1`, ….
        data: Another data set than the run's, of the same modality: a path, the name of a data set,
            or `"{use: images, path: photos/}"`.
        split: `train`, `validation`, `test` or `all`. None is `test` of the run's own data, and all
            of other data.

    Raises:
        UserError: The split or the kind of file is unknown, the data is unavailable or has another
            shape.
    """
    if output.suffix not in EMBEDDING_FILES:
        raise UserError(f"{output.name}: the file must end in {', '.join(EMBEDDING_FILES)}")
    split = split or ("test" if data is None else ALL)
    used = SPLITS if split == ALL else (split,)
    found = embedded(load(run, same_data=True, data=data, splits=used), split)
    with replacing(output) as temporary:
        EMBEDDING_FILES[output.suffix](temporary, found)
    return output


def embedded(loaded: Loaded, split: str) -> Embedded:
    """Embed a split, or `all`. The parts of one recording or film become one row, their mean.

    Raises:
        UserError: There is no such split, or the model does not read such data.
    """
    import numpy as np

    from kssl.data.files.walk import by_number
    from kssl.evaluation.base import Skipped

    if split not in (*SPLITS, ALL):
        raise UserError(f"there is no split '{split}'; there is: {', '.join((*SPLITS, ALL))}")
    try:
        parts = [_of_split(loaded, name) for name in (SPLITS if split == ALL else (split,))]
    except Skipped as reason:
        raise UserError(str(reason)) from None
    joined = [
        None if columns[0] is None else np.concatenate(columns)
        for columns in zip(*parts, strict=True)
    ]
    if len(set(joined[1].tolist())) == len(joined[1]):  # as the files are, or the rows of a table
        order = sorted(range(len(joined[1])), key=lambda row: by_number(str(joined[1][row])))
        joined = [None if column is None else column[order] for column in joined]
    names = list(getattr(loaded.train, "class_names", None) or [])
    return Embedded(joined[0], joined[1], joined[2], joined[3], names, joined[4])


def _of_split(loaded: Loaded, split: str) -> tuple[Any, ...]:
    import numpy as np

    from kssl.evaluation.base import apply
    from kssl.evaluation.inputs import read

    pipeline = getattr(loaded.data, split)
    examples, columns = read(pipeline, loaded.model)
    rows, labels = apply(loaded.model, "embed", examples), columns.get("label")
    names = pipeline.names or [str(number) for number in range(len(rows))]
    of_name: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        of_name.setdefault(name, []).append(number)
    first = np.array([numbers[0] for numbers in of_name.values()])
    if len(of_name) < len(rows):
        rows = np.stack([rows[numbers].mean(axis=0) for numbers in of_name.values()])
        labels = None if labels is None else labels[first]
    return rows, np.array(list(of_name)), np.array([split] * len(rows)), labels, first


def _write_npz(path: Path, found: Embedded) -> None:
    import numpy as np

    content = {"embeddings": found.embeddings, "names": found.names, "splits": found.splits}
    if found.labels is not None:
        content["labels"] = found.labels
        if found.class_names:
            content["class_names"] = np.array(found.class_names)
    np.savez(path, **content)


def _write_parquet(path: Path, found: Embedded) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = found.embeddings.reshape(len(found.embeddings), -1)  # (examples, features)
    table = {"embedding": pyarrow.FixedSizeListArray.from_arrays(rows.reshape(-1), rows.shape[1])}
    if found.labels is not None:
        table["label"] = pyarrow.array(found.labels.tolist())
        if found.class_names:
            table["class"] = pyarrow.array([found.class_of(row) for row in range(len(rows))])
    table["name"] = pyarrow.array(found.names.tolist())
    table["split"] = pyarrow.array(found.splits.tolist())
    parquet.write_table(pyarrow.table(table), path)


def _write_csv(path: Path, found: Embedded) -> None:
    import csv

    rows = found.embeddings.reshape(len(found.embeddings), -1)  # (examples, features)
    columns = {"name": found.names.tolist(), "split": found.splits.tolist()}
    if found.labels is not None:
        columns["label"] = found.labels.tolist()
        if found.class_names:
            columns["class"] = [found.class_of(row) for row in range(len(rows))]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*columns, *(f"e{place}" for place in range(rows.shape[1]))])
        for facts, row in zip(zip(*columns.values(), strict=True), rows, strict=True):
            writer.writerow([*facts, *map(str, row)])  # as many digits as tell a number apart


EMBEDDING_FILES = {".npz": _write_npz, ".parquet": _write_parquet, ".csv": _write_csv}
