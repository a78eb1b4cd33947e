"""Which code a recipe may name: a dotted path is checked before it is called, or even imported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kssl.recipe import RecipeError, load

BASE = "data: my_pictures\nmodel: my_vae\noptimizer: my_adam\n"

OWN = """
import keras

def encoder(width: int = 4) -> keras.Model:
    return keras.Sequential([keras.layers.Dense(width)])

def unsaid(width=4):
    return keras.Sequential([keras.layers.Dense(width)])

def wrong() -> str:
    raise AssertionError("it was called")

class Watch(keras.callbacks.Callback):
    pass

class Other:
    pass
"""

REFUSED = {
    "callbacks: [{use: 'os:system', command: touch made}]": "Python's standard library",
    "callbacks: [{use: 'subprocess:Popen', args: ls}]": "Python's standard library",
    "callbacks: [{use: 'antigravity:x'}]": "Python's standard library",
    "callbacks: [{use: 'shutil.rmtree', path: x}]": "Python's standard library",
    "callbacks: [{use: 'venv.__main__:main'}]": "Python's standard library",
    "callbacks: [{use: 'pip.__main__:os'}]": "is a program, no part: importing it would run it",
    "callbacks: [{use: 'kssl.system.files:os.system', command: x}]": "a function that is no",
    "callbacks: [{use: 'kssl.system.files:os.replace', src: a, dst: b}]": "a function that is no",
    "callbacks: [{use: 'numpy:save', file: a, arr: 1}]": "is a function that is no callback",
    "callbacks: [{use: 'keras.layers:Dense', units: 3}]": "is a class that is no callback",
    "evaluate: [{use: 'numpy:load', file: a}]": "is a function that is no evaluation",
    "pretext: [{use: 'numpy:fromfile', file: a}]": "is a function that is no transform",
    "pretext: [{use: 'kssl.runs:fit', recipe: a}]": "is a function that is no transform",
    "model: {use: my_vae, encoder: {use: 'keras.utils:get_file', fname: a}}": "that is no",
    "model: {use: my_vae, encoder: {use: 'own_parts:wrong'}}": "a function that is no",
    "evaluate: [{use: my_probe, weights: {use: 'numpy:memmap', filename: a}}]": "that is no",
    "model: {use: my_vae, encoder: {use: 'own_parts:Other'}}": "is a class that is no",
    "callbacks: [{use: lambda_callback, on_epoch_end: {use: 'numpy:save', file: a}}]": "that is no",
}

TAKEN = [
    "evaluate: [{use: my_probe, weights: {use: 'own_parts:Other'}}]",  # takes anything
    "callbacks: [{use: 'own_parts:Watch'}]",
    "callbacks: [{use: 'keras.callbacks:TerminateOnNaN'}]",
    "model: {use: 'own_parts:encoder', width: 3}",
    "model: {use: 'own_parts:unsaid', width: 3}",
    "model: {use: 'keras.applications:MobileNetV2', weights: null, include_top: false}",
    "optimizer: {use: 'keras.optimizers:SGD'}",
    "optimizer: {use: 'recipe_parts:Adam'}",
    "evaluate: [{use: 'kssl.evaluation:knn', k: 3}]",
    "pretext: [{use: 'kssl.pretext:to_float'}]",
    "data: {use: 'kssl.data:synthetic'}",
]


@pytest.fixture(autouse=True)
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_parts.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_parts", raising=False)
    monkeypatch.chdir(tmp_path)


def changed(tmp_path: Path, line: str):
    section = line.partition(":")[0]
    kept = [each for each in BASE.splitlines() if not each.startswith(f"{section}:")]
    (tmp_path / "r.yaml").write_text("\n".join([*kept, line]) + "\n")
    return load(tmp_path / "r.yaml")


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_no_part_is_refused_by_name_and_not_called(line: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as refused:
        changed(tmp_path, line).check()
    assert REFUSED[line] in str(refused.value)
    assert {path.name for path in tmp_path.iterdir()} <= {"own_parts.py", "r.yaml", "__pycache__"}


@pytest.mark.parametrize("line", TAKEN)
def test_what_is_a_part_may_be_named_by_its_path(line: str, tmp_path: Path) -> None:
    changed(tmp_path, line).check()


def test_the_standard_library_is_not_even_imported(tmp_path: Path) -> None:
    sys.modules.pop("this", None)
    with pytest.raises(RecipeError):
        changed(tmp_path, "callbacks: [{use: 'this:s'}]").check()
    assert "this" not in sys.modules


def test_a_part_that_ends_the_program_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "own_parts.py").write_text(
        OWN + "def leaves() -> keras.Model:\n    raise SystemExit(0)\n"
    )
    with pytest.raises(RecipeError, match="it ended the program"):
        changed(tmp_path, "model: {use: 'own_parts:leaves'}").build("model")
    (tmp_path / "leaving_module.py").write_text("raise SystemExit(0)\n")
    with pytest.raises(RecipeError, match="cannot be imported from 'leaving_module': SystemExit"):
        changed(tmp_path, "model: {use: 'leaving_module:x'}").check()


def test_thousands_of_mistakes_are_told_on_one_screen(tmp_path: Path) -> None:
    lines = "".join(f"wrong_{number}: {'x' * 50}\n" for number in range(400))
    (tmp_path / "r.yaml").write_text(BASE + lines)
    with pytest.raises(RecipeError) as refused:
        load(tmp_path / "r.yaml")
    message = str(refused.value)
    assert message.startswith("400 problems in") and message.endswith("… and 370 more")
    assert len(message) < 30_000 and len(refused.value.problems) == 400


def test_the_same_evaluation_twice_is_a_mistake(tmp_path: Path) -> None:
    changed(tmp_path, "evaluate: [my_probe, {use: my_probe, neighbours: 3}]").check()
    with pytest.raises(RecipeError, match=r"evaluate\[1\]: is the same as evaluate\[0\]"):
        changed(tmp_path, "evaluate: [my_probe, my_probe]").check()
