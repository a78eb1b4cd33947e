"""The corruptions of denoising autoencoders."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from kssl import pretext
from kssl.errors import UserError

SEEDS = np.stack([np.zeros(400), np.arange(400)], 1).astype(np.int32)
CLEAN = tf.random.stateless_uniform((400, 14, 14, 1), (1, 2), 0.1, 0.9)


def spoiled(kind: str, amount: float) -> tuple[np.ndarray, np.ndarray]:
    made = pretext.noise(kind, amount)({"image": CLEAN}, SEEDS)  # type: ignore[arg-type]
    return made["image"].numpy(), made["target"].numpy()


@pytest.mark.parametrize("kind", ["gaussian", "masking", "salt_and_pepper", "swap"])
def test_the_target_is_clean_and_no_noise_changes_nothing(kind: str) -> None:
    noisy, target = spoiled(kind, 0.4)
    np.testing.assert_array_equal(target, CLEAN.numpy())
    assert not np.array_equal(noisy, target)
    np.testing.assert_array_equal(spoiled(kind, 0.0)[0], CLEAN.numpy())


def test_gaussian_noise_has_its_standard_deviation_and_no_bias() -> None:
    noisy, clean = spoiled("gaussian", 0.4)
    difference = noisy - clean
    assert abs(difference.mean()) < 5 * 0.4 / np.sqrt(difference.size)
    assert abs(difference.std() / 0.4 - 1) < 5 / np.sqrt(2 * difference.size)
    assert noisy.min() < 0 and noisy.max() > 1  # not clipped


def test_masking_sets_its_share_to_zero() -> None:
    noisy, clean = spoiled("masking", 0.25)
    hit = noisy != clean
    assert (noisy[hit] == 0.0).all()
    assert abs(hit.mean() - 0.25) < 5 * 0.44 / np.sqrt(hit.size)


def test_salt_and_pepper_are_as_frequent() -> None:
    noisy, clean = spoiled("salt_and_pepper", 0.3)
    hit = noisy != clean
    assert set(np.unique(noisy[hit])) == {0.0, 1.0}
    assert abs(hit.mean() - 0.3) < 5 * 0.46 / np.sqrt(hit.size)
    assert abs(noisy[hit].mean() - 0.5) < 5 * 0.5 / np.sqrt(hit.sum())


def test_swapped_pixels_change_places_with_any_other_and_none_is_lost() -> None:
    place = np.arange(64, dtype=np.float32).reshape(8, 8)
    image = np.stack([place, -place], axis=-1) / 100  # channels stay together
    batch = {"image": np.broadcast_to(image, (400, 8, 8, 2))}
    found = pretext.noise("swap", 0.3)(batch, SEEDS)["image"].numpy()
    np.testing.assert_array_equal(found[..., 0], -found[..., 1])
    moved = (found[..., 0] * 100).round().astype(int).reshape(400, 64)
    assert (np.sort(moved, axis=1) == np.arange(64)).all()
    assert (np.take_along_axis(moved, moved, axis=1) == np.arange(64)).all()  # two by two
    hit = moved != np.arange(64)
    assert abs(hit.mean() - 0.3) < 5 * 0.46 * np.sqrt(2 / hit.size)
    partner = moved[:, 0][hit[:, 0]]
    assert len(np.unique(partner)) > 50  # of 63, in some 120 draws
    assert (pretext.noise("swap", 1.0)(batch, SEEDS)["image"].numpy() != image).all(-1).all()


def test_values_of_a_row_and_steps_of_a_sequence_are_swapped() -> None:
    row = pretext.noise("swap", 1.0, key="row", rank=1)({"row": tf.range(7.0)})["row"].numpy()
    assert sorted(row) == list(range(7)) and (row == np.arange(7)).sum() == 1  # the odd one out
    steps = tf.reshape(tf.range(12.0), (6, 2))
    found = pretext.noise("swap", 1.0, key="steps", rank=2)({"steps": steps})["steps"].numpy()
    assert (found[:, 1] == found[:, 0] + 1).all() and sorted(found[:, 0]) == [0, 2, 4, 6, 8, 10]


def test_everything_can_be_hit() -> None:
    assert (spoiled("masking", 1.0)[0] == 0.0).all()


def test_other_keys_can_be_named() -> None:
    made = pretext.noise(key="row", target="clean", rank=1)({"row": tf.zeros((3, 4))})
    assert sorted(made) == ["clean", "row"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "gausian"}, "did you mean 'gaussian'"),
        ({"kind": "masking", "amount": 1.2}, "a probability, 0 to 1"),
        ({"amount": -0.1}, "a standard deviation, 0 or more"),
        ({"amount": float("nan")}, "a standard deviation"),
        ({"target": "image"}, "the clean input would be lost"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        pretext.noise(**settings)  # type: ignore[arg-type]


def test_whole_numbers_must_be_scaled_first() -> None:
    with pytest.raises(UserError, match="uint8: put to_float before"):
        pretext.noise()({"image": tf.zeros((2, 2, 1), tf.uint8)})
