"""Make the pictures of the transforms: what goes in, what comes out, the label.

    python docs/transform_pictures.py [NAME…] [--data-dir FOLDER]

Each is what `kssl preview NAME` draws, with fewer examples. The recordings and captions that a few
of them are shown on do not come with kssl: without FOLDER those pictures are left as they are.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from PIL import Image

from kssl import devices
from kssl.data import Unavailable
from kssl.errors import UserError
from kssl.recipe import load
from kssl.recipe.examples import EXAMPLES, recipe_text

TARGET = Path(__file__).parent / "images" / "transforms"
COLOURS = 192  # of the palette: small files, and photographs that still look right


def main() -> None:
    """Write the pictures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="transforms; all without")
    parser.add_argument("--data-dir", help="folder of fsdd.npz and captions.jsonl")
    parser.add_argument("--target", type=Path, default=TARGET, help="folder of the pictures")
    arguments = parser.parse_args()
    if arguments.data_dir:
        os.environ["KSSL_DATA_DIR"] = arguments.data_dir
    unknown = set(arguments.names) - set(EXAMPLES)
    if unknown:
        parser.error(f"no example of {', '.join(sorted(unknown))}")
    devices.choose()
    devices.load_keras()
    arguments.target.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or EXAMPLES:
        path = arguments.target / f"{name}.png"
        try:
            print(f"{path}  {draw(name, path) / 1000:.0f} kB", flush=True)
        except (Unavailable, UserError) as problem:
            print(f"{name} is left as it is: {problem}", flush=True)


def draw(name: str, path: Path) -> int:
    """Write one picture; return its size in bytes."""
    from kssl.preview import preview

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.yaml"
        file.write_text(recipe_text(name), encoding="utf-8")
        recipe = load(file)
        recipe.check()
        drawn = preview(recipe, Path(folder) / "sheet.png", examples=6, epochs=1)
        with Image.open(drawn) as sheet:
            sheet.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
                path, optimize=True
            )
    return path.stat().st_size


if __name__ == "__main__":
    main()
