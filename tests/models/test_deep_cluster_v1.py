"""DeepCluster, the first: what is divided, what the head learns, and how much an example weighs."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers import ConvNet, ProjectionHead, Sobel
from kssl.models import DeepClusterV1

RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.rand(16, 12, 12, 3).astype("float32")


def batch(part: int) -> dict[str, np.ndarray]:
    """One of two batches of an epoch of 16 images."""
    rows = np.arange(8) + 8 * part
    return {"view_1": IMAGES[rows], "target": rows.astype("int32")}


def small(**settings: object) -> DeepClusterV1:
    settings = {"clusters": 3, "components": 4, **settings}
    model = DeepClusterV1(
        16, 2, encoder=ConvNet([4, 6]), projector=ProjectionHead(5, 32), **settings
    )
    model.build({key: (None, *value.shape[1:]) for key, value in batch(0).items()})
    return model


def array(tensor: object) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


def step(model: DeepClusterV1, part: int, training: bool = True) -> tuple[float, np.ndarray]:
    outputs = model(batch(part), training=training)
    loss = float(model.objective(batch(part), outputs, None, training))
    return loss, array(outputs["student"][0])


def state(model: DeepClusterV1, name: str) -> np.ndarray:
    return array(model.state[name])


def head(model: DeepClusterV1) -> np.ndarray:
    return array(model.kernel) + state(model, "fixed_kernel")


def whitened(model: DeepClusterV1, features: np.ndarray) -> np.ndarray:
    rows = (features - state(model, "mean")) @ state(model, "matrix")
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def expected_loss(model: DeepClusterV1, features: np.ndarray, classes: np.ndarray) -> float:
    """The cross-entropy of the head behind a ReLU, with the weights of the clusters."""
    bias = array(model.bias) + state(model, "fixed_bias")
    scores = np.maximum(features, 0) @ head(model) + bias
    logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    losses = -logs[np.arange(len(classes)), classes]
    return float(np.mean(losses * state(model, "weights_of_clusters")[classes]))


def test_the_first_epoch_fills_the_memory_and_teaches_nothing() -> None:
    model = small()
    found = [step(model, part) for part in (0, 1)]
    assert [loss for loss, _ in found] == [0.0, 0.0]
    seen = np.concatenate([features for _, features in found])
    np.testing.assert_allclose(state(model, "features"), seen, atol=1e-6)


def test_then_clusters_of_whitened_features_are_the_classes() -> None:
    model = small()
    remembered = np.concatenate([step(model, part)[1] for part in (0, 1)])
    loss, features = step(model, 0)
    centred = remembered - remembered.mean(0)
    variances, directions = np.linalg.eigh(centred.T @ centred / 16)
    components = (centred @ directions / np.sqrt(variances))[:, ::-1][:, :4]
    np.testing.assert_allclose(components.T @ components / 16, np.eye(4), atol=1e-3)
    rows, wanted = whitened(model, remembered), components
    wanted = wanted / np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(rows @ rows.T, wanted @ wanted.T, atol=1e-3)  # up to signs
    distances = ((rows[:, None] - state(model, "centroids")) ** 2).sum(-1)
    classes = state(model, "assignment")
    np.testing.assert_array_equal(classes, distances.argmin(1))
    assert loss == pytest.approx(expected_loss(model, features, classes[:8]), rel=1e-4)


def test_all_clusters_weigh_alike() -> None:
    model = small()
    for part in (0, 1, 0):
        step(model, part)
    classes, weights = state(model, "assignment"), state(model, "weights_of_clusters")
    sizes = np.bincount(classes, minlength=3)
    assert weights[classes].sum() == pytest.approx(16, rel=1e-5)
    shares = (weights * sizes)[sizes > 0]
    np.testing.assert_allclose(shares, np.full(len(shares), shares[0]), rtol=1e-5)
    assert float(model.state["used"]) == pytest.approx(np.mean(sizes > 0))


def test_each_epoch_has_a_new_head_and_its_learned_part_learns_on() -> None:
    model = small(clusters=8)
    model.compile(keras.optimizers.SGD(0.5))
    heads, losses = [head(model)], []
    for part in (0, 1, 0, 1, 0):
        losses.append(model.train_on_batch(batch(part), return_dict=True)["loss"])
        heads.append(head(model))
    np.testing.assert_array_equal(heads[0], heads[2])  # nothing was taught
    assert np.abs(heads[3] - heads[2]).max() > 1e-3 and np.abs(heads[4] - heads[3]).max() > 1e-3
    # The step that makes a new head moves it too; less what it had learned, it is small again.
    learned = array(model.kernel) + state(model, "fixed_kernel")
    before = state(model, "fixed_kernel")
    for part in (1, 0):
        step(model, part)
    fresh = array(model.kernel) + state(model, "fixed_kernel")
    assert np.abs(state(model, "fixed_kernel") - before).max() > 0
    assert 0.003 < fresh.std() < 0.03 and np.abs(fresh - learned).max() > 1e-3
    np.testing.assert_allclose(
        array(model.bias) + state(model, "fixed_bias"), np.zeros(8), atol=1e-7
    )


def test_clusters_stay_for_an_epoch_and_in_validation() -> None:
    model = small()
    kept = []
    for place in range(6):
        step(model, place % 2)
        before = [array(weight) for weight in model.non_trainable_weights]
        step(model, place % 2, training=False)
        for one, other in zip(before, model.non_trainable_weights, strict=True):
            np.testing.assert_array_equal(one, array(other))
        kept.append(state(model, "centroids"))
    np.testing.assert_array_equal(kept[0], kept[1])  # zeros
    np.testing.assert_array_equal(kept[2], kept[3])
    assert np.abs(kept[2] - kept[1]).max() > 0 and np.abs(kept[4] - kept[3]).max() > 0


def test_examples_of_validation_are_of_the_nearest_clusters() -> None:
    model = small()
    for part in (0, 1, 0):
        step(model, part)
    loss, features = step(model, 1, training=False)
    rows = whitened(model, features)
    classes = ((rows[:, None] - state(model, "centroids")) ** 2).sum(-1).argmin(1)
    assert loss == pytest.approx(expected_loss(model, features, classes), rel=1e-4)


def test_the_logs_tell_of_the_clusters() -> None:
    model = small()
    model.compile(keras.optimizers.SGD(0.1))
    logs = {}
    for place in range(6):
        logs = model.train_on_batch(batch(place % 2), return_dict=True)
    assert {"stability", "clusters_used", "accuracy"} <= set(logs)
    assert 0 <= float(model.state["stability"]) <= 1 and 0 < logs["clusters_used"] <= 1


def test_edges_take_the_place_of_colours() -> None:
    model = small(sobel=True)
    assert [tuple(each.shape) for each in model.encoder.weights][0] == (3, 3, 2, 4)
    wanted = model.encoder(Sobel()(IMAGES))
    np.testing.assert_allclose(array(model.embed(IMAGES)), array(wanted), atol=1e-5)
    # What colour an edge has is not seen.
    np.testing.assert_allclose(
        array(model.embed(IMAGES[..., ::-1].copy())), array(wanted), atol=1e-4
    )
    again = DeepClusterV1.from_config(model.get_config())
    again.build_from_config(model.get_build_config())
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(array(again.embed(IMAGES)), array(wanted), atol=1e-5)


@pytest.mark.parametrize("settings", [{"clusters": 17}, {"clusters": 1}, {"components": 0}])
def test_settings_out_of_range_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="clusters must be from 2 to the number of examples, 16"):
        DeepClusterV1(16, 2, **{"clusters": 4, **settings})


def test_the_number_of_each_example_is_asked_for() -> None:
    model = small()
    model.compile("adam")
    with pytest.raises(ValueError, match="under 'target'.* transform exemplar before it"):
        model.fit({"view_1": IMAGES}, verbose=0)
