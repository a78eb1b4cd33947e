"""The steps from noise to data, in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from kssl import diffusion
from kssl.testing.common import array

RANDOM = np.random.default_rng(0)
CLEAN, NOISE = RANDOM.normal(size=(2, 2, 4, 4, 1)).astype("float32")
SCHEDULES = {
    "linear": diffusion.NoiseSchedule("linear"),
    "cosine": diffusion.NoiseSchedule("cosine"),
    "edm": diffusion.EDMNoise(),
}


def drawn(shape=CLEAN.shape, seed=1):
    random = np.random.default_rng(seed)
    return lambda: random.normal(size=shape).astype("float32")


def last(process, denoise, **settings):
    *_, state = process.run(denoise, NOISE, **settings)
    return array(state)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "heun"])
def test_a_perfect_model_is_given_back(name, sampler):
    process = diffusion.ReverseProcess(SCHEDULES[name], 5, sampler, eta=0.3)
    np.testing.assert_allclose(
        last(process, lambda noisy, level: CLEAN, draw=drawn()), CLEAN, atol=1e-5
    )


@pytest.mark.parametrize("name", SCHEDULES)
def test_ddim_keeps_the_noise_of_a_perfect_model(name):
    schedule = SCHEDULES[name]
    process = diffusion.ReverseProcess(schedule, 5)
    noisy = array(schedule.add_noise(CLEAN, NOISE, np.full(2, process.levels[0])))
    for level, after in zip(process.levels, process.levels[1:], strict=False):
        rates, following = (schedule.rates(np.full(2, each)) for each in (level, after))
        epsilon = diffusion.convert(noisy, CLEAN, rates, "x0")["epsilon"]
        noisy = array(diffusion.ddim_step(CLEAN, epsilon, rates, following)["mean"])
        wanted = array(schedule.add_noise(CLEAN, NOISE, np.full(2, after)))
        np.testing.assert_allclose(noisy, wanted, atol=2e-3 * max(1.0, float(after) / 500))


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("places", [(0, 1), (1, 3)])
def test_ddim_with_eta_one_is_the_ancestral_step(name, places):
    schedule = SCHEDULES[name]
    levels = schedule.levels(6)
    rates, following = (schedule.rates(np.full(2, levels[place])) for place in places)
    noisy = 0.3 * CLEAN + NOISE * array(rates[1])[0]
    epsilon = diffusion.convert(noisy, CLEAN, rates, "x0")["epsilon"]
    implicit = diffusion.ddim_step(CLEAN, epsilon, rates, following, eta=1.0)
    ancestral = diffusion.ddpm_step(noisy, CLEAN, rates, following)
    np.testing.assert_allclose(
        array(implicit["sigma"]) ** 2, array(ancestral["variance_small"]), rtol=1e-4
    )
    scale = np.abs(array(ancestral["mean"])).max()
    np.testing.assert_allclose(array(implicit["mean"]), array(ancestral["mean"]), atol=1e-3 * scale)


def test_an_ancestral_step_is_bayes_rule():
    # One value, two levels: the posterior of the less noisy one, by a sum over a fine grid.
    rates, following = (np.sqrt(0.4), np.sqrt(0.6)), (np.sqrt(0.7), np.sqrt(0.3))
    clean, noisy = 0.8, -0.5
    grid = np.linspace(-6, 6, 20_001)
    prior = np.exp(-0.5 * (grid - following[0] * clean) ** 2 / 0.3)
    kept = np.sqrt(0.4 / 0.7)
    likelihood = np.exp(-0.5 * (noisy - kept * grid) ** 2 / (1 - kept**2))
    posterior = prior * likelihood / (prior * likelihood).sum()
    mean = (grid * posterior).sum()
    variance = ((grid - mean) ** 2 * posterior).sum()
    step = diffusion.ddpm_step(np.full((1, 1), noisy), np.full((1, 1), clean), rates, following)
    np.testing.assert_allclose(array(step["mean"])[0, 0], mean, rtol=1e-5)
    np.testing.assert_allclose(array(step["variance_small"]), variance, rtol=1e-5)
    np.testing.assert_allclose(array(step["variance_large"]), 1 - kept**2, rtol=1e-5)


def gaussian_denoiser(schedule, deviation):
    """What is best for data from a normal distribution: the exact solution of the path is known."""

    def denoise(noisy, level):
        signal, spread = (array(rate).reshape(-1, 1, 1, 1) for rate in schedule.rates(level))
        total = (signal * deviation) ** 2 + spread**2
        return signal * deviation**2 / total * array(noisy)

    return denoise


@pytest.mark.parametrize("name", SCHEDULES)
def test_heun_and_ddim_follow_the_path_of_gaussian_data(name):
    schedule, deviation = SCHEDULES[name], 0.5
    errors = {}
    for sampler in ("ddim", "heun"):
        process = diffusion.ReverseProcess(schedule, 60, sampler)
        signal, spread = (float(array(rate)[0]) for rate in schedule.rates([process.levels[0]]))
        # The path keeps each value at the same quantile: noise times a number.
        wanted = NOISE * spread * deviation / np.hypot(signal * deviation, spread)
        found = last(process, gaussian_denoiser(schedule, deviation))
        errors[sampler] = np.abs(found - wanted).max() / np.abs(wanted).max()
    assert errors["ddim"] < 0.12
    assert errors["heun"] < 0.5 * errors["ddim"]  # it is of second order


def test_ancestral_sampling_has_the_variance_of_the_data():
    schedule = diffusion.NoiseSchedule("cosine")
    process = diffusion.ReverseProcess(schedule, 100, "ddpm")
    shape = (4, 32, 32, 1)
    noise = drawn(shape, 2)
    *_, found = process.run(gaussian_denoiser(schedule, 0.5), noise(), noise)
    np.testing.assert_allclose(array(found).std(), 0.5, rtol=0.04)


def test_noise_put_back_gives_the_level_again():
    schedule = diffusion.NoiseSchedule("cosine")
    few, many = (schedule.rates(np.array([level])) for level in (100, 400))
    noise = drawn((1, 200, 200, 1), 3)
    before = array(diffusion.add_noise(np.ones((1, 200, 200, 1)), noise(), few))
    after = array(diffusion.renoise(before, few, many, noise()))
    np.testing.assert_allclose(after.mean(), float(array(many[0])[0]), atol=0.02)
    np.testing.assert_allclose(after.std(), float(array(many[1])[0]), rtol=0.02)


def test_what_is_known_stays():
    process = diffusion.ReverseProcess(diffusion.NoiseSchedule("cosine"), 5, "ddpm")
    mask = np.zeros_like(CLEAN)
    mask[:, :2] = 1.0
    found = last(
        process,
        lambda noisy, level: np.zeros_like(CLEAN),
        draw=drawn(),
        known=(CLEAN, mask),
        repeats=2,
    )
    np.testing.assert_array_equal(found[:, :2], CLEAN[:, :2])
    np.testing.assert_allclose(found[:, 2:], 0.0, atol=1e-6)


def test_guidance_one_is_off_and_the_papers_w_is_one_less():
    free, asked = NOISE, CLEAN
    off = array(diffusion.classifier_free_guidance(asked, free, 1.0))
    np.testing.assert_allclose(off, asked, atol=1e-6)
    np.testing.assert_array_equal(array(diffusion.classifier_free_guidance(asked, free, 0.0)), free)
    w = 2.0
    wanted = (1 + w) * asked - w * free
    found = array(diffusion.classifier_free_guidance(asked, free, w + 1))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_seeded_noise_does_not_depend_on_how_many_are_drawn():
    noise = diffusion.SeededNoise(3, (2, 2, 1))
    few, many = noise.of(np.arange(2)), noise.of(np.arange(5))
    for _ in range(2):
        np.testing.assert_array_equal(few(), many()[:2])
    assert np.abs(few() - few()).min() > 0


@pytest.mark.parametrize(("count", "sizes"), [(1, [4]), (5, [8]), (20, [8, 8, 8])])
def test_batches_have_few_sizes(count, sizes):
    seen = []

    def draw(rows):
        seen.append(len(rows))
        return np.asarray(rows, "float32")

    found = array(diffusion.in_batches(draw, count, largest=8))
    assert seen == sizes
    np.testing.assert_array_equal(found, np.arange(count))


def test_labels_are_in_turn_and_checked():
    assert diffusion.chosen_labels(4, None, 3).tolist() == [0, 1, 2, 0]
    assert diffusion.chosen_labels(2, 3, 3).tolist() == [3, 3]  # no class
    for labels, classes, guidance, message in (
        ([0, 1], 3, 1.0, "or 4"),
        (5, 3, 1.0, "0 to 3"),
        ([0.5, 1, 1, 1], 3, 1.0, "labels are whole numbers, 0 to 3"),
        (list("abca"), 3, 1.0, "labels are whole numbers, 0 to 3"),
        ([None, 1, 1, 1], 3, 1.0, "labels are whole numbers, 0 to 3"),
        (0, None, 1.0, "with classes"),
        (None, None, 3.0, "with classes"),
    ):
        with pytest.raises(ValueError, match=message):
            diffusion.chosen_labels(4, labels, classes, guidance)


def test_settings_of_the_process_are_checked():
    for settings, message in (({"sampler": "euler"}, "ddim, ddpm, heun"), ({"eta": 2.0}, "eta")):
        with pytest.raises(ValueError, match=message):
            diffusion.ReverseProcess(diffusion.NoiseSchedule(), **settings)
