"""What a transform says of its task: it must hold for what the transform writes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kssl
from kssl import pretext
from kssl.data import Pipeline

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((300, 24, 24, 3), dtype=np.float32)
CLIPS = RANDOM.random((60, 8, 6, 6, 1), dtype=np.float32)
SEEDS = np.stack([np.zeros(300), np.arange(300)], 1).astype(np.int32)


@pytest.fixture(scope="module")
def rows() -> Any:
    return kssl.data.tokens("train", "python_topics", {"kind": "words", "size": 500}, 48, "pairs")


CLASSIFIED: list[tuple[Callable[[], Any], dict[str, np.ndarray]]] = [
    (pretext.rotate, {"image": IMAGES}),
    (lambda: pretext.jigsaw(10, grid=2), {"image": IMAGES}),
    (pretext.relative_position, {"image": IMAGES}),
    (lambda: pretext.frame_order(valid_probability=0.25), {"video": CLIPS}),
    (pretext.arrow_of_time, {"video": CLIPS}),
]


def made(transform: Any, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    count = len(next(iter(batch.values())))
    return {key: value.numpy() for key, value in transform(_tensors(batch), SEEDS[:count]).items()}


def _tensors(batch: dict[str, np.ndarray]) -> dict[str, tf.Tensor]:
    return {key: tf.convert_to_tensor(value) for key, value in batch.items()}


@pytest.mark.parametrize(("make", "batch"), CLASSIFIED)
def test_what_it_says_of_classes_holds(
    make: Callable[[], Any], batch: dict[str, np.ndarray]
) -> None:
    transform = make()
    task, result = transform.task, made(transform, batch)
    labels = result[task.target]
    assert task.target == "target" and task.inputs in result
    assert labels.dtype == np.int32 and set(np.unique(labels)) == set(range(task.classes))
    assert len(task.names) == len(set(task.names)) == task.classes
    most = np.bincount(labels).max() / len(labels)
    assert most == pytest.approx(task.chance, abs=4 * np.sqrt(0.25 / len(labels)))
    features = task.shortcut(result)
    assert features.shape[0] == len(labels) and features.ndim == 2
    assert np.isfinite(features).all() and (features.std(axis=0) > 0).any()


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (pretext.sentence_pairs, ("from another document", "next")),
        (pretext.sentence_order, ("swapped", "in order")),
    ],
)
def test_pairs_of_texts_have_a_label_beside_the_target(make, names, rows) -> None:
    transform = make(rows.vocabulary)
    result = made(transform, next(rows.batch(60).as_numpy_iterator()))
    task = transform.task
    assert (task.target, task.names, task.classes) == ("pair_target", names, 2)
    assert set(np.unique(result["pair_target"])) <= {-1, 0, 1} and "target" not in result
    features = task.shortcut(result)
    assert features.shape == (60, 3 + 2 * 64) and np.isfinite(features).all()
    sizes = [(~result["segment"].astype(bool) & result["padding_mask"]).sum(axis=1),
             (result["segment"].astype(bool)).sum(axis=1)]  # fmt: skip
    np.testing.assert_array_equal(features[:, :2], np.stack(sizes, axis=1))


def score(features: np.ndarray, labels: np.ndarray) -> float:
    half = len(labels) // 2
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    return float(model.fit(features[:half], labels[:half]).score(features[half:], labels[half:]))


def test_a_shortcut_finds_what_gives_the_answer_away() -> None:
    lit = IMAGES + np.linspace(1.0, 0.0, 24, dtype=np.float32)[:, None, None]  # light from above
    for images, low, high in ((lit, 0.99, 1.0), (IMAGES, 0.0, 0.45)):
        transform = pretext.rotate()
        result = made(transform, {"image": images})
        assert low <= score(transform.task.shortcut(result), result["target"]) <= high
    fading = CLIPS.repeat(5, axis=0) * np.linspace(1.0, 0.2, 8)[:, None, None, None]
    transform = pretext.arrow_of_time()
    result = made(transform, {"video": fading.astype(np.float32)})
    assert score(transform.task.shortcut(result), result["target"]) == 1.0


def test_edges_that_fit_tell_where_the_tiles_of_a_puzzle_belong() -> None:
    smooth = tf.image.resize(RANDOM.random((3000, 4, 4, 1)), (24, 24), "bicubic").numpy()
    transform = pretext.jigsaw(2, grid=2, tile=12, standardize=False, gray=0.0)
    seeds = np.stack([np.zeros(3000), np.arange(3000)], 1).astype(np.int32)
    result = transform({"image": tf.constant(smooth)}, seeds)
    result = {key: value.numpy() for key, value in result.items()}
    assert score(transform.task.shortcut(result), result["target"]) > 0.9


def test_an_exemplar_has_as_many_classes_as_there_are_examples() -> None:
    images = tf.data.Dataset.from_tensor_slices({"image": IMAGES[:20]})
    pipeline = Pipeline(images, [pretext.exemplar("small")], batch_size=20)
    assert (pipeline.task.classes, pipeline.task.chance) == (20, 1 / 20)
    (batch,) = pipeline.train().as_numpy_iterator()
    assert sorted(batch["target"]) == list(range(20))


def test_the_last_task_counts_and_there_may_be_none() -> None:
    images = tf.data.Dataset.from_tensor_slices({"image": IMAGES[:8]})
    both = Pipeline(images, [pretext.noise(), pretext.rotate(), pretext.flatten()])
    assert both.task.classes == 4
    assert Pipeline(images, [pretext.binarize(), pretext.two_views("small")]).task is None


SOUND = {"audio": RANDOM.random((6, 400), dtype=np.float32)}
ROWS = {"numeric": RANDOM.random((6, 5), dtype=np.float32)}
PICTURES, FILMS = {"image": IMAGES[:6]}, {"video": CLIPS[:6]}

# Transforms that change the example, or take it away, to make the task.
SPOILING: list[tuple[Callable[[], Any], dict[str, np.ndarray]]] = [
    (pretext.rotate, PICTURES),
    (pretext.noise, PICTURES),
    (pretext.inpaint, PICTURES),
    (lambda: pretext.mask_patches(4, fill=0.0), PICTURES),
    (lambda: pretext.split("random"), PICTURES),
    (lambda: pretext.jigsaw(4, grid=2, keep=False), PICTURES),
    (lambda: pretext.relative_position(keep=False), PICTURES),
    (lambda: pretext.two_views("small", keep=False), PICTURES),
    (lambda: pretext.multi_crop(keep=False), PICTURES),
    (lambda: pretext.patch_grid(keep=False), PICTURES),
    (lambda: pretext.color_views(keep=False), PICTURES),
    (pretext.arrow_of_time, FILMS),
    (lambda: pretext.mask_time(span=20), SOUND),
    (lambda: pretext.corrupt_features(ROWS), ROWS),
    (lambda: pretext.mask_features(0.5), ROWS),
    (pretext.shuffle_sentences, {"tokens": np.arange(24, dtype=np.int32).reshape(2, 12),
                                 "sentence": np.tile(np.arange(12, dtype=np.int32) // 4, (2, 1))}),
]  # fmt: skip


@pytest.mark.parametrize(("make", "batch"), SPOILING)
def test_without_tasks_the_examples_are_what_they_were(
    make: Callable[[], Any], batch: dict[str, np.ndarray]
) -> None:
    pipeline = Pipeline(tf.data.Dataset.from_tensor_slices(batch), [make()], batch_size=2)
    clean, spoiled = pipeline.arrays(tasks=False), pipeline.arrays()
    assert set(clean) == set(batch)
    for key in batch:
        np.testing.assert_array_equal(clean[key], batch[key])
    assert any(key not in spoiled or not np.array_equal(spoiled[key], batch[key]) for key in batch)


@pytest.mark.parametrize(
    ("make", "batch"),
    [
        (lambda: pretext.next_token(8), {"tokens": np.arange(24, dtype=np.int32).reshape(2, 12)}),
        (pretext.colorize, PICTURES),
        (lambda: pretext.split("bottom", remove=True), PICTURES),
    ],
)
def test_what_leaves_the_shape_that_a_model_reads_is_not_left_out(
    make: Callable[[], Any], batch: dict[str, np.ndarray]
) -> None:
    pipeline = Pipeline(tf.data.Dataset.from_tensor_slices(batch), [make()], batch_size=2)
    clean, model = pipeline.arrays(tasks=False), pipeline.arrays()
    (key,) = batch
    np.testing.assert_array_equal(clean[key], model[key])
    assert model[key].shape != batch[key].shape


def test_what_comes_after_a_task_that_is_left_out_is_left_out_with_its_keys() -> None:
    clips = tf.data.Dataset.from_tensor_slices({"video": (CLIPS[:4] * 255).astype(np.uint8)})
    transforms = [pretext.frame_order(), pretext.to_float("frames"), pretext.to_float("video")]
    clean = Pipeline(clips, transforms).arrays(tasks=False)
    assert set(clean) == {"video"} and clean["video"].dtype == np.float32


@pytest.mark.parametrize("make", [pretext.two_views, pretext.multi_crop])
def test_views_are_not_made_where_the_example_itself_is_wanted(make: Callable[[], Any]) -> None:
    pictures = tf.data.Dataset.from_tensor_slices({"image": IMAGES[:8]})
    transforms = [make(), pretext.to_float("view_1"), pretext.binarize()]
    clean, all_of_it = (Pipeline(pictures, transforms).arrays(tasks=each) for each in (False, True))
    assert set(all_of_it) - set(clean) >= {"view_1", "view_2"} and "view_1" not in clean
    np.testing.assert_array_equal(clean["image"], all_of_it["image"])  # the same draws


def test_the_old_name_of_the_label_of_a_rotation_still_works() -> None:
    with pytest.warns(FutureWarning, match="since kssl 0.2 pseudo-labels are under 'target'"):
        transform = pretext.rotate(label="rotation")
    result = made(transform, {"image": IMAGES[:8]})
    assert "target" not in result and transform.task.target == "rotation"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = made(pretext.rotate(), {"image": IMAGES[:8]})
    np.testing.assert_array_equal(result["rotation"], again["target"])


@pytest.mark.parametrize("name", ["corrupt_spans", "drop_spans"])
def test_rows_without_their_spans_are_as_long_as_those_with_them(name: str) -> None:
    words = kssl.tokenizers.train_vocabulary(["a b c d e f g h i j"], "words", sentinels=8)
    ids = np.tile(np.arange(5, 25, dtype=np.int32) % 10 + 5, (6, 1))
    rows = {"tokens": ids, "padding_mask": np.ones_like(ids, bool)}
    for length in (None, 12):
        transform = getattr(pretext, name)(words, 0.3, inputs_length=length)
        pipeline = Pipeline(tf.data.Dataset.from_tensor_slices(rows), [transform])
        whole, gaps = pipeline.arrays(tasks=False), pipeline.arrays()
        for key in rows:
            assert whole[key].shape == gaps[key].shape
        np.testing.assert_array_equal(whole["tokens"], ids[:, : whole["tokens"].shape[1]])
