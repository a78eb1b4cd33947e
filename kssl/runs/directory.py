"""The run directory: `runs/<recipe>/<number>/`, what is written in it and read back.

A run is a folder and nothing else: no database, no server. Nothing in it is overwritten by
another run, and every file that matters appears whole or not at all, so that a run that was
killed at any moment can be read and resumed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import time
from pathlib import Path
from typing import Any

from kssl.errors import UserError
from kssl.runs.status import now, read_record, seconds_of, works
from kssl.system.files import plain, replacing
from kssl.system.processes import lock, unlock

ROOT = Path("runs")

_NAME = re.compile(r"\w([\w.+=(), -]{0,118}[\w+=)-])?")

_current: Run | None = None


class Run:
    """One training run: a numbered folder below the name of its recipe.

    Args:
        path: The folder of an existing run; use `Run.create` and `Run.open` instead of this.

    Example:
        >>> run = Run.create(Path("runs"), "vae_mnist")   # runs/vae_mnist/1
        >>> run.write_json("results.json", {"results": []})
        >>> Run.open("vae_mnist").read_json("results.json")
        {'results': []}
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and self.path.resolve() == other.path.resolve()

    def __hash__(self) -> int:
        return hash(self.path.resolve())

    @property
    def number(self) -> int:
        """The number of the run among those of its recipe."""
        return int(self.path.resolve().name)

    @property
    def recipe(self) -> str:
        """The name of the recipe that the run was made from."""
        return self.path.resolve().parent.name

    @property
    def name(self) -> str:
        """How the run is called, such as `vae_mnist/3`."""
        return f"{self.recipe}/{self.number}"

    @classmethod
    def create(cls, root: Path | str, recipe_name: str) -> Run:
        """Make the folder of a new run, with the next free number, and begin the run.

        Several processes may do so at the same moment: each gets a number of its own.

        Args:
            root: The folder of all runs, made if need be.
            recipe_name: A plain name, one folder below `root`.

        Raises:
            UserError: The name is no plain name, or the folder cannot be made.
        """
        if not _NAME.fullmatch(recipe_name):
            raise UserError(
                f"a recipe named {recipe_name!r} cannot have runs: the name becomes a folder, so it"
                " must be at most 120 letters, digits, spaces or any of _.+=(),- and begin with a"
                " letter or digit; rename the recipe's file"
            )
        folder = Path(root).expanduser() / recipe_name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            run = cls(_new_number(folder))
            run.begin()
        except OSError as error:
            raise UserError(
                f"cannot make a run in {folder}: {error.strerror}; name a folder that can be"
                " written with --runs-dir"
            ) from error
        return run

    @classmethod
    def open(cls, path: Path | str, root: Path | str = ROOT) -> Run:
        """Find a run by its folder, by its name, or by its recipe's name (the latest run).

        Args:
            path: `runs/vae_mnist/3`, `vae_mnist/3`, `runs/vae_mnist` or `vae_mnist`.
            root: Where names are looked up.

        Raises:
            UserError: There is no such run; the message names those that there are.
        """
        given = Path(path).expanduser()
        with contextlib.suppress(OSError, ValueError):  # what cannot be a path is no run
            for candidate in (given, Path(root).expanduser() / given):
                if _is_run(candidate):
                    return cls(candidate)
                if runs := _runs_in(candidate):
                    return runs[-1]
        names = [run.name for run in list_runs(root)]
        known = f"runs in {root}: {_shortened(names)}" if names else f"there are no runs in {root}"
        raise UserError(f"{str(path)[:200]!r} is no run directory and no name of a run; {known}")

    def file(self, name: str) -> Path:
        """Return the path of a file of the run, whether it exists or not."""
        return self.path / name

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints, made on demand."""
        return self._folder("checkpoints")

    @property
    def figures(self) -> Path:
        """The folder of figures, made on demand."""
        return self._folder("figures")

    def _folder(self, name: str) -> Path:
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder

    def replacing(self, name: str) -> contextlib.AbstractContextManager[Path]:
        """Write a file of the run whole or not at all; see `kssl.system.files.replacing`."""
        return replacing(self.path / name)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file of the run, whole or not at all."""
        with self.replacing(name) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file of the run, whole or not at all; NumPy scalars become numbers."""
        self.write_text(name, json.dumps(content, indent=2, default=plain) + "\n")

    def read_json(self, name: str) -> Any:
        """Read a JSON file of the run.

        Raises:
            UserError: The run does not have the file, or it is not JSON.
        """
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(
                f"the run {self.path} has no {name}: it is {self.status}, before that was written"
            ) from None
        except (OSError, ValueError) as error:
            raise UserError(f"{path} cannot be read: {error}") from error

    def begin(self) -> None:
        """Record that this process is now working on the run, at its start or its resumption.

        Raises:
            UserError: Another process is working on it.
        """
        global _current
        self.refuse_if_running()
        locked = lock(self.path)
        if locked is False:  # two begin at the same moment
            raise UserError(f"{self.path} is still running, in another process; stop it first")
        record = self.record
        moment = now()
        for leftover in self.path.rglob(".*.tmp*"):
            if not leftover.is_dir():
                leftover.unlink(missing_ok=True)  # of a process that was killed while it wrote
        record |= {"status": "running", "pid": os.getpid(), "host": socket.gethostname()}
        record |= {"started": record.get("started", moment), "session": moment, "finished": None}
        record |= {"seconds": record.get("seconds", 0.0), "message": "", "locked": bool(locked)}
        self.write_json("status.json", record)
        _current = self

    def refuse_if_running(self) -> None:
        """Raise a UserError if another process is working on the run."""
        record = self.record
        if self.status == "running" and record.get("pid") != os.getpid():
            pid, host = record.get("pid"), record.get("host", "this machine")
            raise UserError(
                f"{self.path} is still running, as process {pid} on {host}; stop it first"
            )

    def finish(self, status: str = "finished", message: str = "") -> None:
        """Record how the run ended.

        Args:
            status: `finished`, `failed` or `interrupted`.
            message: Why, in one line, if it did not finish.
        """
        record = self.record
        began = seconds_of(record.get("session")) or time.time()
        spent = record.get("seconds", 0.0) + max(0.0, time.time() - began)
        record |= {"status": status, "finished": now(), "seconds": round(spent, 3)}
        self.write_json("status.json", record | {"message": message, "locked": False})
        unlock(self.path)

    @property
    def status(self) -> str:
        """`running`, `finished`, `failed`, or `interrupted` (its process is gone)."""
        record = self.record
        status = str(record.get("status", "interrupted"))
        if status == "running" and not works(self.path, record):
            return "interrupted"
        return status

    @property
    def record(self) -> dict[str, Any]:
        """What status.json holds: status, pid, host, started, finished, seconds, message."""
        return read_record(self.path)


def current() -> Run | None:
    """Return the run that this process began last, finished or not; None if it began none."""
    return _current


def list_runs(root: Path | str = ROOT) -> list[Run]:
    """Return all runs below a folder, sorted by recipe and number."""
    root = Path(root).expanduser()
    folders = sorted(root.iterdir()) if root.is_dir() else []
    return [run for folder in folders for run in _runs_in(folder)]


def _new_number(folder: Path) -> Path:
    number = max((int(child.name) for child in folder.iterdir() if _numbered(child)), default=0)
    while True:
        number += 1
        try:
            (folder / str(number)).mkdir()
        except FileExistsError:
            continue  # another process was faster
        return folder / str(number)


def _numbered(path: Path) -> bool:
    return path.name.isascii() and path.name.isdigit()


def _is_run(path: Path) -> bool:
    return _numbered(path.resolve()) and any(
        (path / name).is_file() for name in ("status.json", "recipe.yaml")
    )


def _runs_in(folder: Path) -> list[Run]:
    if not folder.is_dir():
        return []
    children = [child for child in folder.iterdir() if _numbered(child) and _is_run(child)]
    return [Run(child) for child in sorted(children, key=lambda child: int(child.name))]


def _shortened(names: list[str], most: int = 8) -> str:
    hidden = len(names) - most
    return ", ".join(names[-most:]) + (f" and {hidden} more" if hidden > 0 else "")
