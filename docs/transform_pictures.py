"""Make the pictures of the transforms: what goes in, what comes out, the label.

    python docs/transform_pictures.py [NAME…]

Each is what `kssl preview NAME` draws, with fewer examples. The sounds and captions that a few of
them are shown on are made up here.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from kssl.recipe import load
from kssl.recipe.examples import EXAMPLES, recipe_text
from kssl.system import devices

MOST_BYTES = 150_000
# Texts: of more examples, four are chosen that show every class.
SHOWN = dict.fromkeys(("sentence_pairs", "sentence_order"), 12)

TARGET = Path(__file__).parent / "images" / "transforms"


def main() -> None:
    """Write the pictures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="transforms; all without")
    parser.add_argument("--target", type=Path, default=TARGET, help="folder of the pictures")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(EXAMPLES)
    if unknown:
        parser.error(f"no example of {', '.join(sorted(unknown))}")
    devices.choose()
    devices.load_keras()
    target = arguments.target.resolve()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_data()
        for name in arguments.names or EXAMPLES:
            path = target / f"{name}.webp"
            print(f"{path}  {draw(name, path) / 1000:.0f} kB", flush=True)


def make_data() -> None:
    """Write sounds, captioned pictures and a vocabulary to the current folder."""
    from sklearn.datasets import load_sample_image

    from kssl.data import photographs, text
    from kssl.tokenizers.train import train_vocabulary

    for number in range(24):
        write_sound(Path("sounds") / f"{number:02d}.wav", np.random.default_rng(number))
    lines = []
    said = (["a temple with a curved roof", "old roofs"], ["an orange flower", "petals, close by"])
    for number, example in enumerate(photographs(size=96, examples=30).as_numpy_iterator()):
        Image.fromarray(example["image"]).save(f"{number:02d}.png")
        lines.append({"file_name": f"{number:02d}.png", "captions": said[example["label"]]})
    Path("captions.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    temple = load_sample_image("china.jpg")
    films = [
        [temple[row : row + 64, 6 * step + 40 : 6 * step + 104] for step in range(16)]
        for row in range(60, 300, 10)
    ]
    np.savez("clips.npz", frames=np.array(films))  # (films, frames, height, width, 3)
    kinds = [("cat", "grey", 4.1), ("dog", "brown", 12.3), ("hen", "white", 2.2)]
    rows = [
        f"{kinds[n % 3][0]},{kinds[n // 2 % 3][1]},{kinds[n % 3][2] + n % 5}" for n in range(90)
    ]
    Path("animals.csv").write_text("\n".join(["kind,colour,weight", *rows]))
    texts = [each["text"].decode() for each in text("train", "python_topics").as_numpy_iterator()]
    train_vocabulary(texts, "wordpiece", 4000, lowercase=True).save("vocabulary.json")


def write_sound(path: Path, random: np.random.Generator) -> None:
    """Write half a second of a few tones that fade."""
    from scipy.io import wavfile

    path.parent.mkdir(exist_ok=True)
    time = np.arange(4000) / 8000
    tones = random.uniform(80, 900, (4, 1)) * (1 + random.uniform(0, 0.5, (4, 1)) * time)
    fading = np.exp(-random.uniform(2, 12, (4, 1)) * time)
    sound = (np.sin(2 * np.pi * tones * time) * fading).mean(axis=0)
    wavfile.write(path, 8000, (sound * 30000).astype(np.int16))


def draw(name: str, path: Path) -> int:
    """Write one picture; return its size in bytes."""
    from kssl.runs.preview import preview

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.yaml"
        file.write_text(recipe_text(name), encoding="utf-8")
        recipe = load(file)
        recipe.check()
        drawn = preview(recipe, Path(folder) / "sheet.png", examples=SHOWN.get(name, 6), epochs=1)
        with Image.open(drawn) as sheet:
            for quality in (82, 70, 60):  # pages of text take the most bytes
                sheet.convert("RGB").save(path, quality=quality, method=6)
                if path.stat().st_size < MOST_BYTES:
                    break
    return path.stat().st_size


if __name__ == "__main__":
    main()
