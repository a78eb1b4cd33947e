"""Fakes of what the verbs call, so that no verb needs Keras here."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kssl import cli
from kssl.cli import extensions
from kssl.runs import Sampling
from kssl.runs.directory import Run

RESULTS = [
    {
        "name": "knn",
        "metric": "accuracy",
        "value": 0.97,
        "better": "higher",
        "baselines": {"untrained": 0.9, "raw_input": 0.95},
        "settings": {"k": 5},
        "note": "",
    },
    {
        "name": "log_likelihood",
        "metric": "-log p(x), nats",
        "value": 94.25,
        "better": "lower",
        "baselines": {"untrained": 543.2},
        "settings": {"samples": 200},
        "note": "pixels are binarized by their value",
    },
]


SAMPLES = ("sample_images", "sample_texts", "sampling")


@dataclass
class Ended:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def kssl(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Run the command line in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extensions, "_warned", False)
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*arguments: str | Path) -> Ended:
        with pytest.raises(SystemExit) as ended:
            cli.main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Ended(int(ended.value.code or 0), printed.out, printed.err)

    return run


@dataclass
class Training:
    """Stands for kssl.runs and kssl.system.devices; keeps what it was asked for."""

    asked: dict[str, Any] = field(default_factory=dict)
    raises: BaseException | None = None
    data: dict[str, Any] = field(default_factory=dict)
    can: Any = None

    def choose(self, **settings: Any) -> str:
        self.asked["choose"] = settings
        return "tensorflow"

    def load_keras(self) -> None:
        self.asked["keras after"] = sorted(self.asked)

    def fit(self, recipe: Any, *, root: Path, resume: Run | None = None, **options: Any) -> Run:
        self.asked["fit"] = {"recipe": recipe, "root": root, "resume": resume, **options}
        if resume is not None:
            resume.begin()
        run = resume or Run.create(root, recipe.name)
        if self.raises is not None:
            raise self.raises
        run.write_json("results.json", {"results": RESULTS, "data": self.data, "skipped": []})
        run.file("report.html").write_text("<html>")
        run.finish()
        return run

    def dry_run(self, recipe: Any, **options: Any) -> dict[str, Any]:
        return {
            "parameters": 650_000,
            "shapes": {"image": (128, 28, 28, 1)},
            "bytes": 3 * 1024**2,
            "seconds_per_step": 0.0125,
            "seconds_total": 151.0,
        }

    def listed(self, recipe: Any) -> tuple[str, ...]:
        return tuple(self.data.get("found", ()))

    def evaluate(self, run: Run, evaluations: Any, data: Any = None) -> list[dict[str, Any]]:
        self.asked["evaluate"] = (run, evaluations, *([data] if data else []))
        return RESULTS

    def neighbours(self, run: Run, example: str, k: int, *more: Any) -> list[Any]:
        self.asked["neighbours"] = (run, example, k, *more)
        return [types.SimpleNamespace(name="a.png", split="test", label="cat", similarity=0.5)]

    def embed(self, run: Run, output: Path, **options: Any) -> None:
        self.asked["embed"] = (run, output, options)

    def load(self, run: Run, **options: Any) -> types.SimpleNamespace:
        self.asked["load"] = run
        return types.SimpleNamespace()

    def sampling(self, loaded: Any) -> Any:
        return self.can or Sampling("VAE", (), (), False)

    def sample_images(
        self, loaded: Any, output: Path, count: int, seed: int | None, **options: Any
    ) -> None:
        self.asked["sample"] = (output, {"count": count, "seed": seed, **options})

    def sample_texts(self, loaded: Any, count: int, seed: int | None, **options: Any) -> list[str]:
        self.asked["sample"] = {"count": count, "seed": seed, **options}
        return ["Once", "upon"]

    def preview(self, recipe: Any, path: Path) -> Path:
        self.asked["preview"] = (recipe, path)
        return path


class FakeRecipe:
    """A recipe that is right, and needs no parts."""

    def __init__(self, name: str, overrides: tuple[str, ...]) -> None:
        self.name, self.overrides, self.checked = name, overrides, False
        self.notes = ["model.beta is left out: autoencoder has no argument 'beta'"]
        self.settings = types.SimpleNamespace(backend="jax")

    def check(self) -> None:
        self.checked = True

    def is_plainly_right(self) -> bool:
        return False  # which says nothing

    def data_settings(self) -> dict[str, Any]:
        return {"use": "mnist"}

    def resolved(self) -> str:
        return f"# {self.name}\nmodel: {{use: vae}}\n"


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Training:
    """Replace recipes, devices and training by fakes."""
    import kssl.recipe
    from kssl import runs
    from kssl.system import devices

    fake: Any = Training()

    def load(source: Any, overrides: Any = (), strict: bool = True) -> FakeRecipe:
        path = Path(source)
        name = path.resolve().parent.name if path.is_dir() else path.stem
        fake.asked["load"] = (source, overrides)
        return FakeRecipe(name, overrides)

    monkeypatch.setattr(kssl.recipe, "load", load)
    for name in (
        "fit",
        "dry_run",
        "evaluate",
        "embed",
        "listed",
        "load",
        "preview",
        "neighbours",
        *SAMPLES,
    ):
        monkeypatch.setattr(runs, name, getattr(fake, name))
    for name in ("choose", "load_keras"):
        monkeypatch.setattr(devices, name, getattr(fake, name))
    return fake


@pytest.fixture
def finished(tmp_path: Path) -> Callable[..., Run]:
    """Make a finished run with results."""

    def make(recipe: str = "vae", **changes: Any) -> Run:
        run = Run.create(tmp_path / "runs", recipe)
        run.write_text("recipe.yaml", "model: {use: vae}\n")
        run.write_json("results.json", {"results": [RESULTS[0] | changes, RESULTS[1]]})
        run.write_text("metrics.csv", "epoch,loss,val_loss\n0,3.0,3.5\n1,2.0,\n")
        run.finish()
        return run

    return make
