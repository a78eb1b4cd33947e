"""I-JEPA: what is predicted from what, the teacher, and the loss."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers import Transformer, gather_tokens
from kssl.models import IJEPA

IMAGES = np.random.RandomState(0).rand(6, 20, 28, 1).astype("float32")


def small(**settings: object) -> IJEPA:
    model = IJEPA(4, Transformer(8, 1, 2), Transformer(4, 1, 1), **settings)
    model.build(IMAGES.shape)
    return model


def array(tensor: object) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


def test_a_block_has_about_a_sixth_of_the_patches() -> None:
    model = small()
    assert model.draw_blocks.grid == (5, 7) and model.draw_blocks.block == (2, 3)
    outputs = model(IMAGES)
    assert outputs["prediction"].shape == outputs["target"].shape == (6, 4, 6, 8)


def test_targets_are_the_teachers_normalised_features_of_the_blocks() -> None:
    model = small()
    fixed = model.draw_blocks(IMAGES)
    model.draw_blocks.call = lambda inputs: fixed
    outputs = model(IMAGES, training=True)  # the teacher is the student's copy
    tokens = array(model.encoder(model.positions(model.embedding(IMAGES))))
    tokens = (tokens - tokens.mean(-1, keepdims=True)) / np.sqrt(
        tokens.var(-1, keepdims=True) + 1e-6
    )
    for block in range(4):
        expected = array(gather_tokens(tokens, fixed["targets"][:, block]))
        np.testing.assert_allclose(outputs["target"][:, block], expected, atol=1e-4)


def test_a_prediction_sees_its_place_and_the_context_alone() -> None:
    """Pixels of patches outside of the context change no prediction."""
    model = small()
    fixed = model.draw_blocks(IMAGES)
    model.draw_blocks.call = lambda inputs: fixed
    before = array(model(IMAGES)["prediction"])
    context = array(fixed["context"])
    hidden = np.ones((6, 35), bool)
    np.put_along_axis(hidden, context, False, axis=1)
    pixels = hidden.reshape(6, 5, 7).repeat(4, axis=1).repeat(4, axis=2)[..., None]
    others = np.where(pixels, 1.0 - IMAGES, IMAGES).astype("float32")
    np.testing.assert_allclose(array(model(others)["prediction"]), before, atol=1e-5)
    seen = np.where(pixels, IMAGES, 1.0 - IMAGES).astype("float32")
    assert np.abs(array(model(seen)["prediction"]) - before).max() > 1e-3
    assert np.abs(before[:, :, 0] - before[:, :, 1]).max() > 1e-4  # the place matters


def test_the_loss_is_smooth_and_has_no_gradient_by_the_target() -> None:
    model = small()
    prediction = np.zeros((2, 1, 1, 2), "float32")
    target = np.array([0.5, -3.0, 0.0, 1.0], "float32").reshape(2, 1, 1, 2)
    pair = {"prediction": prediction, "target": target}
    outputs = {name: ops.convert_to_tensor(each) for name, each in pair.items()}
    found = float(model.objective(IMAGES, outputs, None, True))
    assert found == pytest.approx(np.mean([0.125, 2.5, 0.0, 0.5]))
    logs = {metric.name: float(metric.result()) for metric in model.metrics}
    assert logs["target_spread"] == pytest.approx(np.mean([0.25, 2.0]))


def test_both_teachers_follow_and_are_not_trained() -> None:
    model = small(momentum=0.5)
    model.compile(keras.optimizers.SGD(0.1))
    model.train_on_batch(IMAGES)
    kernels = [array(model.embedding.weights[0]), array(model.teacher_embedding.encoder.weights[0])]
    assert np.abs(kernels[0] - kernels[1]).max() > 0
    model.train_on_batch(IMAGES)
    moved = array(model.teacher_embedding.encoder.weights[0])
    np.testing.assert_allclose(moved, 0.5 * (kernels[0] + kernels[1]), atol=1e-6)
    names = [weight.path for weight in model.trainable_weights]
    assert not any("momentum" in name for name in names)


def test_blocks_too_large_for_the_image_are_refused() -> None:
    with pytest.raises(ValueError, match="may leave none of 35 patches"):
        small(block=(3, 3))
