"""Averages of weights where Keras' own are wrong: accumulation, a second fit, saving."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kssl.optimizers import EMA, SwapEMA, averaged, find_ema
from kssl.testing.common import array

X = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
Y = (X @ [[1.0], [-2.0], [0.5]]).astype("float32")


def model(momentum=0.5, warmup=False, accumulate=None, dtype=None):
    keras.utils.set_random_seed(0)
    inner = keras.optimizers.SGD(0.1, gradient_accumulation_steps=accumulate)
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, dtype=dtype)])
    network.compile(EMA(inner, momentum, warmup), "mse")
    return network


class Weights(keras.callbacks.Callback):
    """Follows the kernel after every epoch, which is one batch here."""

    def __init__(self):
        super().__init__()
        self.kernels = []

    def on_epoch_end(self, epoch, logs=None):
        self.kernels.append(self.model.get_weights()[0])


def fit(network, epochs):
    """Train one batch an epoch; return the kernel after each."""
    weights = Weights()
    network.fit(X, Y, batch_size=32, epochs=epochs, verbose=0, callbacks=[weights])
    return weights.kernels


def average(network):
    return array(find_ema(network).averages[0])


def by_hand(kernels, momentum, warmup=False):
    """The average after these updates; the first one copies."""
    result = kernels[0]
    for number, kernel in enumerate(kernels):
        share = min(momentum, number / (number + 10) if warmup else float(number > 0))
        result = share * result + (1 - share) * kernel
    return result


@pytest.mark.parametrize("warmup", [False, True])
def test_it_averages_the_weights_after_each_update(warmup):
    network = model(0.5, warmup)
    kernels = fit(network, 5)
    np.testing.assert_allclose(average(network), by_hand(kernels, 0.5, warmup), rtol=1e-5)
    np.testing.assert_array_equal(network.get_weights()[0], kernels[-1])  # fit leaves them


def test_training_is_that_of_the_inner_optimizer():
    alone = model()
    alone.compile(keras.optimizers.SGD(0.1), "mse")
    np.testing.assert_allclose(fit(alone, 4)[-1], fit(model(), 4)[-1], rtol=1e-6)


def test_accumulated_batches_count_once():
    network = model(0.5, accumulate=3)
    kernels = fit(network, 9)
    np.testing.assert_array_equal(kernels[2], kernels[4])
    updated = [kernels[2], kernels[5], kernels[8]]
    np.testing.assert_allclose(average(network), by_hand(updated, 0.5), rtol=1e-5)


def test_a_second_fit_goes_on_where_the_first_stopped():
    network = model()
    kernels = fit(network, 3)
    with averaged(network):
        network.evaluate(X, Y, verbose=0)
    kernels += fit(network, 3)
    np.testing.assert_allclose(average(network), by_hand(kernels, 0.5), rtol=1e-5)
    once = model()
    np.testing.assert_allclose(fit(once, 6)[-1], kernels[-1], rtol=1e-6)


def test_averages_are_saved_and_loaded_and_go_on(tmp_path):
    network = model(0.9, True)
    fit(network, 4)
    network.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(average(again), average(network))
    assert again.optimizer.get_config() == network.optimizer.get_config()
    for each in (network, again):
        fit(each, 3)
    np.testing.assert_allclose(average(again), average(network), rtol=1e-6, atol=1e-6)


def test_a_block_has_the_averages_and_gives_the_weights_back():
    network = model()
    kernel, mean = fit(network, 4)[-1], average(network)
    assert np.abs(kernel - mean).max() > 1e-4
    with pytest.raises(RuntimeError, match="inside"), averaged(network):
        np.testing.assert_array_equal(network.get_weights()[0], mean)
        raise RuntimeError("inside")
    np.testing.assert_array_equal(network.get_weights()[0], kernel)
    np.testing.assert_array_equal(average(network), mean)


def test_the_callback_evaluates_and_predicts_with_averages_only():
    network = model()
    kernel = fit(network, 4)[-1]
    with averaged(network):
        loss, predicted = network.evaluate(X, Y, verbose=0), network.predict(X, verbose=0)
    swap = SwapEMA()
    assert network.evaluate(X, Y, verbose=0, callbacks=[swap]) == pytest.approx(loss, rel=1e-6)
    assert loss != pytest.approx(network.evaluate(X, Y, verbose=0), rel=1e-3)
    found = network.predict(X, verbose=0, callbacks=[swap])
    np.testing.assert_allclose(found, predicted, rtol=1e-6)
    np.testing.assert_array_equal(network.get_weights()[0], kernel)


def test_validation_during_fit_uses_averages_and_training_does_not_notice():
    plain, swapped = model(), model()
    kernels = fit(plain, 4)
    history = swapped.fit(
        X, Y, batch_size=32, epochs=4, verbose=0, validation_data=(X, Y), callbacks=[SwapEMA()]
    ).history
    np.testing.assert_allclose(swapped.get_weights()[0], kernels[-1], rtol=1e-6, atol=1e-6)
    with averaged(swapped):
        wanted = swapped.evaluate(X, Y, verbose=0)
    assert history["val_loss"][-1] == pytest.approx(wanted, rel=1e-5)


def test_kept_averages_are_the_models_weights_at_the_end_and_training_goes_on_without_them():
    plain, kept = model(), model()
    kernels = fit(plain, 5)
    for _ in range(2):
        again = [SwapEMA(keep=True), weights := Weights()]
        kept.fit(X, Y, batch_size=32, epochs=2, verbose=0, validation_data=(X, Y), callbacks=again)
    np.testing.assert_allclose(weights.kernels, kernels[2:4], rtol=1e-6)
    np.testing.assert_allclose(kept.get_weights()[0], by_hand(kernels[:4], 0.5), rtol=1e-5)
    np.testing.assert_allclose(average(kept), kernels[3], rtol=1e-6)


def test_it_works_inside_loss_scaling():
    network = model(dtype="mixed_float16")
    assert type(network.optimizer).__name__ == "LossScaleOptimizer" or _scaled(network)
    kernels = fit(network, 4)
    np.testing.assert_allclose(average(network), by_hand(kernels, 0.5), rtol=1e-4)


def _scaled(network):
    inner = find_ema(network)
    network.compile(keras.optimizers.LossScaleOptimizer(inner, initial_scale=8.0), "mse")
    return True


def test_the_learning_rate_is_that_of_the_inner_optimizer():
    optimizer = model().optimizer
    optimizer.learning_rate = 0.25
    assert float(array(optimizer.optimizer.learning_rate)) == 0.25
    assert float(array(optimizer.learning_rate)) == 0.25


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EMA(keras.optimizers.SGD(), 1.0), r"momentum must be in \[0, 1\)"),
        (lambda: EMA(keras.optimizers.SGD(use_ema=True)), "averages already"),
        (lambda: EMA(keras.optimizers.SGD()).swap(), "before the first training step"),
        (lambda: find_ema(_without()), "keeps no averages: .*it has SGD"),
    ],
)
def test_refusals_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def _without():
    network = model()
    network.compile(keras.optimizers.SGD(), "mse")
    return network
