"""Which backend and which devices are used; decided before Keras is imported."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

from kssl.errors import UserError, nearest

BACKENDS = ("tensorflow", "jax", "torch")
KINDS = ("cpu", "gpu", "tpu")

_chosen: dict[str, Any] = {"device": None, "devices": 1}


def choose(
    backend: str | None = None,
    device: str | None = None,
    devices: int = 1,
    recipe_backend: str | None = None,
) -> str:
    """Set the environment that Keras reads when it is first imported.

    Args:
        backend: From the command line; wins over all else.
        device: `cpu`, `gpu` or `tpu`; None takes the best that the backend finds.
        devices: How many of them share each batch; on `cpu` they are simulated.
        recipe_backend: The recipe's `backend:`, used when `KERAS_BACKEND` is not set either.

    Returns:
        The backend: the first of `backend`, `KERAS_BACKEND`, `recipe_backend`, TensorFlow.

    Raises:
        UserError: If a name is unknown, the backend is not installed, Keras already runs with
            another one, or the backend cannot share batches.
    """
    chosen = backend or os.environ.get("KERAS_BACKEND") or recipe_backend or "tensorflow"
    if chosen not in BACKENDS:
        raise UserError(f"there is no backend '{chosen}'{nearest(chosen, BACKENDS)}")
    if device is not None and device not in KINDS:
        raise UserError(f"there is no device '{device}'{nearest(device, KINDS)}")
    if importlib.util.find_spec(chosen) is None:
        raise UserError(f"the backend {chosen} is not installed: pip install 'kssl[{chosen}]'")
    if devices > 1 and chosen == "torch":
        raise UserError("several devices need the backend jax or tensorflow, not torch")
    running = sys.modules["keras"].backend.backend() if "keras" in sys.modules else chosen
    if running != chosen:
        raise UserError(f"Keras already runs on {running}; start a new process for {chosen}")
    os.environ["KERAS_BACKEND"] = chosen
    _chosen.update(device=device, devices=devices)
    _quieten()
    # TensorFlow asks its library of kernels only on processors with AVX-512, and on others leaves
    # products and convolutions a third slower than need be.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    _restrict(chosen, device, devices)
    return chosen


def count() -> int:
    """Return how many devices share each batch, as `choose` was asked."""
    return int(_chosen["devices"])


def several() -> bool:
    """Return whether `choose` was asked for more than one device."""
    return count() > 1


def _quieten() -> None:
    # 3: errors only. TensorFlow's start-up lines say nothing about the user's run.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")


def _restrict(backend: str, device: str | None, devices: int) -> None:
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    if backend == "jax" and device is not None:
        os.environ["JAX_PLATFORMS"] = {"cpu": "cpu", "gpu": "cuda", "tpu": "tpu"}[device]
    if devices > 1 and device in (None, "cpu"):
        flag = f"--xla_force_host_platform_device_count={devices}"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()


@contextlib.contextmanager
def quiet_import() -> Iterator[None]:
    """Suppress what C++ libraries write to the terminal while they are imported.

    TensorFlow greets before its own log level is read. If the import fails, the text is shown.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        original = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(original, 2)
            held.seek(0)
            sys.stderr.write(held.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(original, 2)
            os.close(original)


# What Keras and TensorFlow import wherever it is installed, for wrappers and plots that kssl does
# not use: a third of the time in which they start.
_NEEDLESS = ("sklearn", "matplotlib")


@contextlib.contextmanager
def _without(modules: Iterable[str]) -> Iterator[None]:
    """Let packages that are not imported yet seem to be absent; afterwards they can be imported."""
    hidden = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def list_devices(backend: str) -> list[str]:
    """Import a backend by itself, without Keras, and return the devices that it finds.

    Args:
        backend: One of `BACKENDS`.
    """
    _quieten()
    if backend == "jax":
        import jax

        return [f"{device.platform}:{device.id}" for device in jax.devices()]
    if backend == "torch":
        import torch

        return ["cpu", *(f"gpu:{number}" for number in range(torch.cuda.device_count()))]
    with quiet_import(), _without(("keras", "jax", *_NEEDLESS)):
        import tensorflow as tf

        found = tf.config.list_physical_devices()
    return [f"{each.device_type.lower()}:{each.name.rpartition(':')[2]}" for each in found]


def load_keras() -> None:
    """Import Keras and TensorFlow's data library without their greetings."""
    if "keras" in sys.modules and "tensorflow" in sys.modules:
        return
    others = {*BACKENDS} - {os.environ.get("KERAS_BACKEND", "tensorflow"), "tensorflow"}
    with quiet_import(), _without((*others, *_NEEDLESS)):
        import keras
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
        if keras.backend.backend() != "tensorflow":
            # TensorFlow only feeds the data: it must not take the accelerator's memory.
            tf.config.set_visible_devices([], "GPU")


@contextlib.contextmanager
def scope() -> Iterator[None]:
    """Make what is built and trained inside share each batch between the devices of `choose`.

    Keras' `DataParallel` on JAX, `MirroredStrategy` or `TPUStrategy` on TensorFlow. One device
    changes nothing.

    Raises:
        UserError: If there are fewer than were asked for.
    """
    import keras

    device, devices = _chosen["device"], _chosen["devices"]

    if devices == 1:
        if device is not None and device != "cpu":
            _need(device, 1)
        yield
    elif keras.backend.backend() == "jax":
        names = _need(device, devices)
        previous = keras.distribution.distribution()
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names))
        try:
            yield
        finally:
            keras.distribution.set_distribution(previous)
    else:
        with _tensorflow_strategy(device, devices).scope():
            yield


def _need(device: str | None, count: int) -> list[str]:
    import keras

    found: list[str] = keras.distribution.list_devices(device)
    if len(found) < count:
        raise UserError(
            f"{count} {device or ''} device(s) were asked for; the backend "
            f"{keras.backend.backend()} finds {len(found)}: see kssl doctor"
        )
    return found[:count]


def _tensorflow_strategy(device: str | None, devices: int) -> Any:
    import tensorflow as tf

    if device == "tpu":
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect()
        return tf.distribute.TPUStrategy(resolver)
    kind = (device or ("gpu" if tf.config.list_physical_devices("GPU") else "cpu")).upper()
    if kind == "CPU":
        (cpu,) = tf.config.list_physical_devices("CPU")
        parts = [tf.config.LogicalDeviceConfiguration()] * devices
        if tf.config.get_logical_device_configuration(cpu) != parts:
            tf.config.set_logical_device_configuration(cpu, parts)
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(names) < devices:
        raise UserError(
            f"{devices} {kind.lower()} devices were asked for; there are {len(names)}: "
            "see kssl doctor"
        )
    return tf.distribute.MirroredStrategy(names[:devices])


def describe() -> dict[str, Any]:
    """Return what the chosen backend finds on this machine."""
    load_keras()
    import keras

    name = keras.backend.backend()
    found = ["cpu"] if name == "torch" else keras.distribution.list_devices()
    if name == "torch":
        import torch

        found += [f"gpu:{number}" for number in range(torch.cuda.device_count())]
    return {"backend": name, "devices": list(found), "precision": keras.config.dtype_policy().name}
