"""Labels from the order of frames, and colours from the first one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from kssl import data, pretext
from kssl.errors import UserError
from kssl.pretext.video.reference import chroma

COUNT = 6000


def seeds(count: int) -> tf.Tensor:
    return tf.stack([tf.zeros(count, tf.int32), tf.range(count)], axis=1)


def counting(batch: int, frames: int) -> np.ndarray:
    """Videos whose pixels are the numbers of their frames."""
    numbers = np.arange(frames, dtype=np.uint8)[:, None, None, None]
    return np.broadcast_to(numbers, (batch, frames, 2, 2, 1)).copy()


def order(made: dict[str, tf.Tensor], key: str) -> np.ndarray:
    return made[key].numpy()[..., 0, 0, 0].astype(int)


def near(count: int, share: float, total: int) -> bool:
    return abs(count - share * total) < 4 * np.sqrt(total * share * (1 - share))


@pytest.mark.parametrize("gap", [1, 3])
def test_triples_are_those_of_the_paper(gap: int) -> None:
    made = pretext.frame_order(gap, 0.25)({"video": counting(COUNT, 16)}, seeds(COUNT))
    triples, valid = order(made, "frames"), made["target"].numpy().astype(bool)
    turned = triples[:, 0] > triples[:, 2]
    first = np.where(turned, triples[:, 2], triples[:, 0])
    middle = (triples[:, 1] - first) // gap
    np.testing.assert_array_equal(np.abs(triples[:, 2] - triples[:, 0]), 2 * gap)
    assert set(middle[valid]) == {1} and set(middle[~valid]) == {-1, 3}
    assert near(valid.sum(), 0.25, COUNT) and near(turned.sum(), 0.5, COUNT)
    assert near((middle == 3).sum(), 0.375, COUNT)
    # b is anywhere between the second and the last but two of the five.
    starts = np.bincount(first - gap, minlength=16 - 4 * gap)
    assert len(starts) == 16 - 4 * gap
    assert all(near(count, 1 / len(starts), COUNT) for count in starts)


def test_the_label_is_not_in_the_ends() -> None:
    made = pretext.frame_order()({"video": counting(COUNT, 8)}, seeds(COUNT))
    ends, valid = order(made, "frames")[:, ::2], made["target"].numpy()
    for place in np.unique(ends, axis=0):
        here = valid[(ends == place).all(axis=1)]
        assert near(here.sum(), 0.5, len(here))


def test_motion_draws_where_pixels_change() -> None:
    brightness = np.arange(16) + 20 * (np.arange(16) >= 12)  # each step is 1, one is 21
    video = np.broadcast_to(brightness[:, None, None, None], (COUNT, 16, 2, 2, 1))
    made = pretext.frame_order(1, 1.0, motion=True)({"video": video.astype(np.uint8)}, seeds(COUNT))
    starts = np.searchsorted(brightness, order(made, "frames").min(axis=1)) - 1
    weights = np.array([4 + 20 * (start < 12 <= start + 4) for start in range(12)])
    for start, share in enumerate(weights / weights.sum()):
        assert near((starts == start).sum(), share, COUNT)
    still = pretext.frame_order(motion=True)({"video": counting(COUNT, 8) * 0 + 1}, seeds(COUNT))
    assert (still["frames"].numpy() == 1).all()


def test_motion_is_the_same_for_bytes_and_floats() -> None:
    video = np.random.default_rng(0).integers(0, 256, (50, 12, 4, 4, 3)).astype(np.uint8)
    one, other = (
        pretext.frame_order(motion=True)({"video": each}, seeds(50))
        for each in (video, (video / 255).astype(np.float32))
    )
    np.testing.assert_allclose(one["frames"] / 255, other["frames"], atol=1e-6)


def test_half_run_backwards() -> None:
    made = pretext.arrow_of_time()({"video": counting(COUNT, 6)}, seeds(COUNT))
    forwards = made["target"].numpy().astype(bool)
    frames = order(made, "video")
    assert (frames[forwards] == np.arange(6)).all() and (
        frames[~forwards] == np.arange(6)[::-1]
    ).all()
    assert near(forwards.sum(), 0.5, COUNT)


def test_the_future_follows() -> None:
    made = pretext.future_frame(3, 2)({"video": counting(COUNT, 10)}, seeds(COUNT))
    both = np.concatenate([order(made, "context"), order(made, "future")], axis=1)
    assert (np.diff(both, axis=1) == 1).all() and made["context"].dtype == tf.uint8
    starts = np.bincount(both[:, 0], minlength=6)
    assert len(starts) == 6 and all(near(count, 1 / 6, COUNT) for count in starts)


def test_chroma_of_known_colours() -> None:
    colours = np.array([[1, 1, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    known = [[0, 0], [0, 0], [80.09, 67.20], [-86.18, 83.18], [79.19, -107.86]]
    np.testing.assert_allclose(chroma(colours), known, atol=0.02)


def test_colours_become_classes_and_frames_grey() -> None:
    video = np.zeros((2, 4, 8, 12, 3), np.uint8)
    video[:, :, :, 6:] = [250, 10, 10]  # the right half is red
    video[0, 1:] = video[0, 1:, :, ::-1]  # … and is at the left from the second frame on
    made = pretext.reference_frame(later=3, cell=2)({"video": video}, seeds(2))
    assert made["gray"].shape == (2, 4, 8, 12, 1) and made["gray"].dtype == tf.float32
    grey = (0.299 * 250 + 0.587 * 10 + 0.114 * 10) / 255
    np.testing.assert_allclose(made["gray"][1, :, :, 6:], grey, atol=1e-6)
    first, later = made["reference_classes"].numpy(), made["target"].numpy()
    assert first.shape == (2, 4, 6) and later.shape == (2, 3, 4, 6)
    assert (first[:, :, :3] == 0).all() and len(np.unique(first[:, :, 3:])) == 1 and first[0, 0, 3]
    np.testing.assert_array_equal(later[1], np.broadcast_to(first[1], (3, 4, 6)))
    np.testing.assert_array_equal(later[0], np.broadcast_to(first[0, :, ::-1], (3, 4, 6)))


def test_a_class_is_the_nearest_of_the_palette() -> None:
    palette = pretext.default_palette()
    assert palette.shape == (16, 2)
    video = np.random.default_rng(0).integers(0, 256, (40, 1 + 1, 4, 4, 3)).astype(np.uint8)
    made = pretext.reference_frame(later=1, cell=1)({"video": video}, seeds(40))
    distances = np.linalg.norm(chroma(video[:, 0] / 255)[..., None, :] - palette, axis=-1)
    classes = made["reference_classes"].numpy()[..., None]
    # Colours have 5 bits in the table, so a pixel between two classes may get either.
    chosen = np.take_along_axis(distances, classes, axis=-1)[..., 0]
    assert (chosen - distances.min(axis=-1)).max() < 12
    assert (distances.argmin(axis=-1) == classes[..., 0]).mean() > 0.93
    two = pretext.reference_frame(1, palette=[[0, 50], [0, -50]])({"video": video}, seeds(40))
    assert set(np.unique(two["target"])) == {0, 1}


def test_lightness_is_not_in_the_classes() -> None:
    video = np.broadcast_to(
        np.arange(256, dtype=np.uint8)[:, None, None, None, None], (256, 2, 4, 4, 3)
    )
    made = pretext.reference_frame(1)({"video": video}, seeds(256))
    assert not made["target"].numpy().any()


def short(make: Any, shape: tuple[int, ...]) -> Any:
    return lambda: make({"video": tf.zeros(shape)})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pretext.frame_order(0), "gap 0 must be 1 or more"),
        (lambda: pretext.frame_order(valid_probability=1.2), "valid_probability 1.2"),
        (lambda: pretext.future_frame(0), "context 0"),
        (lambda: pretext.reference_frame(palette=[[1.0, 2.0]]), "at least 2 classes"),
        (short(pretext.frame_order(2), (8, 4, 4, 3)), "needs 9 frames, but 'video' has 8"),
        (short(pretext.future_frame(8), (8, 4, 4, 3)), "needs 9 frames, but 'video' has 8"),
        (short(pretext.reference_frame(8), (8, 4, 4, 3)), "needs 9 frames"),
        (short(pretext.reference_frame(), (8, 4, 4, 1)), "needs colour, but 'video' has 1"),
        (short(pretext.reference_frame(), (8, 4, 6, 3)), "cannot be cut into cells of 4"),
        (short(pretext.arrow_of_time(), (4, 4, 3)), "takes 'video' with 4 dimensions"),
    ],
)
def test_wrong_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        call()


def test_real_clips(shared_data: Path) -> None:
    dataset = data.video("train", str(shared_data / "video" / "clips64.npz"), group="source")
    batch = next(iter(dataset.batch(32).map(pretext.reference_frame(later=5))))
    classes = batch["target"].numpy()
    assert classes.shape == (32, 5, 16, 16) and len(np.unique(classes)) > 5
    # Copying the class at the same place is a strong start where the camera stands still.
    assert (classes[:, 0] == batch["reference_classes"].numpy()).mean() > 0.85
