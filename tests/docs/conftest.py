"""What the tests of the documentation share."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kssl import plugins

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "plugins" / "kssl-example"


@pytest.fixture(scope="session")
def hooks() -> Any:
    """The module that generates pages."""
    spec = importlib.util.spec_from_file_location("docs_hooks", ROOT / "docs" / "hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    for name in ("mkdocs", "material", "latex2mathml"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"needs {name}: pip install -e '.[docs]'")
    target = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(target)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_voc: Any) -> Path:
    """A current folder with what the pages speak of: recipes, photographs, recordings, films."""
    import json

    import numpy as np
    from PIL import Image
    from scipy.io import wavfile

    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    rng = np.random.default_rng(0)
    for name in ("photos", "animals/cat", "animals/dog"):
        (tmp_path / name).mkdir(parents=True)
        for number in range(6):
            pixels = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    for number in range(8):
        file = tmp_path / "boxed" / ("test" if number % 4 == 3 else "train") / f"{number}.png"
        write_voc(file.with_suffix(".xml"), [(("cat", "dog")[number % 2], (1, 1, 9, 9))], (24, 20))
        Image.fromarray(pixels).save(file)
    lines = [json.dumps({"image": f"{n}.png", "caption": f"number {n}"}) for n in range(6)]
    (tmp_path / "photos" / "captions.jsonl").write_text("\n".join(lines))
    (tmp_path / "recordings").mkdir()
    for number in range(4):
        samples = rng.integers(-9000, 9000, 1600, dtype=np.int16)
        wavfile.write(tmp_path / "recordings" / f"{number}.wav", 16_000, samples)
        (tmp_path / "films" / str(number)).mkdir(parents=True)
        for frame in rng.integers(0, 256, (9, 10, 12, 3), dtype=np.uint8):
            at = tmp_path / "films" / str(number)
            Image.fromarray(frame).save(at / f"{len(list(at.iterdir()))}.png")
    for name in ("photos", "recordings", "films"):  # as `kssl init` would have written them
        (tmp_path / f"{name}.yaml").write_text("data: digits\nmodel: autoencoder\n")
    (tmp_path / "adult.yaml").write_text(
        "data: {use: tabular, path: adult.csv}\nmodel: autoencoder\n"
    )
    return tmp_path


@pytest.fixture
def encoder_file(folder: Path) -> None:
    """An encoder in the current folder, as `kssl export` writes one."""
    import keras

    pixels = keras.Input((32, 32, 3))
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, 2)(pixels))
    keras.Model(pixels, features).save(folder / "encoder.keras")


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
    import keras_hub  # noqa: F401  registers its classes when it is first imported, which stays

    known = keras.saving.get_custom_objects()
    kept = dict(known)
    yield
    known.clear()
    known.update(kept)
