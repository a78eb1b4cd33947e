"""Shell completion: what bash, zsh and fish are offered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from kssl.cli.completing import complete_overrides, complete_recipes, complete_runs
from kssl.cli.fit import command
from kssl.runs.directory import Run


def offered(incomplete: str, *given: str, recipe: str = "simclr_fashion") -> list[str]:
    context = click.Context(command)
    context.params = {"recipe": recipe, "overrides": given}
    found = complete_overrides(context, command.params[0], incomplete)
    assert not {item.type for item in found} & {"file", "dir"}  # else the shell drops the rest
    return [item.value for item in found]


@pytest.mark.parametrize(
    ("incomplete", "given", "wanted"),
    [
        ("f", (), {"fit="}),
        ("fit.e", (), {"fit.epochs="}),
        ("model.encoder.f", (), {"model.encoder.filters="}),
        ("model.t", (), set()),
        ("optimizer.learning_rate.w", (), {"optimizer.learning_rate.warmup=",
                                           "optimizer.learning_rate.warmup_steps="}),
        ("~e", (), {"~evaluate"}),
        ("model=mo", (), {"model=moco", "model=moco_v3"}),
        ("model.loss.use=vic", (), {"model.loss.use=vicreg"}),
        ("mo", ("model", "="), {"moco", "moco_v3"}),  # as bash cuts the words
        ("=", ("model",), {"simclr", "vae"}),
    ],
)  # fmt: skip
def test_overrides(incomplete: str, given: tuple[str, ...], wanted: set[str]) -> None:
    found = set(offered(incomplete, *given))
    assert found >= wanted and (wanted or not found)
    if incomplete != "=":
        assert found == wanted


def test_recipes_runs_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "simple.yaml").touch()
    (tmp_path / "simple.txt").touch()
    (tmp_path / "sim").mkdir()
    context = click.Context(command)
    found = complete_recipes(context, command.params[0], "sim")
    wanted = "simclr_cifar10_gpu simclr_fashion simsiam_fashion sim/ simple.yaml"
    assert [item.value for item in found] == wanted.split()
    Run.create(tmp_path / "runs", "vae")
    found += complete_runs(context, command.params[0], "")
    assert {item.value for item in found} >= {"vae/1", "runs/"}
    assert {item.type for item in found} == {"plain"}


def test_bash_is_offered_recipes(tmp_path: Path) -> None:
    """The whole way, by the script's own protocol; the words as bash gives them."""
    environment = {
        "_KSSL_COMPLETE": "bash_complete",
        "COMP_WORDS": "kssl fit moc",
        "COMP_CWORD": "2",
    }
    code = "from kssl.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "plain,moco_fashion" in done.stdout.splitlines(), done.stderr
