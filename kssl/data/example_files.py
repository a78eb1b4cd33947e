"""Small files on which transforms are shown: recordings, films, captions, a table, a vocabulary."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kssl.errors import UserError, nearest


def make_example(name: str, folder: Path) -> Path:
    """Write one of the example files into a folder, and return its path.

    Args:
        name: A key of `EXAMPLE_FILES`.
        folder: Where it is to be; it exists.

    Raises:
        UserError: There is no such example.
    """
    if name not in EXAMPLE_FILES:
        raise UserError(f"there is no example '{name}'{nearest(name, EXAMPLE_FILES)}")
    path = folder / name
    EXAMPLE_FILES[name](path)
    return path


def _sounds(path: Path) -> None:
    path.mkdir()
    for number in range(24):
        _sound(path / f"{number:02d}.wav", np.random.default_rng(number))


def _sound(path: Path, random: np.random.Generator) -> None:
    """Write half a second of a few tones that fade."""
    from scipy.io import wavfile

    time = np.arange(4000) / 8000
    tones = random.uniform(80, 900, (4, 1)) * (1 + random.uniform(0, 0.5, (4, 1)) * time)
    fading = np.exp(-random.uniform(2, 12, (4, 1)) * time)
    sound = (np.sin(2 * np.pi * tones * time) * fading).mean(axis=0)
    wavfile.write(path, 8000, (sound * 30000).astype(np.int16))


def _captions(path: Path) -> None:
    """Write crops of scikit-learn's two photographs, with two captions each."""
    from PIL import Image

    from kssl.data.sources.photographs import photographs

    lines = []
    said = (["a temple with a curved roof", "old roofs"], ["an orange flower", "petals, close by"])
    for number, example in enumerate(photographs(size=96, examples=30).as_numpy_iterator()):
        picture = path.parent / f"{number:02d}.png"
        Image.fromarray(example["image"]).save(picture)
        lines.append({"file_name": picture.name, "captions": said[example["label"]]})
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")


def _clips(path: Path) -> None:
    from sklearn.datasets import load_sample_image

    temple = load_sample_image("china.jpg")
    films = [
        [temple[row : row + 64, 6 * step + 40 : 6 * step + 104] for step in range(16)]
        for row in range(60, 300, 10)
    ]
    np.savez(path, frames=np.array(films))  # (films, frames, height, width, 3)


def _animals(path: Path) -> None:
    kinds = [("cat", "grey", 4.1), ("dog", "brown", 12.3), ("hen", "white", 2.2)]
    rows = [
        f"{kinds[n % 3][0]},{kinds[n // 2 % 3][1]},{kinds[n % 3][2] + n % 5}" for n in range(90)
    ]
    path.write_text("\n".join(["kind,colour,weight", *rows]), encoding="utf-8")


def _vocabulary(path: Path) -> None:
    from kssl.data.text.corpus import open_corpus
    from kssl.data.text.documents import EMBEDDED
    from kssl.tokenizers.train import train_vocabulary

    texts = [document.text for document in open_corpus(EMBEDDED).documents("train")]
    train_vocabulary(texts, "wordpiece", 4000, lowercase=True).save(path)


EXAMPLE_FILES: dict[str, Callable[[Path], None]] = {
    "sounds": _sounds,
    "captions.jsonl": _captions,
    "clips.npz": _clips,
    "animals.csv": _animals,
    "vocabulary.json": _vocabulary,
}
