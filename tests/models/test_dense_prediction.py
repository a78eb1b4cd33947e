"""Dense prediction: the loss of each place by hand, what counts, the adversary, and errors."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops
from scipy.special import expit, log_softmax

from kssl.layers import MLP, ConvNet
from kssl.losses import Reconstruction
from kssl.models import DensePrediction

RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.rand(6, 8, 8, 1).astype("float32")
NUMBERS = RANDOM.randint(0, 5, (6, 4, 4)).astype("int32")
VALUES = RANDOM.rand(6, 4, 4, 2).astype("float32")


def small(batch: dict[str, np.ndarray], **settings: object) -> DensePrediction:
    model = DensePrediction(encoder=ConvNet([4, 6], pool=False), **settings)
    model.build({key: (None, *value.shape[1:]) for key, value in batch.items()})
    return model


def array(tensor: object) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


def loss_of(model: DensePrediction, batch: dict[str, np.ndarray]) -> tuple[float, np.ndarray]:
    outputs = model(batch)
    return float(model.objective(batch, outputs, None, False)), array(outputs["prediction"])


def test_classes_have_the_cross_entropy_of_each_place_and_weights_count() -> None:
    weight = RANDOM.rand(6, 4, 4).astype("float32") * 2
    batch = {"image": IMAGES, "target": NUMBERS, "weight": weight}
    model = small(batch, target_classes=5)
    found, logits = loss_of(model, batch)
    logs = np.take_along_axis(log_softmax(logits, axis=-1), NUMBERS[..., None], axis=-1)[..., 0]
    assert found == pytest.approx(np.mean(-logs * weight), rel=1e-4)
    soft = {"image": IMAGES, "target": np.eye(5, dtype="float32")[NUMBERS], "weight": weight}
    again = small(soft, target_classes=5)
    again.set_weights(model.get_weights())
    assert loss_of(again, soft)[0] == pytest.approx(found, rel=1e-5)
    probabilities = array(model.predict_map(IMAGES))
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("kind", ["squared", "absolute", "bernoulli"])
def test_values_have_the_mean_error_of_marked_places(kind: str) -> None:
    mask = RANDOM.rand(6, 4, 4) < 0.4
    mask[0] = False  # an image without a hole says nothing
    batch = {"image": IMAGES, "target": VALUES, "mask": mask}
    model = small(batch, loss=Reconstruction(kind))
    found, predicted = loss_of(model, batch)
    error = {
        "squared": np.square(VALUES - predicted),
        "absolute": np.abs(VALUES - predicted),
        "bernoulli": np.log1p(np.exp(predicted)) - VALUES * predicted,
    }[kind].mean(axis=-1)
    means = [error[row][mask[row]].mean() if row else 0.0 for row in range(6)]
    assert found == pytest.approx(np.mean(means), rel=1e-4)
    wanted = expit(predicted) if kind == "bernoulli" else predicted
    np.testing.assert_allclose(array(model.predict_map(IMAGES)), wanted, rtol=1e-4, atol=1e-6)


def test_images_alone_are_their_own_target_and_a_vector_will_do() -> None:
    model = DensePrediction(encoder=MLP([7]))
    model.compile("adam")
    history = model.fit(IMAGES, batch_size=6, epochs=2, verbose=0).history["loss"]
    assert history[1] < history[0] and model.target_shape == (8, 8, 1)
    assert model.embed(IMAGES).shape == (6, 7)


def test_the_embedding_is_the_mean_of_the_map() -> None:
    model = small({"image": IMAGES, "target": VALUES})
    mean = array(model.encoder(IMAGES)).mean(axis=(1, 2))
    np.testing.assert_allclose(array(model.embed(IMAGES)), mean, rtol=1e-4, atol=1e-6)


def test_the_discriminator_sees_the_hole_alone_and_the_model_learns_to_deceive_it() -> None:
    mask = np.zeros((6, 8, 8), bool)
    mask[:, 2:6, 2:6] = True
    batch = {"image": np.where(mask[..., None], 0.0, IMAGES), "target": IMAGES, "mask": mask}
    batch = {key: np.asarray(value, "float32") for key, value in batch.items()}
    model = small(batch, adversarial_weight=0.25, discriminator=MLP([5], activation="tanh"))
    outputs = model(batch)
    real, fake = array(outputs["real"]), array(outputs["fake"])
    judged = model.to_verdict(model.judge(batch["target"] * batch["mask"][..., None]))
    np.testing.assert_allclose(real, array(judged), rtol=1e-4, atol=1e-6)
    other = {**batch, "target": np.where(mask[..., None], IMAGES, 1 - IMAGES)}
    np.testing.assert_allclose(
        array(model(other)["real"]), real, atol=1e-6
    )  # around does not count
    game = np.mean(np.log1p(np.exp(-real)) + np.log1p(np.exp(fake)))
    error = np.mean(np.square(IMAGES - array(outputs["prediction"]))[mask])
    found = float(model.objective(batch, outputs, None, False))
    assert found == pytest.approx(0.75 * error + game, rel=1e-4)
    if keras.backend.backend() == "tensorflow":
        _check_gradients(model, batch)


def _check_gradients(model: DensePrediction, batch: dict[str, np.ndarray]) -> None:
    """The discriminator goes down the game, the encoder up, by the weight."""
    import tensorflow as tf

    with tf.GradientTape(persistent=True) as tape:
        outputs = model(batch)
        fake = ops.mean(ops.softplus(outputs["fake"]))
        plain = model._verdict(batch, outputs["prediction"], False)
        direct = ops.mean(ops.softplus(plain))
    weight = model.encoder.trainable_weights[0].value
    through, straight = tape.gradient(fake, weight), tape.gradient(direct, weight)
    np.testing.assert_allclose(through, -0.25 * straight, rtol=1e-3, atol=1e-7)
    judge = model.judge.trainable_weights[0].value
    np.testing.assert_allclose(tape.gradient(fake, judge), tape.gradient(direct, judge), atol=1e-6)


def test_a_saved_model_knows_the_shape_of_its_target(tmp_path) -> None:
    batch = {"image": IMAGES, "target": NUMBERS}
    model = small(batch, target_classes=5, adversarial_weight=0.1)
    model.compile("adam")
    model.fit(batch, batch_size=3, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.target_shape == (4, 4)
    np.testing.assert_array_equal(
        array(again.predict_map(IMAGES)), array(model.predict_map(IMAGES))
    )


@pytest.mark.parametrize(
    ("settings", "target", "message"),
    [
        ({"loss": Reconstruction("gaussian")}, VALUES, "loss must be Reconstruction of squared"),
        ({"adversarial_weight": 1.0}, VALUES, "adversarial_weight must be in 0 to 1; got 1.0"),
        (
            {"target_classes": 5},
            VALUES,
            r"\(rows, columns\), or \(rows, columns, 5\), with 5 classes",
        ),
        ({}, NUMBERS, r"shape \(rows, columns, channels\); got \(4, 4\): set target_classes"),
        ({}, VALUES[:, :3], "do not divide a map of 3 x 4"),
    ],
)
def test_targets_that_are_no_such_map_are_refused(
    settings: dict[str, object], target: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        small({"image": IMAGES, "target": target}, **settings)


def test_values_are_checked_before_training() -> None:
    model = small({"image": IMAGES, "target": NUMBERS}, target_classes=5)
    with pytest.raises(ValueError, match="has classes=5, so labels are 0 to 4; got 0 to 5"):
        model.check_batch({"image": IMAGES, "target": NUMBERS + (NUMBERS == 4)})
    model = small({"image": IMAGES, "target": VALUES})
    with pytest.raises(ValueError, match="whole numbers .int32.: of classes, give target_classes"):
        model.check_batch({"image": IMAGES, "target": NUMBERS})
    with pytest.raises(ValueError, match="NaN"):
        model.check_batch({"image": IMAGES, "target": VALUES * np.float32("nan")})
    with pytest.raises(ValueError, match="was built for targets of shape"):
        model.compile("adam")
        model.fit(IMAGES, VALUES[..., :1], verbose=0)
