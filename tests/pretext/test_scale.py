"""to_float, flatten and binarize."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from kssl import pretext
from kssl.errors import UserError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.array([0, 51, 255], np.uint8), [0.0, 0.2, 1.0]),
        (np.array([0, 65535], np.uint16), [0.0, 1.0]),
        (np.array([False, True]), [0.0, 1.0]),
        (np.array([0.0, 0.25, 1.0], np.float64), [0.0, 0.25, 1.0]),
    ],
)
def test_to_float_scales_by_the_largest_value(given: np.ndarray, expected: list[float]) -> None:
    scaled = pretext.to_float()({"image": tf.constant(given)})["image"]
    assert scaled.dtype == tf.float32
    np.testing.assert_allclose(scaled.numpy(), expected, atol=1e-7)


def test_to_float_refuses_whole_numbers_of_unknown_range() -> None:
    with pytest.raises(UserError, match="int64, whose largest value is unknown"):
        pretext.to_float()({"image": tf.constant([1, 2], tf.int64)})


@pytest.mark.parametrize("value", [-0.1, 1.01, np.nan, 200.0])
def test_to_float_refuses_floats_outside_the_unit_range(value: float) -> None:
    image = tf.constant([0.5, value])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must then lie in \[0, 1\]"):
        pretext.to_float()({"image": image})
    mapped = tf.data.Dataset.from_tensors({"image": image}).map(pretext.to_float())
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must then lie in \[0, 1\]"):
        next(iter(mapped))


def test_flatten_keeps_the_order_of_values() -> None:
    image = tf.reshape(tf.range(24), (2, 2, 3, 2))
    flat = pretext.flatten()({"image": image})["image"].numpy()
    np.testing.assert_array_equal(flat, np.arange(24).reshape(2, 12))
    video = pretext.flatten("video", rank=4)({"video": tf.zeros((5, 2, 2, 3, 2))})["video"]
    assert video.shape == (5, 24)


def test_flatten_needs_one_size() -> None:
    spec = {"image": tf.TensorSpec((None, None, 3), tf.uint8)}
    dataset = tf.data.Dataset.from_generator(lambda: iter(()), output_signature=spec)
    with pytest.raises(UserError, match="of one size"):
        dataset.map(pretext.flatten())


def test_dynamic_binarization_is_black_or_white_with_the_grey_value_as_chance() -> None:
    grey = np.linspace(0, 1, 11, dtype=np.float32)
    image = np.broadcast_to(grey[None, :, None, None], (4000, 11, 4, 1))
    seeds = np.stack([np.zeros(4000), np.arange(4000)], 1).astype(np.int32)
    drawn = pretext.binarize()({"image": tf.constant(image)}, seeds)["image"].numpy()
    assert set(np.unique(drawn)) == {0.0, 1.0}
    shares = drawn.mean(axis=(0, 2, 3))
    np.testing.assert_allclose(shares, grey, atol=5 * 0.5 / np.sqrt(16_000))
    assert shares[0] == 0.0 and shares[-1] == 1.0


def test_threshold_draws_nothing() -> None:
    image = tf.constant([0.0, 0.3, 0.5, 0.9])[None, :, None, None]
    made = pretext.binarize("threshold")({"image": image})["image"].numpy().ravel()
    np.testing.assert_array_equal(made, [0, 0, 0, 1])
    lower = pretext.binarize("threshold", 0.2)({"image": image})["image"].numpy().ravel()
    np.testing.assert_array_equal(lower, [0, 1, 1, 1])


def test_binarize_names_what_is_wrong() -> None:
    with pytest.raises(UserError, match="mode 'dynamc'; did you mean 'dynamic'"):
        pretext.binarize("dynamc")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="uint8: put to_float before"):
        pretext.binarize()({"image": tf.zeros((2, 2, 1), tf.uint8)})


def test_fixed_binarization_is_one_draw_for_each_example_whatever_the_seed() -> None:
    images = np.random.default_rng(0).random((500, 9, 7, 1), dtype=np.float32)
    task = pretext.binarize("fixed")
    seeds = np.stack([np.zeros(500), np.arange(500)], 1).astype(np.int32)
    first = task({"image": images}, seeds)["image"].numpy()
    for other in (
        task({"image": images}, seeds + [1, 0]),
        pretext.binarize("fixed")({"image": images}),
    ):
        np.testing.assert_array_equal(other["image"], first)
    assert set(np.unique(first)) == {0.0, 1.0}
    # Right on average, and unrelated from one example to another that is nearly the same.
    assert abs((first - images).mean()) < 5 * 0.41 / np.sqrt(first.size)
    grey = np.full((500, 20, 20, 1), 0.5, np.float32)
    grey[:, 0, 0, 0] += np.arange(500) * 1e-6
    drawn = task({"image": grey})["image"].numpy().reshape(500, -1)
    assert abs(np.corrcoef(drawn[:-1].ravel(), drawn[1:].ravel())[0, 1]) < 5 / np.sqrt(drawn.size)
    assert len(np.unique(drawn, axis=0)) == 500
    np.testing.assert_array_equal(*task({"image": np.stack([images[0]] * 2)})["image"].numpy())
