"""Make the pictures of the losses, each a plot of the project's own function over its input.

    python docs/loss_pictures [NAME…]

Without names all of them. They go to docs/images/losses, or to the folder of `--target`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import bounds
import labels
import others
import style
import views

PICTURES = {**labels.PICTURES, **views.PICTURES, **bounds.PICTURES, **others.PICTURES}
TARGET = Path(__file__).parent.parent / "images" / "losses"


def main() -> None:
    """Write the pictures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="losses; all without")
    parser.add_argument("--target", type=Path, default=TARGET, help="folder of the pictures")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(PICTURES)
    if unknown:
        parser.error(f"no picture of {', '.join(sorted(unknown))}; known: {', '.join(PICTURES)}")
    arguments.target.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or PICTURES:
        path = arguments.target / f"{name}.png"
        print(f"{path}  {style.draw(PICTURES[name](), path) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
