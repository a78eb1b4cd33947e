"""Damaged recipes: each gives a clear message that names the place, and nothing else happens."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from kssl import recipe
from kssl.errors import UserError

_SPEC = importlib.util.spec_from_file_location("damaged", Path(__file__).parent / "damaged.py")
damaged = importlib.util.module_from_spec(_SPEC)
sys.modules["damaged"] = damaged
_SPEC.loader.exec_module(damaged)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Path]]:
    return damaged.damaged_recipes(tmp_path_factory.mktemp("damaged"))


def use(path: Path) -> None:
    """Do everything that happens before the first step of training."""
    loaded = recipe.load(path, strict=False)
    loaded.check()
    for section in ("pretext", "model", "optimizer", "callbacks", "evaluate"):
        loaded.build(section)
    loaded.dataset("train")


def test_the_template_itself_is_right(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(damaged.TEMPLATE, encoding="utf-8")
    use(path)


def test_two_hundred_damaged_recipes(files: list[tuple[str, Path]]) -> None:
    assert len(files) == 200
    for name, path in files:
        with pytest.raises(UserError) as caught:
            use(path)
            pytest.fail(f"{name} was accepted:\n{path.read_text()[:300]}")
        message = str(caught.value)
        assert path.name in message, f"{name}: the message does not name the file: {message}"
        first = message.splitlines()[1]
        assert re.search(r"\.yaml(:\d+)?: ", first), f"{name}: no line: {message}"
        assert len(first) > len(str(path)) + 20, f"{name}: says nothing: {message}"
        assert len(message) < 6000, f"{name}: too long"
        assert "Traceback" not in message and "\x1b" not in message


def test_the_generator_always_makes_the_same(tmp_path: Path, files: list[tuple[str, Path]]) -> None:
    for (name, path), (other, again) in zip(files, damaged.damaged_recipes(tmp_path), strict=True):
        assert name == other and path.read_bytes() == again.read_bytes()
