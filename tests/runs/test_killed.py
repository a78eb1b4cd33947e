"""`kill -9`, really: a process that ends at a place ends, resumed, as one that was left alone.

This file is a program too: it trains, in processes of its own, what it is told on its command line.
"""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path

import keras
import numpy as np
import pytest

from kssl.runs import Run

SMALL = """
data: {use: synthetic, shape: [8, 8, 1], examples: 64}
pretext: [to_float]
model: {use: autoencoder, latent_dim: 2, encoder: {use: mlp, units: [4], dropout: 0.2}}
fit: {batch_size: 16, epochs: 4, checkpoint_seconds: 0, steps_per_execution: 1}
"""
STOP = "callbacks=[{use: early_stopping, monitor: loss, min_delta: 1.0e+9, patience: 2, %s}]"
# What is trained, and the step after which it is killed; None is in the evaluations.
CASES: dict[str, tuple[list[str], int | None]] = {
    "early stopping": ([STOP % "restore_best_weights: false"], 9),
    "plateau": (
        ["callbacks=[{use: reduce_lr_on_plateau, monitor: loss, min_delta: 1.0e+9, patience: 1}]"],
        10,
    ),
    "restore best": ([STOP % "restore_best_weights: true"], 6),
    "diffusion with averages": (
        [
            "model={use: diffusion, network: {use: unet, filters: [4], blocks: 1, attention: []}}",
            "optimizer={use: ema, optimizer: adam}",
            "callbacks=[{use: swap_ema, keep: true}]",
            "fit.epochs=2",
        ],
        None,
    ),
    "views on the device": (
        ["model={use: simclr, encoder: {use: mlp, units: [4]}, augment: device}", "fit.epochs=3"],
        6,
    ),
}
SLOW = [case for case in CASES if case != "views on the device"]


@pytest.mark.timeout(1800)  # three processes
@pytest.mark.parametrize(
    "case", ["views on the device", *(pytest.param(case, marks=pytest.mark.slow) for case in SLOW)]
)
def test_a_run_that_was_killed_ends_as_one_that_was_left_alone(case: str, tmp_path: Path) -> None:
    environment = {**os.environ, "KERAS_BACKEND": keras.backend.backend()}
    command = [sys.executable, __file__, case, str(tmp_path)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]
    whole, killed = (Run.open(tmp_path / name / "small") for name in ("whole", "killed"))
    for one, other in zip(arrays(killed), arrays(whole), strict=True):
        np.testing.assert_array_equal(one, other)
    assert rows(killed) == rows(whole)
    assert events(killed) == events(whole) != []
    assert len(set(events(killed))) == len(events(killed))


def arrays(run: Run) -> list[np.ndarray]:
    """What is published, and what training would go on from."""
    newest = max(run.checkpoints.glob("step-*.npz"))
    with np.load(newest) as file:
        inside = [file[name] for name in sorted(file.files) if name not in ("state", "digest")]
    published = keras.models.load_model(run.file("model.keras")).get_weights()
    return [np.array(newest.stem), *published, *inside]


def rows(run: Run) -> list[dict[str, str]]:
    with run.file("metrics.csv").open() as stream:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(stream)]


def events(run: Run) -> list[tuple[str, str, int]]:
    import tensorflow as tf
    from tensorflow.core.util import event_pb2

    found = []
    for path in run.file("events").rglob("events.out.*"):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = event_pb2.Event.FromString(record)
            found += [(path.parent.name, value.tag, event.step) for value in event.summary.value]
    return sorted(found)


def main(case: str, folder: Path) -> None:
    """Train to the end, then to the place, then on from there: each in a process of its own."""
    from kssl import report
    from kssl.runs import train  # all is imported once, and nothing has been computed

    report.write = report.draw = lambda *_: None
    folder.joinpath("small.yaml").write_text(SMALL)
    assert _process(_fit, case, folder, "whole") == 0
    kill = _kill_in_evaluation if CASES[case][1] is None else _kill_after
    assert _process(kill, train, case, folder) == -signal.SIGKILL
    assert Run.open(folder / "killed" / "small").status != "finished"
    assert _process(_resume, folder) == 0


def _process(work: object, *arguments: object) -> int:
    """Do something in another process; return its exit code, below 0 of the signal it died of."""
    if (child := os.fork()) == 0:
        code = 1
        try:
            work(*arguments)
            code = 0
        except Exception:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _fit(case: str, folder: Path, root: str) -> None:
    from kssl.recipe import load
    from kssl.runs import fit

    fit(load(folder / "small.yaml", CASES[case][0]), root=folder / root)


def _resume(folder: Path) -> None:
    from kssl.recipe import load
    from kssl.runs import fit

    run = Run.open(folder / "killed" / "small")
    fit(load(run.path), resume=run)


def _kill_in_evaluation(train: object, case: str, folder: Path) -> None:
    train.evaluate_loaded = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    _fit(case, folder, "killed")


def _kill_after(train: object, case: str, folder: Path) -> None:
    from kssl.callbacks import Checkpoint

    write = Checkpoint.write

    def killing(self: Checkpoint) -> Path:
        if self.step > CASES[case][1]:  # what came after the last checkpoint is lost
            os.kill(os.getpid(), signal.SIGKILL)
        return write(self)

    Checkpoint.write = killing
    _fit(case, folder, "killed")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
