"""A run that was stopped at any place ends as one that was left alone, bit for bit."""

from __future__ import annotations

import csv
import functools
import logging
import os
import re
import shutil
import signal
import tempfile
import threading
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from kssl.callbacks import Checkpoint
from kssl.callbacks.checkpoint import all_of, restore
from kssl.data import fingerprints
from kssl.data.splits import open_splits
from kssl.errors import RunError, UserError
from kssl.recipe import load
from kssl.runs import Run, fit
from kssl.runs import load as load_run
from kssl.runs import train as train_module
from kssl.runs.load import Loaded
from kssl.runs.resume import restored
from kssl.runs.start import compare_start
from kssl.runs.stopping import Stopped, stopping

SMALL = """
data: {use: synthetic, shape: [8, 8, 1], examples: 64}
pretext: [to_float]
model: {use: autoencoder, latent_dim: 2, encoder: {use: mlp, units: [4], dropout: 0.2}}
fit: {batch_size: 16, epochs: 4, checkpoint_seconds: 0, steps_per_execution: 1}
"""
# By that much no loss improves: it stops after the third epoch, and the first one is the best.
STOP = "{use: early_stopping, monitor: loss, min_delta: 1.0e+9, patience: 2, %s}"
SWAP = ["optimizer={use: ema, optimizer: adam}", "callbacks=[{use: swap_ema, keep: true}]"]
CASES = {
    "best": ["callbacks=[" + STOP % "restore_best_weights: true" + "]"],
    "plateau": [
        "callbacks=[{use: reduce_lr_on_plateau, monitor: loss, min_delta: 1.0e+9, patience: 1}]"
    ],
    "averages": SWAP,
    "averages of Keras": ["optimizer={use: adam, use_ema: true}"],
    "views on the device": [
        "model={use: simclr, encoder: {use: mlp, units: [4]}, augment: device}",
        "pretext=[to_float]",
        "fit.epochs=2",
    ],
}


class Killed(BaseException):
    """Nobody catches it, as nobody catches a `kill -9`."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, no_figures: None) -> None:
    monkeypatch.setattr("kssl.report.write", lambda _: None)
    monkeypatch.setattr(Loaded, "untrained", lambda self: self.model)


def recipe(case: str, folder: Path):
    path = folder / "small.yaml"
    path.write_text(SMALL)
    return load(path, CASES[case])


@functools.cache
def whole(case: str) -> Run:
    folder = Path(tempfile.mkdtemp())
    return fit(recipe(case, folder), root=folder)


def arrays(run: Run) -> list[np.ndarray]:
    """What is published, and what training would go on from."""
    model = keras.models.load_model(run.file("model.keras"))
    newest = max(run.checkpoints.glob("step-*.npz"))
    with np.load(newest) as file:
        inside = [file[name] for name in sorted(file.files) if name not in ("state", "digest")]
    return [newest.stem, *map(keras.ops.convert_to_numpy, model.weights), *inside]


def rows(run: Run) -> list[dict[str, str]]:
    with run.file("metrics.csv").open() as stream:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(stream)]


def events(run: Run) -> list[tuple[str, str, int]]:
    from tensorflow.core.util import event_pb2

    found = []
    for path in run.file("events").rglob("events.out.*"):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = event_pb2.Event.FromString(record)
            found += [(path.parent.name, value.tag, event.step) for value in event.summary.value]
    return sorted(found)


def killed(case: str, folder: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> Run:
    """Train until the place, and stop there."""
    with monkeypatch.context() as patch:
        if place == "evaluation":
            patch.setattr(train_module, "finish", _kill)
        elif place == "SIGTERM":
            patch.setattr(Checkpoint, "on_train_batch_end", _signalled)
        else:
            patch.setattr(Checkpoint, "write", _killing_after(int(place)))
        with pytest.raises((Killed, Stopped)):
            fit(recipe(case, folder), root=folder)
    return Run.open(folder / "small")


def _kill(*_: object) -> None:
    raise Killed


def _signalled(self: Checkpoint, batch: int, logs: object = None) -> None:
    self.seconds = 1e9
    self.step = self.start + batch + 1
    if self.step == 6:
        signal.raise_signal(signal.SIGTERM)
    if self.stop is not None:
        self._save()


def _killing_after(step: int):
    write = Checkpoint.write

    def killing(self: Checkpoint) -> Path:
        if self.step > step:  # what came after the last checkpoint is lost
            raise Killed
        return write(self)

    return killing


PLACES = [
    ("best", "6"),
    ("plateau", "SIGTERM"),
    ("averages", "evaluation"),
    pytest.param("best", "evaluation", marks=pytest.mark.slow),
    pytest.param("averages of Keras", "9", marks=pytest.mark.slow),
    # tests/runs/test_killed.py ends such a run with a real `kill -9`.
    pytest.param("views on the device", "5", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("case", "place"), PLACES)
def test_a_run_that_was_killed_ends_as_one_that_was_not(case, place, tmp_path, monkeypatch):
    run = killed(case, tmp_path, monkeypatch, place)
    expected = whole(case)
    if place == "evaluation":  # its training is over: it can be used as it is
        published = keras.models.load_model(expected.file("model.keras")).get_weights()
        for one, other in zip(load_run(run).model.get_weights(), published, strict=True):
            np.testing.assert_array_equal(one, other)
    if place == "SIGTERM":
        assert (run.status, run.record["message"]) == ("interrupted", "stopped by SIGTERM")
        assert all_of(run.checkpoints)[0].stem == "step-000000006"
    fit(load(run.path), resume=run)
    for one, other in zip(arrays(run), arrays(expected), strict=True):
        np.testing.assert_array_equal(one, other)
    assert rows(run) == rows(expected)
    assert events(run) == events(expected)
    assert len(set(events(run))) == len(events(run))


@functools.cache
def small_model() -> keras.Model:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def two_checkpoints(folder: Path) -> tuple[Run, Path]:
    """A run with the checkpoints of steps 1 and 2, and the newest of them."""
    (folder / "small" / "1").mkdir(parents=True)
    run = Run(folder / "small" / "1")
    callback = Checkpoint(run.checkpoints, 10)
    callback.set_model(small_model())
    small_model().stop_training = False
    for step in (1, 2):
        small_model().layers[0].bias.assign(np.full(4, step, "float32"))
        callback.step = step
        newest = callback.write()
    return run, newest


def _cut(length: int):
    return lambda path: path.write_bytes(path.read_bytes()[:length])


def _flipped(before: bytes):
    """Change the byte that the last occurrence of some others begins with."""

    def flip(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[content.rindex(before)] ^= 0xFF
        path.write_bytes(content)

    return flip


def _rewritten(**changes: np.ndarray | None):
    """Another archive that is whole as such."""

    def rewrite(path: Path) -> None:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files} | changes
        np.savez(path, **{name: each for name, each in arrays.items() if each is not None})

    return rewrite


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _gone(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere.npz"))


def _pickled(path: Path) -> None:
    np.savez(path, state=np.array([{"an": "object"}], dtype=object))


DAMAGES = {
    "empty": (_cut(0), "is empty"),
    "one byte": (_cut(1), "is damaged"),
    "half": (_cut(2000), "is damaged"),
    "without its end": (_cut(-1), "is damaged"),
    "zeros": (lambda path: path.write_bytes(bytes(path.stat().st_size)), "is damaged"),
    "a web page": (lambda path: path.write_text("<html>"), "is damaged"),
    "a byte of a weight": (_flipped(np.full(4, 2, "float32").tobytes()), "is damaged"),
    "a byte of the state": (_flipped(b'"step"'), "is damaged"),
    "a byte of a header": (_flipped(b"NUMPY"), "is damaged"),
    "a byte of the directory": (_flipped(b"PK\x01\x02"), "is damaged"),
    "no state": (_rewritten(state=None), "lacks a part: state"),
    "no weights": (_rewritten(**{"model/0": None}), "other contents"),
    "other weights": (_rewritten(**{"model/1": np.zeros(4, "float32")}), "other contents"),
    "state of nothing": (_rewritten(state=np.frombuffer(b"[]", "uint8")), "has no state"),
    "a pickle": (_pickled, "is damaged"),
    "a pipe": (_pipe, "is a folder or a pipe"),
    "a folder": (_folder, "is a folder or a pipe"),
    "a lost link": (_gone, "cannot be opened: No such file"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(damage, tmp_path, caplog):
    run, newest = two_checkpoints(tmp_path)
    harm, said = DAMAGES[damage]
    harm(newest)
    with caplog.at_level(logging.WARNING, "kssl"):
        state = restored(small_model(), run)
    assert state["step"] == 1
    np.testing.assert_array_equal(small_model().get_weights()[1], np.ones(4))
    (message,) = [each.getMessage() for each in caplog.records if each.name == "kssl"]
    assert "step-000000002.npz" in message and said in message and "step 1" in message
    assert [path.name for path in all_of(run.checkpoints)] == ["step-000000001.npz"]


def test_where_no_checkpoint_is_whole_it_is_said_what_to_do(tmp_path):
    run, newest = two_checkpoints(tmp_path)
    for path in all_of(run.checkpoints):
        path.write_bytes(b"")
    with pytest.raises(RunError, match=r"step-0+2.npz is empty; step-0+1.npz is empty. Delete its"):
        restored(small_model(), run)


class Tally(keras.callbacks.Callback):
    """A plugin's callback with state of many kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.best = np.float32(1.5)
        self.seen = [1, (2, {"a": np.arange(3)}), {4}]
        self.order = keras.ops.less
        self.none = None
        self.unchanged = threading.Lock()


class Drawn(keras.callbacks.Callback):
    """A plugin's callback with state that no checkpoint holds."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = np.random.default_rng(0)


def kept(callback: keras.callbacks.Callback, change, folder: Path) -> Checkpoint:
    checkpoint = Checkpoint(folder, 10, siblings=[callback])
    checkpoint.set_model(small_model())
    small_model().stop_training = False
    change(callback)
    state = restore(small_model(), checkpoint.write())
    again = type(callback)()
    resumed = Checkpoint(folder, 10, state=state, siblings=[again])
    resumed.on_train_begin()
    return again


def test_the_state_of_any_callback_is_kept(tmp_path):
    def change(callback: Tally) -> None:
        callback.best = np.float64(0.25)
        callback.seen[1][1]["a"] = np.ones((2, 2), "float16")
        callback.order = keras.ops.greater
        callback.none = ["x", float("inf")]

    again = kept(Tally(), change, tmp_path)
    assert type(again.best) is np.float64 and again.best == 0.25
    assert again.seen[0] == 1 and again.seen[1][0] == 2 and again.seen[2] == {4}
    array = again.seen[1][1]["a"]
    assert array.dtype == "float16" and array.tolist() == [[1, 1], [1, 1]]
    assert again.order is keras.ops.greater and again.none == ["x", float("inf")]


def test_callbacks_of_keras_have_no_state_that_is_lost(tmp_path):
    made = keras.callbacks
    callbacks = [
        made.EarlyStopping("loss", restore_best_weights=True),
        made.ReduceLROnPlateau("loss", patience=1),
        made.ModelCheckpoint(tmp_path / "m.weights.h5", "loss", save_weights_only=True),
        made.LearningRateScheduler(lambda epoch, rate: rate),
        made.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
        made.TerminateOnNaN(),
        made.TensorBoard(tmp_path / "logs"),
    ]
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    checkpoint = Checkpoint(tmp_path, 2, siblings=callbacks)
    data = np.ones((4, 3)), np.zeros((4, 1))
    model.fit(*data, batch_size=2, epochs=2, verbose=0, callbacks=[*callbacks, checkpoint])
    states = restore(model, all_of(tmp_path)[0])["callbacks"]
    assert [state["unheld"] for state in states] == [{}] * len(callbacks)
    assert {"best", "best_weights", "monitor_op", "wait"} <= states[0]["values"].keys()
    assert states[0]["values"]["monitor_op"] == {"op": "less"}


def test_state_that_cannot_be_kept_is_refused_by_name_once_it_has_changed(tmp_path):
    kept(Drawn(), lambda callback: None, tmp_path)
    with pytest.raises(UserError, match="Drawn keeps a Generator in 'generator', which no check"):
        kept(Drawn(), lambda callback: callback.generator.random(), tmp_path)


@pytest.mark.parametrize("damage", ["half", "empty", "a web page", "a byte of the directory"])
def test_a_damaged_model_file_is_named_and_the_checkpoint_used(damage, tmp_path, caplog):
    shutil.copytree(whole("averages").path, tmp_path / "small" / "1")
    run = Run(tmp_path / "small" / "1")
    DAMAGES[damage][0](run.file("model.keras"))
    with caplog.at_level(logging.WARNING, "kssl"):
        model = load_run(run).model
    assert "model.keras is damaged" in caplog.text and "newest checkpoint is used" in caplog.text
    expected = keras.models.load_model(whole("averages").file("model.keras")).get_weights()
    for one, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def interrupted(folder: Path) -> Run:
    """A copy of a whole run that counts as interrupted."""
    shutil.copytree(whole("plateau").path, folder / "small" / "1")
    run = Run(folder / "small" / "1")
    run.write_json("status.json", run.record | {"status": "interrupted"})
    return run


EDITS = {
    "fit: {batch_size: 16, epochs: 5}": "fit.epochs is 5, and was 4",
    "seed: 7": "seed is 7, and was 0",
    "precision: mixed_bfloat16": 'precision is "mixed_bfloat16", and was "float32"',
    "callbacks: []": "callbacks is",
    "optimizer: {use: sgd}": 'optimizer.use is "sgd", and was "adam"',
    "pretext: [to_float, binarize]": "pretext is",
    "model: {use: autoencoder, latent_dim: 3}": "model.latent_dim is 3, and was 2",
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_recipe_is_not_resumed_and_the_edit_named(edit, tmp_path):
    run = interrupted(tmp_path)
    section = edit.partition(":")[0]
    sections = re.split(r"(?m)^(?=\w)", run.file("recipe.yaml").read_text())
    kept_sections = [each for each in sections if not each.startswith(f"{section}:")]
    run.file("recipe.yaml").write_text("".join(kept_sections) + edit + "\n")
    with pytest.raises(UserError, match=re.escape(EDITS[edit])):
        compare_start(run)


def test_what_does_not_change_the_weights_may_be_edited(tmp_path, capsys):
    run = interrupted(tmp_path)
    run.file("recipe.yaml").write_text(run.file("recipe.yaml").read_text() + "evaluate: [knn]\n")
    compare_start(run)
    assert "note: recipe.yaml was edited since the run began: evaluate" in capsys.readouterr().out


def test_a_run_is_resumed_on_as_many_devices_as_it_began_with(tmp_path, monkeypatch):
    run = interrupted(tmp_path)
    monkeypatch.setattr("kssl.system.devices.count", lambda: 2)
    with pytest.raises(UserError, match="began with devices 1, and this is devices 2: add --dev"):
        compare_start(run)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_data_of_which_any_example_was_replaced_is_other_data(split, recipe_data):
    before = fingerprints.whole(pipelines := recipe_data._pipelines(), ())
    old = fingerprints.of_the_first(pipelines)  # of kssl 0.1: 64 examples
    assert recipe_data.is_as(before) and recipe_data.is_as(old)
    column = getattr(recipe_data, split)._columns["image"]
    changed = tf.tensor_scatter_nd_update(
        column, [[len(column) - 1, 0, 0, 0]], [column[-1, 0, 0, 0] + 1]
    )
    getattr(recipe_data, split)._columns["image"] = changed
    assert fingerprints.whole(pipelines, ()) != before


@pytest.fixture
def recipe_data(tmp_path):
    return open_splits(recipe("plateau", tmp_path))


@pytest.fixture
def interruptible():
    """Signals reach Python, also where the tests were started in the background or by nohup."""
    usual = {signal.SIGINT: signal.default_int_handler}
    usual |= dict.fromkeys((signal.SIGTERM, signal.SIGHUP), signal.SIG_DFL)
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_one_signal_saves_after_the_step_and_a_second_stops_at_once(tmp_path, interruptible):
    saved = []
    callback = Checkpoint(tmp_path, 10, seconds=1e9)
    callback.write = lambda: saved.append(callback.step)
    callback.set_model(small_model())
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    with pytest.raises(Stopped, match="stopped by SIGTERM") as stopped, stopping() as signals:
        signals.training = callback
        callback.on_train_batch_end(0)
        assert not saved
        signal.raise_signal(signal.SIGTERM)
        callback.on_train_batch_end(1)
    assert saved == [2] and stopped.value.number == signal.SIGTERM
    with pytest.raises(Stopped), stopping() as signals:
        signals.training = callback
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(Stopped, match="SIGHUP"), stopping():  # no training is going on
        signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
