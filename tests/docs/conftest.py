"""What the tests of the documentation share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kssl import plugins

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "plugins" / "kssl-example"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with what the pages speak of: recipes and a folder of photographs."""
    import numpy as np
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    rng = np.random.default_rng(0)
    for name in ("photos", "animals/cat", "animals/dog"):
        (tmp_path / name).mkdir(parents=True)
        for number in range(6):
            pixels = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    return tmp_path


@pytest.fixture
def example(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """The example plugin, as if it were installed, in this process and in those started by it."""
    site = tmp_path_factory.mktemp("site")
    info = site / "kssl_example-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kssl-example\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[kssl]\nexample = kssl_example\n")
    for path in (site, EXAMPLE):
        monkeypatch.syspath_prepend(str(path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(EXAMPLE)]))
    monkeypatch.delenv("KSSL_PLUGINS", raising=False)
    plugins.forget()
    yield
    monkeypatch.undo()
    plugins.forget()


@pytest.fixture
def keras_registry() -> Iterator[None]:
    """What Keras knows of saved classes; a page that defines a class anew must not change it."""
    import keras

    known = keras.saving.get_custom_objects()
    kept = dict(known)
    yield
    known.clear()
    known.update(kept)
