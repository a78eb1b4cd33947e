"""What every test may use."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Much of the time of a test is XLA's, which makes small models fast that take a step or two.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
    os.environ.setdefault(
        "XLA_FLAGS",
        "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true",
    )

ROOT = Path(__file__).resolve().parent.parent
PROCESSES = 4  # more do not help: each of them imports Keras and its backend first
MEMORY = 3 << 30  # bytes that one of them takes, with what it starts


def pytest_configure(config: pytest.Config) -> None:
    """Keep what JAX compiles: many tests compile the same, and so does the next run of them."""
    cache = getattr(config, "cache", None)  # none without pytest's own
    if os.environ.get("KERAS_BACKEND") == "jax" and cache is not None:
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache.mkdir("jax")))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Give whole folders of tests to several processes; `-n 0` or a single file is one process."""
    started = "PYTEST_XDIST_WORKER" in os.environ or not config.pluginmanager.hasplugin("xdist")
    folders = any(Path(argument).is_dir() for argument in config.args)
    if started or not folders or config.option.usepdb or config.option.collectonly:
        return
    if config.option.numprocesses is None and config.option.dist == "no":
        config.option.numprocesses = processes()
        config.option.dist = "worksteal"  # keeps the tests of a file together as long as it can


def processes() -> int:
    """Return how many processes the cores and the free memory allow; share the cores out."""
    cores = os.cpu_count() or 1
    count = min(cores, PROCESSES, psutil.virtual_memory().available // MEMORY)
    if count < 2:
        return 0
    for name in ("TF_NUM_INTRAOP_THREADS", "NPROC"):  # TensorFlow, JAX
        os.environ.setdefault(name, str(cores // count))
    # With one thread PyTorch 2.13 crashes in the backward pass of small convolutions.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(2, cores // count)))
    # A GPU is shared: nobody takes all of its memory at once.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    return int(count)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


_kept_memory = MEMORY / 2  # bytes that were left after the last search for garbage


@pytest.fixture(autouse=True, scope="module")
def _forget_graphs() -> Iterator[None]:
    """Give back what Keras and TensorFlow keep of the models of a file, gigabytes in all."""
    global _kept_memory
    yield
    if "keras" in sys.modules:
        # To look for garbage among millions of objects takes seconds, and files take turns when
        # one process helps another: only where a good part has come since the last time.
        used = psutil.Process().memory_info().rss
        full = used > 1.3 * _kept_memory
        sys.modules["keras"].utils.clear_session(free_memory=full)
        if full:
            _kept_memory = max(MEMORY / 2, psutil.Process().memory_info().rss)


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs draw no figures: these have tests of their own, and take longer than tiny trainings."""
    monkeypatch.setattr("kssl.report.figures.draw", lambda *_, **__: [])


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets beside the checkout; tests that need it skip without it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the folder of prepared data sets beside the checkout")
    return folder


@pytest.fixture(scope="session")
def write_voc() -> Callable[..., Path]:
    """Write what is on an image, as Pascal VOC does."""

    def write(file: Path, objects: Any, size: tuple[int, int], filename: str = "") -> Path:
        parts = [f"<filename>{filename}</filename>"] if filename else []
        parts += [f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"]
        for name, corners, *difficult in objects:
            sides = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
            box = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
            note = f"<difficult>{int(any(difficult))}</difficult>"
            parts.append(f"<object><name>{name}</name>{note}<bndbox>{box}</bndbox></object>")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"<annotation>{''.join(parts)}</annotation>")
        return file

    return write


@pytest.fixture(scope="session")
def bccd(
    shared_data: Path, write_voc: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder of blood cells, as Pascal VOC has them."""
    stored, folder = _unpacked(shared_data, "bccd.npz"), tmp_path_factory.mktemp("bccd")
    names = [Path(str(name)).stem for name in stored["name"]]
    for number, (name, jpeg) in enumerate(zip(names, _jpegs(stored), strict=True)):
        image = folder / "JPEGImages" / f"{name}.jpg"
        image.parent.mkdir(exist_ok=True)
        image.write_bytes(jpeg)
        here = stored["object_image"] == number
        kinds = stored["class_names"][stored["object_class"][here]]
        objects = zip(kinds, stored["object_box"][here].tolist(), strict=True)
        write_voc(folder / "Annotations" / f"{name}.xml", objects, (640, 480))
    lists = folder / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for number, split in enumerate(stored["split_names"]):
        own = [name for name, of in zip(names, stored["split"], strict=True) if of == number]
        (lists / f"{split}.txt").write_text("\n".join(own))
    return folder


@pytest.fixture(scope="session")
def tiny_imagenet(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as Tiny ImageNet: of each of 20 classes 20 images to train on, and 5 to test on."""
    stored = _unpacked(shared_data, "tiny_imagenet_20_64.npz")
    folder, counts = tmp_path_factory.mktemp("tiny"), Counter[tuple[str, str]]()
    tables: dict[Path, list[str]] = {}
    rows = zip(_jpegs(stored), stored["name"], stored["label"], stored["split"], strict=True)
    for number, (jpeg, name, label, part) in enumerate(rows):
        split, kind = str(stored["split_names"][part]), str(stored["wnid"][label])
        counts[split, kind] += 1
        if counts[split, kind] > (20 if split == "train" else 5):
            continue
        own = folder / "train" / kind if split == "train" else folder / "val"
        table = own / (f"{kind}_boxes.txt" if split == "train" else "val_annotations.txt")
        fields = [Path(str(name)).name, *([kind] if split != "train" else [])]
        fields += [str(side) for side in stored["box"][number]]
        tables.setdefault(table, []).append("\t".join(fields))
        (own / "images").mkdir(parents=True, exist_ok=True)
        (own / "images" / fields[0]).write_bytes(jpeg)
    for table, lines in tables.items():
        table.write_text("\n".join(lines))
    return folder


def _unpacked(shared_data: Path, name: str) -> dict[str, Any]:
    import numpy as np

    path = shared_data / "images" / name
    if not path.is_file():
        pytest.skip(f"needs {name} in the folder of prepared data sets beside the checkout")
    with np.load(path) as stored:
        arrays = {key: stored[key] for key in stored.files}
    return {
        key: each.astype(str) if each.dtype.kind == "S" else each for key, each in arrays.items()
    }


def _jpegs(stored: dict[str, Any]) -> list[bytes]:
    ends = stored["offsets"]
    return [stored["jpeg"][a:b].tobytes() for a, b in zip(ends[:-1], ends[1:], strict=True)]


@pytest.fixture(scope="session")
def golden() -> dict[str, dict]:
    """Reference values of independent implementations; tests that need them skip without."""
    import json

    path = ROOT.parent / "shared" / "reference" / "golden.json"
    if not path.is_file():
        pytest.skip("needs the file of reference values beside the checkout")
    return json.loads(path.read_text())
