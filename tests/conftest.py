"""What every test may use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

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
def golden() -> dict[str, dict]:
    """Reference values of independent implementations; tests that need them skip without."""
    import json

    path = ROOT.parent / "shared" / "reference" / "golden.json"
    if not path.is_file():
        pytest.skip("needs the file of reference values beside the checkout")
    return json.loads(path.read_text())
