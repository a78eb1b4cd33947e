"""What every test may use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(autouse=True, scope="module")
def _forget_graphs() -> Iterator[None]:
    """Give back what Keras and TensorFlow keep of the models of a file, gigabytes in all."""
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session()


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
