"""Data for the check, from a folder of data sets to two NumPy files, and what travels in all.

    python benchmarks/gpu/gather.py data DATA FOLDER
    python benchmarks/gpu/gather.py size LIMIT FOLDER

DATA is what KSSL_DATA_DIR is to kssl: `tinyshakespeare/input.txt`, here or below `text/`, and
CIFAR-10 as TensorFlow Datasets prepares it, here or below `tfds/`. The images stay encoded, as they
are there: decoded they would be four times as large.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
MIB = 1 << 20


def gather_data(source: Path, folder: Path) -> None:
    """Write tiny Shakespeare and CIFAR-10 for `gpu.data`."""
    from gpu.data import SPLITS, write_images, write_text

    folder.mkdir(parents=True, exist_ok=True)
    text = found(source, "tinyshakespeare/input.txt", ("", "text"))
    write_text(folder, text.read_bytes())
    images = found(source, "cifar10", ("", "tfds"))
    write_images(folder, {split: encoded_images(images.parent, split) for split in SPLITS})


def found(source: Path, name: str, below: tuple[str, ...]) -> Path:
    """Return the path of a data set; end the program where there is none."""
    paths = [source / folder / name for folder in below]
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        sys.exit(f"there is no {' or '.join(map(str, paths))}: give the folder of the data sets")
    return path


def encoded_images(folder: Path, split: str) -> tuple[list[bytes], np.ndarray]:
    """Return the images of CIFAR-10 as they are stored, and their classes."""
    import tensorflow_datasets as tfds

    stored = {"image": tfds.decode.SkipDecoding()}
    examples = tfds.load(
        "cifar10", split=split, data_dir=folder, download=False, decoders=stored
    ).as_numpy_iterator()
    pairs = [(example["image"], example["label"]) for example in examples]
    return [image for image, _ in pairs], np.array([label for _, label in pairs])


def check_size(limit: float, gathered: Path) -> str:
    """Return what travels; end the program where it is more than `limit` MiB."""
    parts = {
        "checkout": sum(map(_bytes, checkout())),
        "wheels": sum(map(_bytes, (gathered / "wheels").glob("*"))),
        "data": sum(map(_bytes, (gathered / "data").glob("*"))),
    }
    total = sum(parts.values()) / MIB
    said = ", ".join(f"{name} {size / MIB:.1f}" for name, size in parts.items())
    said = f"{total:.1f} MiB in all: {said}"
    if total > limit:
        sys.exit(f"too much to travel: {said}; the limit is {limit:g} MiB (KSSL_TRAVEL_MIB)")
    return said


def checkout() -> Iterator[Path]:
    """Yield the files of the checkout that Git tracks or would track."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    yield from (ROOT / name for name in names.split("\0") if name)


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "benchmarks"))
    what, first, second = sys.argv[1:]
    if what == "data":
        gather_data(Path(first), Path(second))
    else:
        print(check_size(float(first), Path(second)))
