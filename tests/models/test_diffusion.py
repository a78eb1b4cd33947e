"""The diffusion model: its loss in closed form, labels, sampling, holes, files, precision."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from kssl import diffusion, layers, losses
from kssl.callbacks import SampleGrid
from kssl.models import Diffusion
from kssl.optimizers import EMA, find_ema
from kssl.testing.common import array

IMAGES = np.random.default_rng(0).random((16, 8, 8, 1), dtype=np.float32)
LABELS = np.arange(16) % 3
BATCH = {"image": IMAGES, "label": LABELS}


@keras.saving.register_keras_serializable(package="kssl_tests")
class Fixed(keras.layers.Layer):
    """A network whose answer is known; it remembers the labels that it was given."""

    def __init__(self, answer=None, **kwargs):
        super().__init__(**kwargs, autocast=False)
        self.answer = answer
        self.labels = None

    def call(self, images, times, labels=None, training=False):
        self.labels = labels
        if self.answer is None:
            return ops.zeros_like(images)
        return self.answer(images, times, labels)


@keras.saving.register_keras_serializable(package="kssl_tests")
class Small(keras.layers.Layer):
    """A network of two layers, which compiles in no time."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs, autocast=False)
        self.mix = keras.layers.Dense(64, dtype=self.dtype_policy)
        self.shift = keras.layers.Embedding(4, 64, dtype=self.dtype_policy)

    def build(self, images, times=None, labels=None):
        self.mix.build((None, 65))
        self.shift.build(())

    def call(self, images, times, labels=None, training=False):
        rows = ops.reshape(images, (-1, 64))
        times = ops.reshape(ops.cast(times, "float32"), (-1, 1)) / 1000.0
        found = self.mix(ops.concatenate([rows, times], axis=1))
        labels = ops.zeros_like(times[:, 0]) if labels is None else labels
        return ops.reshape(found + self.shift(ops.cast(labels, "int32")), (-1, 8, 8, 1))


def small(**settings):
    return Diffusion(Small(), **settings)


def built(**settings):
    keras.utils.set_random_seed(0)
    model = small(**settings)
    model.build((None, 8, 8, 1))
    return model


@pytest.fixture
def of_all_levels(monkeypatch):
    """Replace the noise by fixed numbers, and let each example have a timestep of its own."""
    noise = np.random.default_rng(2).standard_normal(IMAGES.shape).astype("float32")
    levels = np.arange(16) * 60
    monkeypatch.setattr(keras.random, "normal", lambda *_, **__: ops.convert_to_tensor(noise))
    monkeypatch.setattr(diffusion.NoiseSchedule, "draw", lambda *_: ops.convert_to_tensor(levels))
    return noise, levels


@pytest.mark.parametrize("prediction", ["epsilon", "v", "x0"])
def test_the_loss_is_the_squared_error_of_what_is_predicted(prediction, of_all_levels):
    noise, levels = of_all_levels
    model = Diffusion(Fixed(), loss=losses.Diffusion(prediction))  # its answer is 0
    found = float(model.compute_loss(IMAGES, y_pred=model(IMAGES, training=True)))
    signal = diffusion.NoiseSchedule("cosine").signal[levels].reshape(-1, 1, 1, 1)
    clean = 2 * IMAGES - 1
    target = {
        "epsilon": noise,
        "x0": clean,
        "v": np.sqrt(signal) * noise - np.sqrt(1 - signal) * clean,
    }[prediction]
    assert found == pytest.approx(np.mean(target**2), rel=1e-4)


def test_noise_levels_weigh_as_the_loss_says(of_all_levels):
    _, levels = of_all_levels
    model = Diffusion(Fixed(), loss=losses.Diffusion("x0", "min_snr", gamma=2.0))
    found = float(model.compute_loss(IMAGES, y_pred=model(IMAGES, training=True)))
    signal = diffusion.NoiseSchedule("cosine").signal[levels]
    weights = np.minimum(signal / (1 - signal), 2.0)
    errors = np.mean((2 * IMAGES - 1) ** 2, axis=(1, 2, 3))
    assert found == pytest.approx(np.mean(weights * errors), rel=1e-4)


@pytest.mark.parametrize("noise", ["linear", "cosine", "edm"])
def test_a_perfect_network_has_no_loss_and_draws_its_image(noise):
    clean = 2.0 * IMAGES[:1] - 1.0
    edm = diffusion.EDMNoise()

    def answer(images, times, labels):
        if noise != "edm":
            return ops.zeros_like(images) + clean
        # What the preconditioning makes the clean image of.
        factors = diffusion.edm_preconditioning(ops.exp(4.0 * times))
        skip, out, scale = (
            ops.reshape(factors[name], (-1, 1, 1, 1)) for name in ("c_skip", "c_out", "c_in")
        )
        return (ops.zeros_like(images) + clean - skip * images / scale) / out

    model = Diffusion(Fixed(answer), noise, loss=losses.Diffusion("x0"))
    same = np.repeat(IMAGES[:1], 16, axis=0)
    loss = float(model.compute_loss(same, y_pred=model(same, training=True)))
    assert loss == pytest.approx(0.0, abs=1e-6)
    model.build(same.shape)
    for sampler in ("ddim", "ddpm", "heun"):
        drawn = array(model.generate(2, seed=0, steps=4, sampler=sampler))
        np.testing.assert_allclose(drawn, same[:2], atol=1e-4)
    assert edm.sigma_data == 0.5


def test_labels_reach_the_network_and_a_share_of_them_is_none():
    model = Diffusion(Fixed(), classes=3, drop_label=0.25)
    assert model.needs_labels and not Diffusion(Fixed()).needs_labels
    many = {"image": np.zeros((4000, 2, 2, 1), "float32"), "label": np.arange(4000) % 3}
    model(many, training=True)
    given = array(model.network.labels)
    dropped = given == 3
    assert dropped.mean() == pytest.approx(0.25, abs=0.03)
    np.testing.assert_array_equal(given[~dropped], many["label"][~dropped])
    model(many, training=False)
    np.testing.assert_array_equal(array(model.network.labels), many["label"])
    with pytest.raises(ValueError, match='"label": labels'):
        model(many["image"], training=True)


def test_guidance_goes_from_no_class_towards_the_class():
    def answer(images, times, labels):
        return ops.zeros_like(images) + ops.reshape(
            ops.where(labels == 3, 0.1, 0.1 * ops.cast(labels, "float32")), (-1, 1, 1, 1)
        )

    model = Diffusion(Fixed(answer), classes=3, loss=losses.Diffusion("x0"))
    model.build((None, 2, 2, 1))
    noisy, level = np.ones((2, 2, 2, 1), "float32"), np.array([500, 500])
    labels = np.array([2, 0])
    plain = array(model.denoise(noisy, level, labels))[:, 0, 0, 0]
    np.testing.assert_allclose(plain, [0.2, 0.0], atol=1e-6)
    guided = array(model.denoise(noisy, level, labels, guidance=3.0))[:, 0, 0, 0]
    np.testing.assert_allclose(guided, [0.1 + 3 * 0.1, 0.1 - 3 * 0.1], atol=1e-6)
    drawn = array(model.generate(2, labels=labels, guidance=3.0, steps=3, seed=0))[:, 0, 0, 0]
    np.testing.assert_allclose(drawn, [0.7, 0.4], atol=1e-5)  # in [0, 1]


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "heun"])
def test_the_same_seed_gives_the_same_images(sampler):
    model = built(classes=3)
    settings = {"steps": 3, "sampler": sampler}
    first, again = (array(model.generate(5, seed=4, **settings)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    few = array(model.generate(3, seed=4, **settings))
    np.testing.assert_allclose(few, first[:3], atol=1e-4)  # however many are drawn
    assert first.min() >= 0 and first.max() <= 1
    assert np.abs(array(model.generate(5, seed=5, **settings)) - first).max() > 0.05
    drawn = [array(model.generate(2, **settings)) for _ in range(2)]  # without a seed
    assert np.abs(drawn[0] - drawn[1]).max() > 0.05


def test_a_trajectory_ends_at_the_samples():
    model = built()
    states = array(model.trajectory(3, seed=2, steps=4))
    assert states.shape == (4, 3, 8, 8, 1)
    drawn = array(model.generate(3, seed=2, steps=4))
    np.testing.assert_allclose(states[-1], drawn, atol=1e-4)


@pytest.mark.parametrize("shape", [(8, 8), (16, 8, 8), (16, 8, 8, 1)])
def test_inpainting_keeps_what_is_known(shape):
    model = built(classes=3)
    hole = np.zeros(shape, bool)
    hole[..., 2:5, :] = True
    if len(shape) == 4:
        hole = np.zeros(shape, bool)
        hole[:, 2:5] = True
    filled = array(model.inpaint(IMAGES, hole, seed=0, steps=3, repeats=2))
    np.testing.assert_array_equal(filled[:, :2], IMAGES[:, :2])
    np.testing.assert_array_equal(filled[:, 5:], IMAGES[:, 5:])
    assert (np.abs(filled[:, 2:5] - IMAGES[:, 2:5]) > 1e-3).any(axis=(1, 2, 3)).all()


def test_a_saved_model_draws_and_embeds_the_same(tmp_path):
    model = small(classes=3, noise="edm")
    model.compile("adam")
    model.fit(BATCH, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again, Diffusion) and again.loss.weighting == "edm"
    settings = {"seed": 1, "steps": 3}
    first, second = (array(each.generate(2, **settings)) for each in (model, again))
    np.testing.assert_allclose(first, second, atol=1e-6)
    np.testing.assert_allclose(array(model.embed(IMAGES)), array(again.embed(IMAGES)), atol=1e-6)
    assert model.embed(IMAGES).shape == (16, 64)


def test_the_embedding_is_the_mean_of_the_middle_at_a_small_timestep():
    seen = {}

    def features(images, times, labels=None):
        seen.update(images=array(images), times=array(times))
        return ops.concatenate([images, 2.0 * images], axis=-1)  # (batch, height, width, 2)

    network = Fixed()
    object.__setattr__(network, "features", features)
    model = Diffusion(network, timesteps=100)
    model.build((None, 8, 8, 1))
    clean = 2 * IMAGES - 1
    found = array(model.embed(IMAGES))
    wanted = np.stack([clean.mean((1, 2, 3)), 2 * clean.mean((1, 2, 3))], axis=1)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    np.testing.assert_allclose(seen["images"], clean, atol=1e-6)
    assert (seen["times"] == 5).all()


def test_training_learns():
    keras.utils.set_random_seed(0)
    model = small(classes=3)
    model.compile(keras.optimizers.Adam(3e-3))
    flat = {"image": np.repeat(IMAGES[:1], 64, axis=0), "label": np.zeros(64, int)}
    losses_seen = model.fit(flat, epochs=25, batch_size=32, verbose=0).history["loss"]
    assert np.mean(losses_seen[-5:]) < 0.6 * losses_seen[0]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_sees_images_and_levels_in_float32(policy):
    seen = []

    def answer(images, times, labels):
        seen.append(images.dtype)
        return ops.cast(ops.zeros_like(images), "float16")

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = Diffusion(Fixed(answer))
        loss = model.compute_loss(IMAGES, y_pred=model(IMAGES, training=True))
        trained = small()
        trained.compile("adam")
        history = trained.fit(IMAGES, verbose=0).history["loss"]
        drawn = array(trained.generate(2, seed=0, steps=3))
    finally:
        keras.config.set_dtype_policy(before)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert keras.backend.standardize_dtype(seen[0]) == "float32"
    assert np.isfinite(history).all() and np.isfinite(drawn).all()


def test_grids_while_training_are_drawn_by_the_averages(tmp_path, monkeypatch):
    keras.utils.set_random_seed(0)
    model = small()
    model.compile(EMA(keras.optimizers.Adam(0.05), momentum=0.9))
    used = []

    def generate(count, seed=None):
        used.append([array(weight).copy() for weight in model.trainable_weights])
        return np.zeros((count, 8, 8, 1), "float32")

    object.__setattr__(model, "generate", generate)
    model.fit(IMAGES, batch_size=4, verbose=0, callbacks=[SampleGrid(count=4, folder=tmp_path)])
    averages = [array(each) for each in find_ema(model).averages]
    for drawn, average, weight in zip(used[0], averages, model.trainable_weights, strict=True):
        np.testing.assert_allclose(drawn, average, rtol=1e-6)
        assert np.abs(array(weight) - average).max() > 0  # they train on with the others


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Diffusion(noise="quadratic"), "linear, cosine, edm"),
        (lambda: Diffusion(loss=keras.losses.MeanSquaredError()), "losses.Diffusion"),
        (lambda: Diffusion(noise="edm", loss=losses.Diffusion("v")), 'predicts "v"'),
        (lambda: Diffusion(layers.UNet([8], classes=3)), "give both alike"),
        (lambda: Diffusion(drop_label=1.0), "drop_label"),
        (lambda: Diffusion(Fixed()).check_batch({"image": 2 * IMAGES}), "in 0 to 1"),
        (lambda: built().generate(2, guidance=3.0), "model with classes"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
