"""Predict any part from any other."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from kssl import pretext
from kssl.errors import UserError

SEEDS = np.stack([np.zeros(200), np.arange(200)], 1).astype(np.int32)
IMAGES = np.random.default_rng(0).uniform(0.1, 1, (3, 8, 10, 2)).astype(np.float32)


@pytest.mark.parametrize(
    ("hide", "hidden"),
    [
        ("top", np.s_[:2]),
        ("bottom", np.s_[-2:]),
        ("left", np.s_[:, :2]),
        ("right", np.s_[:, -2:]),
        ("center", np.s_[2:6, 2:7]),
    ],
)
def test_the_part_is_hidden_and_nothing_else(hide: str, hidden: object) -> None:
    made = pretext.split(hide, fraction=0.25)({"image": IMAGES})  # type: ignore[arg-type]
    expected = np.zeros((8, 10), bool)
    expected[hidden] = True  # type: ignore[index]
    np.testing.assert_array_equal(made["mask"], np.stack([expected] * 3))
    np.testing.assert_array_equal(made["target"], IMAGES)
    np.testing.assert_array_equal(made["image"], np.where(expected[None, ..., None], 0, IMAGES))


def test_the_surround_of_one_share_is_all_but_the_center_of_the_other() -> None:
    surround = pretext.split("surround", fraction=0.7)({"image": IMAGES})["mask"].numpy()
    center = pretext.split("center", fraction=0.3)({"image": IMAGES})["mask"].numpy()
    np.testing.assert_array_equal(surround, ~center)
    assert abs(center.mean() - 0.3) < 0.06


@pytest.mark.parametrize("hide", ["top", "bottom", "left", "right"])
def test_the_two_pieces_of_a_cut_are_the_image(hide: str) -> None:
    made = pretext.split(hide, fraction=0.4, remove=True)({"image": IMAGES})  # type: ignore[arg-type]
    pieces = [made["target"], made["image"]]
    axis = 1 if hide in ("top", "bottom") else 2
    joined = np.concatenate(pieces if hide in ("top", "left") else pieces[::-1], axis=axis)
    np.testing.assert_array_equal(joined, IMAGES)
    assert made["target"].shape[axis] == round(0.4 * IMAGES.shape[axis]) and "mask" not in made


def test_past_and_future_of_sound_tokens_and_video() -> None:
    sound = tf.range(10.0)
    made = pretext.split("future", 0.3, True, key="audio", rank=1)({"audio": sound})
    assert made["audio"].numpy().tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert made["target"].numpy().tolist() == [7, 8, 9]
    tokens = {"tokens": tf.range(1, 6)}
    made = pretext.split("past", 0.4, fill=-1, key="tokens", rank=1)(tokens)
    assert made["tokens"].numpy().tolist() == [-1, -1, 3, 4, 5]
    assert made["mask"].numpy().tolist() == [True, True, False, False, False]
    video = {"video": tf.ones((6, 4, 4, 1), tf.uint8)}
    mask = pretext.split("future", key="video", rank=4)(video)["mask"].numpy()
    assert mask.shape == (6, 4, 4) and not mask[:3].any() and mask[3:].all()
    mask = pretext.split("center", 0.25, key="video", rank=4)(video)["mask"].numpy()
    assert mask.mean() == 0.25 and (mask == mask[:1]).all()


def test_a_random_share_is_exact_other_in_each_example_and_anywhere() -> None:
    batch = {"row": tf.ones((200, 20))}
    mask = pretext.split("random", 0.3, key="row", rank=1)(batch, SEEDS)["mask"].numpy()
    assert (mask.sum(axis=1) == 6).all()
    assert len(np.unique(mask, axis=0)) > 190
    chance = mask.mean(axis=0)  # 0.3, with a standard deviation of 0.032
    assert 0.14 < chance.min() and chance.max() < 0.46
    steps = pretext.split("random", 0.5, key="steps", rank=2)({"steps": tf.ones((4, 6, 3))})
    assert steps["mask"].shape == (4, 6)
    np.testing.assert_array_equal(steps["steps"][..., 0] == 0, steps["mask"])


def test_something_is_always_hidden_and_something_visible() -> None:
    for share in (0.01, 0.99):
        for hide in ("top", "center", "surround", "random"):
            mask = pretext.split(hide, share)({"image": IMAGES})["mask"].numpy()  # type: ignore
            assert mask.any() and not mask.all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hide": "botom"}, "did you mean 'bottom'"),
        ({"fraction": 1.0}, "fraction 1.0 is not between 0 and 1"),
        ({"rank": 5}, "rank 5 is not 1, 2, 3"),
        ({"hide": "future"}, "rank 3 has no 'future'; it has top, bottom"),
        ({"hide": "top", "rank": 1}, "rank 1 has no 'top'; it has past, future"),
        ({"hide": "center", "remove": True}, "'center' cannot be cut off"),
        ({"key": "target"}, "writes 'target' itself"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        pretext.split(**settings)  # type: ignore[arg-type]


def test_what_cannot_be_divided_is_named() -> None:
    with pytest.raises(UserError, match="nothing to divide: 'bottom' of a length of 1"):
        pretext.split()({"image": tf.zeros((1, 4, 1))})
    spec = {"image": tf.TensorSpec((None, None, 3), tf.uint8)}
    data = tf.data.Dataset.from_generator(lambda: iter(()), output_signature=spec)
    with pytest.raises(UserError, match="of one known size"):
        data.map(pretext.split())
