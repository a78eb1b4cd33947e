"""Where the second patch lies: geometry, uniform neighbours, and no help from the lens."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

from kssl import pretext
from kssl.errors import UserError

SEEDS = np.stack([np.zeros(4000), np.arange(4000)], 1).astype(np.int32)
RANDOM = np.random.default_rng(0)
STEPS = np.array([(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0)])


def test_neighbours_lie_where_the_label_says_and_the_first_patch_anywhere() -> None:
    where = np.stack([*np.mgrid[:24, :30], np.zeros((24, 30))], axis=-1).astype(np.float32)
    images = np.broadcast_to(where, (4000, 24, 30, 3))
    task = pretext.relative_position(5, gap=2, jitter=1, color="keep")
    made = task({"image": images}, SEEDS)
    first, second = (made[view].numpy()[:, 0, 0, :2] for view in ("view_1", "view_2"))
    position = made["target"].numpy()
    moved = second - first - 7 * STEPS[position]
    assert set(np.unique(moved)) == {-1, 0, 1}
    assert np.abs([(moved == value).mean(axis=0) - 1 / 3 for value in (-1, 0, 1)]).max() < 0.04
    counts = np.bincount(position, minlength=8)
    assert np.sum((counts - 500) ** 2 / 500) < 30  # 7 degrees of freedom
    # All eight neighbours fit, whatever the label is: the place of the first says nothing.
    assert first[:, 0].min() == 8 and first[:, 0].max() == 11
    assert first[:, 1].min() == 8 and first[:, 1].max() == 17
    for axis in (0, 1):
        means = [first[position == label, axis].mean() for label in range(8)]
        assert np.ptp(means) < 5 * first[:, axis].std() / np.sqrt(400)
    np.testing.assert_array_equal(made["image"], images)


def test_dropping_keeps_one_random_channel_and_faint_noise_of_its_mean() -> None:
    images = RANDOM.random((300, 30, 30, 3), dtype=np.float32) * [0.5, 1.0, 0.3]
    plain, dropped = (
        pretext.relative_position(color=color)({"image": images}, SEEDS[:300])  # type: ignore
        for color in ("keep", "drop")
    )
    for view in ("view_1", "view_2"):
        before, after = plain[view].numpy(), dropped[view].numpy()
        same = (before == after).all(axis=(1, 2))
        assert (same.sum(axis=1) == 1).all()
        assert np.abs(same.mean(axis=0) - 1 / 3).max() < 0.12
        kept = after.transpose(0, 3, 1, 2)[same].reshape(300, -1)
        noise = after.transpose(0, 3, 1, 2)[~same].reshape(300, -1)
        np.testing.assert_allclose(noise.mean(1), kept.mean(1), atol=0.01)
        assert (noise.std(axis=1) < 0.02 * kept.std(axis=1)).all()
    assert not np.array_equal(dropped["view_1"][:, 0, 0], dropped["view_2"][:, 0, 0])


def test_projecting_takes_away_green_against_magenta_and_nothing_else() -> None:
    images = RANDOM.random((20, 30, 30, 3), dtype=np.float32)
    plain, projected = (
        pretext.relative_position(color=color)({"image": images}, SEEDS[:20])  # type: ignore
        for color in ("keep", "project")
    )
    axis = np.array([-1, 2, -1])
    before, after = plain["view_2"].numpy(), projected["view_2"].numpy()
    np.testing.assert_allclose(after @ axis, 0, atol=1e-6)
    for other in ([1, 1, 1], [1, 0, -1]):
        np.testing.assert_allclose(after @ np.array(other), before @ np.array(other), atol=1e-5)


def lens(count: int) -> np.ndarray:
    """Soft noise through a lens that enlarges green less than red and blue."""
    noise = RANDOM.normal(size=(count, 60, 60)).astype(np.float32)
    for axis in (1, 2):
        noise = sum(np.roll(noise, shift, axis) for shift in range(-3, 4)) / 7
    place = np.arange(60) - 29.5
    channels = []
    for zoom in (1.0, 0.9, 1.0):
        source = place * zoom + 29.5
        low = np.clip(source.astype(int), 0, 58)
        part = (source - low).astype(np.float32)
        rows = noise[:, low] * (1 - part)[:, None] + noise[:, low + 1] * part[:, None]
        channels.append(rows[:, :, low] * (1 - part) + rows[:, :, low + 1] * part)
    return 0.5 + np.stack(channels, axis=-1)


def shift_of_green(patches: np.ndarray) -> np.ndarray:
    """How far green is moved against red and blue, down and right: `(patches, 2)`."""
    magenta = patches[..., [0, 2]].mean(axis=-1)
    difference = (patches[..., 1] - magenta)[:, 1:-1, 1:-1]
    slopes = (
        (magenta[:, 2:, 1:-1] - magenta[:, :-2, 1:-1]) / 2,
        (magenta[:, 1:-1, 2:] - magenta[:, 1:-1, :-2]) / 2,
    )
    power = [np.square(slope).sum(axis=(1, 2)) + 1e-9 for slope in slopes]
    moved = [
        (difference * slope).sum(axis=(1, 2)) / total
        for slope, total in zip(slopes, power, strict=True)
    ]
    return np.clip(np.stack(moved, axis=1), -5, 5)


def test_the_colours_of_a_lens_tell_the_position_unless_they_are_taken_away() -> None:
    images = lens(1800)
    found = {}
    for color in ("keep", "drop", "project"):
        task = pretext.relative_position(14, gap=4, jitter=2, color=color)  # type: ignore[arg-type]
        made = task({"image": images}, SEEDS[:1800])
        views = [shift_of_green(made[view].numpy()) for view in ("view_1", "view_2")]
        features, labels = np.concatenate(views, axis=1), made["target"].numpy()
        model = LogisticRegression(max_iter=300).fit(features[:900], labels[:900])
        found[color] = model.score(features[900:], labels[900:])
    assert found["keep"] > 0.4  # one in eight is luck
    assert abs(found["drop"] - 0.125) < 0.05
    assert abs(found["project"] - 0.125) < 0.05


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"color": "dorp"}, "did you mean 'drop'"),
        ({"patch": 0}, "patch 0 is less than 1"),
        ({"gap": -1}, "gap -1 is less than 0"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        pretext.relative_position(**settings)  # type: ignore[arg-type]


def test_an_image_that_is_too_small_is_named() -> None:
    with pytest.raises(UserError, match="three patches of 8 with gaps of 4 .* need 34 pixels"):
        pretext.relative_position(8)({"image": tf.zeros((32, 40, 3))})
    with pytest.raises(UserError, match="'image' is 4 x 40"):
        pretext.relative_position()({"image": tf.zeros((4, 40, 3))})
    with pytest.raises(UserError, match="1 or 3 channels; 'image' has 4"):
        pretext.relative_position()({"image": tf.zeros((40, 40, 4))})
