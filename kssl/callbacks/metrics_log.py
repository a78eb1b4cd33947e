"""The metrics of every epoch, as a CSV file."""

from __future__ import annotations

import csv
import io
import logging
import math
import time
from pathlib import Path
from typing import Any

import keras

from kssl.system.files import replacing


class MetricsLog(keras.callbacks.Callback):
    """Writes one row per epoch to a CSV file, and stops training at a loss of NaN.

    Args:
        path: The file; rows of epochs that are trained again after a resume are replaced.

    Example:
        >>> log = kssl.callbacks.MetricsLog("metrics.csv")
        >>> history = model.fit(dataset, callbacks=[log], verbose=0)
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = Path(path)
        self.rows: list[dict[str, Any]] = []
        self.failed = ""
        self.began = 0.0

    def get_state(self) -> dict[str, str]:
        """Return what a checkpoint keeps: the rows are in the file."""
        return {"failed": self.failed}

    def set_state(self, state: dict[str, str]) -> None:
        """Take back what `get_state` returned."""
        self.failed = state["failed"]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {name: float(value) for name, value in (logs or {}).items()}
        seconds = round(time.perf_counter() - self.began, 3)
        row = {"epoch": epoch + 1, "seconds": seconds, **logs}
        row["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        if not self.rows and self.path.is_file():
            self.rows = [old for old in _rows(self.path) if old["epoch"] <= epoch]
        self.rows.append(row)
        text = io.StringIO()
        writer = csv.DictWriter(text, list(row), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        with replacing(self.path) as temporary:
            temporary.write_text(text.getvalue())
        if not math.isfinite(logs.get("loss", 0.0)):
            self.failed = f"the loss became {logs['loss']} in epoch {epoch + 1}"
            self.model.stop_training = True


def _rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of metrics, as far as it can be read."""
    rows: list[dict[str, Any]] = []
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                rows.append({**row, "epoch": int(row["epoch"])})
    except (OSError, ValueError, LookupError, TypeError, csv.Error):
        logging.getLogger("kssl").warning(
            "%s is damaged after %d rows: those behind it are left out", path.name, len(rows)
        )
    return rows
