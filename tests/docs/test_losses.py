"""Each loss has its formula, its picture and a docstring that says what it is."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kssl import losses, plugins

ROOT = Path(__file__).resolve().parent.parent.parent
PICTURES = ROOT / "docs" / "images" / "losses"
MOST_BYTES = 40_000
NAMES = sorted(name for name, part in plugins.offered("losses").items() if part.owner == "kssl")
ABOUT = tomllib.loads((ROOT / "docs" / "losses.toml").read_text(encoding="utf-8"))


def formulas(about: dict[str, str]) -> list[str]:
    """Return the LaTeX of a loss: its formula, and what stands between words."""
    words = about["where"] + about["picture"]
    return [about["formula"], *re.findall(r"\$`([^`]+)`\$", words)]


def draw(target: Path, *names: str) -> str:
    """Run the script; return what it prints."""
    done = subprocess.run(
        [sys.executable, "docs/loss_pictures", *names, "--target", str(target)],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.stdout + done.stderr


def test_each_loss_has_a_formula_and_nothing_else_has() -> None:
    assert sorted(ABOUT) == NAMES
    for name, about in ABOUT.items():
        assert set(about) == {"formula", "where", "picture"}, name
        assert all(text.strip() for text in about.values()), name


@pytest.mark.parametrize("name", NAMES)
def test_a_formula_becomes_mathml_and_leaves_no_command_over(name: str, hooks: Any) -> None:
    pytest.importorskip("latex2mathml", reason="needs latex2mathml: pip install -e '.[docs]'")
    for latex in formulas(ABOUT[name]):
        made = hooks.math(latex, "block")
        assert made.startswith("<math") and made.endswith("</math>")
        assert "\\" not in made and "merror" not in made, latex


@pytest.mark.parametrize("name", NAMES)
def test_the_docstring_of_a_loss_says_what_it_is(name: str) -> None:
    text = inspect.getdoc(getattr(losses, name)) or ""
    words, _, rest = text.partition("\nArgs:")
    arguments, _, rest = rest.partition("\nReturns:")
    assert re.search(r"`[^`]*[-+·=|][^`]*`", words), "no formula"
    assert "data parallelism" in words.replace("\n", " "), "nothing about several devices"
    assert re.search(r"`\(batch,", arguments), "no shape of an input"
    assert re.search(r"`\([\w ,*]+\)`|Scalar", rest), "no shape of what is returned"
    assert re.search(r"Reference:.*((19|20)\d\d|arXiv:)", rest, re.DOTALL), "no paper"


def test_each_loss_has_a_small_picture_and_nothing_else_has() -> None:
    assert sorted(path.stem for path in PICTURES.glob("*.png")) == NAMES
    for path in PICTURES.iterdir():
        assert path.stat().st_size < MOST_BYTES, path


def test_the_script_has_a_picture_of_each_loss() -> None:
    made = [
        node.name
        for file in (ROOT / "docs" / "loss_pictures").glob("*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and ast.unparse(node.returns) == "list[Panel]"
    ]
    assert sorted(made) == NAMES


@pytest.mark.slow
def test_the_script_still_draws_what_the_pages_show(tmp_path: Path) -> None:
    printed = draw(tmp_path, "triplet", "reconstruction")
    for name in ("triplet", "reconstruction"):
        assert (tmp_path / f"{name}.png").is_file(), printed
        new, old = (
            np.asarray(Image.open(folder / f"{name}.png").convert("RGB"), "float32")
            for folder in (tmp_path, PICTURES)
        )
        assert new.shape == old.shape
        assert np.abs(new - old).mean() < 8  # other fonts may be a little different


def test_the_page_shows_formula_and_picture_and_both_docstrings(site: Path) -> None:
    text = (site / "parts" / "losses.html").read_text(encoding="utf-8")
    assert "$<code>" not in text
    for name in NAMES:
        section = text.partition(f'<h2 id="{name}">')[2].partition("<h2")[0]
        assert re.search('<div class="formula"><math [^>]*display="block"', section)
        assert f"../images/losses/{name}.png" in section
        for kind, shown in (("Function", name), ("Class", plugins.find("losses", name).__name__)):
            assert f"<strong>{kind}</strong> <code>{shown}</code>" in section
    assert len(list((site / "images" / "losses").iterdir())) == len(NAMES)
