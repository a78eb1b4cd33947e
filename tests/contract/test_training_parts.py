"""Every optimizer, schedule and callback of the catalog keeps the contract."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from kssl import callbacks, layers, models, optimizers, plugins, testing, tokenizers

IMAGES = np.random.default_rng(0).random((16, 6, 6, 1), dtype=np.float32)
VIEWS = {"view_1": IMAGES, "view_2": IMAGES[::-1].copy()}
TOKENS = np.random.default_rng(1).integers(0, 9, (8, 6)).astype(np.int32)


def compiled(make, optimizer=None):
    def model():
        made = make()
        made.compile(keras.optimizers.Adam(1e-3) if optimizer is None else optimizer())
        return made

    return model


autoencoder = compiled(lambda: models.AutoEncoder(2, layers.MLP([5]), layers.MLP([5])))
averaged = compiled(
    lambda: models.AutoEncoder(2, layers.MLP([5]), layers.MLP([5])),
    lambda: optimizers.EMA(keras.optimizers.Adam(1e-3), 0.9),
)
simclr = compiled(lambda: models.SimCLR(layers.ConvNet([4]), layers.ProjectionHead(4, 6)))
gpt = compiled(lambda: models.GPT(9, depth=1, heads=1, width=4))

OPTIMIZERS = {
    "ema": lambda: optimizers.EMA(keras.optimizers.SGD(0.1), 0.9),
    "matrix_adamw": partial(optimizers.MatrixAdamW, 0.05, 0.1),
    "lars": partial(optimizers.LARS, 0.5, weight_decay=1e-3),
}
SCHEDULES = {"warmup_cosine": partial(optimizers.WarmupCosine, 0.1, 50, warmup_steps=5)}


@testing.parametrize_checks(
    *(testing.optimizer_checks(make) for make in OPTIMIZERS.values()),
    *(testing.schedule_checks(make) for make in SCHEDULES.values()),
)
def test_optimizers_and_schedules(check: testing.Check) -> None:
    check()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where callbacks without a folder write


WORDS = tokenizers.train_vocabulary(["a b c d e"] * 3, "words")
CALLBACKS = {
    "health_guard": testing.callback_checks(
        lambda: callbacks.HealthGuard(VIEWS, patience=1), simclr, VIEWS
    ),
    "sample_grid": testing.callback_checks(
        lambda: callbacks.SampleGrid(every=1, count=4), autoencoder, IMAGES
    ),
    "sample_text": testing.callback_checks(
        lambda: callbacks.SampleText(every=1, length=5, vocabulary=None), gpt, TOKENS
    ),
    "swap_ema": testing.callback_checks(
        lambda: callbacks.SwapEMA(keep=True), averaged, IMAGES, observes=False
    ),
}


@testing.parametrize_checks(*CALLBACKS.values())
def test_callbacks(check: testing.Check) -> None:
    check()


@pytest.mark.parametrize(
    ("kind", "under_contract"),
    [("optimizers", OPTIMIZERS), ("schedules", SCHEDULES), ("callbacks", CALLBACKS)],
)
def test_every_one_is_under_contract(kind, under_contract) -> None:
    own = {name for name, part in plugins.offered(kind).items() if part.owner == "kssl"}
    assert own == set(under_contract)
