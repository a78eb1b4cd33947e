"""Make the pictures of the transforms: what goes in, what comes out, the label.

    python docs/transform_pictures.py [NAME…]

Each is what `kssl preview NAME` draws, with fewer examples. The sounds and captions that a few of
them are shown on are made up here.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from PIL import Image

from kssl.data.example_files import EXAMPLE_FILES, make_example
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
    """Write the files that a few are shown on to the current folder."""
    for name in EXAMPLE_FILES:
        make_example(name, Path())


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
