"""Pseudo-labels: one part or several, what is embedded, and that it comes back from a file."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers import MLP, ConvNet
from kssl.models import PretextClassifier, run

RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.rand(16, 12, 12, 1).astype("float32")
TILES = RANDOM.rand(16, 4, 6, 6, 1).astype("float32")
TARGET = np.arange(16) % 3


def fitted(model, batch):
    model.compile("adam")
    model.fit(batch, verbose=0)
    return model


def test_parts_stand_side_by_side_before_the_head():
    model = PretextClassifier(3, "tiles", ConvNet([4]), MLP([5]))
    fitted(model, {"image": IMAGES, "tiles": TILES, "target": TARGET})
    assert model.parts == 4 and model.example_shape == (12, 12, 1)
    each = [model.encoder(TILES[:, place]) for place in range(4)]
    expected = model.to_logits(model.head(ops.concatenate(each, axis=1)))
    found = model({"tiles": TILES})["logits"]
    np.testing.assert_allclose(
        ops.convert_to_numpy(found), ops.convert_to_numpy(expected), rtol=1e-4, atol=1e-5
    )


def test_whole_examples_are_embedded_after_training_on_tiles(tmp_path):
    model = PretextClassifier(3, "tiles", ConvNet([4]))
    fitted(model, {"image": IMAGES, "tiles": TILES, "target": TARGET})
    embedding = run(model, "embed", IMAGES)
    assert embedding.shape == (16, 4)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(run(again, "embed", IMAGES), embedding, atol=1e-6)
    predictions = (each.predict_target({"tiles": TILES}) for each in (model, again))
    np.testing.assert_array_equal(*(ops.convert_to_numpy(each) for each in predictions))


def test_frames_are_parts_though_a_video_has_as_many_axes(tmp_path):
    videos = RANDOM.rand(8, 5, 6, 6, 1).astype("float32")
    model = PretextClassifier(2, "frames", ConvNet([4]), modality="video", parts=3)
    fitted(model, {"video": videos, "frames": videos[:, :3], "target": np.arange(8) % 2})
    each = [ops.convert_to_numpy(model.encoder(videos[:, place])) for place in range(5)]
    embedding = run(model, "embed", videos)
    np.testing.assert_allclose(embedding, np.mean(each, axis=0), rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(run(again, "embed", videos), embedding, atol=1e-6)


def test_copies_with_a_label_each_are_classified_one_by_one(tmp_path):
    copies = RANDOM.rand(8, 4, 6, 6, 1).astype("float32")
    target = np.tile(np.arange(4), (8, 1))
    model = PretextClassifier(4, encoder=ConvNet([4]))
    fitted(model, {"image": copies, "target": target})
    assert model.example_shape == (6, 6, 1) and model.parts is None
    outputs = model({"image": copies})
    assert outputs["logits"].shape == (8, 4, 4)
    alone = model({"image": copies[:, 2:3].repeat(4, axis=1)})["logits"]
    np.testing.assert_allclose(*map(ops.convert_to_numpy, (outputs["logits"][:, 2], alone[:, 0])),
                               rtol=1e-4, atol=1e-5)  # fmt: skip
    loss = float(model.objective({"target": target}, outputs, None, False))
    own = keras.losses.sparse_categorical_crossentropy(target, outputs["logits"], from_logits=True)
    assert loss == pytest.approx(float(ops.mean(own)), rel=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.predict_target({"image": copies}).shape == (8, 4)
    assert run(again, "embed", copies[:, 0]).shape == (8, 4)


def test_learns_a_label_that_can_be_seen():
    keras.utils.set_random_seed(0)
    images = np.zeros((64, 8, 8, 1), "float32")
    target = np.arange(64) % 2
    images[target == 1, :4] = 1.0  # the upper half is bright
    model = PretextClassifier(2, encoder=ConvNet([4], pool=False))
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit({"image": images, "target": target}, epochs=15, batch_size=32, verbose=0)
    assert history.history["accuracy"][-1] == 1.0
    guess = ops.convert_to_numpy(model.predict_target({"image": images}))
    np.testing.assert_array_equal(guess, target)


def test_labels_may_be_given_as_y():
    model = PretextClassifier(3, encoder=ConvNet([4]))
    model.compile("adam")
    assert np.isfinite(model.fit(IMAGES, TARGET, verbose=0).history["loss"]).all()


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: PretextClassifier(1), "classes must be at least 2; got 1"),
        (lambda: fitted(PretextClassifier(3), {"image": IMAGES}), "rotate or jigsaw"),
        (
            lambda: fitted(PretextClassifier(3, "tiles"), {"image": IMAGES, "target": TARGET}),
            "no 'tiles'; it has image, target",
        ),
        (
            lambda: fitted(
                PretextClassifier(3), {"image": (255 * IMAGES).astype("uint8"), "target": TARGET}
            ),
            "got uint8: divide bytes by 255",
        ),
    ],
)
def test_says_what_is_wrong(act, message):
    with pytest.raises((ValueError, KeyError), match=message):
        act()
