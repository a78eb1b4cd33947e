"""The loss of a batch that is spread over devices is that of the whole batch (JAX)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="run with KERAS_BACKEND=jax")
def test_loss_and_gradient_on_four_devices_are_those_on_one() -> None:
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        # What is compiled runs once: to optimize it takes longer than to run it.
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0",
    }
    script = Path(__file__).parent / "several_devices.py"
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    worst = json.loads(done.stdout.splitlines()[-1])
    assert worst.pop("devices") == 4
    assert len(worst) == 16
    assert {name: error for name, error in worst.items() if error > 1e-4} == {}
