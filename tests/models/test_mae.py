"""The masked autoencoder: what its encoder sees, what its loss counts, what it gives back."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers import MLP, Transformer, gather_tokens
from kssl.losses import Reconstruction
from kssl.models import MAE, run
from kssl.models.inference import encoder_of

JIT = keras.backend.backend() == "jax"  # XLA takes longer than these few steps elsewhere


def make(**settings):
    return MAE(4, Transformer(16, 1, 2), Transformer(8, 1, 2), **settings)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.RandomState(0).rand(32, 12, 16, 2).astype("float32")


def patches_of(images: np.ndarray) -> np.ndarray:
    count, height, width, channels = images.shape
    cut = images.reshape(count, height // 4, 4, width // 4, 4, channels)
    return cut.transpose(0, 1, 3, 2, 4, 5).reshape(count, -1, 16 * channels)


@pytest.mark.parametrize("normalize", [True, False])
def test_loss_is_the_mean_squared_error_of_hidden_patches(images, normalize):
    model = make(normalize_targets=normalize)
    model.build(images.shape)
    target = patches_of(images).astype("float64")
    if normalize:
        deviation = np.sqrt(target.var(axis=-1, ddof=1, keepdims=True) + 1e-6)
        target = (target - target.mean(axis=-1, keepdims=True)) / deviation
    predicted = {name: ops.convert_to_numpy(value) for name, value in model(images).items()}
    errors = np.square(predicted["prediction"] - target).mean(axis=-1)
    expected = (errors * predicted["mask"]).sum() / predicted["mask"].sum()
    assert float(model.compute_loss(images, y_pred=predicted)) == pytest.approx(expected, rel=1e-5)
    weights = np.arange(32.0)
    weighted = model.compute_loss(images, y_pred=predicted, sample_weight=weights)
    each = (errors * predicted["mask"]).sum(axis=1) / predicted["mask"].sum(axis=1)
    assert float(weighted) == pytest.approx((each * weights).mean(), rel=1e-5)


def test_absolute_error_is_another_loss(images):
    model = make(normalize_targets=False, loss=Reconstruction("absolute"))
    model.build(images.shape)
    zeros = {"prediction": np.zeros((32, 12, 32), "float32"), "mask": np.ones((32, 12), "float32")}
    assert float(model.compute_loss(images, y_pred=zeros)) == pytest.approx(images.mean(), rel=1e-5)


def test_three_quarters_are_hidden_and_only_they_count(images):
    model = make()
    model.build(images.shape)
    predicted = {name: ops.convert_to_numpy(value) for name, value in model(images).items()}
    assert predicted["prediction"].shape == (32, 12, 32)
    np.testing.assert_array_equal(predicted["mask"].sum(axis=1), 9)
    loss = float(model.compute_loss(images, y_pred=predicted))
    hidden = predicted["mask"][..., None] > 0
    changed = np.where(hidden, predicted["prediction"], 7.0)
    same = model.compute_loss(images, y_pred={**predicted, "prediction": changed})
    assert float(same) == pytest.approx(loss, rel=1e-6)
    changed = np.where(hidden, 7.0, predicted["prediction"])
    other = model.compute_loss(images, y_pred={**predicted, "prediction": changed})
    assert float(other) > 2 * loss


def test_encoder_sees_only_the_visible_patches(images):
    seen = []

    class Spy(keras.layers.Layer):
        width = 16

        def call(self, inputs):
            seen.append(tuple(inputs.shape))
            return inputs

    model = MAE(4, Spy(), Transformer(8, 1, 2))
    model.build(images.shape)
    model(images)
    assert seen[-1] == (32, 3, 16)
    model.embed(images)
    assert seen[-1] == (32, 12, 16)


def test_prediction_depends_on_visible_patches_alone(images):
    model = make()
    model.build(images.shape)
    noise = np.random.RandomState(1).rand(32, 12).astype("float32")
    first = model._predict(images, noise)
    mask = ops.convert_to_numpy(first["mask"])[:, :, None] > 0
    np.testing.assert_array_equal(mask[:, :, 0], noise.argsort(1).argsort(1) >= 3)

    def changed(where: np.ndarray) -> np.ndarray:
        other = np.where(where, 1.0 - patches_of(images), patches_of(images))
        other = ops.convert_to_numpy(model.unpatchify(other.astype("float32")))
        return ops.convert_to_numpy(model._predict(other, noise)["prediction"])

    before = ops.convert_to_numpy(first["prediction"])
    np.testing.assert_allclose(changed(mask), before, atol=1e-6)
    assert np.abs(changed(~mask) - before).max() > 1e-3


def test_hidden_tokens_come_back_in_their_places(images):
    model = make()
    model.build(images.shape)
    tokens = np.random.RandomState(2).rand(5, 12, 8).astype("float32")
    masked = model.masking(tokens)
    restored = model.mask_tokens(masked["visible"], masked["restore"])
    np.testing.assert_allclose(
        ops.convert_to_numpy(gather_tokens(restored, masked["keep"])),
        ops.convert_to_numpy(masked["visible"]),
    )


@pytest.mark.parametrize("normalize", [True, False])
def test_reconstruction_keeps_what_was_visible(images, normalize):
    model = make(normalize_targets=normalize)
    model.build(images.shape)
    hidden = ops.convert_to_numpy(model.hide(images, seed=3))
    filled = ops.convert_to_numpy(model.reconstruct(images, seed=3))
    visible = hidden == images
    assert visible.mean() == pytest.approx(0.25, abs=1e-3)
    np.testing.assert_array_equal(hidden[~visible], 0.5)
    np.testing.assert_array_equal(filled[visible], images[visible])
    assert np.abs(filled - images)[~visible].mean() > 1e-3
    other = ops.convert_to_numpy(model.hide(images, seed=4))
    assert (other != hidden).any()
    assert run(model, "reconstruct", images).shape == images.shape


def test_perfect_normalised_prediction_gives_the_image_back(images):
    model = make()
    model.build(images.shape)
    target = patches_of(images)
    deviation = np.sqrt(target.var(axis=-1, ddof=1, keepdims=True) + 1e-6)
    perfect = (target - target.mean(axis=-1, keepdims=True)) / deviation
    mask = np.ones((32, 12), "float32")
    model._predict = lambda *_: {"prediction": ops.convert_to_tensor(perfect), "mask": mask}
    filled = ops.convert_to_numpy(model.reconstruct(images))
    np.testing.assert_allclose(filled, images, atol=1e-5)


def test_trains_embeds_and_survives_saving(images, tmp_path):
    keras.utils.set_random_seed(0)
    model = make()
    model.compile(keras.optimizers.AdamW(3e-3), jit_compile=JIT)
    losses = model.fit({"image": images}, batch_size=16, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    embedded = run(model, "embed", images)
    assert embedded.shape == (32, 16)
    np.testing.assert_array_equal(run(model, "embed", images), embedded)  # nothing is drawn
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(run(again, "embed", images), embedded, atol=1e-6)
    np.testing.assert_allclose(
        *(ops.convert_to_numpy(each.reconstruct(images, seed=1)) for each in (model, again)),
        atol=1e-5,
    )
    encoder_of(model).save(tmp_path / "encoder.keras")
    encoder = keras.models.load_model(tmp_path / "encoder.keras")
    np.testing.assert_allclose(encoder.predict(images, verbose=0), embedded, atol=1e-5)
    again.fit(images, batch_size=16, verbose=0)  # compiled as it was


def test_every_weight_gets_a_gradient(images):
    model = make()
    model.build(images.shape)
    model.compile("adam", jit_compile=JIT)
    before = [ops.convert_to_numpy(weight) for weight in model.trainable_weights]
    model.fit(images, batch_size=16, verbose=0)
    for old, weight in zip(before, model.trainable_weights, strict=True):
        assert not np.array_equal(old, ops.convert_to_numpy(weight)), weight.path


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_trains_in_mixed_precision(policy, images):
    if keras.backend.backend() == "jax" and policy == "mixed_float16":
        pytest.skip("JAX has no attention in float16 on CPUs")
    keras.config.set_dtype_policy(policy)
    try:
        model = make()
        model.compile("adam", jit_compile=JIT)
        losses = model.fit(images, batch_size=16, epochs=2, verbose=0).history["loss"]
        assert np.isfinite(losses).all()
        assert np.isfinite(run(model, "reconstruct", images)).all()
    finally:
        keras.config.set_dtype_policy("float32")


def test_attention_starts_within_xaviers_bound():
    body = Transformer(48, 1, 3)
    body.build((None, 4, 48))
    kernels = [each for each in body.trainable_weights if "kernel" in each.name]
    bound = (6 / (48 + 192)) ** 0.5
    for kernel in kernels:
        values = ops.convert_to_numpy(kernel)
        assert 0.95 * bound < np.abs(values).max() <= bound
    first, second = (ops.convert_to_numpy(each).reshape(-1)[:48] for each in kernels[:2])
    assert not np.allclose(first, second)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: MAE(4, MLP([16])), "the encoder must have an attribute width"),
        (lambda: MAE(5).build((None, 12, 16, 1)), "do not tile images of 12 x 16"),
        (lambda: make(mask_ratio=0.95).build((None, 12, 16, 1)), "leaves none of 12 tokens"),
        (lambda: make(mask_ratio=1.0), r"must be in \[0, 1\)"),
        (lambda: make(loss=Reconstruction("bernoulli")), "Reconstruction of squared, absolute"),
        (lambda: Transformer(10, 1, 3), "a multiple of heads; got 10 and 3"),
        (lambda: Transformer(0), "must be positive"),
        (lambda: Transformer(8, 1, 2).build((None, 3, 9)), "8 features; got 9"),
    ],
)
def test_refusals_say_what_was_expected(act, message):
    with pytest.raises(ValueError, match=message):
        act()
