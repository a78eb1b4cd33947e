"""Windows of the future, and spans that are hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from kssl import data, pretext
from kssl.errors import UserError


def seeds(count: int, epoch: int = 0) -> tf.Tensor:
    return tf.stack([tf.fill([count], epoch), tf.range(count)], axis=1)


def counting(batch: int, steps: int) -> np.ndarray:
    """Sequences whose values are their own places."""
    return np.tile(np.arange(steps, dtype=np.float32), (batch, 1))


def test_windows_follow_one_another() -> None:
    cut = pretext.future_windows(window=5, context=3, future=2, hop=4)
    made = cut({"audio": counting(500, 60)}, seeds(500))
    both = np.concatenate([made["context"], made["future"]], axis=1)  # (500, 5, 5)
    start = both[:, :1, :1]
    np.testing.assert_array_equal(both, start + 4 * np.arange(5)[:, None] + np.arange(5))
    assert "negatives" not in made


def test_every_place_is_as_likely() -> None:
    cut = pretext.future_windows(window=5, context=3, future=2)
    made = cut({"audio": counting(8000, 50)}, seeds(8000))
    start = made["context"][:, 0, 0].numpy() / 5
    counts = np.bincount(start.astype(int), minlength=6)
    assert len(counts) == 6 and (start == start.astype(int)).all()
    assert (np.abs(counts - 8000 / 6) < 4 * np.sqrt(8000 / 6)).all()


def test_negatives_are_every_window_but_the_right_one() -> None:
    cut = pretext.future_windows(window=5, context=1, future=2, negatives=40)
    made = cut({"audio": counting(300, 40)}, seeds(300))
    negatives = made["negatives"].numpy()[..., 0] / 5  # (300, 2, 40): numbers of windows
    right = made["future"].numpy()[..., 0] / 5
    assert not (negatives == right[..., None]).any()
    after = np.mod(negatives - right[..., None], 8)  # 1 … 7, whatever the right one is
    counts = np.bincount(after.astype(int).ravel(), minlength=8)
    assert counts[0] == 0 and (np.abs(counts[1:] - 24_000 / 7) < 4 * np.sqrt(24_000 / 7)).all()


def test_padding_is_left_alone() -> None:
    real = np.arange(100) < np.array([100, 47, 30, 12])[:, None]
    example = {"audio": np.where(real, counting(4, 100), -1), "padding_mask": real}
    cut = pretext.future_windows(window=10, context=2, future=1, negatives=9)
    for epoch in range(20):
        made = cut(example, seeds(4, epoch))
        values = [made[key].numpy() for key in ("context", "future", "negatives")]
        assert all((value[:3] >= 0).all() for value in values)
        assert made["context"][3, 0, 0] == 0  # too short: it begins at its start


def test_sequences_of_features() -> None:
    features = np.random.default_rng(0).normal(size=(6, 40, 3)).astype(np.float32)
    made = pretext.future_windows(8, 2, 1, 4, rank=2)({"audio": features}, seeds(6))
    assert made["negatives"].shape == (6, 1, 4, 8, 3)
    made = pretext.mask_time(0.2, 3, rank=2)({"audio": features}, seeds(6))
    hidden = made["mask"].numpy()
    assert (made["audio"].numpy()[hidden] == 0).all()
    np.testing.assert_array_equal(made["audio"].numpy()[~hidden], features[~hidden])
    np.testing.assert_array_equal(made["target"], features)


def spans(mask: np.ndarray) -> np.ndarray:
    """Lengths of the stretches that are hidden."""
    edges = np.diff(np.pad(mask.astype(int), ((0, 0), (1, 1))), axis=1)
    return np.nonzero(edges == -1)[1] - np.nonzero(edges == 1)[1]


def test_masks_are_those_of_wav2vec() -> None:
    mask = pretext.mask_time()({"audio": counting(400, 1500)}, seeds(400))["mask"].numpy()
    # Section 3.1 and appendix A of the paper: 49 % of the steps, spans of 14.7 on average, at
    # least 10 (but at the end), with a median of 10.
    assert mask.mean() == pytest.approx(0.49, abs=0.01)
    lengths = spans(mask)
    assert lengths.mean() == pytest.approx(14.7, abs=0.4) and np.median(lengths) == 10
    assert (lengths < 10).mean() < 0.01


def test_the_number_of_starts_is_right_on_average_and_at_least_one() -> None:
    example = {"audio": counting(4000, 21)}
    single = pretext.mask_time(start_fraction=0.12, span=1)(example, seeds(4000))["mask"].numpy()
    counts = single.sum(axis=1)
    assert set(counts) == {2, 3} and counts.mean() == pytest.approx(2.52, abs=0.04)
    places = single.sum(axis=0)  # every step as likely
    assert (np.abs(places - places.mean()) < 4 * np.sqrt(places.mean())).all()
    rare = pretext.mask_time(start_fraction=0.001, span=4)(example, seeds(4000))["mask"].numpy()
    assert set(rare.sum(axis=1)) == {1, 2, 3, 4}
    assert pretext.mask_time(1.0, 1)(example, seeds(4000))["mask"].numpy().all()


def test_a_step_may_be_many_samples() -> None:
    sound = counting(50, 330) + 1
    made = pretext.mask_time(0.1, 2, step=100)({"audio": sound}, seeds(50))
    mask = made["mask"].numpy()
    assert mask.shape == (50, 4)  # the last step is 30 samples
    wide = np.repeat(mask, 100, axis=1)[:, :330]
    np.testing.assert_array_equal(made["audio"], np.where(wide, 0, sound))


def test_padding_is_not_hidden() -> None:
    real = np.arange(200) < np.array([200, 90, 3, 0])[:, None]
    example = {"audio": counting(4, 200), "padding_mask": real}
    masks = np.stack([pretext.mask_time()(example, seeds(4, e))["mask"] for e in range(200)])
    assert not masks[:, ~real].any()
    assert masks[:, 0].mean() == pytest.approx(masks[:, 1, :90].mean(), abs=0.06)
    assert masks[:, 2].any(axis=1).all() and not masks[:, 3].any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pretext.future_windows(0, 1), "window 0 is not 1 or more"),
        (lambda: pretext.future_windows(4, 1, negatives=-1), "negatives -1 is not 0 or more"),
        (lambda: pretext.mask_time(0.0), "start_fraction 0.0 must be above 0"),
        (lambda: pretext.mask_time(key="target"), "key and target are both 'target'"),
    ],
)
def test_wrong_settings_are_named(make: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()


def test_what_is_too_short_is_named() -> None:
    with pytest.raises(
        UserError, match="4 windows of 5, 5 apart, need 20 steps, but 'audio' has 19"
    ):
        pretext.future_windows(5, 3)({"audio": counting(2, 19)})
    unknown = tf.data.Dataset.from_generator(
        list, output_signature={"audio": tf.TensorSpec((None,))}
    )
    with pytest.raises(UserError, match="mask_time needs 'audio' of one length"):
        unknown.map(pretext.mask_time())


def test_speech(shared_data: Path) -> None:
    dataset = data.audio("validation", str(shared_data / "audio" / "fsdd.npz"), 4000)
    chain = dataset.batch(64).map(pretext.mask_time(step=80)).map(pretext.mu_law(key="target"))
    batch = next(iter(chain))
    assert batch["mask"].shape == (64, 50) and batch["codes"].shape == (64, 4000)
    real = batch["padding_mask"].numpy()
    assert (batch["codes"].numpy()[~real] == 128).all()
    assert len(np.unique(batch["codes"].numpy()[real])) > 200
