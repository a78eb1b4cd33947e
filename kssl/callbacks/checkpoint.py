"""Checkpoints from which training resumes exactly.

Keras' BackupAndRestore repeats the batches of the epoch it was stopped in and forgets the state of
the seeds. Here everything that a step reads is written: weights, seed states, optimizer, metrics,
and how many steps were done, so that the data can start at the right one.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kssl.errors import RunError
from kssl.system.files import replacing

KEPT = 2  # the newest, and one more in case the disk loses it


class Checkpoint(keras.callbacks.Callback):
    """Writes a checkpoint after every epoch, and within an epoch every so many seconds.

    It must be the last callback: it also gives the others back their counters (the patience of
    an `EarlyStopping`, say) when training resumes.

    Args:
        folder: Where checkpoints are written, one file each; the newest two are kept.
        steps_per_epoch: Steps of a whole epoch.
        seconds: Time between two checkpoints within an epoch; 0 writes one after every step.
        state: What `restore` returned, when training is resumed.

    Example:
        >>> callback = kssl.callbacks.Checkpoint(run.checkpoints, steps_per_epoch=len(dataset))
        >>> history = model.fit(dataset, callbacks=[callback], verbose=0)
    """

    def __init__(
        self,
        folder: Path,
        steps_per_epoch: int,
        seconds: float = 60.0,
        state: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.steps_per_epoch = steps_per_epoch
        self.seconds = seconds
        self.state = state or {"step": 0, "callbacks": [], "metrics": []}
        self.siblings: list[keras.callbacks.Callback] = []
        self.written = 0.0
        self.start = 0
        self.step = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self.written = time.monotonic()
        for sibling, counters in zip(self.siblings, self.state["callbacks"], strict=False):
            vars(sibling).update(counters)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.start = self.step = max(epoch * self.steps_per_epoch, self.state["step"])
        if self.start > epoch * self.steps_per_epoch:  # Keras has just set the metrics to zero
            for variable, value in zip(
                self.model.metrics_variables, self.state["metrics"], strict=True
            ):
                variable.assign(value)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.step = self.start + batch + 1
        # Not after the last step of an epoch: validation comes next and moves the seeds.
        ended = self.step % self.steps_per_epoch == 0
        if not ended and time.monotonic() - self.written >= self.seconds:
            self.write()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.step = (epoch + 1) * self.steps_per_epoch
        self.write()

    def on_train_end(self, logs: Any = None) -> None:
        self.state = {"step": self.step, "callbacks": self._counters(), "metrics": []}

    def write(self) -> Path:
        """Write a checkpoint of this moment; return its file."""
        arrays = {}
        for kind, variables in _groups(self.model).items():
            for number, variable in enumerate(variables):
                arrays[f"{kind}/{number}"] = _to_numpy(variable)
        state = {"step": self.step, "callbacks": self._counters(), "paths": _paths(self.model)}
        arrays["state"] = np.frombuffer(json.dumps(state).encode(), np.uint8)
        path = self.folder / f"step-{self.step:09d}.npz"
        with replacing(path) as temporary:
            np.savez(temporary, **arrays)
        for old in sorted(self.folder.glob("step-*.npz"))[:-KEPT]:
            old.unlink(missing_ok=True)
        self.written = time.monotonic()
        return path

    def _counters(self) -> list[dict[str, Any]]:
        plain = (int, float, bool, str)
        return [
            {name: value for name, value in vars(each).items() if type(value) in plain}
            for each in self.siblings
        ]


def latest(folder: Path) -> Path | None:
    """Return the newest checkpoint of a folder, or None."""
    return max(Path(folder).glob("step-*.npz"), default=None)


def restore(model: keras.Model, path: Path) -> dict[str, Any]:
    """Write a checkpoint back into a built and compiled model.

    Args:
        model: Of the same configuration, with its optimizer built.
        path: A file that `Checkpoint` wrote.

    Returns:
        The state that `Checkpoint` is given: `step`, `callbacks` and `metrics`.

    Raises:
        RunError: If the checkpoint is of another model or another backend.
    """
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    state = json.loads(arrays["state"].tobytes())
    if state.pop("paths") != _paths(model):
        raise RunError(
            f"{os.path.basename(path)} was written by another model, optimizer or backend than the "
            "recipe and the command line give now; use those that the run was started with"
        )
    for kind, variables in _groups(model).items():
        if kind == "metrics":
            state["metrics"] = [arrays[f"metrics/{n}"] for n in range(len(variables))]
            continue
        for number, variable in enumerate(variables):
            variable.assign(_from_numpy(arrays[f"{kind}/{number}"], variable))
    return state


def _groups(model: keras.Model) -> dict[str, list[Any]]:
    return {
        "model": model.variables,  # seed states among them
        "optimizer": model.optimizer.variables,
        "metrics": model.metrics_variables,
    }


def _paths(model: keras.Model) -> list[str]:
    backend = keras.backend.backend()  # seed states differ between backends
    return [backend] + [
        f"{kind} {number} {list(variable.shape)} {variable.dtype}"
        for kind, variables in _groups(model).items()
        for number, variable in enumerate(variables)
    ]


def _to_numpy(variable: Any) -> np.ndarray:
    array = np.asarray(keras.ops.convert_to_numpy(variable))
    # NumPy's file format does not know bfloat16: its bits are kept.
    return array.view(np.uint16) if array.dtype.name == "bfloat16" else array


def _from_numpy(array: np.ndarray, variable: Any) -> Any:
    if variable.dtype == "bfloat16":
        import ml_dtypes

        return array.view(ml_dtypes.bfloat16)
    return array
