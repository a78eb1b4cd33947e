"""Make the picture of the README and the documentation from a finished run.

    python docs/make_pictures.py runs/vae_mnist/1

It is the figures of the run's own report, scaled to one width and put under each other.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

WIDTH = 1200
MOST_BYTES = 300_000
GAP = 24
PICTURES = {
    "report.png": ("samples.png", "reconstructions.png", "embedding.png"),
}


def main() -> None:
    """Write every picture into docs/images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="a finished run: runs/vae_mnist/1")
    figures = parser.parse_args().run / "figures"
    target = Path(__file__).parent / "images"
    target.mkdir(exist_ok=True)
    for name, parts in PICTURES.items():
        missing = [part for part in parts if not (figures / part).is_file()]
        if missing:
            parser.error(f"{figures} has no {', '.join(missing)}; is the run finished?")
        size = write(stacked([figures / part for part in parts]), target / name)
        print(f"{target / name}  {size / 1000:.0f} kB")


def stacked(files: list[Path]) -> Image.Image:
    """Return pictures under each other on white, all of one width."""
    pictures = [_scaled(Image.open(file).convert("RGB")) for file in files]
    height = sum(picture.height for picture in pictures) + GAP * (len(pictures) - 1)
    sheet = Image.new("RGB", (WIDTH, height), "white")
    top = 0
    for picture in pictures:
        sheet.paste(picture, (0, top))
        top += picture.height + GAP
    return sheet


def _scaled(picture: Image.Image) -> Image.Image:
    return picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.LANCZOS)


def write(picture: Image.Image, path: Path) -> int:
    """Write a PNG of fewer than `MOST_BYTES`, with fewer colours or pixels if need be."""
    for colours in (256, 64, 24):
        picture.quantize(colours).save(path, optimize=True)
        if path.stat().st_size < MOST_BYTES:
            return path.stat().st_size
    smaller = picture.resize((picture.width * 3 // 4, picture.height * 3 // 4), Image.LANCZOS)
    return write(smaller, path)


if __name__ == "__main__":
    main()
