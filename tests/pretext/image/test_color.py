"""Lab and back, two views of colour, and colours as classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from kssl import pretext
from kssl.errors import UserError
from kssl.pretext import ab_bins, fit_color_prior, lab_to_rgb, rgb_to_lab
from kssl.pretext.image.color_bins import color_weights

RANDOM = np.random.default_rng(0)
EVERY = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3), axis=-1).reshape(1, -1, 3) / 255

# sRGB and its Lab under D65, as published tables have them.
KNOWN = {
    "black": ([0, 0, 0], [0, 0, 0]),
    "white": ([1, 1, 1], [100, 0, 0]),
    "grey": ([128 / 255] * 3, [53.585, 0, 0]),
    "red": ([1, 0, 0], [53.241, 80.092, 67.203]),
    "green": ([0, 1, 0], [87.735, -86.183, 83.179]),
    "blue": ([0, 0, 1], [32.297, 79.188, -107.860]),
    "cyan": ([0, 1, 1], [91.113, -48.088, -14.131]),
    "magenta": ([1, 0, 1], [60.324, 98.234, -60.825]),
    "yellow": ([1, 1, 0], [97.139, -21.554, 94.478]),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_colours(name: str) -> None:
    rgb, lab = (np.array([each], np.float32) for each in KNOWN[name])
    np.testing.assert_allclose(rgb_to_lab(rgb), lab, atol=0.006)
    np.testing.assert_allclose(lab_to_rgb(lab), rgb, atol=1e-3)


def reference_lab(rgb: np.ndarray) -> np.ndarray:
    """The definition, in float64; the matrix follows from the primaries' chromaticities."""
    primaries = np.array([[0.64, 0.33], [0.30, 0.60], [0.15, 0.06]])
    xyz = np.concatenate([primaries, 1 - primaries.sum(1, keepdims=True)], axis=1).T
    white = np.array([0.3127, 0.3290, 1 - 0.3127 - 0.3290]) / 0.3290
    matrix = xyz * np.linalg.solve(xyz, white)
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    x, y, z = np.moveaxis(linear @ matrix.T / white, -1, 0)
    bend = [np.where(v > 0.008856, np.cbrt(v), 7.787037 * v + 16 / 116) for v in (x, y, z)]
    a, b = 500 * (bend[0] - bend[1]), 200 * (bend[1] - bend[2])
    return np.stack([116 * bend[1] - 16, a, b], axis=-1)


def test_lab_agrees_with_its_definition_and_comes_back() -> None:
    colours = EVERY.astype(np.float32)
    lab = rgb_to_lab(colours)
    np.testing.assert_allclose(lab, reference_lab(EVERY), atol=0.03)  # 0.0003 of white's place
    assert np.abs(lab_to_rgb(lab).numpy() - colours).max() < 1 / 255 / 100
    assert lab_to_rgb(np.array([[50, 120, 0]], np.float32), clip=False).numpy().max() > 1
    assert lab_to_rgb(np.array([[50, 120, 0]], np.float32)).numpy().max() == 1


def test_views_are_brightness_and_colour_and_together_the_image() -> None:
    images = RANDOM.random((4, 6, 5, 3), dtype=np.float32)
    views = pretext.color_views()({"image": images})
    assert views["view_1"].shape == (4, 6, 5, 1) and views["view_2"].shape == (4, 6, 5, 2)
    lab = np.concatenate([views["view_1"] * 100, views["view_2"] * 110], axis=-1)
    np.testing.assert_allclose(lab_to_rgb(lab), images, atol=1 / 255)
    assert np.abs(views["view_2"]).max() < 1 and "image" in views
    assert "image" not in pretext.color_views(keep=False)({"image": images})


def test_luma_and_differences_are_within_their_ranges_and_grey_has_none() -> None:
    views = pretext.color_views("ydbdr")({"image": EVERY.reshape(1, 18, -1, 3)})
    assert views["view_1"].numpy().min() == 0 and abs(views["view_1"].numpy().max() - 1) < 1e-6
    np.testing.assert_allclose(np.abs(views["view_2"]).max((0, 1, 2)), 1, atol=1e-3)
    grey = pretext.color_views("ydbdr")({"image": tf.fill((2, 2, 3), 0.4)})["view_2"]
    np.testing.assert_allclose(grey, 0, atol=1e-6)


def test_there_are_313_classes_and_every_colour_lies_in_one() -> None:
    bins = ab_bins()
    assert bins.shape == (313, 2) and len(np.unique(bins, axis=0)) == 313
    assert (bins % 10 == 0).all() and np.abs(bins).max() <= 120
    colours = reference_lab(EVERY[0])[:, 1:]
    nearest = np.abs(colours[:, None] - bins).max(axis=2).min(axis=1)
    assert nearest.max() < 5.01
    made = pretext.colorize("hard", stride=1)({"image": EVERY.reshape(1, 18, -1, 3)})
    found = bins[made["target"].numpy().ravel()]
    assert np.abs(found - colours).max() < 5.04


def test_soft_classes_are_gaussian_weights_of_the_five_nearest() -> None:
    images = RANDOM.random((2, 8, 8, 3), dtype=np.float32)
    made = pretext.colorize("soft", stride=2)({"image": images})
    ab = rgb_to_lab(images).numpy()[..., 1:].reshape(2, 4, 2, 4, 2, 2).mean(axis=(2, 4))
    distance = np.square(ab[..., None, :] - ab_bins()).sum(axis=-1)
    weight = np.exp(-distance / (2 * 5**2))
    weight[distance > np.sort(distance, axis=-1)[..., 4:5]] = 0
    expected = weight / weight.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(made["target"], expected, atol=1e-4)
    assert (np.count_nonzero(made["target"], axis=-1) == 5).all()
    hard = pretext.colorize("hard", stride=2)({"image": images})["target"].numpy()
    np.testing.assert_array_equal(hard, made["target"].numpy().argmax(axis=-1))


def test_the_input_has_no_colour_and_the_target_no_lightness() -> None:
    made = pretext.colorize()({"image": RANDOM.random((3, 8, 8, 3), dtype=np.float32)})
    assert made["image"].shape == (3, 8, 8, 1) and made["target"].shape == (3, 8, 8, 2)
    grey = pretext.colorize()({"image": tf.fill((4, 4, 3), 0.5)})
    np.testing.assert_allclose(grey["target"], 0, atol=1e-6)
    assert set(made) == {"image", "target"}


def test_weights_undo_the_prior_half_and_are_1_on_average() -> None:
    prior = np.full(313, 0.5 / 312)
    prior[100] = 0.5
    weights = color_weights(prior, 0.5)  # type: ignore[arg-type]
    assert abs((prior * weights).sum() - 1) < 1e-5
    expected = (0.5 * 0.5 / 312 + 0.5 / 313) / (0.5 * 0.5 + 0.5 / 313)
    np.testing.assert_allclose(weights[100] / weights[0], expected, rtol=1e-5)
    np.testing.assert_allclose(color_weights(prior, 1.0), 1, rtol=1e-5)  # type: ignore[arg-type]
    np.testing.assert_array_equal(color_weights(None, 0.5), 1)
    embedded = color_weights("photographs", 0.5)
    saturated = np.abs(ab_bins()).max(axis=1) > 80
    assert embedded[saturated].min() > 3 > 0.5 > embedded[~saturated].min()


def test_a_prior_is_fitted_kept_and_used(tmp_path: Path) -> None:
    images = np.zeros((6, 8, 8, 3), np.uint8)
    images[:3] = [255, 0, 0]
    data = tf.data.Dataset.from_tensor_slices({"image": images})
    prior = fit_color_prior(data, tmp_path / "colours.npz")
    assert abs(prior.sum() - 1) < 1e-5
    bins, red = ab_bins(), np.array([80, 70])
    near = [np.square(bins - centre).sum(axis=1) <= 200 for centre in ([0, 0], red)]
    assert abs(prior[near[0]].sum() - 0.5) < 0.03 and abs(prior[near[1]].sum() - 0.5) < 0.03
    np.testing.assert_array_equal(prior, fit_color_prior(images))
    assert abs(fit_color_prior(data, examples=3)[near[1]].sum() - 1) < 0.05
    made = pretext.colorize("hard", prior=tmp_path / "colours.npz")({"image": images})
    assert np.ptp(made["weight"].numpy()) < 0.01  # black and red are nearly as frequent
    blue = {"image": np.full((1, 8, 8, 3), [0, 0, 255], np.uint8)}
    task = pretext.colorize("hard", prior=tmp_path / "colours.npz")
    assert task(blue)["weight"].numpy().min() > 5 * made["weight"].numpy().max()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "sfot"}, "did you mean 'soft'"),
        ({"stride": 0}, "stride 0 is less than 1"),
        ({"mix": 0.0}, "mix 0.0 is not above 0"),
        ({"target": "soft", "prior": "nowhere.npz"}, "'nowhere.npz'.*fit_color_prior"),
        ({"target": "soft", "prior": [0.5, 0.5]}, "313 fractions of 0 or more"),
        ({"key": "target"}, "writes 'target' itself"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        pretext.colorize(**settings)  # type: ignore[arg-type]


def test_images_without_colour_or_of_a_wrong_size_are_named() -> None:
    with pytest.raises(UserError, match="needs colour: 'image' has 1 channel, and 3"):
        pretext.colorize()({"image": tf.zeros((8, 8, 1))})
    with pytest.raises(UserError, match="'image' is 8 x 10, which squares of 4"):
        pretext.colorize("soft")({"image": tf.zeros((8, 10, 3))})
    with pytest.raises(UserError, match="did you mean 'lab'"):
        pretext.color_views("labs")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no examples to count"):
        fit_color_prior(np.zeros((0, 4, 4, 3), np.uint8))
    with pytest.raises(UserError, match="have no 'image'"):
        fit_color_prior(tf.data.Dataset.range(3))
    with pytest.raises(UserError, match="must end in .npz"):
        fit_color_prior(np.zeros((1, 4, 4, 3), np.uint8), "prior.txt")
