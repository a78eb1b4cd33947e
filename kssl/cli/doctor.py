"""`kssl doctor`: hardware, software and settings, for troubleshooting and bug reports."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from kssl import __version__
from kssl.cli import screen
from kssl.system.devices import BACKENDS

PACKAGES = ("keras", "keras-hub", "tensorflow-datasets", "numpy", "scikit-learn", "matplotlib")

# Each in a process of its own, and without Keras: what it finds is known in half the time.
_ASK = (
    "import json, sys; from kssl.system import devices;"
    " print('\\n' + json.dumps({'devices': devices.list_devices(sys.argv[1])}))"
)
_PATIENCE = 120  # seconds; a first import from a cold disk is slow


@click.command("doctor")
def command() -> None:
    """Show what this machine has, and what kssl will use of it.

    \b
    Example:
      kssl doctor
    """
    screen.show(screen.section("Machine", screen.pairs(_machine())), "")
    screen.show(screen.section("Packages", screen.pairs(_packages())), "")
    installed = [name for name in BACKENDS if importlib.util.find_spec(name) is not None]
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(installed, pool.map(_ask, installed), strict=True))
    rows = [_backend_row(name, found.get(name)) for name in BACKENDS]
    backends = screen.table(["", "", ""], rows, header=False, fold=2)
    screen.show(screen.section("Backends", backends), "")
    screen.show(screen.section("Data, in this order", _data_folders()), "")
    screen.show(screen.section("What will be used", screen.pairs(_used(found))))


def _machine() -> dict[str, str]:
    import psutil

    memory = psutil.virtual_memory()
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count()
    return {
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "cores": str(cores),
        "memory": f"{screen.size(memory.total)}, {screen.size(memory.available)} free",
        "disk": f"{screen.size(psutil.disk_usage('.').free)} free in the current folder",
        "python": f"{platform.python_version()}, {sys.executable}",
    }


def _packages() -> dict[str, str]:
    return {"kssl": __version__} | {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _ask(backend: str) -> dict[str, Any]:
    """Ask a backend for its devices, in a process of its own."""
    command = [sys.executable, "-c", _ASK, backend]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return {"error": f"did not answer in {_PATIENCE} s"}
    lines = done.stdout.strip().splitlines() if done.returncode == 0 else []
    if lines:
        answer: dict[str, Any] = json.loads(lines[-1])
        return answer
    said = [line for line in done.stderr.splitlines() if line.strip()]
    return {"error": said[-1].strip() if said else f"ended with code {done.returncode}"}


def _backend_row(name: str, found: dict[str, Any] | None) -> list[str | Text]:
    if found is None:
        return [Text(name, style="bold"), "–", f"not installed: pip install 'kssl[{name}]'"]
    if "error" in found:
        said = Text(f"does not start: {found['error']}", style="red")
        return [Text(name, style="bold"), _version(name), said]
    return [Text(name, style="bold"), _version(name), ", ".join(found["devices"])]


def _data_folders() -> Any:
    folders = {
        "KSSL_DATA_DIR": os.environ.get("KSSL_DATA_DIR"),
        "TFDS_DATA_DIR": os.environ.get("TFDS_DATA_DIR"),
        "TFDS' own": str(Path("~/tensorflow_datasets").expanduser()),
    }
    rows = [
        [Text(name, style="bold"), folder or "not set", _state(folder)]
        for name, folder in folders.items()
    ]
    return screen.table(["", "", ""], rows, header=False, fold=1)


def _state(folder: str | None) -> Text:
    if not folder:
        return Text("")
    there = Path(folder).expanduser().is_dir()
    return Text("found" if there else "does not exist", style="green" if there else "dim")


def _used(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    variable = os.environ.get("KERAS_BACKEND")
    backend = variable or "tensorflow"
    why = "from KERAS_BACKEND" if variable else "unless the recipe or --backend names another"
    answer = found.get(backend, {"error": "not installed"})
    facts = {"backend": f"{backend}, {why}"}
    if "error" in answer:
        return facts | {"device": f"none: {answer['error']}"}
    return facts | {"device": _first_device(answer["devices"])}


def _first_device(devices: list[str]) -> str:
    best = [name for name in devices if not name.startswith("cpu")] or devices
    return f"{best[0]}, unless --device or --devices says otherwise"
