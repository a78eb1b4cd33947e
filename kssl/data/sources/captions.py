"""Images with captions: a table of file names and texts, beside the images."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kssl.data.builders.built import Built, Example
from kssl.data.builders.examples import Reading, fitted
from kssl.data.builders.place import Place, opened, refuse_settings
from kssl.data.files.caption_table import CaptionTable, read_caption_table
from kssl.data.files.decode import Block, Broken, check_broken_fraction
from kssl.data.files.image import decode
from kssl.data.files.items import Items, read_items
from kssl.data.files.levels import check_levels, levels_of
from kssl.data.from_arrays import Dataset
from kssl.data.locate import find_file
from kssl.data.splitting import check_split, check_two_fractions
from kssl.errors import UserError
from kssl.moved import renamed


@renamed(broken_share="broken_fraction", shares="fractions")
def captions(
    split: str,
    path: Place,
    folder: str | None = None,
    size: int = 64,
    every: bool = False,
    broken_fraction: float = 0.05,
    fractions: Sequence[float] = (0.1, 0.1),
    levels: float | None = None,
) -> Dataset:
    """Images with their captions, from a folder of image files and a table.

    The table is JSON Lines (`.jsonl`: one object a line), a JSON array of objects, CSV or TSV. The
    image's file name is under `image`, `file_name`, `filename`, `file` or `path`, its text under
    `caption`, `captions`, `text` or `texts`; a list of texts, or several lines of one image, are
    several captions. In a CSV file of two columns, the text as the last, commas in the text need no
    quotes; in any other, a row with more fields than the header has is broken. The splits are
    those that a column says, such as `split` or `is_test`, in every line, or of a folder those
    of its tables, `train/metadata.jsonl` and `test/metadata.jsonl` (a split that is lacking is cut
    off train); else the split of an image follows from its file name alone.

    Args:
        split: `train`, `validation` or `test`.
        path: The table, or a folder that has one or several with the images beside them; a relative
            path is tried in the current folder, then in `KSSL_DATA_DIR`. Or a data set of
            tensorflow-datasets, `{tfds: coco_captions}`: the features that are an image and its
            texts, or what `keys: {image: …, captions: …}` names.
        folder: Where the images are; without it, where the table is, or the folder.
        size: Height and width of the images, made as `images` makes them.
        every: Whether each caption is an example of its own, with its image; else an image is
            one example with all its captions, of which `caption_pairs` draws one each epoch.
        broken_fraction: A line that cannot be read, and an image that is missing or undecodable,
            or has no caption are named in a warning and left out; it is an error when more than
            this fraction are.
        fractions: Fractions of the images for validation and for test.
        levels: Which value is white in grey pictures of more than 8 bits, as `images` takes it.

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
    check_levels("captions", levels)
    two = check_two_fractions("captions", fractions)
    table = opened(path, "captions")
    if isinstance(table, Built):
        refuse_settings("captions", table, folder=folder, levels=levels)
        reading = Reading(table, split, "images", two, broken_fraction, with_label=False)
        return _of_built(reading, size, every)
    found = list_captions(table, broken_fraction, two)
    root = find_file(folder) if folder is not None else table if table.is_dir() else table.parent
    entries, chosen = found.entries, found.splits[split]
    white = levels_of(root, [root / name for name in entries], levels)
    most = None if every else max(len(entry.texts) for entry in entries.values())

    def load(item: int) -> Block:
        entry = entries[chosen[item]]
        texts = [text.encode() for text in entry.texts]
        return _captioned(decode(root / entry.name, size, 3, white)[None], texts, most)

    items = Items(root, "images", split, chosen, {}, facts={"found": found.told()})
    return read_items(items, load, broken_fraction)


def list_captions(
    place: Path, broken_fraction: float = 0.05, fractions: Sequence[float] = (0.1, 0.1)
) -> CaptionTable:
    """The images of a table, or of those below a folder, and their splits; no image is opened."""
    return read_caption_table(place, broken_fraction, check_two_fractions("captions", fractions))


def _captioned(picture: np.ndarray, texts: list[bytes], most: int | None) -> Block:
    """An image with all of its captions, up to `most`; with None one example for each caption."""
    if most is None:
        return {"image": np.repeat(picture, len(texts), axis=0), "text": np.array(texts, object)}
    filled = texts + [b""] * (most - len(texts))
    return {"image": picture, "captions": np.array([filled], object)}


def _of_built(reading: Reading, size: int, every: bool) -> Dataset:
    built = reading.built
    built.check_keys(("image", "captions"))
    texts = built.of_kind("captions", ("texts", "text"))
    wanted = {"image": built.of_kind("image", ("image",)), "captions": texts}
    instructions = tuple(built.instructions(reading.fractions).values())
    most = None if every else _most(built, texts, instructions)

    def load(example: Example) -> Block:
        found = _texts(example["captions"])
        if not found:
            raise Broken("no caption")
        return _captioned(fitted(example["image"], size, 3), found, most)

    return reading.dataset(wanted, load)


@functools.lru_cache(maxsize=1)  # for the three splits of a recipe
def _most(built: Built, texts: str, instructions: tuple[str, ...]) -> int:
    """The most captions that an image has, in any split."""
    every = (each for part in instructions for each in built.read(part, {"captions": texts}))
    return max(len(_texts(example["captions"])) for example in every)


def _texts(given: Any) -> list[bytes]:
    """The captions of an image, without empty ones."""
    every = [given] if isinstance(given, bytes) else list(given)
    return [text.strip() for text in every if text.strip()]
