"""Checkpoints from which training resumes exactly.

Keras' BackupAndRestore repeats the batches of the epoch it was stopped in and forgets the state of
the seeds. Here everything that a step reads is written: weights, seed states, optimizer, metrics,
callbacks, and how many steps were done, so that the data can start at the right one.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kssl.callbacks.callback_state import CallbackState
from kssl.callbacks.checkpoint_file import read, write_arrays
from kssl.errors import RunError, UserError

KEPT = 2  # the newest, and one more in case the disk loses it


class Checkpoint(keras.callbacks.Callback):
    """Writes a checkpoint after every epoch, and within an epoch every so many seconds.

    It must be the last callback: it also gives the others back their state (the patience and the
    best weights of an `EarlyStopping`, say) when training resumes.

    Args:
        folder: Where checkpoints are written, one file each; the newest two are kept.
        steps_per_epoch: Steps of a whole epoch.
        seconds: Time between two checkpoints within an epoch; 0 writes one after every step.
        state: What `restore` returned, when training is resumed.
        siblings: The other callbacks, of which the state is kept.

    Attributes:
        stop: Called after the next checkpoint, which is written after the next step; it may raise.

    Raises:
        UserError: On resuming, if a sibling had state that no checkpoint can hold.

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
        siblings: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.steps_per_epoch = steps_per_epoch
        self.seconds = seconds
        self.state = state or {"step": 0, "callbacks": [], "metrics": []}
        self.siblings = [CallbackState(each) for each in siblings]
        self.written = 0.0
        self.start = 0
        self.step = 0
        self.stop: Callable[[], Any] | None = None
        _refuse_unheld(self.state["callbacks"])

    def on_train_begin(self, logs: Any = None) -> None:
        self.written = time.monotonic()
        self.step = self.state["step"]
        arrays = self.state.get("arrays", [])
        for sibling, own in zip(self.siblings, self.state["callbacks"], strict=False):
            sibling.set(own, arrays)

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
        due = time.monotonic() - self.written >= self.seconds or self.stop is not None
        if not ended and due:
            self._save()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.step = (epoch + 1) * self.steps_per_epoch
        self._save()

    def on_train_end(self, logs: Any = None) -> None:
        arrays: list[np.ndarray] = []
        self.state = {"step": self.step, "metrics": [], "arrays": arrays}
        self.state["callbacks"] = self._states(arrays)

    def _save(self) -> None:
        self.write()
        if self.stop is not None:
            self.stop()

    def write(self) -> Path:
        """Write a checkpoint of this moment; return its file."""
        arrays = {}
        for kind, variables in _groups(self.model).items():
            for number, variable in enumerate(variables):
                arrays[f"{kind}/{number}"] = _to_numpy(variable)
        of_callbacks: list[np.ndarray] = []
        state = {"step": self.step, "stopped": bool(self.model.stop_training)}
        state |= {"callbacks": self._states(of_callbacks), "paths": _paths(self.model)}
        arrays |= {f"callbacks/{number}": each for number, each in enumerate(of_callbacks)}
        arrays["state"] = np.frombuffer(json.dumps(state).encode(), np.uint8)
        path = self.folder / f"step-{self.step:09d}.npz"
        write_arrays(path, arrays)
        for old in sorted(self.folder.glob("step-*.npz"))[:-KEPT]:
            old.unlink(missing_ok=True)
        self.written = time.monotonic()
        return path

    def _states(self, arrays: list[np.ndarray]) -> list[dict[str, Any]]:
        def put(array: np.ndarray) -> int:
            arrays.append(array)
            return len(arrays) - 1

        return [sibling.get(put) for sibling in self.siblings]


def _refuse_unheld(states: list[dict[str, Any]]) -> None:
    for state in states:
        for name, kind in state.get("unheld", {}).items():
            raise UserError(
                f"the callback {state['name']} keeps a {kind} in {name!r}, which no checkpoint "
                "holds, so that training cannot be resumed exactly; give the callback get_state() "
                "and set_state(state), or start a new run"
            )


def all_of(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder, the newest first."""
    return sorted(Path(folder).glob("step-*.npz"), reverse=True)


def latest(folder: Path) -> Path | None:
    """Return the newest checkpoint of a folder, or None."""
    return next(iter(all_of(folder)), None)


def restore(model: keras.Model, path: Path) -> dict[str, Any]:
    """Write a checkpoint back into a built and compiled model.

    Args:
        model: Of the same configuration, with its optimizer built. It is not touched if the
            checkpoint cannot be read.
        path: A file that `Checkpoint` wrote.

    Returns:
        The state that `Checkpoint` is given: `step`, `callbacks` and `metrics`, and whether
        training had `stopped` by itself.

    Raises:
        Damaged: If the file is not whole.
        RunError: If the checkpoint is of another model or another backend.
    """
    arrays = read(path)
    state: dict[str, Any] = json.loads(arrays["state"].tobytes())
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
    count = sum(name.startswith("callbacks/") for name in arrays)
    state["arrays"] = [arrays[f"callbacks/{number}"] for number in range(count)]
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
