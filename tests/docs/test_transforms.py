"""Each transform is shown: it has an example that can be drawn, and a picture on its page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kssl import plugins
from kssl.recipe import load
from kssl.recipe.examples import EXAMPLES, recipe_text

ROOT = Path(__file__).resolve().parent.parent.parent
PICTURES = ROOT / "docs" / "images" / "transforms"
NAMES = sorted(name for name, part in plugins.offered("transforms").items() if part.owner == "kssl")


def test_each_transform_has_an_example_and_nothing_else_has() -> None:
    assert sorted(EXAMPLES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_a_valid_recipe_of_that_transform(
    name: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "shown.yaml"
    path.write_text(recipe_text(name))
    recipe = load(path)
    recipe.check()
    assert name in recipe.uses("pretext")


def test_each_transform_has_a_picture_and_nothing_else_has() -> None:
    assert sorted(path.stem for path in PICTURES.glob("*.webp")) == NAMES
    for path in PICTURES.iterdir():
        assert path.stat().st_size < 150_000, path
        with Image.open(path) as picture:
            assert len(np.unique(np.asarray(picture.convert("L")))) > 8, f"{path} is empty"


@pytest.mark.slow
def test_the_script_draws_a_picture(tmp_path: Path) -> None:
    script = [sys.executable, "docs/transform_pictures.py", "noise", "--target", str(tmp_path)]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert "noise.webp" in done.stdout, done.stderr
    drawn, kept = (np.asarray(Image.open(folder / "noise.webp")) for folder in (tmp_path, PICTURES))
    assert drawn.shape == kept.shape
    assert np.abs(drawn.astype(float) - kept).mean() < 3  # encoders differ a little
