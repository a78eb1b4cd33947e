"""Noise levels: tables, EDM's, and what a prediction says at each."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from kssl import diffusion
from kssl.testing.common import array

RANDOM = np.random.default_rng(0)
CLEAN, NOISE = RANDOM.normal(size=(2, 5, 3)).astype("float32")
TIMES = np.array([0, 1, 40, 500, 999])


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_noise_grows_from_nearly_none_to_nearly_all(kind):
    schedule = diffusion.NoiseSchedule(kind)
    assert (np.diff(schedule.signal) < 0).all()
    assert schedule.signal[0] > 0.9998 and schedule.signal[-1] < 1e-4
    assert schedule.signal.dtype == np.float64


def test_the_linear_noise_ends_at_the_same_level_for_any_number_of_timesteps():
    ends = [diffusion.NoiseSchedule("linear", steps).signal[-1] for steps in (100, 1000, 4000)]
    assert max(ends) / min(ends) < 2.1  # without scaling, 100 timesteps would end at 0.37
    np.testing.assert_allclose(diffusion.NoiseSchedule("linear").betas[[0, -1]], [1e-4, 0.02])


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_the_rates_of_a_table_are_right_in_float32_at_both_ends(kind):
    schedule = diffusion.NoiseSchedule(kind)
    signal, noise = (array(rate) for rate in schedule.rates(TIMES))
    np.testing.assert_allclose(signal**2, schedule.signal[TIMES], rtol=1e-6)
    np.testing.assert_allclose(noise**2, 1 - schedule.signal[TIMES], rtol=1e-6)
    assert [float(rate[0]) for rate in schedule.rates([-1])] == [1.0, 0.0]
    wanted = schedule.signal[TIMES] / (1 - schedule.signal[TIMES])
    np.testing.assert_allclose(array(schedule.snr(TIMES)), wanted, rtol=1e-5)


@pytest.mark.parametrize("prediction", ["epsilon", "v", "x0"])
def test_conversions_invert_each_other(prediction):
    schedule = diffusion.NoiseSchedule("cosine")
    times = np.array([0, 50, 400, 700, 900])
    rates = schedule.rates(times)
    noisy = schedule.add_noise(CLEAN, NOISE, times)
    signal, spread = (array(rate)[:, None] for rate in rates)
    true = {"x0": CLEAN, "epsilon": NOISE, "v": signal * NOISE - spread * CLEAN}
    found = diffusion.convert(noisy, true[prediction], rates, prediction)
    for kind, values in true.items():
        np.testing.assert_allclose(array(found[kind]), values, atol=2e-3, err_msg=kind)


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_spacings_fall_and_stay_in_the_table(spacing):
    schedule = diffusion.NoiseSchedule("cosine", 1000)
    for steps in (1, 7, 50, 1000):
        levels = schedule.levels(steps, spacing)
        assert len(levels) == steps and (np.diff(levels) < 0).all()
        assert levels.min() >= 0 and levels.max() <= 999
    assert schedule.levels(1000, spacing).tolist() == list(range(999, -1, -1))
    assert (schedule.levels(10, spacing)[0] == 999) == (spacing != "leading")


def test_karras_spacing_is_edms_on_the_table():
    schedule = diffusion.NoiseSchedule("cosine")
    levels = schedule.levels(12, "karras")
    signal = schedule.signal[levels]
    ratios = np.sqrt(1 / signal - 1)
    first = np.sqrt(1 / schedule.signal[0] - 1)
    assert (np.diff(levels) < 0).all() and levels[-1] == 0
    np.testing.assert_allclose(ratios, diffusion.edm_sigmas(12, first)[:-1], rtol=0.25)


def test_edm_preconditioning_gives_unit_variance():
    # Of data with deviation 0.5: what goes in, and what must come out, has variance 1 at any σ.
    clean = 0.5 * RANDOM.normal(size=(4, 20_000)).astype("float32")
    noise = RANDOM.normal(size=clean.shape).astype("float32")
    level = np.array([0.01, 0.5, 3.0, 50.0], "float32")
    edm = diffusion.EDMNoise()
    noisy = edm.add_noise(clean, noise, level)
    scaled, time = edm.network_inputs(noisy, level)
    factors = diffusion.edm_preconditioning(level)
    skip, out = (array(factors[name])[:, None] for name in ("c_skip", "c_out"))
    target = (clean - skip * array(noisy)) / out
    np.testing.assert_allclose(array(scaled).std(axis=1), 1.0, rtol=0.03)
    np.testing.assert_allclose(target.std(axis=1), 1.0, rtol=0.03)
    np.testing.assert_allclose(array(edm.prediction(noisy, target, level)), clean, atol=1e-3)
    np.testing.assert_allclose(array(time), np.log(level) / 4, rtol=1e-5)


def test_draws_are_of_the_documented_distribution():
    source = keras.random.SeedGenerator(0)
    drawn = array(diffusion.NoiseSchedule("cosine", 10).draw(20_000, source))
    np.testing.assert_allclose(np.bincount(drawn, minlength=10) / 20_000, 0.1, atol=0.01)
    logarithms = np.log(array(diffusion.EDMNoise().draw(20_000, source)))
    np.testing.assert_allclose([logarithms.mean(), logarithms.std()], [-1.2, 1.2], atol=0.04)


def test_half_precision_predictions_are_computed_in_float32():
    schedule = diffusion.NoiseSchedule("cosine")
    output = ops.cast(NOISE, "bfloat16")
    assert keras.backend.standardize_dtype(schedule.prediction(CLEAN, output, TIMES).dtype) == (
        "float32"
    )
    found = diffusion.convert(CLEAN, output, schedule.rates(TIMES), "v")
    assert keras.backend.standardize_dtype(found["x0"].dtype) == "float32"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: diffusion.NoiseSchedule("sigmoid"), "linear or cosine"),
        (lambda: diffusion.NoiseSchedule("linear", 0), "at least 1"),
        (lambda: diffusion.NoiseSchedule("linear", 10), "more timesteps"),
        (lambda: diffusion.NoiseSchedule().levels(1001), "1 to 1000"),
        (lambda: diffusion.NoiseSchedule().levels(10, "middle"), "spacing"),
        (lambda: diffusion.edm_sigmas(0), "at least 1"),
        (lambda: diffusion.convert(CLEAN, NOISE, (0.6, 0.8), "score"), "epsilon, v or x0"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
