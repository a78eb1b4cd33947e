"""What would show only after hours is said before anything is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kssl
from kssl.errors import RunError, UserError
from kssl.recipe import load
from kssl.runs import Prepared, checks, prepare
from kssl.runs.evaluate import evaluate_loaded
from kssl.runs.load import Loaded

SMALL = """
data: {use: synthetic, shape: [8, 8, 1], examples: 32}
pretext: [to_float]
model: {use: simclr, encoder: {use: mlp, units: [4]}, augment: device}
fit: {batch_size: 16, epochs: 1}
"""
DIFFUSION = "model={use: diffusion, timesteps: 6, network: {use: unet, filters: [4], blocks: 1}}"


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    path = tmp_path_factory.mktemp("recipe") / "small.yaml"
    path.write_text(SMALL)
    return prepare(load(path))


def changed(together: Prepared, *changes: str):
    return load(together.recipe.path, changes)


@pytest.mark.parametrize(
    ("callback", "said"),
    [
        ("sample_grid", "sample_grid: SimCLR does not generate images: leave it out"),
        ("sample_text", "sample_text: SimCLR does not generate text"),
        ("{use: backup_and_restore, backup_dir: x}", "kssl writes checkpoints and goes on"),
        ("swap_ema", "swap_ema: the model keeps no averages"),
        ("{use: early_stopping, monitor: val_los}", "nothing called 'val_los' to monitor; there"),
        ("{use: reduce_lr_on_plateau, monitor: accuracy}", "is: loss, val_loss, spread"),
        ("{use: early_stopping, monitor: loss}", ""),
        ("{use: early_stopping, monitor: val_loss}", ""),
        ("{use: early_stopping, monitor: spread, mode: max}", ""),
    ],
)
def test_callbacks_are_checked_against_the_model(together, callback, said):
    recipe = changed(together, f"callbacks=[{callback}]")
    if not said:
        checks.check_callbacks(recipe, together.model)
        return
    with pytest.raises(UserError, match=said):
        checks.check_callbacks(recipe, together.model)


@pytest.mark.parametrize(
    ("optimizer", "right"),
    [
        ("{use: adam, learning_rate: 0.0}", False),
        ("{use: adam, learning_rate: -1.0}", False),
        ("{use: ema, optimizer: {use: sgd, learning_rate: 0.0}}", False),
        ("{use: adam, learning_rate: {use: warmup_cosine, peak: 0.0, total_steps: 9}}", False),
        ("{use: adam, learning_rate: {use: warmup_cosine, peak: 0.1, total_steps: 9}}", True),
        ("{use: ema, optimizer: {use: sgd, learning_rate: 0.1}}", True),
    ],
)
def test_a_learning_rate_of_which_nothing_is_learned_is_refused(
    together, optimizer, right, monkeypatch
):
    recipe = changed(together, f"optimizer={optimizer}")
    recipe.supply.facts["total_steps"] = 9
    monkeypatch.setattr(together.model, "optimizer", recipe.build("optimizer"))
    if right:
        checks._check_rate(recipe, together.model)
        return
    with pytest.raises(UserError, match="nothing is learned: give one above 0"):
        checks._check_rate(recipe, together.model)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("fit.batch_size=1", "compares the examples of a batch, and here a batch has 1"),
        ("model={use: simclr}", "reads view_1 and view_2, and the batch has image: put"),
        ("data.classes=1000000", "1,000,000 classes need as many examples"),
        ("evaluate=[{use: knn, batch_size: 0}]", "batch_size must be above 0, got 0"),
        ("evaluate=[{use: linear, batch_size: -1}]", "batch_size must be above 0, got -1"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_run(together, change, said):
    with pytest.raises(UserError, match=said):
        prepare(changed(together, change))


def test_a_dropout_of_everything_is_refused(together):
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(1.0)])
    with pytest.raises(UserError, match=r"dropout is 1: nothing is left|is 1: nothing is left"):
        checks._check_dropout(model)


def test_steps_per_execution_beyond_an_epoch_are_those_of_the_epoch(together):
    assert prepare(changed(together, "fit.steps_per_execution=2147483647")).model is not None


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_one_wrong_value_in_a_split_is_found(together, split, tmp_path: Path):
    images = np.random.default_rng(0).random((80, 8, 8, 1)).astype("float32")
    wrong = images.copy()
    wrong[77, 3, 3, 0] = 1.5
    arrays = {name: wrong if name == split else images for name in ("train", "validation", "test")}
    np.savez(tmp_path / "a.npz", **arrays)
    data = f"data={{use: arrays, path: {tmp_path / 'a.npz'}}}"
    told = f"the split {split}: Diffusion needs values in 0 to 1; got"
    with pytest.raises(UserError, match=told):
        prepare(changed(together, DIFFUSION, data, "pretext=[]"))


def test_few_timesteps_are_all_visited():
    process = kssl.diffusion.ReverseProcess(kssl.diffusion.NoiseSchedule("cosine", 6), None)
    assert len(process.levels) == 6
    many = kssl.diffusion.ReverseProcess(kssl.diffusion.NoiseSchedule("cosine", 100), None)
    assert len(many.levels) == 50


def test_a_model_that_is_not_finite_has_no_accuracy(together, tmp_path, monkeypatch):
    weight = together.model.trainable_weights[0]
    before = weight.numpy() if hasattr(weight, "numpy") else np.asarray(weight)
    weight.assign(np.full(weight.shape, np.nan, "float32"))
    try:
        with pytest.raises(RunError, match="the weights are not finite .*training has diverged"):
            evaluate_loaded(None, Loaded(together.recipe, together.data, together.model), [])
    finally:
        weight.assign(before)
