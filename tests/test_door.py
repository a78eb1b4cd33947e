"""`import kssl`: light, lazy, and known to Keras in whichever order things are imported."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest


def output(code: str) -> str:
    # What Keras knows does not depend on its backend, and JAX is imported twice as fast.
    backend = "jax" if find_spec("jax") else "tensorflow"
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_kssl_imports_nothing_heavy():
    heavy = {"keras", "tensorflow", "numpy", "jax"}
    assert output(f"import sys, kssl; print({heavy} & set(sys.modules))") == "set()"


FIRST = [
    "import kssl, keras",
    "import keras, kssl",
    "import kssl.modalities",
    "from kssl.models.vae import VAE",
]
# One process imports what takes time, and a copy of it is made for each order of imports.
EACH = """
import os, h5py, jax, numpy
for first in {first}:
    if os.fork() == 0:
        exec(first)
        import keras
        assert "kssl>VAE" in keras.saving.get_custom_objects(), first
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="copies of a process need fork")
def test_keras_knows_the_classes_in_any_order_of_imports():
    pytest.importorskip("jax", reason="imported twice as fast as TensorFlow, and as good here")
    assert output(EACH.format(first=FIRST)).split() == ["0"] * len(FIRST)


def test_an_unknown_room_names_the_rooms():
    with pytest.raises(AttributeError, match="has no attribute 'loses'; it has .* losses"):
        import kssl

        kssl.loses  # noqa: B018
