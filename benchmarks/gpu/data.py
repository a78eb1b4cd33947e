"""Text and images as NumPy files, which are read without TensorFlow."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

TEXT, IMAGES = "text.npz", "images.npz"
HELD_OUT = 0.1  # fraction of the text at its end, as nanoGPT has it
SPLITS = ("train", "test")


def write_text(folder: Path, text: bytes) -> None:
    np.savez_compressed(folder / TEXT, text=np.frombuffer(text, np.uint8))


def write_images(folder: Path, splits: dict[str, tuple[Sequence[bytes], np.ndarray]]) -> None:
    """Write encoded images, all in one array with their ends, and their classes."""
    arrays: dict[str, np.ndarray] = {}
    for name, (files, labels) in splits.items():
        arrays[f"{name}_files"] = np.frombuffer(b"".join(files), np.uint8)
        arrays[f"{name}_ends"] = np.cumsum([len(file) for file in files])
        arrays[f"{name}_labels"] = np.asarray(labels, np.uint8)
    np.savez_compressed(folder / IMAGES, **arrays)


def read_text(folder: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the ids to train on, those held out, and how many different characters there are."""
    with np.load(folder / TEXT) as arrays:
        characters, ids = np.unique(arrays["text"], return_inverse=True)
    cut = int(len(ids) * (1 - HELD_OUT))
    return ids[:cut].astype("int32"), ids[cut:].astype("int32"), len(characters)


def read_images(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return for each split bytes `(images, height, width, 3)` and classes `(images,)`."""
    found = {}
    with np.load(folder / IMAGES) as arrays:
        for name in SPLITS:
            files = arrays[f"{name}_files"].tobytes()
            ends = arrays[f"{name}_ends"].tolist()
            each = [files[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
            with ThreadPoolExecutor() as threads:  # Pillow decodes beside Python's lock
                pixels = list(threads.map(_pixels, each, chunksize=1000))
            found[name] = (np.stack(pixels), arrays[f"{name}_labels"].astype("int32"))
    return found


def _pixels(file: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


def as_floats(images: np.ndarray) -> np.ndarray:
    return images.astype("float32") / 255


def rows_of(ids: np.ndarray, starts: np.ndarray, context: int) -> dict[str, np.ndarray]:
    """Return the tokens from each start on, and the target of each: the one behind it."""
    rows = ids[starts[:, None] + np.arange(context + 1)]  # (rows, context + 1)
    return {"tokens": rows[:, :-1], "target": rows[:, 1:]}


def make_tiny(folder: Path) -> None:
    """Write a little made-up data in the same files, for a try without any."""
    from PIL import Image

    random = np.random.RandomState(0)
    write_text(folder, bytes(random.choice(list(b"to be or not to be"), 2000).tolist()))
    splits: dict[str, Any] = {}
    for name, count in zip(SPLITS, (32, 16), strict=True):
        files = []
        for pixels in random.randint(0, 256, (count, 32, 32, 3), np.uint8):
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "JPEG")
            files.append(file.getvalue())
        splits[name] = (files, np.arange(count) % 4)
    write_images(folder, splits)
