"""Part 1: a few steps of every model on the device, and the same steps on the processor.

Weights are drawn on the processor in both cases, with one seed, so that the losses differ by
rounding alone. A process that sees no other device makes the steps on the processor meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from gpu.factories import MODELS
from gpu.findings import Clock, parsed, say

STEPS = 3
# Largest relative difference of a loss. float32 is computed in full, without TF32, and bfloat16 has
# 8 bits; both grow in the steps between, in which Adam divides by small gradients.
TOLERANCES = {"float32": 1e-3, "mixed_bfloat16": 3e-2}
Losses = dict[tuple[str, str], list[float]]


def run(reference: list[str], clock: Clock, compared: Collection[str]) -> None:
    """Make the steps of all models here, and of those compared on the processor too.

    Args:
        reference: The command that makes them there.
        clock: Of this job.
        compared: Names of models; the others make their steps in float32 alone.
    """
    ours: Losses = {}
    with _losses_of(reference) as (theirs, ended):
        say(1, "models", "machine", **machine())
        for name, dtype in cases(MODELS, compared):
            found = say(1, "models", "steps", **steps(name, dtype))
            if name in compared:
                ours[name, dtype] = found["loss"]
            _compare(ours, theirs)
        while ours and clock.left() > 0 and not ended.wait(0.2):
            _compare(ours, theirs)
        _compare(ours, theirs)
    if ours:
        names = ", ".join(f"{name} {dtype}" for name, dtype in ours)
        raise RuntimeError(f"the processor had no losses in time for {names}")


def run_reference(compared: Collection[str]) -> None:
    for name, dtype in cases(compared, compared):
        say(1, "models", "steps", **steps(name, dtype))


def machine() -> dict[str, Any]:
    """Return the devices that JAX sees, and the versions of what is used."""
    import importlib.metadata as metadata

    import jax

    versions = {}
    for name in ("jax", "jaxlib", "keras", "keras-hub", "torch", "transformers", "diffusers"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    devices = [f"{each.platform} {each.device_kind}" for each in jax.devices()]
    python = ".".join(map(str, sys.version_info[:3]))
    return {"devices": devices, "versions": {"python": python, **versions}}


def steps(name: str, dtype: str) -> dict[str, Any]:
    """Return the losses of the first steps of a model, and the seconds that they took."""
    import jax
    import keras

    import kssl

    exact = "highest" if dtype == "float32" else None
    keras.config.set_dtype_policy(dtype)
    keras.utils.set_random_seed(0)
    make, batch = MODELS[name]
    data = batch()
    with jax.default_matmul_precision(exact) if exact else contextlib.nullcontext():
        with jax.default_device(jax.devices("cpu")[0]):
            model = make(kssl.models)
            shapes = {key: (None, *value.shape[1:]) for key, value in _named(data).items()}
            model.build(shapes if isinstance(data, dict) else (None, *data.shape[1:]))
        for variable in model.variables:
            variable.assign(np.asarray(variable))  # moves it to the device
        model.compile(keras.optimizers.Adam(1e-3))
        began = time.perf_counter()
        length = len(next(iter(_named(data).values())))
        history = model.fit(data, batch_size=length, epochs=STEPS, shuffle=False, verbose=0)
    seconds = time.perf_counter() - began
    keras.utils.clear_session()
    losses = [float(loss) for loss in history.history["loss"]]
    return {"model": name, "dtype": dtype, "loss": losses, "seconds": seconds}


def agreement(ours: list[float], theirs: list[float], dtype: str) -> dict[str, Any]:
    """Return how far two lists of losses are apart, and whether that is within the tolerance."""
    found, expected = np.asarray(ours), np.asarray(theirs)
    difference = float(np.max(np.abs(found - expected) / np.maximum(np.abs(expected), 1e-6)))
    tolerance = TOLERANCES[dtype]
    # Not `difference > tolerance`, which is False of a loss that is no number.
    return {"difference": difference, "tolerance": tolerance, "agrees": difference <= tolerance}


def cases(wide: Collection[str], narrow: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield models in float32, then models in bfloat16."""
    for dtype, names in zip(TOLERANCES, (wide, narrow), strict=True):
        yield from ((name, dtype) for name in names)


def _compare(ours: Losses, theirs: Losses) -> None:
    """Say what can be compared by now, and forget it."""
    for name, dtype in [case for case in ours if case in theirs]:
        mine, other = ours.pop((name, dtype)), theirs[name, dtype]
        facts = {"model": name, "dtype": dtype, "loss": mine, "processor": other}
        say(1, "models", "agreement", **facts, **agreement(mine, other, dtype))


@contextlib.contextmanager
def _losses_of(command: list[str]) -> Iterator[tuple[Losses, threading.Event]]:
    """Run a command that sees the processor alone; the losses fill up while it runs."""
    losses: Losses = {}
    ended = threading.Event()
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    def read() -> None:
        for line in process.stdout or ():
            finding = parsed(line)
            if finding is not None:
                losses[finding["model"], finding["dtype"]] = finding["loss"]
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    try:
        yield losses, ended
    finally:
        process.kill()
        process.wait()


def _named(data: Any) -> dict[str, np.ndarray]:
    return data if isinstance(data, dict) else {"": data}
