"""Damaged recipes through the command line: exit code 2, no traceback, nothing left on disk."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from kssl.cli import main

ROOT = Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_file_location("damaged", ROOT / "recipe" / "damaged.py")
damaged = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(damaged)
DAMAGES = damaged.damaged_recipes()

# Right in form, and no single part can know that they are too much.
TOO_LARGE = [
    "model.encoder.units=[2000000000]",
    "model.encoder.units=[30000,3000000]",
    "model.latent_dim=2000000000",
    "model.encoder={use: conv_encoder, filters: [2000000000]}",
    "data={use: synthetic, shape: [60000, 60000, 3]}",
    "data={use: synthetic, examples: 2000000000}",
    "data={use: synthetic, shape: [2000000000, 1, 1]}",
    "data={use: digits, size: 200000}",
    "data={use: synthetic, classes: 2000000000}",
]


@pytest.fixture
def call(tmp_path, monkeypatch, capfd):
    """Run the command line in an empty folder; return exit code, output, and what it left."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> tuple[object, str, list[Path]]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capfd.readouterr()
        return ended.value.code, out + err, list(folder.iterdir())

    return run


def check(name: str, code: object, printed: str, left: list[Path]) -> None:
    assert code == 2, f"{name}: exit code {code}: {printed}"
    assert "error" in printed and len(printed) > 40, f"{name}: {printed}"
    assert "Traceback" not in printed, f"{name}: {printed}"
    assert not left, f"{name} left {left}"


@pytest.mark.parametrize("content", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_recipe_ends_with_exit_code_2(call, tmp_path, content):
    path = tmp_path / "damaged.yaml"
    path.write_bytes(content)
    check(path.name, *call("fit", str(path)))


@pytest.mark.parametrize("override", TOO_LARGE)
def test_what_cannot_fit_in_memory_is_refused_before_it_is_made(call, tmp_path, override):
    path = tmp_path / "large.yaml"
    path.write_text(damaged.TEMPLATE)
    check(override, *call("fit", str(path), override))


def test_a_traceback_is_shown_on_request_only(call, tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("model: vaee\ndata: digits\n")
    code, printed, _ = call("fit", str(path), "--debug")
    assert code == 2
    assert "Traceback" in printed and "did you mean 'vae'" in printed
