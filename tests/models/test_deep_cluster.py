"""DeepCluster: when clusters are made, of what, and what is learned from them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers import ConvNet, ProjectionHead
from kssl.models import DeepCluster

RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.rand(16, 12, 12, 1).astype("float32")


def batch(part: int) -> dict[str, np.ndarray]:
    """One of two batches of an epoch of 16 images."""
    rows = np.arange(8) + 8 * part
    views = {"view_1": IMAGES[rows], "view_2": IMAGES[rows][:, ::-1].copy()}
    return {**views, "target": rows.astype("int32")}


def small(**settings: object) -> DeepCluster:
    model = DeepCluster(
        16, 2, [3, 4], ConvNet([4, 6]), ProjectionHead(5, 32), temperature=0.3, **settings
    )
    model.build({key: (None, *value.shape[1:]) for key, value in batch(0).items()})
    return model


def array(tensor: object) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_the_first_epoch_fills_the_memory_and_teaches_nothing() -> None:
    model = small()
    seen = []
    for part in (0, 1):
        outputs = model(batch(part), training=True)
        seen.append([unit(array(each)) for each in outputs["student"]])
        assert float(model.objective(batch(part), outputs, None, True)) == 0.0
    for place in (0, 1):  # a memory of each view
        rows = np.concatenate([views[place] for views in seen])
        np.testing.assert_allclose(array(model.banks[place].rows), rows, atol=1e-5)


def test_then_views_are_classified_into_clusters_of_the_last_epoch() -> None:
    model = small()
    for part in (0, 1):
        model.objective(batch(part), model(batch(part), training=True), None, True)
    remembered = [array(bank.rows) for bank in model.banks]
    outputs = model(batch(0), training=True)
    found = float(model.objective(batch(0), outputs, None, True))
    losses = []
    for head, (centroids, assignment) in enumerate(
        zip(model.centroids, model.assignments, strict=True)
    ):
        centroids, assignment = array(centroids), array(assignment)
        # Head 0 divides what the first views became, head 1 the second.
        np.testing.assert_array_equal(assignment, (remembered[head] @ centroids.T).argmax(1))
        for view in outputs["student"]:
            scores = unit(array(view)) @ centroids.T / 0.3
            logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
            losses.append(-logs[np.arange(8), assignment[:8]])
    assert found == pytest.approx(np.mean(losses), rel=1e-4)


def test_clusters_stay_for_an_epoch_and_in_validation() -> None:
    model = small()
    kept = []
    for step in range(6):
        part = step % 2
        model.objective(batch(part), model(batch(part), training=True), None, True)
        before = [array(weight) for weight in model.non_trainable_weights]
        model.objective(batch(part), model(batch(part)), None, False)
        for one, other in zip(before, model.non_trainable_weights, strict=True):
            if "seed" not in other.path:
                np.testing.assert_array_equal(one, array(other))
        kept.append(array(model.centroids[0]))
    np.testing.assert_array_equal(kept[0], kept[1])  # zeros
    np.testing.assert_array_equal(kept[2], kept[3])
    np.testing.assert_array_equal(kept[4], kept[5])
    assert np.abs(kept[2] - kept[1]).max() > 0 and np.abs(kept[4] - kept[3]).max() > 0


def test_centroids_are_not_learned_and_the_logs_tell_of_the_clusters() -> None:
    model = small()
    model.compile(keras.optimizers.SGD(0.1))
    assert not any("centroids" in weight.path for weight in model.trainable_weights)
    logs = {}
    for step in range(6):
        logs = model.train_on_batch(batch(step % 2), return_dict=True)
    assert logs["loss"] > 0
    assert 0 <= float(model.stability) <= 1
    assert 0 < logs["clusters_used"] <= 1


def test_examples_of_validation_are_of_the_nearest_clusters() -> None:
    model = small()
    for part in (0, 1, 0):
        model.objective(batch(part), model(batch(part), training=True), None, True)
    outputs = model(batch(1))
    views = [unit(array(each)) for each in outputs["student"]]
    losses = []
    for head, centroids in enumerate(map(array, model.centroids)):
        classes = (views[head] @ centroids.T).argmax(1)
        for view in views:
            scores = view @ centroids.T / 0.3
            logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
            losses.append(-logs[np.arange(8), classes])
    found = float(model.objective(batch(1), outputs, None, False))
    assert found == pytest.approx(np.mean(losses), rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clusters": [20]}, "numbers from 2 to that of examples, 16"),
        ({"clusters": []}, "numbers from 2"),
        ({"temperature": 0.0}, "temperature must be above 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DeepCluster(16, 2, **settings)


def test_the_number_of_each_example_is_asked_for() -> None:
    model = small()
    model.compile("adam")
    views = {key: value for key, value in batch(0).items() if key != "target"}
    with pytest.raises(ValueError, match="under 'target'.* transform number before it"):
        model.fit(views, verbose=0)
