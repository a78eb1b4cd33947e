"""The loss of a batch that is spread over devices is that of the whole batch (JAX)."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
def test_loss_and_gradient_on_four_devices_are_those_on_one() -> None:
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
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
