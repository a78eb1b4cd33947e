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


DAMAGES = damaged.damaged_recipes()


@pytest.fixture(autouse=True, scope="module")
def parts() -> None:
    """Offer no parts of the tests: to do that for each damage takes longer than to find it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


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


@pytest.mark.parametrize("content", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_recipe(content: bytes, folder: Path) -> None:
    path = folder / "damaged.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        use(path)
        pytest.fail(f"it was accepted:\n{path.read_text()[:300]}")
    message = str(caught.value)
    assert path.name in message, f"the message does not name the file: {message}"
    first = message.splitlines()[1]
    assert re.search(r"\.yaml(:\d+)?: ", first), f"no line: {message}"
    assert len(first) > len(str(path)) + 20, f"says nothing: {message}"
    assert len(message) < 6000, "too long"
    assert "Traceback" not in message and "\x1b" not in message


def test_none_is_taken_for_right_by_the_source_alone_that_its_parts_refuse(folder: Path) -> None:
    path, accepted = folder / "damaged.yaml", 0
    for content in DAMAGES.values():
        path.write_bytes(content)
        try:
            loaded = recipe.load(path, strict=False)
        except UserError:
            continue
        if loaded.is_plainly_right():
            accepted += 1  # what is wrong is found by building it
            recipe.load(path, strict=False).check()
    assert accepted < 40


def test_there_are_two_hundred_and_always_the_same() -> None:
    assert len(DAMAGES) == 200
    assert list(DAMAGES.items()) == list(damaged.damaged_recipes().items())
