"""What sources of recordings and of clips share: their items, splits and labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from kssl.data.description import described
from kssl.data.files.decode import Block, Files, read_files
from kssl.data.files.folder import Folder, Labels, read_folder
from kssl.data.from_arrays import MEMORY_BUDGET, Dataset
from kssl.data.splitting import grouped, piece, shuffled, sizes
from kssl.errors import UserError, nearest
from kssl.system.memory import require


@dataclass(frozen=True)
class Items:
    """The items of one split: files, or rows of the arrays of a NumPy file.

    Attributes:
        where: The folder or file.
        what: What they are, in the plural.
        split: Which split.
        names: How each is spoken of.
        features: What is known of each, such as `label`.
        files: Where each is, if they are files.
        rows: Which row each is, if they are rows.
        facts: What the data set is to say of itself, see `kssl.data.Description`.
    """

    where: Path
    what: str
    split: str
    names: Sequence[str]
    features: dict[str, np.ndarray]
    files: list[Path] = field(default_factory=list)
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    facts: dict[str, Any] = field(default_factory=dict)


def read_items(items: Items, load: Callable[[int], Block], broken_fraction: float) -> Dataset:
    """Decode every item, by its place, and make a dataset; see `read_files`."""
    files = Files(
        names=items.names,
        load=load,
        features=items.features,
        where=str(items.where),
        what=items.what,
        split=items.split,
    )
    return described(read_files(files, broken_fraction, MEMORY_BUDGET), **items.facts)


def split_items(
    path: Path,
    extensions: Sequence[str],
    what: str,
    group: str | None,
    fractions: tuple[float, float],
    split: str,
) -> Items:
    """The files of a split of a folder; with `group="folder"` sub-folders stay together."""
    return of_folder(read_folder(path, fractions, extensions, what), group, fractions, split)


def of_folder(
    folder: Folder,
    group: str | None,
    fractions: tuple[float, float],
    split: str,
    labels: Labels = "auto",
) -> Items:
    """The items of a split of a folder whose files are listed already."""
    if group not in (None, "folder"):
        raise UserError(
            f"{folder.path} is a folder, in which group can only be 'folder', not '{group}'"
        )
    if group == "folder" and not folder.split_by_folders:
        every, without = sorted(sum(folder.splits.values(), [])), folder.layout.unlabelled
        files = [file for file in every if file not in without]
        rows = grouped(np.array([folder.class_of(file) for file in files]), fractions)
        parts = {name: [files[row] for row in numbers] for name, numbers in rows.items()}
        parts["train"] = sorted([*parts["train"], *without])
        folder = replace(folder, splits=parts)
    chosen = folder.splits[split]
    return Items(
        where=folder.path,
        what=folder.what,
        split=split,
        names=[folder.name_of(file) for file in chosen],
        features=folder.labels_of(chosen, labels),
        files=chosen,
        facts={"class_names": folder.classes(labels), "found": folder.told(labels)},
    )


@dataclass
class Archive:
    """A `.npz` file, whose arrays are read one at a time."""

    path: Path
    kind: str
    content: Any = None

    @property
    def names(self) -> list[str]:
        """The names of its arrays."""
        return list(self.content.files)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.content.close()

    def read(self, name: str) -> np.ndarray:
        """Return an array.

        Raises:
            UserError: It is not there, is damaged, or holds Python objects.
        """
        if name not in self.names:
            raise UserError(f"{self.path} has no array '{name}'{nearest(name, self.names)}")
        try:
            return np.asarray(self.content[name])
        except Exception as error:  # damaged archives fail in many ways
            raise UserError(f"{self.path}: the array '{name}' cannot be read: {error}") from error


def open_archive(path: Path, kind: str) -> Archive:
    """Open a `.npz` file, without pickled objects.

    Raises:
        UserError: It is no such file, or a damaged one.
    """
    if path.suffix.lower() != ".npz":
        raise UserError(f"{kind}: '{path}' is neither a folder nor a .npz file")
    try:
        content = np.load(path, allow_pickle=False)
    except Exception as error:  # zipfile has its own errors for damaged archives
        raise UserError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, np.lib.npyio.NpzFile):
        raise UserError(f"{path} is no .npz file")
    require(sum(part.file_size for part in content.zip.infolist()), f"{path} unpacked")
    return Archive(path, kind, content)


def labelled(
    archive: Archive,
    what: str,
    count: int,
    group: str | None,
    fractions: tuple[float, float],
    split: str,
) -> Items:
    """The rows of a split of a `.npz` file with `count` items, and their labels if it has any."""
    if group is None:
        parts = sizes(count, validation=fractions[0], test=fractions[1])
        rows = piece(shuffled(count), parts, split)
    else:
        rows = grouped(_one_each(archive, group, count), fractions)[split]
    names = [name for name in ("labels", "label") if name in archive.names]
    features = {}
    if names:
        features["label"] = _one_each(archive, names[0], count)[rows].astype(np.int64)
    return Items(archive.path, what, split, [f"number {row}" for row in rows], features, rows=rows)


def _one_each(archive: Archive, name: str, count: int) -> np.ndarray:
    values = archive.read(name)
    if values.shape != (count,):
        raise UserError(
            f"{archive.path}: '{name}' must have one value for each of the {count} items, but its "
            f"shape is {values.shape}"
        )
    return values
