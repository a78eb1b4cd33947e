"""The examples that a trained model finds most like a given one."""

from __future__ import annotations

import re
import shutil
import tempfile
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kssl.errors import UserError
from kssl.runs.directory import Run
from kssl.runs.embed import ALL, Embedded, embedded
from kssl.runs.load import Loaded, load
from kssl.system.files import replacing

if TYPE_CHECKING:
    import numpy as np

_PART = re.compile("(train|validation|test):(.+)")


class Neighbour(NamedTuple):
    """An example near another one.

    Attributes:
        name: Its file, or the number of its row.
        split: The split that it is in.
        label: Its class, "" for none.
        similarity: The cosine of the two embeddings.
    """

    name: str
    split: str
    label: str
    similarity: float


def neighbours(
    run: Run, query: str, k: int = 5, data: str | None = None, output: Path | None = None
) -> list[Neighbour]:
    """Find the nearest of all examples of a run's data, or of other data.

    Args:
        run: A trained run.
        query: A file of its kind, or an example of the data: `test:17` or `train:cat/1.jpg`.
        k: How many.
        data: Where they are looked for, as `kssl.runs.embed` takes it; None is the run's data.
        output: A picture to draw of the query and its neighbours.

    Returns:
        The nearest one first; a query that is one of the examples is none of them.

    Raises:
        UserError: There is no such file or example, or the model does not read it.
    """
    import numpy as np

    loaded = load(run, same_data=data is None, data=data)
    bank = embedded(loaded, ALL)
    part = _PART.fullmatch(query)
    own: int | None = None
    if part and not Path(query).exists():
        own = _row(bank, part[1], part[2])
        code, example = bank.embeddings[own], _examples(loaded, bank, [own])[0]
    else:
        asked = _of_file(run, query)
        found = embedded(asked, "test")
        code, example = found.embeddings[0], _examples(asked, found, [0])[0]
    similar = _cosines(code, bank.embeddings)
    if own is None:
        own = _itself(query, bank, similar)
    if own is not None:
        similar[own] = -np.inf
    rows = [row for row in np.argsort(-similar, kind="stable")[:k] if np.isfinite(similar[row])]
    if output is not None:
        _draw(loaded, bank, [int(row) for row in rows], example, output)
    return [
        Neighbour(
            str(bank.names[row]), str(bank.splits[row]), bank.class_of(row), float(similar[row])
        )
        for row in rows
    ]


def _itself(query: str, bank: Embedded, similar: np.ndarray) -> int | None:
    """The row of a file that is one of the examples: the same name and the same embedding."""
    path = Path(query).resolve().as_posix()
    for row, name in enumerate(bank.names):
        if similar[row] > 1 - 1e-5 and path.endswith(f"/{name}"):
            return row
    return None


def _cosines(code: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The cosine of an embedding with each of many, `(rows,)`."""
    import numpy as np

    one, many = code.reshape(-1).astype("float64"), rows.reshape(len(rows), -1).astype("float64")
    norms = np.linalg.norm(one) * np.linalg.norm(many, axis=1)
    cosines: np.ndarray = many @ one / np.where(norms > 0, norms, 1.0)
    return cosines


def _row(bank: Embedded, split: str, name: str) -> int:
    inside = [row for row, each in enumerate(bank.splits) if each == split]
    names = [str(bank.names[row]) for row in inside]
    if name in names:
        return inside[names.index(name)]
    if name.isdigit() and int(name) < len(inside):  # of a text with a long name, its place will do
        return inside[int(name)]
    close = get_close_matches(name, names[:2000], 3) or names[:3]
    raise UserError(
        f"the split {split} has no example '{name}'; there are {', '.join(close)} and others, or "
        f"their places, 0 to {len(inside) - 1}"
    )


def _of_file(run: Run, query: str) -> Loaded:
    """The data set of one file: a folder in which it is each split."""
    from kssl.data.locate import find_file

    file = find_file(query)
    if file.is_dir():
        raise UserError(f"{query} is a folder: give one file, or a row such as test:17")
    with tempfile.TemporaryDirectory(prefix="kssl-") as folder:
        for split in ("train", "validation", "test"):
            place = Path(folder) / split
            place.mkdir()
            shutil.copyfile(file, place / file.name)
        return load(run, data=folder)


def _examples(loaded: Loaded, found: Embedded, rows: list[int]) -> list[Any]:
    """The examples of rows as the model reads them; the first part of a recording or film."""
    from kssl.evaluation.inputs import examples_of
    from kssl.modalities import take

    shown: dict[int, Any] = {}
    for split in {str(found.splits[row]) for row in rows}:
        places = {row: int(found.places[row]) for row in rows if found.splits[row] == split}
        count = max(places.values()) + 1
        examples = examples_of(getattr(loaded.data, split), loaded.model, count, first=True)
        shown |= {row: take(examples, place) for row, place in places.items()}
    return [shown[row] for row in rows]


def _draw(loaded: Loaded, bank: Embedded, rows: list[int], example: Any, output: Path) -> None:
    """Draw the query, and after it its neighbours with their classes."""
    from kssl.report import canvas
    from kssl.report.scene import Scene

    scene = Scene(None, loaded.model, None, None, 0, loaded.train.vocabulary)
    shown = [example, *_examples(loaded, bank, rows)]
    titles = iter(["query", *(bank.class_of(row) or str(bank.names[row]) for row in rows)])

    def draw(axes: Any, one: Any) -> None:
        scene.draw_example(axes, one)
        axes.set_title(next(titles)[-16:], fontsize=8)

    with canvas.style(), replacing(output) as temporary:
        drawn = canvas.example_rows([("", shown)], draw, loaded.model.modality.cell, head=0.3)
        canvas.save(drawn, temporary)
