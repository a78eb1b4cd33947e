"""SimCLR: what is compared, what is kept, and where views come from."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers import ConvNet, ProjectionHead, RandomView
from kssl.losses import Triplet, VICReg, nt_xent, triplet
from kssl.models import SimCLR, run

IMAGES = np.random.RandomState(0).rand(8, 12, 12, 3).astype("float32")


def small(**settings) -> SimCLR:
    return SimCLR(ConvNet([4, 6]), ProjectionHead(5, hidden_dim=7), **settings)


def test_the_loss_is_that_of_the_two_projections():
    model = small()
    views = {"view_1": IMAGES, "view_2": IMAGES[:, ::-1].copy()}
    model.compile("adam")
    model.build({key: value.shape for key, value in views.items()})
    first, second = (model.project(views[key]) for key in ("view_1", "view_2"))
    expected = float(np.mean(ops.convert_to_numpy(nt_xent(first, second, 0.5))))
    assert model.evaluate(views, verbose=0) == pytest.approx(expected, rel=1e-4)


def test_embeds_what_stands_before_the_projector():
    model = small()
    model.build({"image": IMAGES.shape, "view_1": IMAGES.shape, "view_2": IMAGES.shape})
    embedded = run(model, "embed", IMAGES)
    assert embedded.shape == (8, 6)
    np.testing.assert_allclose(embedded, ops.convert_to_numpy(model.encoder(IMAGES)), atol=1e-5)


def test_both_views_share_the_statistics_of_batch_normalisation():
    model = small()
    views = {"view_1": IMAGES, "view_2": IMAGES * 0.1}
    model.build({key: value.shape for key, value in views.items()})
    together = model(views, training=True)
    swapped = model({"view_1": views["view_2"], "view_2": views["view_1"]}, training=True)
    np.testing.assert_allclose(
        ops.convert_to_numpy(together["first"]), ops.convert_to_numpy(swapped["second"]), atol=1e-4
    )


def test_another_loss_makes_another_method():
    model = small(loss=VICReg())
    model.compile("adam")
    history = model.fit({"view_1": IMAGES, "view_2": IMAGES}, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_views_of_an_image_are_a_class_of_a_loss_of_labels():
    model = small(loss=Triplet(margin=0.5, normalize=True))
    views = {"view_1": IMAGES, "view_2": IMAGES[:, ::-1].copy()}
    views["local_views"] = np.stack([IMAGES[:, :6, :6], IMAGES[:, 6:, 6:]], axis=1)
    model.build({key: (None, *value.shape[1:]) for key, value in views.items()})
    outputs = model(views)
    rows = np.concatenate([ops.convert_to_numpy(each) for each in outputs["student"]])
    assert len(rows) == 4 * 8
    weight = np.arange(8, dtype="float32")
    for weights in (None, weight):
        found = float(model.objective(views, outputs, weights, False))
        values = ops.convert_to_numpy(
            triplet(np.tile(np.arange(8), 4), rows, margin=0.5, normalize=True)
        )
        scale = 1.0 if weights is None else np.tile(weights, 4)
        assert found == pytest.approx(np.mean(values * scale), rel=1e-4)


def test_views_are_made_on_the_device_when_training():
    model = small(augment="device")
    model.compile("adam")
    model.build(IMAGES.shape)
    first = model(IMAGES, training=True)
    assert not np.allclose(*(ops.convert_to_numpy(first[key]) for key in ("first", "second")))
    model.fit(IMAGES, verbose=0)
    in_validation = model(IMAGES, training=False)
    first, second = (ops.convert_to_numpy(in_validation[key]) for key in ("first", "second"))
    assert not np.allclose(first, second)  # else an image would be compared with itself
    again = ops.convert_to_numpy(model(IMAGES, training=False)["first"])
    assert not np.allclose(first, again)  # other views each time


def test_a_view_is_a_part_of_the_image_enlarged():
    ramp = np.broadcast_to(np.linspace(0, 1, 12, dtype="float32")[:, None, None], (12, 12, 3))
    images = np.broadcast_to(ramp, (64, 12, 12, 3))
    view = ops.convert_to_numpy(RandomView(strength=0.0, gray=0.0, seed=1)(images, training=True))
    steps = np.diff(view[:, :, 5, 0], axis=1)
    assert (steps >= -1e-6).all()  # top to bottom is never mirrored
    height = steps.sum(axis=1)  # the share of the height that is seen
    assert 0.3 < height.min() < 0.6 and 0.85 < height.max() <= 1.0
    np.testing.assert_allclose(view.min(axis=(2, 3)), view.max(axis=(2, 3)), atol=1e-5)


def test_a_view_is_mirrored_half_of_the_time():
    ramp = np.broadcast_to(np.linspace(0, 1, 12, dtype="float32")[None, :, None], (12, 12, 1))
    images = np.broadcast_to(ramp, (400, 12, 12, 1))
    view = ops.convert_to_numpy(RandomView(strength=0.0, seed=2)(images, training=True))
    mirrored = view[:, 5, 0, 0] > view[:, 5, -1, 0]
    assert 0.4 < mirrored.mean() < 0.6


def test_a_view_changes_colours_within_their_range():
    view = ops.convert_to_numpy(RandomView((1.0, 1.0), (1.0, 1.0), seed=3)(IMAGES, training=True))
    assert 0 <= view.min() and view.max() <= 1
    assert not np.allclose(view, IMAGES) and not np.allclose(view, IMAGES[:, :, ::-1])
    np.testing.assert_array_equal(ops.convert_to_numpy(RandomView()(IMAGES)), IMAGES)


def test_learns_what_views_share():
    keras.utils.set_random_seed(0)
    model = small()
    model.compile(keras.optimizers.Adam(1e-2))
    views = {"view_1": np.tile(IMAGES, (8, 1, 1, 1)), "view_2": np.tile(IMAGES, (8, 1, 1, 1))}
    losses = model.fit(views, batch_size=8, epochs=4, shuffle=False, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: SimCLR(augment="gpu"), 'must be "device"'),
        (lambda: small().compile("adam", loss="mse"), "brings its own loss"),
        (lambda: RandomView(scale=(0.0, 1.0)), "scale must be two fractions"),
        (lambda: RandomView(gray=2.0), "in 0 to 1"),
    ],
)
def test_says_what_is_wrong(act, message):
    with pytest.raises(ValueError, match=message):
        act()


def test_says_what_to_do_without_views():
    model = small()
    model.build({"image": IMAGES.shape})
    with pytest.raises(ValueError, match="two_views before it"):
        model({"image": IMAGES})
