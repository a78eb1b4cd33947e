"""The embeddings of a split as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssl.errors import UserError
from kssl.runs.directory import Run
from kssl.runs.load import load
from kssl.system.files import replacing

if TYPE_CHECKING:
    import numpy as np


def embed(run: Run, output: Path, data: str | None = None, split: str = "test") -> Path:
    """Write the embeddings of a split, and its labels if the data has any.

    Args:
        run: A trained run.
        output: The file to write: `.npz` with `embeddings` and `labels`, or `.parquet` with a
            column `embedding`, a list of floats in each row, and a column `label`.
        data: Another data set than the run's, as YAML: `"{use: images, path: photos/}"`; of the
            same modality.
        split: `train`, `validation` or `test`.

    Raises:
        UserError: The split or the kind of file is unknown, the data is unavailable or has another
            shape.
    """
    if output.suffix not in EMBEDDING_FILES:
        raise UserError(f"{output.name}: the file must end in {' or '.join(EMBEDDING_FILES)}")
    import kssl.recipe
    from kssl.data.splits import open_splits
    from kssl.evaluation.base import Skipped, apply
    from kssl.evaluation.inputs import columns_of, examples_of

    loaded = load(run, same_data=data is None)
    splits = loaded.data
    if data is not None:
        # `use` is dropped from the arguments of the run's own data set.
        splits = open_splits(kssl.recipe.load(run.path, [f"data={data}"]), allow_stand_in=False)
    if split not in splits.sizes:
        raise UserError(f"there is no split '{split}'; there is: {', '.join(splits.sizes)}")
    pipeline, model = getattr(splits, split), loaded.model
    try:
        examples = examples_of(pipeline, model)
    except Skipped as reason:
        raise UserError(str(reason)) from None
    _check_shapes(examples, model)
    labels = columns_of(pipeline, model.modality).get("label")
    embeddings = apply(model, "embed", examples)
    with replacing(output) as temporary:
        EMBEDDING_FILES[output.suffix](temporary, embeddings, labels)
    return output


def _check_shapes(examples: Any, model: Any) -> None:
    given = model.modality.by_key(examples)
    wanted = model.modality.by_key(model.example_shape)
    for key in wanted:
        if key not in given or given[key].shape[1:] != tuple(wanted[key]):
            there = given[key].shape[1:] if key in given else "nothing"
            raise UserError(
                f"`{key}` has the shape {there}, the model takes {tuple(wanted[key])}: give the "
                "data source the size or length that the run had"
            )


def _write_npz(path: Path, embeddings: np.ndarray, labels: np.ndarray | None) -> None:
    import numpy as np

    content = {"embeddings": embeddings} | ({} if labels is None else {"labels": labels})
    np.savez(path, **content)


def _write_parquet(path: Path, embeddings: np.ndarray, labels: np.ndarray | None) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = embeddings.reshape(len(embeddings), -1)  # (examples, features)
    table = {"embedding": pyarrow.FixedSizeListArray.from_arrays(rows.reshape(-1), rows.shape[1])}
    if labels is not None:
        table["label"] = pyarrow.array(labels.tolist())
    parquet.write_table(pyarrow.table(table), path)


EMBEDDING_FILES = {".npz": _write_npz, ".parquet": _write_parquet}
