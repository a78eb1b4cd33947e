"""Images with captions: a table of file names and texts, beside the images."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kssl.data.files.decode import Block, Broken, check_broken_fraction, report_broken
from kssl.data.files.folder import cut_names
from kssl.data.files.image import decode
from kssl.data.files.items import Items, read_items
from kssl.data.from_arrays import Dataset
from kssl.data.locate import find_file
from kssl.data.splitting import SPLIT_WORDS, SPLITS, check_split, check_two_fractions
from kssl.errors import UserError
from kssl.moved import renamed

_IMAGE_KEYS = ("image", "file_name", "filename", "file", "path")
_TEXT_KEYS = ("captions", "caption", "texts", "text")


@renamed(broken_share="broken_fraction", shares="fractions")
def captions(
    split: str,
    path: str,
    folder: str | None = None,
    size: int = 64,
    every: bool = False,
    broken_fraction: float = 0.05,
    fractions: Sequence[float] = (0.1, 0.1),
) -> Dataset:
    """Images with their captions, from a folder of image files and a table.

    The table is JSON Lines (`.jsonl`: one object a line), CSV or TSV. The image's file name is
    under `image`, `file_name`, `filename`, `file` or `path`, its text under `caption`,
    `captions`, `text` or `texts`; a list of texts, or several lines of one image, are several
    captions. The splits are those under `split` if it says `train`, `val`, `test` or the like in
    every line (a split that is lacking is cut off train); else the split of an image follows from
    its file name alone.

    Args:
        split: `train`, `validation` or `test`.
        path: The table; a relative path is tried in the current folder, then in
            `KSSL_DATA_DIR`.
        folder: Where the images are; without it, where the table is.
        size: Height and width of the images, made as `images` makes them.
        every: Whether each caption is an example of its own, with its image; else an image is
            one example with all its captions, of which `caption_pairs` draws one each epoch.
        broken_fraction: A line that cannot be read, and an image that is missing or undecodable,
            or has no caption are named in a warning and left out; it is an error when more than
            this fraction are.
        fractions: Fractions of the images for validation and for test.

    Returns:
        A dataset of `{"image": uint8 (size, size, 3), "captions": string (most captions,)}`, with
        empty strings after the last caption of an image that has fewer; with `every`, of
        `{"image": …, "text": string ()}`.

    Raises:
        UserError: There is no such table or folder, it is not clear what its columns are, or too
            much is broken.

    Example:
        >>> dataset = captions("train", "photos/captions.jsonl", size=96)
    """
    check_split(split)
    check_broken_fraction("captions", broken_fraction)
    if size < 1:
        raise UserError(f"captions: size {size} is not 1 or more")
    two = check_two_fractions("captions", fractions)
    table = find_file(path)
    root = find_file(folder) if folder is not None else table.parent
    entries = _read(table, broken_fraction)
    chosen = _splits(table, entries, two)[split]
    most = max(len(entry.texts) for entry in entries.values())

    def load(item: int) -> Block:
        entry = entries[chosen[item]]
        if not (root / entry.name).is_file():
            raise Broken("there is no such file")
        texts = [text.encode() for text in entry.texts]
        picture = decode(root / entry.name, size, 3)[None]
        if every:
            return {
                "image": np.repeat(picture, len(texts), axis=0),
                "text": np.array(texts, object),
            }
        filled = texts + [b""] * (most - len(texts))
        return {"image": picture, "captions": np.array([filled], object)}

    return read_items(Items(root, "images", split, chosen, {}), load, broken_fraction)


@dataclass
class _Entry:
    """An image: its file name, captions, and what the table says of its split."""

    name: str
    texts: list[str]
    split: str | None


def _read(table: Path, broken_fraction: float) -> dict[str, _Entry]:
    """The images of a table by file name, in its order."""
    entries: dict[str, _Entry] = {}
    broken: list[str] = []
    count = 0
    for number, row in _rows(table):
        if not count and not isinstance(row, str):
            _check_columns(table, row)
        count += 1
        why = row if isinstance(row, str) else _add(entries, row)
        if why:
            broken.append(f"line {number} ({why})")
    if not count:
        raise UserError(f"{table} has no lines")
    report_broken(str(table), "lines", broken, count, broken_fraction)
    return entries


def _rows(table: Path) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Each line's number with what it holds, or with why it cannot be read."""
    suffix = table.suffix.lower()
    if suffix not in (".jsonl", ".csv", ".tsv"):
        raise UserError(f"captions: '{table}' is not a table: give a .jsonl, .csv or .tsv file")
    try:
        with table.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            if suffix == ".jsonl":
                yield from _json_rows(stream)
            else:
                reader = csv.DictReader(stream, delimiter="\t" if suffix == ".tsv" else ",")
                yield from ((reader.line_num, row) for row in reader)
    except (OSError, csv.Error) as error:
        raise UserError(f"{table} cannot be read: {error}") from error


def _json_rows(lines: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            yield number, "no JSON"
        else:
            yield number, row if isinstance(row, dict) else "no JSON object"


def _add(entries: dict[str, _Entry], row: Mapping[str, Any]) -> str:
    """Add a line to the images; say why if it cannot be."""
    name, given = _under(_IMAGE_KEYS, row), _under(_TEXT_KEYS, row)
    texts = [str(each).strip() for each in (given if isinstance(given, list) else [given]) if each]
    texts = [each for each in texts if each]
    if not isinstance(name, str) or not name:
        return "no image"
    if not texts:
        return "no caption"
    said = row.get("split")
    entry = entries.setdefault(name, _Entry(name, [], said if isinstance(said, str) else None))
    entry.texts += texts
    return ""


def _under(keys: Sequence[str], row: Mapping[str, Any]) -> Any:
    """The value under the first of the keys that there is."""
    return next((row[key] for key in keys if key in row), None)


def _check_columns(table: Path, row: Mapping[str, Any]) -> None:
    for keys in (_IMAGE_KEYS, _TEXT_KEYS):
        if not any(key in row for key in keys):
            raise UserError(
                f"{table}: one of its columns must be called {', '.join(keys[:-1])} or {keys[-1]}; "
                f"there is: {', '.join(str(key) for key in row)}"
            )


def _splits(
    table: Path, entries: Mapping[str, _Entry], fractions: tuple[float, float]
) -> dict[str, list[str]]:
    said = {name: SPLIT_WORDS.get((entry.split or "").lower()) for name, entry in entries.items()}
    told = {split: [name for name in entries if said[name] == split] for split in SPLITS}
    if all(said.values()) and told["train"]:
        lacking = [split for split in SPLITS if split == "train" or not told[split]]
        if lacking == ["train"]:
            return told
        return {**told, **cut_names(str(table), told["train"], lacking, fractions, "images")}
    return cut_names(str(table), list(entries), SPLITS, fractions, "images")
