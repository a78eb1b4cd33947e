"""What a run was made with: enough to know, later, why a number differs."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from typing import Any

PACKAGES = (
    "kssl",
    "keras",
    "keras-hub",
    "tensorflow",
    "tensorflow-datasets",
    "jax",
    "torch",
    "numpy",
    "scikit-learn",
)


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Return the machine in words and numbers, without its name or its user's."""
    import psutil

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }


def environment(model: Any, command: str) -> dict[str, Any]:
    """Return the record of a run: command, machine, devices, packages and plugins."""
    from kssl.system import devices

    return {
        "command": command,
        "python": platform.python_version(),
        **machine(),
        **devices.describe(),
        "parameters": model.count_params(),
        "packages": versions(),
        "plugins": _plugins(),
    }


def _plugins() -> dict[str, str]:
    """The plugins that offer something, each with the version of its package."""
    from kssl.plugins import KINDS, offered

    owners = {part.owner for kind in KINDS for part in offered(kind).values()}
    entries = importlib.metadata.entry_points(group="kssl")
    found = {entry.name: entry.dist.version for entry in entries if entry.dist is not None}
    own = importlib.metadata.version("kssl")
    return {owner: found.get(owner, own if owner == "kssl" else "") for owner in sorted(owners)}


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [
                line.split(":", 1)[1].strip() for line in file if line.startswith("model name")
            ]
    except OSError:
        names = []
    return names[0] if names else platform.processor()
